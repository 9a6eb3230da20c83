"""Which offsets may be committed, when whole blocks are acknowledged in any order.

Faust's own bookkeeping takes offsets to be consecutive; with one message per block they are not, and it then commits
too little (one block per call) or too much (past a block that is still being worked on). So both transports replace
it with a queue of block objects per partition.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from faust.transport import consumer as base
from faust.types import TP, ConsumerMessage

from streams.block import Block

MAX_BLOCKS_IN_FLIGHT = 16
"""No more is fetched of a topic while this many of its blocks are handed out and not acknowledged.

40 MB of JSON uploads. Of each topic by itself: an agent that waits for a database that is away must not hold up one
that needs none.
"""

ROOM_POLL_S = 0.02
"""While a topic is left out for that, fetching of the others waits no longer than this: room may come at any time."""


class CommitLedger:
    """The blocks handed out per partition, in order, until they are committed."""

    def __init__(self) -> None:
        self._blocks: dict[TP, deque[Block]] = {}
        self._of_topic: Counter[str] = Counter()

    @property
    def in_flight(self) -> int:
        """Number of blocks handed out, not acknowledged and not revoked."""
        return self._of_topic.total()

    def is_full(self, topic: str) -> bool:
        """Whether `MAX_BLOCKS_IN_FLIGHT` blocks of a topic are in flight."""
        return self._of_topic[topic] >= MAX_BLOCKS_IN_FLIGHT

    def deliver(self, block: Block) -> None:
        """Note that a block is handed out; blocks of a partition come in offset order."""
        self._blocks.setdefault(TP(block.topic, block.partition), deque()).append(block)
        self._of_topic[block.topic] += 1

    def acknowledge(self, block: Block) -> bool:
        """Note that a block's effects are all durable; false when that no longer counts."""
        if block.is_done or block.is_revoked:
            return False
        block.is_done = True
        self._of_topic[block.topic] -= 1
        return True

    def committable(self, tp: TP) -> int | None:
        """Take the acknowledged blocks off the head; the offset after them, or None when the head is not done."""
        blocks = self._blocks.get(tp)
        offset = None
        while blocks and blocks[0].is_done:
            offset = blocks.popleft().last + 1
        return offset

    def partitions(self) -> Iterator[TP]:
        """The partitions whose oldest block is acknowledged."""
        return (tp for tp, blocks in list(self._blocks.items()) if blocks and blocks[0].is_done)

    def forget(self, tps: Iterable[TP] | None = None) -> None:
        """Drop the blocks of these partitions (of all by default): they are not ours, or will be read again."""
        for tp in list(self._blocks if tps is None else tps):
            for block in self._blocks.pop(TP(*tp), ()):
                if not block.is_done:
                    block.is_revoked = True
                    self._of_topic[block.topic] -= 1


@runtime_checkable
class ReleasableTable(Protocol):
    """A table that is told when partitions are revoked."""

    changelog_topic_name: str

    async def release(self, partitions: Iterable[int]) -> None:
        """Write no more to these partitions, and wait for what is being written."""


class BlockMessage(ConsumerMessage):
    """What Faust carries to the agent: a message whose content is a block.

    It bears the block's *last* offset: recovery compares that of a changelog block with the end of its partition.
    """

    __slots__ = ("block",)

    def __init__(self, block: Block, *, generation_id: int) -> None:
        super().__init__(
            block.topic,
            block.partition,
            block.last,
            block.records[-1].timestamp_ms / 1000,
            0,
            None,
            b"",
            b"",
            None,
            tp=TP(block.topic, block.partition),
            generation_id=generation_id,
        )
        self.block = block


class BlockConsumer(base.Consumer):
    """What the consumers of both transports share: handing out blocks, backpressure, and commits that are ours."""

    commit_pause_s = 0.0
    """Time between two commits, in seconds, while blocks are in flight; when none is, a commit doesn't wait."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.ledger = CommitLedger()
        self.last_commit_s = time.monotonic()
        """When something was last committed, or this consumer was made, in the machine's monotonic seconds."""
        self._epoch = 0
        self._acknowledged = asyncio.Event()
        self._has_room = asyncio.Event()
        self._is_drained = asyncio.Event()
        super().__init__(*args, **kwargs)

    async def on_start(self) -> None:
        """Start committing as soon as something is acknowledged, not only on Faust's slow timer."""
        await super().on_start()
        self.add_future(self._commit_promptly())

    def is_member(self) -> bool:
        """Whether this worker's partitions are certainly still its own, as far as its log can say."""
        return True

    async def _commit_promptly(self) -> None:
        while not self.should_stop:
            await self._acknowledged.wait()
            self._acknowledged.clear()
            await self.commit()
            if self.commit_pause_s and self.ledger.in_flight:
                self._is_drained.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._is_drained.wait(), self.commit_pause_s)

    def _servable(self, active_partitions: set[TP] | None) -> set[TP]:
        """The partitions that may be read now.

        Until a rebalance is over only changelogs: what is handed out from a source topic before the final seek is
        thrown away by Faust when it resumes the flow, and would stay unacknowledged for ever.
        """
        active = {TP(*tp) for tp in (active_partitions or ())}
        if self.app.rebalancing:
            return {tp for tp in active if self._is_changelog_tp(tp)}
        return {tp for tp in active if not self.ledger.is_full(tp.topic)}

    async def _wait_for_room(self, active_partitions: set[TP] | None, timeout_s: float) -> bool:
        """Wait until one of the topics has fewer blocks in flight than it may; false when `timeout_s` passed first."""
        topics = {tp.topic for tp in active_partitions or ()}
        while topics and all(map(self.ledger.is_full, topics)):
            self._has_room.clear()
            try:
                await asyncio.wait_for(self._has_room.wait(), timeout_s)
            except TimeoutError:
                return False
        return True

    def _patience_s(self, active_partitions: set[TP] | None, servable: set[TP], timeout_s: float) -> float:
        """How long a fetch of `servable` may wait for the first record."""
        is_all = len(servable) == len(active_partitions or ())
        return timeout_s if is_all else min(timeout_s, ROOM_POLL_S)

    async def getmany(  # the time-out is Faust's
        self,
        timeout: float,  # noqa: ASYNC109
    ) -> AsyncIterator[tuple[TP, BlockMessage]]:
        """Fetch blocks and hand them over.

        What was fetched of a source topic while a seek or a rebalance came in between is dropped, and fetched again
        from the committed offset. Faust would hand it over, if the rebalance was quick; the block was then thrown out
        of the agent's queue when the flow resumed, and held up every commit of its partition for ever.
        """
        epoch = self._epoch
        fetched, _ = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if fetched is None or self.should_stop:
            return
        is_stale = False
        for tp, block in self.scheduler.iterate(fetched):
            if not self.flow_active or self.app.consumer_generation_id != generation:
                is_stale = True
                break
            if self._epoch != epoch and not self._is_changelog_tp(tp):
                is_stale = True
                continue
            self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
            yield tp, self._to_message(tp, block)
        if is_stale and not self.should_stop:
            await self._seek_again()

    async def _seek_again(self) -> None:
        try:
            await self.perform_seek()
        except Exception as error:
            # In the middle of a rebalance there may be nothing to seek in; when it ends Faust seeks again.
            self.log.info("Nothing to seek back in: %r", error)

    def _to_message(self, tp: TP, record: Block) -> BlockMessage:
        if self.app.topics.acks_enabled_for(record.topic):
            self.ledger.deliver(record)
        return BlockMessage(record, generation_id=self.app.consumer_generation_id)

    def ack(self, message: BlockMessage) -> bool:  # type: ignore[override]
        """Acknowledge a block by its object."""
        if message.acked and message.block.is_done:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        is_counted = self.ledger.acknowledge(message.block)
        if is_counted:
            self._n_acked += 1
            self._acknowledged.set()
            self._note_flight()
        return is_counted

    async def perform_seek(self) -> None:
        """Go back to the committed offsets: blocks handed out before will be handed out again."""
        self._forget(None)
        await super().perform_seek()
        # Once more: between the two a block may have been handed out that is now fetched again.
        self._forget(None)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what was handed out of the partitions taken away, and let their state go."""
        self._forget(revoked)
        await self._release(revoked)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Take over partitions; nothing fetched before belongs to them."""
        self._forget(None)
        await super().on_partitions_assigned(assigned, generation_id)

    async def _release(self, revoked: set[TP]) -> None:
        for table in self.app.tables.values():
            if isinstance(table, ReleasableTable):
                try:
                    await table.release([tp.partition for tp in revoked if tp.topic == table.changelog_topic_name])
                except TimeoutError as error:
                    # Better dead than writing to a changelog that another worker has begun to read.
                    await self.app.crash(error)

    def _forget(self, tps: Iterable[TP] | None) -> None:
        self._epoch += 1
        self.ledger.forget(tps)
        self._note_flight()

    def _note_flight(self) -> None:
        self._has_room.set()
        if not self.ledger.in_flight:
            self._is_drained.set()

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Offsets jump from block to block; that is no gap."""

    def _new_offset(self, tp: TP) -> int | None:
        return self.ledger.committable(tp)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in self.ledger.partitions() if topics is None or tp in topics or tp.topic in topics)

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:
        # As in Faust, without the table it draws for its log at every commit: that cost more than the commit.
        assigned = self.assignment()
        ours = {tp: offset for tp, offset in offsets.items() if tp in assigned}
        if not ours or not await self._commit(ours):
            return False
        self._committed_offset.update(ours)
        self.last_commit_s = time.monotonic()
        self.app.monitor.on_tp_commit(ours)
        return True
