"""Agents that take blocks: acknowledge when done, wait while something is away, set poison aside and go on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from domain.errors import TryAgain, Unavailable
from streams.app import StreamApp
from streams.backoff import pauses_s
from streams.block import Block, Record
from streams.set_aside import set_aside
from streams.table import PartitionRevoked
from streams.topics import DEAD_LETTERS

logger = logging.getLogger(__name__)

Handle = Callable[[Block], Awaitable[None]]
HandleTogether = Callable[[Sequence[Block]], Awaitable[None]]

RETRIES = 2
"""Times a block that failed is tried again before it is tried in parts."""
MAX_ERROR_TEXT = 500
RECORDS_TOGETHER = 1_024
"""Blocks of several partitions are taken together up to so many records: what a call of numpy costs is shared."""
TAKES_AT_A_TIME = 3
"""While the log acknowledges what one take came to, the next is worked on."""
WORTH_A_TAKE = RECORDS_TOGETHER // 2
"""A take with fewer records waits for more, and for the one before it: a small one costs as many calls as a large one.
How long it waits for more, when it is alone, is `StreamApp.gather_s`."""


def block_agent(app: StreamApp, name: str, topics: Sequence[str], handle: Handle) -> Any:
    """Register an agent that hands each block of the topics, in order per partition, to `handle`.

    Several topics must be co-partitioned; one block is handled at a time. `handle` must be idempotent, for a block
    may come again. The block is acknowledged when `handle` returns. When it raises `Unavailable` it is called again
    with the same block, after a pause, until it succeeds: nothing is skipped or acknowledged meanwhile. Any other
    error: two more tries, then in halves, and what fails of them in halves again; a record that fails by itself goes
    to the dead letters, and the rest goes on.
    """

    async def handle_one(blocks: Sequence[Block]) -> None:
        await handle(blocks[0])

    return _register(app, name, topics, handle_one, takes=1, records=1)


def blocks_agent(app: StreamApp, name: str, topics: Sequence[str], handle: HandleTogether) -> Any:
    """As `block_agent`, with what several partitions have ready handed to `handle` together.

    Blocks of one call are of one topic and of different partitions. A few calls may be under way at once, never two
    with the same partition. What fails together is tried block by block.
    """
    return _register(app, name, topics, handle, takes=TAKES_AT_A_TIME, records=RECORDS_TOGETHER)


def _register(
    app: StreamApp, name: str, topics: Sequence[str], handle: HandleTogether, *, takes: int, records: int
) -> Any:
    channel = app.topic(*topics, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    worker = _BlockWorker(app, name, handle)

    async def run(stream: Any) -> None:
        queue = _BlockQueue(worker, takes, records, app.gather_s if takes > 1 else 0.0)
        async with asyncio.TaskGroup() as group:
            group.create_task(queue.work_off_for_ever(group))
            # Faust's own acknowledging is compiled in, and counts single offsets: so noack, and acknowledge ourselves.
            async for event in stream.noack().events():
                queue.put(event)

    return app.agent(channel, name=name, concurrency=1)(run)


class _BlockQueue:
    """Events that wait, in their order, and the takes of them that are under way."""

    def __init__(self, worker: _BlockWorker, takes: int, records: int, gather_s: float) -> None:
        self._worker = worker
        self._takes = takes
        self._records = records
        self._gather_s = gather_s
        self._waiting: deque[Any] = deque()
        self._waiting_since_s = 0.0
        self._busy: set[int] = set()
        self._under_way = 0
        self._is_changed = asyncio.Event()

    def put(self, event: Any) -> None:
        """Add an event whose message is a block."""
        if not self._waiting:
            self._waiting_since_s = time.monotonic()
        self._waiting.append(event)
        self._is_changed.set()

    async def work_off_for_ever(self, group: asyncio.TaskGroup) -> None:
        """Begin a take whenever there is something to take and room for one more."""
        while True:
            self._is_changed.clear()
            if (wait_s := self._wait_s()) is None or wait_s > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._is_changed.wait(), wait_s)
                continue
            taken = self._take()
            self._under_way += 1
            self._busy.update(event.message.block.partition for event in taken)
            group.create_task(self._work_off(taken))
            # Others may have blocks ready by the time it has been worked on.
            await asyncio.sleep(0)

    def _wait_s(self) -> float | None:
        """How long to wait with the next take, for more to take; None: until something changes."""
        blocks = [event.message.block for event in self._waiting]
        free = sum(len(block) for block in blocks if block.partition not in self._busy)
        if not free or self._under_way == self._takes:
            return None
        if free >= WORTH_A_TAKE:
            return 0.0
        return None if self._under_way else self._waiting_since_s + self._gather_s - time.monotonic()

    def _take(self) -> list[Any]:
        """The oldest event whose partition is free, and with it others of its topic, of one partition each."""
        taken: list[Any] = []
        left: deque[Any] = deque()
        blocked = set(self._busy)
        room = self._records
        while self._waiting:
            event = self._waiting.popleft()
            block = event.message.block
            is_fit = not taken or (block.topic == taken[0].message.block.topic and len(block) <= room)
            if block.partition in blocked or not is_fit or room <= 0:
                left.append(event)
            else:
                taken.append(event)
                room -= len(block)
            # What comes after it of the same partition waits for it.
            blocked.add(block.partition)
        self._waiting = left
        return taken

    async def _work_off(self, events: Sequence[Any]) -> None:
        done = await self._worker.work_off([event.message.block for event in events])
        for event in events:
            if event.message.block in done:
                event.ack()
        self._busy.difference_update(event.message.block.partition for event in events)
        self._under_way -= 1
        self._is_changed.set()


def _place(error: BaseException) -> str:
    """File and line where the error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


class _BlockWorker:
    def __init__(self, app: StreamApp, name: str, handle: HandleTogether) -> None:
        self._app = app
        self._name = name
        self._handle = handle

    async def work_off(self, blocks: Sequence[Block]) -> set[Block]:
        """Handle blocks for good; those whose partition was revoked are not among what is returned."""
        blocks = [block for block in blocks if not block.is_revoked]
        if len(blocks) > 1 and await self._try_together(blocks):
            return {block for block in blocks if not block.is_revoked}
        return {block for block in blocks if await self._work_off_block(block)}

    async def _try_together(self, blocks: Sequence[Block]) -> bool:
        """Whether all were handled in one call; if not, nothing is said of which of them were."""
        try:
            await self._handle(blocks)
        except Exception as error:
            # Each is tried by itself now, where what is wrong with one of them is told.
            logger.info("agent %s takes %d blocks one by one: %s", self._name, len(blocks), type(error).__name__)
            return False
        return True

    async def _work_off_block(self, block: Block) -> bool:
        try:
            error = await self._try(block, RETRIES)
            if error is not None:
                await self._set_aside_of(block, block.records, error)
        except PartitionRevoked:
            return False
        return not block.is_revoked

    async def _set_aside_of(self, block: Block, records: Sequence[Record], error: Exception) -> None:
        """Set aside what fails of records that fail together, in order, and handle the rest."""
        if len(records) == 1:
            await self._set_aside(block, records[0], error)
            return
        middle = len(records) // 2
        for half in (records[:middle], records[middle:]):
            # What hits a record by itself may be no fault of the record: it gets the patience of a block.
            retries = RETRIES if len(half) == 1 else 0
            failed = await self._try(Block(block.topic, block.partition, half), retries, of=block)
            self._app.halves += 1
            if failed is not None:
                await self._set_aside_of(block, half, failed)

    async def _try(self, block: Block, retries: int, of: Block | None = None) -> Exception | None:
        """Handle a block; None when that succeeded, else the error after the last of `retries` more tries."""
        pauses = pauses_s()
        while True:
            if (of or block).is_revoked:
                raise PartitionRevoked(str(block))
            try:
                await self._handle([block])
                return None
            except (Unavailable, TryAgain) as error:
                self._app.outages += 1
                logger.warning("agent %s waits with %r: %s", self._name, block, error)
            except PartitionRevoked:
                raise
            except Exception as error:
                # No text of the error in the log: it may quote what the record holds.
                name = type(error).__name__
                level = logging.WARNING if of is None or len(block) == 1 else logging.INFO
                logger.log(level, "agent %s failed on %r: %s at %s", self._name, block, name, _place(error))
                if retries == 0:
                    return error
                retries -= 1
            await asyncio.sleep(next(pauses))

    async def _set_aside(self, block: Block, record: Record, error: Exception) -> None:
        said = {"agent": self._name, "error": f"{type(error).__name__}: {error}"[:MAX_ERROR_TEXT]}
        letter = set_aside(DEAD_LETTERS, block.topic, block.partition, record, said)
        for pause_s in pauses_s():
            if block.is_revoked:
                raise PartitionRevoked(str(block))
            try:
                await self._app.producer.send_and_wait(
                    DEAD_LETTERS, letter.key, letter.value, None, letter.timestamp_ms / 1000, list(letter.headers)
                )
            except (Unavailable, KafkaError, ProducerSendError) as unsent:
                self._app.outages += 1
                logger.warning("agent %s waits for the dead letters: %s", self._name, unsent)
                await asyncio.sleep(pause_s)
            else:
                break
        logger.error("agent %s: %s[%d]@%d is a dead letter", self._name, block.topic, block.partition, record.offset)
