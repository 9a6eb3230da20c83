"""Tables whose state is written a block at a time.

A value is in the changelog, acknowledged, before it is in the store; recovery reads the changelog in blocks.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import Event
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, cast

import faust
from aiokafka.errors import KafkaError

from domain.errors import Unavailable
from streams.backoff import pauses_s
from streams.commits import BlockConsumer
from streams.state_store import Entries, StateStore, StoreFailed
from streams.table_store import TableStore

logger = logging.getLogger(__name__)

RECOVERY_BLOCKS = 8
"""Changelog blocks that recovery applies at once."""


RELEASE_S = 5.0
MEMBER_POLL_S = 0.1


class BlockAppender(Protocol):
    """What a table needs of a transport's producer."""

    async def append_batch(
        self, topic: str, partition: int, entries: Sequence[tuple[bytes, bytes | None]]
    ) -> Sequence[tuple[int, int]]:
        """Append keys and values to one partition; the first offset and the count of each batch it took."""


class PartitionRevoked(Exception):  # an event, not a fault: the new owner does the work again
    """The partition is not this worker's any more: leave the block, unacknowledged."""


class BlockTable(faust.Table[bytes, bytes]):
    """A table of raw bytes, read by partition and written in blocks.

    Its changelog is ``<app id>-<name>-changelog``, compacted, with as many partitions as the topics it is built from.
    `states` is opened by `open`, before the app starts.
    """

    def __init__(self, app: faust.App, *, name: str, states: StateStore, **kwargs: Any) -> None:
        self.states = states
        super().__init__(
            app,
            name=name,
            key_type=bytes,
            value_type=bytes,
            partitions=app.conf.topic_partitions,
            recovery_buffer_size=RECOVERY_BLOCKS,
            # A standby is as new as it can be: the last blocks would wait in the buffer until more of them come.
            standby_buffer_size=1,
            **kwargs,
        )
        self._writes = 0
        self._is_settled = Event()
        self._is_settled.set()

    def _new_store(self) -> TableStore:
        store = TableStore(
            "memory://", self.app, self, table_name=self.name, key_type=bytes, value_type=bytes, loop=self.loop
        )
        store.states = self.states
        return store

    @property
    def _table_store(self) -> TableStore:
        return cast(TableStore, self.data)

    def get(self, partition: int, key: bytes) -> bytes | None:  # type: ignore[override]
        """The value of a key in a partition, or None."""
        return self.get_many(partition, (key,))[0]

    def get_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of keys in a partition, in their order, None where there is none: for a whole block at once.

        Raises `PartitionRevoked` when the partition is not ours any more, for then its cars would all seem new; and
        when the store fails: the worker ends, and whoever is next does the work again.
        """
        self._check_owned(partition)
        with self._ending_worker():
            return self.states.get_many(partition, keys)

    def term(self, partition: int) -> int:
        """What `write_block` must be given by whoever reads values now, and writes what follows from them later.

        In between the partition may leave this worker and come back with newer values: the number is another one then.
        Raises `PartitionRevoked` when the partition is not ours any more.
        """
        self._check_owned(partition)
        return self._table_store.term(partition)

    def items(self, partition: int) -> Iterable[tuple[bytes, bytes]]:  # type: ignore[override]
        """All keys and values of a partition."""
        return self.states.items(partition)

    def active_count(self) -> int:
        """Number of keys in the partitions that this worker works on."""
        return self._table_store.active_count()

    def standby_count(self) -> int:
        """Number of keys that are kept ready for when another worker fails."""
        return self._table_store.standby_count()

    def records_read(self) -> int:
        """Changelog records taken over since the start, in recoveries and while standing by."""
        return self._table_store.records_read.total()

    async def write_block(self, partition: int, entries: Mapping[bytes, bytes | None], term: int | None = None) -> None:
        """Write values (None removes a key): to the changelog, acknowledged, then to the store.

        `term`: of the moment in which the values they follow from were read; None when that is now.

        While the log is away it sends the same batch again and again, for a batch that failed may have arrived: to
        fold again could write something else. Raises `PartitionRevoked` when the partition is not ours any more, or
        not any more in that term.
        """
        if not entries:
            return
        self._check_owned(partition, term)
        term = self._table_store.term(partition)
        self._writes += 1
        self._is_settled.clear()
        try:
            await self._write_batch(partition, list(entries.items()), term)
        finally:
            self._writes -= 1
            if not self._writes:
                self._is_settled.set()

    async def release(self, partitions: Iterable[int]) -> None:
        """Let partitions go: begin no more writes to them, and wait until those begun are acknowledged.

        The next owner starts from the changelog, so nothing may come to it from here once it reads. Raises
        `TimeoutError` when a write is not acknowledged in `RELEASE_S` seconds.
        """
        self._table_store.disown(partitions)
        await asyncio.wait_for(self._is_settled.wait(), RELEASE_S)

    async def _write_batch(self, partition: int, batch: Entries, term: int) -> None:
        for pause_s in pauses_s():
            await self._until_member(partition, term)
            try:
                written = await cast(BlockAppender, self.app.producer).append_batch(
                    self.changelog_topic_name, partition, batch
                )
                break
            except (Unavailable, KafkaError) as error:
                cast(Any, self.app).outages += 1
                logger.warning("table %s: the changelog can't be written, trying again: %s", self.name, error)
                await asyncio.sleep(pause_s)
        with self._ending_worker():
            self.states.apply(partition, batch, self._reached(partition, written))

    async def _until_member(self, partition: int, term: int) -> None:
        """Wait until the group has heard of this worker, or has taken the partition from it: then PartitionRevoked."""
        self._check_owned(partition, term)
        while not cast(BlockConsumer, self.app.consumer).is_member():
            cast(Any, self.app).outages += 1
            await asyncio.sleep(MEMBER_POLL_S)
            self._check_owned(partition, term)

    def _check_owned(self, partition: int, term: int | None = None) -> None:
        store = self._table_store
        if not store.owns(partition) or term not in (None, store.term(partition)):
            raise PartitionRevoked(f"{self.name}: partition {partition} belongs to another worker")

    def _reached(self, partition: int, written: Iterable[tuple[int, int]]) -> int | None:
        """The offset that the store is complete to once it holds batches, each with its first offset and count.

        It moves only while offsets follow each other: after a foreign write in between, the next recovery reads on
        from the last offset that is certainly in the store.
        """
        reached = self.states.complete_to(partition)
        for first, count in written:
            if first == (-1 if reached is None else reached) + 1:
                reached = first + count - 1
        return reached

    @contextmanager
    def _ending_worker(self) -> Iterator[None]:
        try:
            yield
        except StoreFailed as error:
            cast(Any, self.app)._crash(error)
            raise PartitionRevoked(f"{self.name}: {error}") from error

    def on_key_set(self, key: bytes, value: bytes) -> None:
        """Refuse: one changelog message per key is what this table is there to avoid."""
        raise TypeError("write with write_block")

    def on_key_del(self, key: bytes) -> None:
        """Refuse: one changelog message per key is what this table is there to avoid."""
        raise TypeError("delete with write_block")
