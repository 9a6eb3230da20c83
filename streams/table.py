"""Tables whose state is written a block at a time.

A value is in the changelog, acknowledged, before it is in memory; recovery reads the changelog in blocks. Memory is
one dictionary per partition, so that what is revoked is forgotten and what is kept is not read again.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import Event
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

import faust
from aiokafka.errors import KafkaError
from faust.stores import base as stores
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.types import TP, EventT

from domain.errors import Unavailable
from streams.backoff import pauses_s
from streams.commits import BlockMessage

logger = logging.getLogger(__name__)

RECOVERY_BLOCKS = 8
"""Changelog blocks that recovery applies at once."""


RELEASE_S = 5.0


class BlockAppender(Protocol):
    """What a table needs of a transport's producer."""

    async def append_batch(
        self, topic: str, partition: int, entries: Sequence[tuple[bytes, bytes | None]]
    ) -> Sequence[tuple[int, int]]:
        """Append keys and values to one partition; the first offset and the count of each batch it took."""


class PartitionRevoked(Exception):  # an event, not a fault: the new owner does the work again
    """The partition is not this worker's any more: leave the block, unacknowledged."""


class PartitionedMemory(stores.Store[bytes, bytes]):
    """Faust's store behind a `BlockTable`: raw keys and values, a dictionary per partition."""

    def __post_init__(self) -> None:
        self._entries: dict[int, dict[bytes, bytes]] = {}
        self._persisted: dict[int, int] = {}
        self._owned: set[int] = set()

    # -- for the table ------------------------------------------------------------------------------------------

    def entries(self, partition: int) -> dict[bytes, bytes]:
        """The dictionary of a partition."""
        return self._entries.setdefault(partition, {})

    def owns(self, partition: int) -> bool:
        """Whether the partition is assigned to this worker."""
        return partition in self._owned

    def disown(self, partitions: Iterable[int]) -> None:
        """Write to these partitions no more, until they are assigned again."""
        self._owned.difference_update(partitions)

    def apply(self, partition: int, entries: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Set the values of keys; a value of None removes the key."""
        target = self.entries(partition)
        for key, value in entries:
            if value is None:
                target.pop(key, None)
            else:
                target[key] = value

    def note_appended(self, partition: int, first: int, count: int) -> None:
        """Note that memory holds what a batch wrote to the changelog from offset `first` on.

        Only while offsets follow each other: after a foreign write in between, the next recovery reads on from the
        last offset that is certainly in memory.
        """
        if first == self._persisted.get(partition, -1) + 1:
            self._persisted[partition] = first + count - 1

    # -- for Faust ----------------------------------------------------------------------------------------------

    def persisted_offset(self, tp: TP) -> int | None:
        """The changelog offset up to which memory is complete; recovery reads on from it."""
        return self._persisted.get(tp.partition)

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """Set the offset up to which memory is complete."""
        self._persisted[tp.partition] = offset

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Forget the partitions that went to another worker."""
        changelog = cast(BlockTable, self.table).changelog_topic_name
        self._owned = {tp.partition for tp in assigned if tp.topic == changelog}
        for partition in [known for known in self._entries if known not in self._owned]:
            del self._entries[partition]
        for partition in [known for known in self._persisted if known not in self._owned]:
            del self._persisted[partition]

    def apply_changelog_batch(
        self, batch: Iterable[EventT[Any]], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Take over changelog blocks."""
        for event in batch:
            block = cast(BlockMessage, event.message).block
            self.apply(block.partition, ((record.key or b"", record.value) for record in block.records))
            self._persisted[block.partition] = block.last

    def reset_state(self) -> None:
        """Forget everything; the changelog still has it."""
        self._entries.clear()
        self._persisted.clear()

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))

    def __iter__(self) -> Iterator[bytes]:
        return (key for entries in self._entries.values() for key in entries)

    def __contains__(self, key: object) -> bool:
        return any(key in entries for entries in self._entries.values())

    def __getitem__(self, key: bytes) -> bytes:
        for entries in self._entries.values():
            if key in entries:
                return entries[key]
        raise KeyError(key)

    def __setitem__(self, key: bytes, value: bytes) -> None:
        raise TypeError("write with write_block")

    def __delitem__(self, key: bytes) -> None:
        raise TypeError("delete with write_block")

    async def backup_partition(self, tp: Any, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """Do nothing: the changelog is the backup."""

    def restore_backup(self, tp: Any, latest: bool = True, backup_id: int = 0) -> None:
        """Do nothing: the changelog is the backup."""


class BlockTable(faust.Table[bytes, bytes]):
    """A table of raw bytes, read by partition and written in blocks.

    Its changelog is ``<app id>-<name>-changelog``, compacted, with as many partitions as the topics it is built from.
    """

    def __init__(self, app: faust.App, *, name: str, **kwargs: Any) -> None:
        super().__init__(
            app,
            name=name,
            key_type=bytes,
            value_type=bytes,
            partitions=app.conf.topic_partitions,
            recovery_buffer_size=RECOVERY_BLOCKS,
            **kwargs,
        )
        self._writes = 0
        self._is_settled = Event()
        self._is_settled.set()

    def _new_store(self) -> PartitionedMemory:
        return PartitionedMemory(
            "memory://", self.app, self, table_name=self.name, key_type=bytes, value_type=bytes, loop=self.loop
        )

    @property
    def _memory(self) -> PartitionedMemory:
        return cast(PartitionedMemory, self.data)

    def get(self, partition: int, key: bytes) -> bytes | None:  # type: ignore[override]
        """The value of a key in a partition, or None."""
        return self._memory.entries(partition).get(key)

    def items(self, partition: int) -> Iterable[tuple[bytes, bytes]]:  # type: ignore[override]
        """All keys and values of a partition."""
        return self._memory.entries(partition).items()

    async def write_block(self, partition: int, entries: Mapping[bytes, bytes | None]) -> None:
        """Write values (None removes a key): to the changelog, acknowledged, then to memory.

        While the log is away it sends the same batch again and again, for a batch that failed may have arrived: to
        fold again could write something else. Raises `PartitionRevoked` when the partition is not ours any more.
        """
        if not entries:
            return
        self._writes += 1
        self._is_settled.clear()
        try:
            await self._write_batch(partition, list(entries.items()))
        finally:
            self._writes -= 1
            if not self._writes:
                self._is_settled.set()

    async def release(self, partitions: Iterable[int]) -> None:
        """Let partitions go: begin no more writes to them, and wait until those begun are acknowledged.

        The next owner starts from the changelog, so nothing may come to it from here once it reads. Raises
        `TimeoutError` when a write is not acknowledged in `RELEASE_S` seconds.
        """
        self._memory.disown(partitions)
        await asyncio.wait_for(self._is_settled.wait(), RELEASE_S)

    async def _write_batch(self, partition: int, batch: list[tuple[bytes, bytes | None]]) -> None:
        for pause_s in pauses_s():
            if not self._memory.owns(partition):
                raise PartitionRevoked(f"{self.name}: partition {partition} belongs to another worker")
            try:
                written = await cast(BlockAppender, self.app.producer).append_batch(
                    self.changelog_topic_name, partition, batch
                )
                break
            except (Unavailable, KafkaError) as error:
                cast(Any, self.app).outages += 1
                logger.warning("table %s: the changelog can't be written, trying again: %s", self.name, error)
                await asyncio.sleep(pause_s)
        for first, count in written:
            self._memory.note_appended(partition, first, count)
        self._memory.apply(partition, batch)

    def on_key_set(self, key: bytes, value: bytes) -> None:
        """Refuse: one changelog message per key is what this table is there to avoid."""
        raise TypeError("write with write_block")

    def on_key_del(self, key: bytes) -> None:
        """Refuse: one changelog message per key is what this table is there to avoid."""
        raise TypeError("delete with write_block")


class _LastingEvent(Event):
    """An event that stays set until somebody has waited for it; `clear` is `reset`, and not for everybody."""

    async def wait(self) -> bool:  # type: ignore[override]
        await super().wait()
        self.reset()
        return True

    def clear(self) -> None:
        """Do nothing: Faust clears right after setting, and who was not waiting yet would wait for ever."""

    def reset(self) -> None:
        """Clear the event."""
        super().clear()


class BlockRecovery(Recovery):
    """Faust's recovery, safe against ending before it is waited for: over the embedded log it is that fast."""

    @property
    def signal_recovery_end(self) -> _LastingEvent:
        """Set when the last block of the changelogs is applied."""
        if self._signal_recovery_end is None:
            self._signal_recovery_end = _LastingEvent()
        return cast(_LastingEvent, self._signal_recovery_end)

    def _set_recovery_started(self) -> None:
        self.signal_recovery_end.reset()
        super()._set_recovery_started()


class BlockTableManager(TableManager):
    """Faust's table manager with `BlockRecovery`."""

    @property
    def recovery(self) -> BlockRecovery:
        """The recovery service."""
        if self._recovery is None:
            self._recovery = BlockRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return cast(BlockRecovery, self._recovery)

    async def on_start(self) -> None:
        """Start without Faust's pause of a second: all tables are there before the app starts."""
        await self._update_channels()
        await self.recovery.start()
