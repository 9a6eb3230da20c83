"""A disk that is soon full: a tmpfs of limited size, with a filler that comes and goes."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.availability import MissingServerError

NAME = "a size-limited tmpfs"
HOW_TO_GET = "run as root with the right to mount (in a container: --cap-add SYS_ADMIN)"


@dataclass(frozen=True)
class SmallDisk:
    """The folder where it is mounted."""

    folder: Path

    @property
    def free(self) -> int:
        """Bytes that are still free."""
        return shutil.disk_usage(self.folder).free

    def fill(self, leave: int) -> None:
        """Take up all room but `leave` bytes; others may be writing meanwhile, and take the last of it themselves."""
        with self._filler.open("ab", buffering=0) as filler, contextlib.suppress(OSError):
            while (more := self.free - leave) > 0:
                filler.write(bytes(more))

    def make_room(self) -> None:
        """Give the filler's room back."""
        self._filler.unlink(missing_ok=True)

    @property
    def _filler(self) -> Path:
        return self.folder / "filler"


@contextlib.contextmanager
def mounted(folder: Path, size: int) -> Iterator[SmallDisk]:
    """Mount a disk of `size` bytes in a fresh folder; MissingServerError where that can't be done."""
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        raise MissingServerError(NAME, HOW_TO_GET)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MissingServerError(NAME, f"{HOW_TO_GET}; mount says: {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: what a killed process had open may take a moment to go.
        subprocess.run(["umount", "-l", str(folder)], check=True)
