"""Which history a URL means."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from adapters.history.influx import InfluxHistory
from adapters.history.sqlite import SqliteHistory
from domain.errors import InvalidInput
from workflow.signal_history import SignalHistory

_FIX = "sqlite:///absolute/file.sqlite, or http(s)://host:port/organisation/bucket of an InfluxDB 2"


def open_history(history_url: str, *, token: str = "", retention_days: int = 400) -> SignalHistory:
    """The history behind ``sqlite:///absolute/file`` or ``http(s)://host:port/organisation/bucket`` (InfluxDB 2).

    InvalidInput for a URL of another kind; Unavailable when a file can't be opened. A server is asked at the first
    call only, so that one that is away holds nothing up.
    """
    url = urlsplit(history_url)
    if retention_days < 1:
        raise InvalidInput(f"{retention_days} days", field="history_retention_days", fix="at least 1")
    if url.scheme == "sqlite":
        path = Path(unquote(url.path))
        if url.netloc or not path.is_absolute() or path == Path("/"):
            raise InvalidInput("the history's URL names no file", field="history_url", fix=_FIX)
        return SqliteHistory(path, retention_days=retention_days)
    if url.scheme not in ("http", "https"):
        raise InvalidInput(f"no history is kept by {url.scheme!r}", field="history_url", fix=_FIX)
    names = [unquote(part) for part in url.path.strip("/").split("/")]
    if not url.hostname or len(names) != 2 or not all(names) or url.username or url.query:
        raise InvalidInput("the history's URL names no server, organisation and bucket", field="history_url", fix=_FIX)
    if not token:
        raise InvalidInput("InfluxDB wants a token", field="history_token", fix="give one that may use the bucket")
    org, bucket = names
    return InfluxHistory(
        f"{url.scheme}://{url.netloc}", token=token, org=org, bucket=bucket, retention_days=retention_days
    )


def file_url(path: Path) -> str:
    """The URL of a history in a file."""
    return f"sqlite://{quote(str(path.resolve()))}"
