"""What the stream does, counted where its effects have become durable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from domain.clock import WallClock
from streams.block import Block
from streams.producer import NewRecord, RecordProducer
from streams.topics import PREDICTIONS, TELEMETRY_REJECTS
from workflow.metrics import Metrics
from workflow.reject_reasons import kind_of_reason


def measured(
    agent: str, handle: Callable[[Block], Awaitable[None]], metrics: Metrics
) -> Callable[[Block], Awaitable[None]]:
    """`handle`, counting the records of each block it has handled."""

    async def counting(block: Block) -> None:
        await handle(block)
        metrics.handled(agent, block.topic, len(block))

    return counting


def measured_together(
    agent: str, handle: Callable[[Sequence[Block]], Awaitable[None]], metrics: Metrics
) -> Callable[[Sequence[Block]], Awaitable[None]]:
    """`handle`, counting the records of all blocks it has handled."""

    async def counting(blocks: Sequence[Block]) -> None:
        await handle(blocks)
        for block in blocks:
            metrics.handled(agent, block.topic, len(block))

    return counting


class MeasuredProducer(RecordProducer):
    """A producer that counts what the vehicles agent has sent: rejects by reason, and predictions with their delay.

    A prediction bears the time of the record it comes from, which is the machine's own time at the edge, also where
    the cars' time is simulated: so the delay is always one of real seconds.
    """

    def __init__(self, producer: RecordProducer, metrics: Metrics, wall: WallClock) -> None:
        self._producer = producer
        self._metrics = metrics
        self._wall = wall

    async def start(self) -> None:
        """Start the producer behind."""
        await self._producer.start()

    async def stop(self) -> None:
        """Stop the producer behind."""
        await self._producer.stop()

    async def send_many(self, records: Sequence[NewRecord]) -> list[tuple[int, int]]:
        """Append records, and count them once they are durable."""
        where = await self._producer.send_many(records)
        now_ms = self._wall.now_ms()
        causes = {(record.key, record.timestamp_ms) for record in records if record.topic == PREDICTIONS}
        if causes:
            self._metrics.predicted([(now_ms - at_ms) / 1000 for _, at_ms in causes])
        for record in records:
            if record.topic == TELEMETRY_REJECTS:
                self._metrics.rejected(kind_of_reason(dict(record.headers).get("reason", b"").decode(errors="replace")))
        return where
