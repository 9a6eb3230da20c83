"""Print which benches the command line has; called by ``make bench``."""

import argparse
import sys
from collections.abc import Mapping

from pitcall.command_line import build_parser


def subcommands(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """The commands below ``parser`` by name; empty when it has none."""
    for action in parser._actions:  # argparse has no public way to list them
        if isinstance(action, argparse._SubParsersAction):
            return action.choices
    return {}


def main() -> None:
    """Print one line for each bench, or that there is none."""
    bench = subcommands(build_parser()).get("bench")
    names = sorted(subcommands(bench)) if bench else []
    lines = [f"make bench-{name}" for name in names] or ["There is no bench in this version."]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
