"""The embedded log: topics, partitions and consumer offsets in one SQLite file.

One thread writes. All appends that wait when it comes round share one transaction (group commit), and each is
acknowledged after that transaction is on disk (WAL, ``synchronous=FULL``). Reads go to a connection of their own.
One process at a time may hold a log.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from domain.errors import Conflict, NotFound, Unavailable
from streams.block import MAX_RECORDS, Headers, Record
from streams.compaction import Compaction
from streams.log_file import locked, log_path

logger = logging.getLogger(__name__)

MAX_READ_BYTES = 4_000_000
MAX_COMMIT_RECORDS = 20_000
OFFSET_FLUSH_S = 0.05
"""Consumer offsets wait this long for an append whose transaction they can share: losing one only repeats work."""

ROWS_AT_ONCE = (256, 32, 4, 1)
"""Rows of one insert: of few sizes, so that each is compiled once."""
LARGE_BYTES = 16_384

_OFFSET_BITS = 40
_Row = tuple[int, bytes | None, bytes | None, bytes | None, int]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, is_compacted INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS partitions (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,
    uncompacted INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, partition));
CREATE TABLE IF NOT EXISTS records (
    position INTEGER PRIMARY KEY, key BLOB, value BLOB, headers BLOB, timestamp_ms INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS committed (
    "group" TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,
    PRIMARY KEY ("group", topic, partition)) WITHOUT ROWID;
"""


class Entry(NamedTuple):
    """A record to append; `timestamp_ms` is UTC, a `value` of None a tombstone."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: Headers = ()


class _Request(NamedTuple):
    entries: Sequence[Entry]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[list[int]]


class _Partition:
    __slots__ = ("end", "id", "is_compacted", "uncompacted")

    def __init__(self, ident: int, end: int, uncompacted: int, is_compacted: bool) -> None:
        self.id = ident
        self.end = end
        self.uncompacted = uncompacted
        self.is_compacted = is_compacted


def refuse_other_count(topic: str, existing: int, wanted: int) -> None:
    """Raise `Conflict` when a topic exists with another number of partitions than wanted."""
    if existing != wanted:
        raise Conflict(
            f"the topic {topic} exists with {existing} partitions, not {wanted}: partitions are never changed in "
            f"place; set the number to {existing}, or use a fresh log"
        )


class LocalLog:
    """A durable log in one SQLite file; see the module. `append` raises `Unavailable` when it can't be made durable."""

    _open: dict[Path, tuple[LocalLog, int]] = {}  # noqa: RUF012  # shared on purpose: one log per file and process
    _open_lock = threading.Lock()

    @classmethod
    def shared(cls, broker_url: str) -> LocalLog:
        """The process's log of this URL; each call wants its own `close`."""
        path = log_path(broker_url).resolve()
        with cls._open_lock:
            log, users = cls._open.get(path, (None, 0))
            if log is None:
                log = cls(path)
            cls._open[path] = (log, users + 1)
            return log

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock_file = locked(path)
        self._writer = self._connect()
        try:
            self._writer.executescript(f"PRAGMA page_size=8192; PRAGMA journal_mode=WAL; {_SCHEMA}")
        except sqlite3.DatabaseError as error:
            self._writer.close()
            self._lock_file.close()
            raise Unavailable(f"the log {path} can't be opened: {error}") from error
        self._writer.execute("PRAGMA synchronous=FULL")
        self._reader = self._connect()
        self._reader_lock = threading.Lock()
        self._counts: dict[str, int] = dict(self._writer.execute("SELECT name, partitions FROM topics"))
        self._partitions = self._load_partitions()
        self._committed: dict[tuple[str, str, int], int] = {
            (group, topic, partition): offset
            for group, topic, partition, offset in self._writer.execute("SELECT * FROM committed")
        }
        self._compaction = Compaction(self._writer, _OFFSET_BITS)
        self._for_compaction()
        self._waiting: list[_Request] = []
        self._unsaved_offsets: dict[tuple[str, str, int], int] = {}
        self._work = threading.Condition()
        self._is_closing = False
        self._is_refusing = False
        self._listeners: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._write, name="local-log", daemon=True)
        self._thread.start()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=30)

    def _load_partitions(self) -> dict[tuple[str, int], _Partition]:
        rows = self._writer.execute(
            "SELECT p.topic, p.partition, p.id, p.next_offset, p.uncompacted, t.is_compacted "
            "FROM partitions p JOIN topics t ON t.name = p.topic"
        )
        return {
            (topic, partition): _Partition(ident, end, uncompacted, bool(is_compacted))
            for topic, partition, ident, end, uncompacted, is_compacted in rows
        }

    # -- closing ------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Give the log back; the last user's call writes what waits and closes the file."""
        with self._open_lock:
            log, users = self._open.get(self.path, (None, 0))
            if log is self and users > 1:
                self._open[self.path] = (self, users - 1)
                return
            if log is self:
                del self._open[self.path]
        with self._work:
            if self._is_closing:
                return
            self._is_closing = True
            self._work.notify()
        self._thread.join()
        self._reader.close()
        self._writer.close()
        self._lock_file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- topics -------------------------------------------------------------------------------------------------

    def create_topic(self, name: str, partitions: int, *, is_compacted: bool = False) -> None:
        """Create a topic; a topic that exists with another number of partitions is refused with `Conflict`."""
        if name in self._counts:
            refuse_other_count(name, self._counts[name], partitions)
            return
        with self._reader_lock, self._reader:
            # Rare and short, so done here; SQLite makes this connection and the writer's take turns.
            self._reader.execute("BEGIN IMMEDIATE")
            self._reader.execute("INSERT INTO topics VALUES (?, ?, ?)", (name, partitions, is_compacted))
            created = {}
            for partition in range(partitions):
                cursor = self._reader.execute(
                    "INSERT INTO partitions (topic, partition, next_offset) VALUES (?, ?, 0)", (name, partition)
                )
                created[(name, partition)] = _Partition(cursor.lastrowid or 0, 0, 0, is_compacted)
        self._partitions = {**self._partitions, **created}
        self._counts = {**self._counts, name: partitions}

    def partitions(self, topic: str) -> int:
        """Number of partitions of a topic; `NotFound` when there is no such topic."""
        count = self._counts.get(topic)
        if count is None:
            raise NotFound(f"there is no topic {topic} in the log {self.path}; create the topics before starting")
        return count

    def end(self, topic: str, partition: int) -> int:
        """Offset the next record of the partition will get."""
        return self._partition(topic, partition).end

    def _partition(self, topic: str, partition: int) -> _Partition:
        found = self._partitions.get((topic, partition))
        if found is None:
            raise NotFound(f"there is no partition {partition} of topic {topic} in the log {self.path}")
        return found

    # -- reading ------------------------------------------------------------------------------------------------

    def read(self, topic: str, partition: int, start: int, max_records: int = MAX_RECORDS) -> list[Record]:
        """Records from offset `start` on, in order: at most `max_records`, and about `MAX_READ_BYTES`."""
        where = self._partition(topic, partition)
        if start >= where.end:
            return []
        base = where.id << _OFFSET_BITS
        records: list[Record] = []
        size = 0
        with self._reader_lock:
            rows = self._reader.execute(
                "SELECT position, key, value, headers, timestamp_ms FROM records "
                "WHERE position >= ? AND position < ? ORDER BY position LIMIT ?",
                (base + start, base + where.end, max_records),
            )
            for position, key, value, headers, timestamp_ms in rows:
                records.append(Record(position - base, key, value, timestamp_ms, _headers(headers)))
                size += len(value or b"")
                if size >= MAX_READ_BYTES:
                    break
            rows.close()
        return records

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Have `listener` called, in the writer's thread, whenever records were added."""
        self._listeners = [*self._listeners, listener]

    def remove_listener(self, listener: Callable[[], None]) -> None:
        """Stop calling `listener`."""
        self._listeners = [other for other in self._listeners if other is not listener]

    # -- offsets of consumer groups -----------------------------------------------------------------------------

    def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        """Set the group's next offsets: at once for `committed` and `lag`, on disk within `OFFSET_FLUSH_S`."""
        with self._work:
            for (topic, partition), offset in offsets.items():
                self._committed[(group, topic, partition)] = offset
                self._unsaved_offsets[(group, topic, partition)] = offset
            self._work.notify()

    def committed(self, group: str, topic: str, partition: int) -> int | None:
        """The group's next offset of a partition, or None when it never committed one."""
        return self._committed.get((group, topic, partition))

    def lag(self, group: str, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """Records of each partition the group hasn't handled yet."""
        return {
            (topic, partition): self._partitions[(topic, partition)].end
            - self._committed.get((group, topic, partition), 0)
            for topic in topics
            for partition in range(self.partitions(topic))
        }

    # -- writing ------------------------------------------------------------------------------------------------

    async def append(self, entries: Sequence[Entry]) -> list[int]:
        """Append records, all or none, and return their offsets once they are on disk."""
        for entry in entries:
            self._partition(entry.topic, entry.partition)
        loop = asyncio.get_running_loop()
        request = _Request(entries, loop, loop.create_future())
        with self._work:
            if self._is_closing:
                raise Unavailable(f"the log {self.path} is closed")
            self._waiting.append(request)
            self._work.notify()
        return await request.future

    def _write(self) -> None:
        while True:
            requests, offsets = self._next_work()
            if not requests and not offsets and self._is_closing:
                return
            try:
                results = self._write_transaction(requests, offsets)
            except Exception as error:  # whatever it is: a writer that has ended would leave all who come waiting
                self._refuse(requests, offsets, error)
                continue
            if self._is_refusing:
                self._is_refusing = False
                logger.warning("the log %s can be written again", self.path)
            _resolve(requests, results)
            if requests:
                for listener in self._listeners:
                    listener()
                with contextlib.suppress(sqlite3.Error):  # it stays due, and is tried again after the next append
                    self._for_compaction()

    def _next_work(self) -> tuple[list[_Request], dict[tuple[str, str, int], int]]:
        with self._work:
            if self._compaction.is_idle:
                self._work.wait_for(lambda: self._waiting or self._unsaved_offsets or self._is_closing)
            if not self._waiting and not self._is_closing and self._compaction.is_idle:
                self._work.wait_for(lambda: self._waiting or self._is_closing, OFFSET_FLUSH_S)
            count = 0
            for count, request in enumerate(self._waiting, start=1):
                if count * len(request.entries) >= MAX_COMMIT_RECORDS:
                    break
            requests, self._waiting = self._waiting[:count], self._waiting[count:]
            offsets, self._unsaved_offsets = self._unsaved_offsets, {}
            return requests, offsets

    def _write_transaction(self, requests: list[_Request], offsets: dict[tuple[str, str, int], int]) -> list[list[int]]:
        ends: dict[tuple[str, int], int] = {}
        rows: list[_Row] = []
        results = [self._place(request.entries, ends, rows) for request in requests]
        run = self._writer
        run.execute("BEGIN IMMEDIATE")
        try:
            _insert(run, rows)
            run.executemany(
                "UPDATE partitions SET next_offset = ?, uncompacted = ? WHERE id = ?",
                [(end, self._uncompacted(where, end), self._partitions[where].id) for where, end in ends.items()],
            )
            run.executemany(
                "INSERT OR REPLACE INTO committed VALUES (?, ?, ?, ?)",
                [(*where, offset) for where, offset in offsets.items()],
            )
            self._compaction.delete_some()
            run.execute("COMMIT")
        except BaseException:
            if run.in_transaction:
                run.execute("ROLLBACK")
            raise
        self._compaction.note_deleted()
        for where, end in ends.items():
            self._partitions[where].uncompacted = self._uncompacted(where, end)
            self._partitions[where].end = end
        return results

    def _place(
        self,
        entries: Sequence[Entry],
        ends: dict[tuple[str, int], int],
        rows: list[_Row],
    ) -> list[int]:
        offsets = []
        for topic, partition, key, value, timestamp_ms, headers in entries:
            where = (topic, partition)
            offset = ends.get(where)
            if offset is None:
                offset = self._partitions[where].end
            ends[where] = offset + 1
            position = (self._partitions[where].id << _OFFSET_BITS) + offset
            rows.append((position, key, value, msgspec.msgpack.encode(headers) if headers else None, timestamp_ms))
            offsets.append(offset)
        return offsets

    def _uncompacted(self, where: tuple[str, int], end: int) -> int:
        known = self._partitions[where]
        return known.uncompacted + end - known.end

    def _for_compaction(self) -> None:
        for known in self._partitions.values():
            if known.is_compacted and self._compaction.is_due(known.id, known.uncompacted):
                self._compaction.plan(known.id, known.end)
                known.uncompacted = 0

    def _refuse(self, requests: list[_Request], offsets: dict[tuple[str, str, int], int], error: Exception) -> None:
        refusal = Unavailable(f"the log {self.path} can't be written: {error}")
        if not self._is_refusing:
            # Once, for whoever runs it: each sender is told by its own refusal.
            self._is_refusing = True
            logger.warning("%s", refusal)
        _resolve(requests, [refusal] * len(requests))
        with self._work:
            self._unsaved_offsets = {**offsets, **self._unsaved_offsets}
            is_closing = self._is_closing
            if is_closing:
                self._unsaved_offsets = {}
        if not is_closing:
            # A full disk doesn't empty itself in a millisecond; and nothing is lost by waiting.
            time.sleep(0.1)


def _insert(run: sqlite3.Connection, rows: Sequence[_Row]) -> None:
    """Insert records, many with each statement.

    The interpreter's lock is given up and won again with each: once for every record, a writer of 500 of them took
    seconds beside an event loop that computes. Large ones go one by one: a statement keeps a copy of what it was given.
    """
    small = [row for row in rows if len(row[2] or b"") <= LARGE_BYTES]
    if len(small) < len(rows):
        run.executemany(_inserting(1), (row for row in rows if len(row[2] or b"") > LARGE_BYTES))
    start = 0
    for size in ROWS_AT_ONCE:
        while len(small) - start >= size:
            run.execute(_inserting(size), list(chain.from_iterable(small[start : start + size])))
            start += size


def _inserting(rows: int) -> str:
    return f"INSERT INTO records VALUES {', '.join(['(?, ?, ?, ?, ?)'] * rows)}"  # noqa: S608  # marks only


def _headers(raw: bytes | None) -> Headers:
    return msgspec.msgpack.decode(raw, type=Headers) if raw else ()


def _resolve(requests: Sequence[_Request], results: Sequence[list[int] | Unavailable]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[list[int]], list[int] | Unavailable]]] = {}
    for request, result in zip(requests, results, strict=True):
        by_loop.setdefault(request.loop, []).append((request.future, result))
    for loop, settled in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, settled)


def _settle(settled: Sequence[tuple[asyncio.Future[list[int]], list[int] | Unavailable]]) -> None:
    for future, result in settled:
        if future.done():
            continue
        if isinstance(result, Unavailable):
            future.set_exception(result)
        else:
            future.set_result(result)
