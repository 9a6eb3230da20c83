"""The history of signals in a SQLite file of its own: what the embedded default keeps.

One thread writes, one reads; in WAL mode neither waits for the other.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from domain.errors import InvalidInput, Unavailable
from domain.signal_history import SignalAggregate, SignalPoint, SpanGrid
from domain.telemetry import SIMULATED

T = TypeVar("T")

DAY_MS = 86_400_000
SCHEMA_VERSION = 1
_PATIENCE_S = 10.0
_SERIES_AT_ONCE = 500

# Ids instead of names in each row: a VSS path is longer than all figures of an aggregate together.
_SCHEMA = """
CREATE TABLE series (
    id INTEGER PRIMARY KEY, vehicle_id TEXT NOT NULL, signal TEXT NOT NULL, UNIQUE (vehicle_id, signal));
CREATE TABLE aggregates (
    series INTEGER NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, count INTEGER NOT NULL,
    mean REAL NOT NULL, minimum REAL NOT NULL, maximum REAL NOT NULL, simulated INTEGER NOT NULL,
    PRIMARY KEY (series, start_ms)) WITHOUT ROWID;
"""
# Reads the file too: a library that is there says nothing of a disk that is not.
_PING = "SELECT sqlite_version() FROM (SELECT count(*) FROM series)"
_NEXT_SERIES = "SELECT id FROM series WHERE id > ? ORDER BY id LIMIT ?"
_ADD_SERIES = "INSERT OR IGNORE INTO series (vehicle_id, signal) VALUES (?, ?)"
_ADD = """
INSERT OR REPLACE INTO aggregates
SELECT id, ?, ?, ?, ?, ?, ?, ? FROM series WHERE vehicle_id = ? AND signal = ?
"""
_SPAN = """
SELECT (start_ms - :from_ms) / :width_ms AS part, sum(count), sum(mean * count), min(minimum), max(maximum),
       sum(simulated)
FROM aggregates
WHERE series = (SELECT id FROM series WHERE vehicle_id = :vehicle_id AND signal = :signal)
  AND start_ms >= :from_ms AND start_ms < :until_ms
GROUP BY part ORDER BY part
"""


class SqliteHistory:
    """`SignalHistory` in the file `path`, for `retention_days`.

    Raises Unavailable when the file can't be opened, InvalidInput when it is of a newer Pitcall.
    """

    def __init__(self, path: Path, *, retention_days: int) -> None:
        self.path = path
        self._retention_ms = retention_days * DAY_MS
        with self._said_plainly():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = _connect(path)
            self._prepare()
            self._reader = _connect(path)
            self._reader.execute("PRAGMA query_only = ON")
        self._write_thread = ThreadPoolExecutor(1, "history-writer")
        self._read_thread = ThreadPoolExecutor(1, "history-reader")
        self._is_closed = False

    def _prepare(self) -> None:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise InvalidInput(
                f"the history {self.path} was written by a newer Pitcall (schema {version}, known {SCHEMA_VERSION})",
                field="data_dir",
                fix="run that version, or move the file away",
            )
        self._writer.execute("PRAGMA journal_mode = WAL")
        # Its source offset is committed after an append: what the log then no longer repeats must be on disk.
        self._writer.execute("PRAGMA synchronous = FULL")
        # What is deleted is overwritten: erasure reaches the file's bytes.
        self._writer.execute("PRAGMA secure_delete = ON")
        if version < SCHEMA_VERSION:
            self._writer.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT")

    async def append(self, points: Sequence[SignalAggregate]) -> None:
        """Store these in one transaction, on disk on return."""
        if points:
            await self._in(self._write_thread, lambda: self._append(points))

    def _append(self, points: Sequence[SignalAggregate]) -> None:
        rows = [
            (
                *(point.start_ms, point.end_ms, point.count, point.mean, point.minimum, point.maximum),
                *(point.count if point.origin == SIMULATED else 0, point.vehicle_id, point.signal),
            )
            for point in points
        ]
        with self._transaction() as run:
            run.executemany(_ADD_SERIES, {(point.vehicle_id, point.signal) for point in points})
            run.executemany(_ADD, rows)

    async def span(self, vehicle_id: str, signal: str, from_ms: int, until_ms: int, points: int) -> list[SignalPoint]:
        """One car's signal, downsampled by SQLite."""
        grid = SpanGrid(from_ms, until_ms, points)
        given = {
            "vehicle_id": vehicle_id,
            "signal": signal,
            "from_ms": from_ms,
            "until_ms": until_ms,
            "width_ms": grid.width_ms,
        }
        rows = await self._in(self._read_thread, lambda: self._reader.execute(_SPAN, given).fetchall())
        return [
            grid.point(part, count=count, total=total, minimum=minimum, maximum=maximum, simulated=simulated)
            for part, count, total, minimum, maximum, simulated in rows
        ]

    async def forget(self, vehicle_id: str) -> None:
        """Delete a car's history, out of the write-ahead log too."""
        await self._in(self._write_thread, lambda: self._forget(vehicle_id))

    def _forget(self, vehicle_id: str) -> None:
        with self._transaction() as run:
            run.execute(
                "DELETE FROM aggregates WHERE series IN (SELECT id FROM series WHERE vehicle_id = ?)", (vehicle_id,)
            )
            run.execute("DELETE FROM series WHERE vehicle_id = ?", (vehicle_id,))
        ((is_busy, *_),) = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if is_busy:
            raise Unavailable(
                f"the history {self.path} is being read by another process: what was deleted is still in it"
            )

    async def expire(self, now_ms: int) -> None:
        """Delete what is past its retention, some series at a time, so that appends get their turns."""
        horizon_ms = now_ms - self._retention_ms
        last: int | None = -1
        while last is not None:
            last = await self._in(self._write_thread, partial(self._expire_some, last, horizon_ms))

    def _expire_some(self, after: int, horizon_ms: int) -> int | None:
        """Expire the next series after an id; the last of them, or None when there are no more."""
        ids = self._writer.execute(_NEXT_SERIES, (after, _SERIES_AT_ONCE)).fetchall()
        with self._transaction() as run:
            # Series by series: each is a range of the primary key, and no index on time has to be kept.
            run.executemany(
                "DELETE FROM aggregates WHERE series = ? AND start_ms < ?", [(ident, horizon_ms) for (ident,) in ids]
            )
            run.executemany(
                "DELETE FROM series WHERE id = ? AND NOT EXISTS (SELECT 1 FROM aggregates WHERE series = id)", ids
            )
        return ids[-1][0] if ids else None

    async def ping(self) -> str:
        """SQLite's version."""
        (version,) = await self._in(self._read_thread, lambda: self._reader.execute(_PING).fetchone())
        return f"SQLite {version}"

    async def close(self) -> None:
        """Finish what was begun and close the file; may be called again."""
        if self._is_closed:
            return
        self._is_closed = True
        await asyncio.to_thread(self._write_thread.shutdown)
        await asyncio.to_thread(self._read_thread.shutdown)
        self._reader.close()
        self._writer.close()

    async def _in(self, thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        if self._is_closed:
            raise Unavailable(f"the history {self.path} is closed")
        with self._said_plainly():
            return await asyncio.get_running_loop().run_in_executor(thread, work)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._writer
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    @contextmanager
    def _said_plainly(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.OperationalError, OSError) as error:
            # Locked, disk full, I/O error: all may pass.
            raise Unavailable(f"the history {self.path} does not answer: {error}") from error


def _connect(path: Path) -> sqlite3.Connection:
    # Used by one thread at a time, but opened by another.
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_PATIENCE_S)
