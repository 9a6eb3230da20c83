"""TableStore: what Faust's recovery and rebalances see of a `StateStore`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from faust.stores import base as stores
from faust.types import TP, EventT

from streams.commits import BlockMessage
from streams.state_store import StateStore, StoreFailed


class TableStore(stores.Store[bytes, bytes]):
    """Faust's store behind a `BlockTable`.

    A partition is *held* when its state is kept up to date here: as an *active* one, which this worker works on, or to
    stand by for another worker. An active one is *owned*, so that it may be read and written, once it is recovered.
    """

    states: StateStore

    def __post_init__(self) -> None:
        self._owned: set[int] = set()
        self._terms: Counter[int] = Counter()
        self._actives: set[int] = set()
        self._standbys: set[int] = set()
        self.records_read: Counter[int] = Counter()
        """Changelog records taken over since the start, by partition: in recoveries and while standing by."""

    # -- for the table ------------------------------------------------------------------------------------------

    def owns(self, partition: int) -> bool:
        """Whether the partition is this worker's, and all of its state is here."""
        return partition in self._owned

    def term(self, partition: int) -> int:
        """A number that is another one each time the partition has left this worker and come back."""
        return self._terms[partition]

    def disown(self, partitions: Iterable[int]) -> None:
        """Read and write these partitions no more, until they are assigned and recovered again."""
        left = self._owned.intersection(partitions)
        self._owned -= left
        self._terms.update(left)

    def active_count(self) -> int:
        """Number of keys in the partitions that this worker works on."""
        return sum(map(self.states.count, self._actives))

    def standby_count(self) -> int:
        """Number of keys in the partitions that stand by."""
        return sum(map(self.states.count, self._standbys))

    # -- for Faust ----------------------------------------------------------------------------------------------

    def persisted_offset(self, tp: TP) -> int | None:
        """The changelog offset up to which the store is complete; recovery reads on from it."""
        return self.states.complete_to(tp.partition)

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Let go of the partitions that went to another worker, and be ready for those that came."""
        changelog = cast(Any, self.table).changelog_topic_name
        held = {tp.partition for tp in assigned if tp.topic == changelog}
        standbys = {tp.partition for tp in self.app.assignor.assigned_standbys() if tp.topic == changelog}
        self._standbys = held & standbys
        self._actives = held - standbys
        # A block that was begun before must not go on with a state that is not all here yet.
        self.disown(set(self._owned))
        # In a thread: opening and closing files takes a while, and the worker's group wants to hear from it.
        await asyncio.to_thread(self._hold_only, held)

    def _hold_only(self, partitions: set[int]) -> None:
        for partition in self.states.held() - partitions:
            self.states.let_go(partition)
        for partition in sorted(partitions):
            self.states.hold(partition)
        self.states.forget_strays()

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Work on the partitions that are as new as their changelog now."""
        self._owned = self._actives & {tp.partition for tp in active_tps}
        try:
            for tp in active_tps:
                self.states.confirm(tp.partition)
        except StoreFailed as error:
            self._end_worker(error)

    def _end_worker(self, error: StoreFailed) -> None:
        # Faust's recovery would log what is raised there, and go on as if all were well.
        cast(Any, self.app)._crash(error)

    def apply_changelog_batch(
        self, batch: Iterable[EventT[Any]], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Take over changelog blocks; those of partitions that are another worker's by now are left out."""
        for event in batch:
            block = cast(BlockMessage, event.message).block
            entries = [(record.key or b"", record.value) for record in block.records]
            try:
                self.states.apply(block.partition, entries, block.last)
            except StoreFailed as error:
                self._end_worker(error)
                raise
            self.records_read[block.partition] += len(entries)

    def reset_state(self) -> None:
        """Forget everything; the changelog still has it."""
        for partition in self.states.held():
            self.states.wipe(partition)

    def __len__(self) -> int:
        return sum(map(self.states.count, self.states.held()))

    def __iter__(self) -> Iterator[bytes]:
        return (key for partition in sorted(self.states.held()) for key, _ in self.states.items(partition))

    def __contains__(self, key: object) -> bool:
        raise TypeError("ask the table with get, which knows the partition")

    def __getitem__(self, key: bytes) -> bytes:
        raise TypeError("read with get, which knows the partition")

    def __setitem__(self, key: bytes, value: bytes) -> None:
        raise TypeError("write with write_block")

    def __delitem__(self, key: bytes) -> None:
        raise TypeError("delete with write_block")

    async def backup_partition(self, tp: Any, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """Do nothing: the changelog is the backup."""

    def restore_backup(self, tp: Any, latest: bool = True, backup_id: int = 0) -> None:
        """Do nothing: the changelog is the backup."""
