"""How a command reaches the log of a deployment: the embedded one while nothing runs on it, Kafka's at any time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import Conflict, NotFound
from pitcall.settings import Settings, log_url, variable
from streams.log_file import log_path


def existing_log(settings: Settings) -> str:
    """The URL of the log; NotFound, and nothing is made, where there is no embedded one."""
    url = log_url(settings)
    if settings.is_embedded and not log_path(url).exists():
        raise NotFound(f"there is no log {log_path(url)}: name the folder by {variable('data_dir')}")
    return url


@contextmanager
def told_when_in_use(settings: Settings) -> Iterator[None]:
    """Say what to do when another process has the embedded log: Conflict."""
    try:
        yield
    except Conflict as error:
        if not settings.is_embedded:
            raise
        raise Conflict(
            "a running Pitcall has this embedded log, and only one process can: stop it, and run this again"
        ) from error
