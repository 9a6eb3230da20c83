"""Which real server is on this machine, or how to get it."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Found:
    """A server program that can be started here."""

    name: str
    version: str
    remark: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}" + (f" ({self.remark})" if self.remark else "")


class MissingServerError(Exception):
    """The program isn't on this machine; says in one line how to get it."""

    def __init__(self, name: str, how_to_get: str) -> None:
        super().__init__(f"{name} is missing: {how_to_get}")
        self.name = name
        self.how_to_get = how_to_get


def is_missing_a_failure() -> bool:
    """With CI=true a missing server fails the tests that need it instead of skipping them."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def version_of(command: list[str], pattern: str) -> str | None:
    """Run ``command`` and return the first group of ``pattern`` in what it prints; None when it doesn't run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    hit = re.search(pattern, done.stdout + done.stderr)
    return hit.group(1) if hit else None


def cache_folder() -> Path:
    """Where downloaded servers are kept between runs, outside the checkout."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pitcall"
