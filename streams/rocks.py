"""One partition's states in a RocksDB of its own: values, the offset they are complete to, and how many they are.

Keys of states begin with ``s``; the one other key, ``m``, holds `Mark` and is written in the batch of the states it
speaks of. What is applied waits in memory until there is enough of it for a batch; what was written last is kept there
too, for the cars that drive. There is no write-ahead log and no fsync: the changelog has every write, acknowledged,
before it comes here, so all that a crash may do is take away the newest batches, and each takes its offset with it.
RocksDB puts batches on disk in their order, so what is found afterwards is the state at some offset, and recovery
reads on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Options,
    Rdict,
    WriteBatch,
    WriteBufferManager,
    WriteOptions,
)

from streams.state_store import Entries, StoreFailed

BLOCK_CACHE_BYTES = 256 * 1024**2
"""Blocks, indexes and filters kept unpacked, over all partitions of a store."""
WRITE_BUFFERS_BYTES = 256 * 1024**2
"""What is not in files yet, over all partitions; a restart after a kill reads so much of the changelog again."""
WRITE_BUFFER_BYTES = 16 * 1024**2
"""Of that, at most this much of one partition."""
BLOCK_BYTES = 4_096
BLOOM_BITS = 10
OPEN_FILES = 64
"""Files that one partition keeps open."""
BACKGROUND_JOBS = 2
# Compaction is late rather than that a write waits for it: a write waits in the event loop.
SLOWDOWN_FILES, STOP_FILES = 40, 80
KNOWN_KEYS = 2_048
PENDING_BYTES = 4 * 1024**2
PENDING_ENTRIES = 16_384
"""So much of a partition waits in memory before it is written: a car that drives changes its state every minute, and
of all that only the newest need go to disk. A restart after a kill reads as much of the changelog again."""
FORMAT = 1

_MARK = b"m"
_STATE = b"s"
_AFTER_STATES = b"t"
_UNREAD: Any = object()


class Mark(msgspec.Struct, frozen=True):
    """What the files of a partition hold. `seen_ms`: when they were last as new as what was read (UTC)."""

    format: int
    partitions: int
    offset: int | None
    count: int
    seen_ms: int


class DamagedFiles(StoreFailed):
    """The files of a partition are not what was written."""


class RocksMemory:
    """The memory that all partitions of a store share."""

    def __init__(self) -> None:
        self._cache = Cache(BLOCK_CACHE_BYTES)
        self._write_buffers = WriteBufferManager(WRITE_BUFFERS_BYTES, False)

    def options(self) -> Options:
        """The options of one partition's RocksDB."""
        tables = BlockBasedOptions()
        tables.set_block_cache(self._cache)
        tables.set_block_size(BLOCK_BYTES)
        tables.set_bloom_filter(BLOOM_BITS, block_based=False)
        tables.set_cache_index_and_filter_blocks(True)
        tables.set_pin_l0_filter_and_index_blocks_in_cache(True)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_block_based_table_factory(tables)
        options.set_write_buffer_manager(self._write_buffers)
        options.set_write_buffer_size(WRITE_BUFFER_BYTES)
        options.set_max_write_buffer_number(4)
        options.set_max_open_files(OPEN_FILES)
        options.set_max_background_jobs(BACKGROUND_JOBS)
        options.set_compression_type(DBCompressionType.lz4())
        options.set_level_zero_slowdown_writes_trigger(SLOWDOWN_FILES)
        options.set_level_zero_stop_writes_trigger(STOP_FILES)
        options.set_soft_pending_compaction_bytes_limit(0)
        options.set_hard_pending_compaction_bytes_limit(0)
        options.set_keep_log_file_num(2)
        options.set_max_log_file_size(1024**2)
        options.set_stats_dump_period_sec(0)
        return options


def _without_log() -> WriteOptions:
    options = WriteOptions()
    # A property, whatever its stub says.
    options.disable_wal = True  # type: ignore[method-assign, assignment]
    return options


class PartitionFiles:
    """An open partition. Opening raises `DamagedFiles` when the files cannot be used, `StoreFailed` else."""

    def __init__(self, path: Path, memory: RocksMemory, partitions: int) -> None:
        self._path = path
        self._partitions = partitions
        self._write_options = _without_log()
        self._known: dict[bytes, bool] = {}
        self._pending: dict[bytes, bytes | None] = {}
        self._pending_bytes = self._applied = 0
        self._written: dict[bytes, bytes | None] = {}
        try:
            self._db: Any = Rdict(str(path), options=memory.options())
            stored = self._db.get(_MARK)
        except Exception as error:  # rocksdict raises nothing more exact
            raise self._failure(error) from error
        try:
            self.mark = Mark(FORMAT, partitions, None, 0, _now_ms()) if stored is None else _decoded(stored)
        except msgspec.MsgspecError as error:
            self._db.close()
            raise DamagedFiles(f"{path} holds a mark that can't be read: {error}") from error

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of keys, in their order; None where there is none."""
        found = [self._pending.get(key, self._written.get(key, _UNREAD)) for key in keys]
        missing = [place for place, value in enumerate(found) if value is _UNREAD]
        if missing:
            values = self._read([keys[place] for place in missing])
            for place, value in zip(missing, values, strict=True):
                found[place] = value
            self._remember({keys[place]: found[place] is not None for place in missing})
        return found

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All keys and values, in the order of the keys."""
        self._write_pending()
        walk = self._db.iter()
        walk.seek(_STATE)
        while walk.valid():
            key = walk.key()
            if key >= _AFTER_STATES:
                break
            yield key[1:], walk.value()
            walk.next()
        try:
            # Over a damaged block the walk just ends: the reason is asked for.
            walk.status()
        except Exception as error:
            raise self._failure(error) from error

    def apply(self, entries: Entries, offset: int | None) -> None:
        """Set values and the offset they are complete to; both go to disk in one write, now or with what follows."""
        is_there = self._are_there([key for key, _ in entries])
        count = self.mark.count
        for key, value in entries:
            count += (value is not None) - is_there[key]
            is_there[key] = value is not None
            self._pending_bytes += len(value or b"") - len(self._pending.get(key) or b"")
            self._pending[key] = value
            self._known.pop(key, None)
        self._applied += len(entries)
        self._move_mark(count, self.mark.offset if offset is None else offset)
        if self._pending_bytes > PENDING_BYTES or self._applied > PENDING_ENTRIES:
            self._write_pending()

    def confirm(self) -> None:
        """Note that the files are as new as the changelog."""
        self._move_mark(self.mark.count, self.mark.offset)
        self._write_pending()

    def close(self) -> None:
        """Put everything into files."""
        try:
            self._write_pending()
            self._db.flush()
        except StoreFailed:
            raise
        except Exception as error:
            raise self._failure(error) from error
        finally:
            self._db.close()

    def _are_there(self, keys: Sequence[bytes]) -> dict[bytes, bool]:
        """Which of the keys have a value; who writes a key has looked it up just before, so this reads little."""
        is_there: dict[bytes, bool] = {}
        unknown = []
        for key in keys:
            value = self._pending.get(key, self._written.get(key, _UNREAD))
            if value is not _UNREAD:
                is_there[key] = value is not None
            elif key in self._known:
                is_there[key] = self._known[key]
            else:
                unknown.append(key)
        is_there.update((key, value is not None) for key, value in zip(unknown, self._read(unknown), strict=True))
        return is_there

    def _move_mark(self, count: int, offset: int | None) -> None:
        self.mark = Mark(FORMAT, self._partitions, offset, count, _now_ms())

    def _write_pending(self) -> None:
        batch = WriteBatch(raw_mode=True)
        for key, value in self._pending.items():
            if value is None:
                batch.delete(_STATE + key)
            else:
                batch.put(_STATE + key, value)
        batch.put(_MARK, msgspec.json.encode(self.mark))
        try:
            self._db.write(batch, self._write_options)
            # Into a file, behind: so that a kill takes away no more than waits here.
            self._db.flush(wait=False)
        except Exception as error:
            raise self._failure(error) from error
        self._written, self._pending = self._pending, {}
        self._pending_bytes = self._applied = 0

    def _read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        try:
            values: list[bytes | None] = self._db.get([_STATE + key for key in keys])
        except Exception as error:
            raise self._failure(error) from error
        return values

    def _remember(self, found: dict[bytes, bool]) -> None:
        # Who writes a key has looked it up just before, so counting costs no second look.
        if len(self._known) > KNOWN_KEYS:
            self._known = {}
        self._known.update(found)

    def _failure(self, error: Exception) -> StoreFailed:
        kind = DamagedFiles if "Corruption" in str(error) else StoreFailed
        return kind(f"the states in {self._path}: {error}")


def _decoded(stored: bytes) -> Mark:
    return msgspec.json.decode(stored, type=Mark)


def _now_ms() -> int:
    return int(time.time() * 1000)
