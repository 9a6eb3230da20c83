"""The Faust transport ``pitcall-log://``: agents, tables and recovery over the embedded log, in this process.

There is one worker, so every partition of every subscribed topic is its own, and there is one rebalance: at start.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, cast

from faust.assignor.client_assignment import ClientAssignment
from faust.assignor.partition_assignor import PartitionAssignor
from faust.transport import base
from faust.types import TP, RecordMetadata

from streams.block import Block, Headers
from streams.commits import BlockConsumer
from streams.local_log import Entry, LocalLog
from streams.partitioning import partition_for

_GATE_POLL_S = 0.01


class Consumer(BlockConsumer):
    """Reads blocks from the log; commits into it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._assigned: set[TP] = set()
        self._positions: dict[TP, int] = {}
        self._is_log_changed = asyncio.Event()
        super().__init__(*args, **kwargs)

    @property
    def _log(self) -> LocalLog:
        return cast(Transport, self.transport).log

    async def on_start(self) -> None:
        """Hear of new records."""
        await super().on_start()
        self._log.add_listener(self._on_log_changed)

    async def on_stop(self) -> None:
        """Commit what is acknowledged, and stop hearing of new records."""
        await super().on_stop()
        self._log.remove_listener(self._on_log_changed)

    def _on_log_changed(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closing; nobody waits any more
            self.loop.call_soon_threadsafe(self._is_log_changed.set)

    # -- assignment ---------------------------------------------------------------------------------------------

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Take every partition of these topics."""
        assigned = {TP(topic, partition) for topic in topics for partition in range(self._log.partitions(topic))}
        if assigned != self._assigned:
            # Not awaited: Faust's side of the assignment waits until subscribing is over.
            self.add_future(self._assign(assigned))

    async def _assign(self, assigned: set[TP]) -> None:
        self.app.on_rebalance_start()
        if self._assigned:
            await self.on_partitions_revoked(self._assigned)
        self._assigned = assigned
        self._positions = {tp: self._start_of(tp) for tp in assigned}
        actives: dict[str, list[int]] = {}
        for tp in sorted(assigned):
            actives.setdefault(tp.topic, []).append(tp.partition)
        cast(PartitionAssignor, self.app.assignor)._assignment = ClientAssignment(actives=actives, standbys={})
        self.app.consumer_generation_id += 1
        await self.on_partitions_assigned(assigned, self.app.consumer_generation_id)

    def assignment(self) -> set[TP]:
        """The partitions read by this consumer."""
        return set(self._assigned)

    # -- positions ----------------------------------------------------------------------------------------------

    def _start_of(self, tp: TP) -> int:
        return self._log.committed(self.app.conf.id, tp.topic, tp.partition) or 0

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Read on from the committed offsets."""
        sources = {tp: self._start_of(tp) for tp in self._assigned if not self._is_changelog_tp(tp)}
        self._positions.update(sources)
        return sources

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Read on from these offsets."""
        for tp, offset in partitions.items():
            await self.seek(tp, offset)

    async def _seek(self, partition: TP, offset: int) -> None:
        self._positions[TP(*partition)] = offset

    async def position(self, tp: TP) -> int | None:
        """Offset that is read next."""
        return self._positions.get(TP(*tp))

    def highwater(self, tp: TP) -> int:
        """Offset after the last record."""
        return self._log.end(tp.topic, tp.partition)

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Offset after the last record of each."""
        return {tp: self.highwater(tp) for tp in partitions}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """Offset of the first record of each: 0, since compaction takes records out but moves none."""
        return dict.fromkeys(partitions, 0)

    # -- records ------------------------------------------------------------------------------------------------

    async def _getmany(  # the time-out is Faust's
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109
    ) -> Mapping[TP, list[Block]]:
        if not await self._wait_for_room(active_partitions, timeout):
            return {}
        servable = self._servable(active_partitions)
        self._is_log_changed.clear()
        blocks = self._next_blocks(servable)
        if not blocks and self.app.rebalancing:
            # The gate opens without an event; this is at start only.
            await asyncio.sleep(_GATE_POLL_S)
        elif not blocks:
            with contextlib.suppress(TimeoutError):
                patience_s = self._patience_s(active_partitions, servable, timeout)
                await asyncio.wait_for(self._is_log_changed.wait(), patience_s)
        return blocks

    def _next_blocks(self, servable: set[TP]) -> dict[TP, list[Block]]:
        blocks: dict[TP, list[Block]] = {}
        for tp in sorted(servable):
            start = self._positions.get(tp)
            if start is None or start >= self._log.end(tp.topic, tp.partition):
                continue
            records = self._log.read(tp.topic, tp.partition, start)
            if records:
                self._positions[tp] = records[-1].offset + 1
                blocks[tp] = [Block(tp.topic, tp.partition, records)]
        return blocks

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        self._log.commit(self.app.conf.id, {(tp.topic, tp.partition): offset for tp, offset in offsets.items()})
        return True

    # -- topics -------------------------------------------------------------------------------------------------

    def topic_partitions(self, topic: str) -> int | None:
        """Number of partitions of a topic."""
        return self._log.partitions(topic)

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int | None:
        """The partition of a key."""
        return partition if partition is not None else _partition(self._log, topic, key)

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    async def create_topic(self, topic: str, partitions: int, replication: int, **options: Any) -> None:
        """Create a topic that is missing; `replication` means nothing in one file."""
        self._log.create_topic(topic, partitions, is_compacted=bool(options.get("compacting")))


class Producer(base.Producer):
    """Appends to the log; everything it returns is on disk."""

    async def on_start(self) -> None:
        """Hold the log: the producer starts before and stops after everything that uses it."""
        await super().on_start()
        cast(Transport, self.transport).open_log()

    async def on_stop(self) -> None:
        """Give the log back."""
        await super().on_stop()
        cast(Transport, self.transport).close_log()

    @property
    def _log(self) -> LocalLog:
        return cast(Transport, self.transport).log

    async def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Any,
        *,
        transactional_id: str | None = None,
    ) -> Awaitable[RecordMetadata]:
        """Begin to append one record; the future is done when it is on disk. `timestamp` in seconds, UTC."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers or ()
        return asyncio.ensure_future(self._append_one(topic, key, value, partition, timestamp, tuple(pairs)))

    async def send_and_wait(self, *args: Any, **kwargs: Any) -> RecordMetadata:
        """Append one record, on disk on return."""
        return await (await self.send(*args, **kwargs))

    async def _append_one(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int | None,
        timestamp: float | None,
        headers: Headers,
    ) -> RecordMetadata:
        where = partition if partition is not None else _partition(self._log, topic, key)
        timestamp_ms = int((timestamp or time.time()) * 1000)
        (offset,) = await self._log.append([Entry(topic, where, key, value, timestamp_ms, headers)])
        return RecordMetadata(topic, where, TP(topic, where), offset, timestamp_ms / 1000, 0)

    async def append_batch(
        self, topic: str, partition: int, entries: Sequence[tuple[bytes, bytes | None]]
    ) -> Sequence[tuple[int, int]]:
        """Append keys and values to one partition; the first offset and the count of each batch it took (here one)."""
        timestamp_ms = int(time.time() * 1000)
        offsets = await self._log.append([Entry(topic, partition, key, value, timestamp_ms) for key, value in entries])
        return [(offsets[0], len(offsets))]

    async def flush(self) -> None:
        """Wait until everything sent is on disk."""
        await self.buffer.flush()

    def key_partition(self, topic: str, key: bytes) -> TP:
        """The partition of a key."""
        return TP(topic, _partition(self._log, topic, key))

    async def create_topic(self, topic: str, partitions: int, replication: int, **options: Any) -> None:
        """Create a topic that is missing; `replication` means nothing in one file."""
        self._log.create_topic(topic, partitions, is_compacted=bool(options.get("compacting")))

    def supports_headers(self) -> bool:
        """Records have headers."""
        return True


class Transport(base.Transport):
    """Faust finds this by the URL scheme ``pitcall-log``."""

    Consumer: ClassVar[type[Consumer]] = Consumer
    Producer: ClassVar[type[Producer]] = Producer
    driver_version = "pitcall-log"

    _log: LocalLog | None = None

    @property
    def log(self) -> LocalLog:
        """The open log."""
        if self._log is None:
            raise RuntimeError("the log is open only between the producer's start and stop")
        return self._log

    def open_log(self) -> None:
        """Open the log of the transport's URL, or join the users of the open one."""
        self._log = LocalLog.shared(str(self.url[0]))

    def close_log(self) -> None:
        """Give the log back."""
        if self._log is not None:
            self._log.close()
            self._log = None


def _partition(log: LocalLog, topic: str, key: bytes | None) -> int:
    return 0 if key is None else partition_for(key, log.partitions(topic))
