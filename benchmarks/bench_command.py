"""One run of `pitcall bench` as a process of its own, and its figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def bench(arguments: Sequence[str], settings: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The figures of `pitcall bench` with these arguments; ends this program, too, when it fails."""
    command = [sys.executable, "-m", "benchmarks.ours", "bench", *arguments, "--json"]
    environment = {**os.environ, **(settings or {})}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if not done.stdout.strip():
        sys.exit(done.returncode or 1)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures
