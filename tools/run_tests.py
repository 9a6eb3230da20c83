"""Run the suite in two halves side by side: what computes, and what mostly waits for servers, browsers and clocks.

`python tools/run_tests.py [pytest's options]`. What the second half prints comes when the first is done. With a path
among the options only that runs, in one go. Coverage of both is put together into .coverage.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HALVES = (
    ("tests/architecture", "tests/contract", "tests/unit"),
    ("tests/e2e", "tests/faults", "tests/integration"),
)
COVERED = os.environ.get("COVERED", "domain models workflow").split()
NOTHING_COLLECTED = 5


def main(options: Sequence[str]) -> int:
    """The exit status: 0 only when every half that had tests passed."""
    if any(Path(option.split("::")[0]).exists() for option in options if not option.startswith("-")):
        return _begin((), options, ".coverage", None).wait()
    parts = [f".coverage.half-{n}" for n in range(len(HALVES))]
    with tempfile.TemporaryFile() as said:
        waiting = _begin(HALVES[1], options, parts[1], said.fileno())
        try:
            first = _begin(HALVES[0], options, parts[0], None).wait()
        except BaseException:
            waiting.terminate()
            raise
        second = waiting.wait()
        said.seek(0)
        sys.stdout.buffer.write(said.read())
        sys.stdout.flush()
    there = [part for part in parts if Path(part).exists()]
    subprocess.run([sys.executable, "-m", "coverage", "combine", "--quiet", *there], check=True)  # noqa: S603
    results = {first, second}
    if results <= {0, NOTHING_COLLECTED}:
        return 0 if 0 in results else NOTHING_COLLECTED
    return max(results - {NOTHING_COLLECTED})


def _begin(
    folders: Sequence[str], options: Sequence[str], coverage_file: str, output: int | None
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "-m", "not long", "--cov-branch", "--cov-report="]
    command += [f"--cov={room}" for room in COVERED]
    environment = {**os.environ, "COVERAGE_FILE": coverage_file}
    return subprocess.Popen([*command, *folders, *options], stdout=output, stderr=output, env=environment)  # noqa: S603


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
