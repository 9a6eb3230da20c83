"""Which file the embedded log is in, and that one process at a time has what is on disk."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from yarl import URL

from domain.errors import Conflict, InvalidInput


def log_path(broker_url: str) -> Path:
    """The file of ``pitcall-log:///absolute/folder`` (its ``log.sqlite``) or ``pitcall-log:///absolute/file.sqlite``."""
    path = Path(URL(broker_url).path)
    if not URL(broker_url).path or not path.is_absolute() or path == Path("/"):
        raise InvalidInput(
            "the embedded log's URL names no folder", field="broker_url", fix="use pitcall-log:///absolute/folder"
        )
    return path if path.suffix == ".sqlite" else path / "log.sqlite"


def locked(path: Path, what: str = "the log") -> IO[str]:
    """Lock a log, or `what` else, for this process until the file returned is closed.

    Raises `Conflict` when another process has it.
    """
    lock_file = path.with_name(path.name + ".lock").open("w")
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock_file.close()
        raise Conflict(
            f"{what} {path} is in use by another process; stop that one, or choose another data directory"
        ) from error
    return lock_file
