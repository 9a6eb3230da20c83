"""Blocks straight from what aiokafka has fetched, without an object of its own for every record.

aiokafka's `Fetcher.fetched_records` passes each record through two generators and a `ConsumerRecord` of eleven
fields, which cost more than reading the record itself does. This is that method again, taking `Record`s from the
compiled batches and all that was fetched of a partition at once. Nothing here is transactional, so nothing that was
aborted has to be left out.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher as fetching
from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

from streams.block import Block, Record, blocks_of


async def fetched_blocks(
    fetcher: Fetcher, partitions: AbstractSet[Any], timeout_s: float, max_records: int
) -> dict[TopicPartition, list[Block]]:
    """The blocks that are ready of these partitions; waits up to `timeout_s` for the first.

    Takes no further partition once it has `max_records`. Raises `CorruptRecordException` for bytes that are not
    what was written, and what aiokafka's fetching met.
    """
    while True:
        # What is fetched before a new assignment is made may not be ours any more.
        if fetcher._subscriptions.reassignment_in_progress:
            await fetcher._subscriptions.wait_for_assignment()
        start_s = time.monotonic()
        ready = _ready_blocks(fetcher, partitions, max_records)
        if ready or not timeout_s:
            return ready
        waiter = fetcher._create_fetch_waiter()
        done, _ = await asyncio.wait([waiter], timeout=timeout_s)
        if not done or fetcher._closed:
            waiter.cancel()
            return {}
        waiter.result()  # raises what fetching was refused for
        timeout_s = max(0.0, timeout_s - (time.monotonic() - start_s))


def _ready_blocks(
    fetcher: Fetcher, partitions: AbstractSet[Any], max_records: int
) -> dict[TopicPartition, list[Block]]:
    ready: dict[TopicPartition, list[Block]] = {}
    for tp in list(fetcher._records):
        if tp not in partitions:
            if not fetcher._subscriptions.is_assigned(tp):
                del fetcher._records[tp]
            continue
        result = fetcher._records[tp]
        if type(result) is not FetchResult and ready:
            # An error, which the next call raises.
            break
        del fetcher._records[tp]
        fetcher._notify(fetcher._wait_consume_future)
        if type(result) is not FetchResult:
            result.check_raise()
        if records := _taken(result, tp):
            ready[tp] = list(blocks_of(tp.topic, tp.partition, records))
            max_records -= len(records)
            if max_records <= 0:
                break
    return ready


def _taken(result: FetchResult, tp: TopicPartition) -> list[Record]:
    """All that a fetch brought of a partition; nothing when it was paused, taken away or sought in meanwhile."""
    if not result.check_assignment(tp):
        return []
    fetched = result._partition_records
    records = _unpacked(fetched)
    result._update_position()
    return records


def _unpacked(fetched: PartitionRecords) -> list[Record]:
    """As `PartitionRecords._unpack_records`; moves `next_fetch_offset` behind what was unpacked."""
    records: list[Record] = []
    batches = fetched._records
    number = 0
    while batches.has_next():
        batch = batches.next_batch()
        if fetched._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"a batch of {fetched._tp} has another checksum than was written")
        if not batch.is_control_batch:
            start = fetched.next_fetch_offset
            try:
                records += _records(batch, start)
            except UnicodeDecodeError:
                records += _records(_LenientBatch(_nth_batch(batches.raw, number)), start)
        # Behind the batch and not behind its last record, which compaction may have taken out.
        fetched.next_fetch_offset = batch.next_offset
        number += 1
    return records


def _records(batch: Iterable[Any], start: int) -> list[Record]:
    return [
        Record(record.offset, record.key, record.value, record.timestamp, tuple(record.headers))
        for record in batch
        # A batch is fetched whole, also when reading starts in the middle of it.
        if record.offset >= start
    ]


class _KeptRecords(MemoryRecords):  # type: ignore[misc]  # compiled
    """aiokafka's reader of what was fetched, and the bytes that it reads."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self.raw = raw


# A header's name may be any bytes to librdkafka and the broker, and aiokafka's compiled reader refuses the whole batch
# for it, each time. With the bytes at hand the batch can be read once more.
fetching.MemoryRecords = _KeptRecords


def _nth_batch(raw: bytes, number: int) -> bytes:
    """The bytes of a batch: an offset of 8 bytes, the length of what follows in 4, and that."""
    start = 0
    for _ in range(number):
        start += 12 + struct.unpack_from(">i", raw, start + 8)[0]
    return raw[start : start + 12 + struct.unpack_from(">i", raw, start + 8)[0]]


class _LenientBytes(bytes):
    """Bytes whose parts, when they are no UTF-8, are decoded with each wrong byte as an escape."""

    def __getitem__(self, place: Any) -> Any:
        part = super().__getitem__(place)
        return _LenientBytes(part) if isinstance(part, bytes) else part

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """As the text would be, had it been one."""
        return super().decode(encoding, "backslashreplace")


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # final, and the only one that can be told how
    """aiokafka's reader in Python, of a batch with header names that are no text."""

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer: Any = _LenientBytes(self._buffer)
