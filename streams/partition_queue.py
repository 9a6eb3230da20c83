"""PartitionQueue: records that wait for Kafka to acknowledge the batch before theirs, and then go together.

A producer has one batch of a partition under way. Many callers with a few records each would pay a round trip for
every few records, one after the other; what waits meanwhile is sent as one batch instead, as a database commits in
groups. A partition that is slow holds up no other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

if TYPE_CHECKING:
    from streams.producer import NewRecord


class _Call:
    """The records of one caller: how many are in batches, and the offset of each that was acknowledged."""

    def __init__(self, records: Sequence[NewRecord]) -> None:
        self.records = records
        self.begun = 0
        self.offsets: list[int] = []
        self.done: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()


class PartitionQueue:
    """Appends to one partition through `producer`, in the order of the calls."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, partition: int) -> None:
        self._producer = producer
        self._topic, self._partition = topic, partition
        self._calls: deque[_Call] = deque()
        self._sender: asyncio.Task[None] | None = None

    def add(self, records: Sequence[NewRecord]) -> asyncio.Future[list[int]]:
        """The offsets of `records` (at least one) once all are durable, or the error of the first that is not.

        Whoever no longer waits for the future doesn't stop what was begun.
        """
        call = _Call(records)
        self._calls.append(call)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send())
        return call.done

    async def drained(self) -> None:
        """Return once nothing waits."""
        if self._sender is not None:
            await asyncio.wait([self._sender])

    async def _send(self) -> None:
        while self._calls:
            batch = self._producer.create_batch()
            parts: list[tuple[_Call, int]] = []
            while self._calls and (taken := _fill(batch, self._calls[0])):
                parts.append((self._calls[0], taken))
                if self._calls[0].begun < len(self._calls[0].records):
                    break
                self._calls.popleft()
            batch.close()
            if not parts:
                self._fail([(self._calls[0], 0)], MessageSizeTooLargeError("the record is larger than a batch"))
                continue
            try:
                acknowledged = await self._producer.send_batch(batch, self._topic, partition=self._partition)
                first = (await acknowledged).offset
            except Exception as error:
                self._fail(parts, error)
                continue
            for call, taken in parts:
                call.offsets += range(first, first + taken)
                first += taken
                if len(call.offsets) == len(call.records) and not call.done.done():
                    call.done.set_result(call.offsets)

    def _fail(self, parts: Sequence[tuple[_Call, int]], error: Exception) -> None:
        """Tell whose records were in the batch; what of theirs is in none yet will not be sent."""
        for call, _ in parts:
            if not call.done.done():
                call.done.set_exception(error)
                call.done.exception()  # looked at, so that asyncio reports none that nobody waits for any longer
            if self._calls and self._calls[0] is call:
                self._calls.popleft()


def _fill(batch: object, call: _Call) -> int:
    """Put as many of the call's records into `batch` as it holds; how many. An empty batch takes at least one."""
    taken = 0
    for record in call.records[call.begun :]:
        made = {
            "timestamp": record.timestamp_ms,
            "key": record.key,
            "value": record.value,
            "headers": list(record.headers),
        }
        if batch.append(**made) is None:  # type: ignore[attr-defined]
            break
        taken += 1
    call.begun += taken
    return taken
