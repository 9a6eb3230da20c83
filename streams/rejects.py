"""Rejects: uploads that could not be used, each as it came; read, counted, and sent again once the cause is mended.

A reject is known by where its upload stood: topic/partition/offset. Sending it again is safe to repeat: the upload is
durable before its mark is, what is marked is not sent again unasked, and the fold knows an upload that it has by
(vehicle, boot, seq).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from domain.clock import WallClock
from streams.block import Headers, Record
from streams.producer import NewRecord, RecordProducer, record_producer
from streams.topic_scan import scan
from streams.topics import TELEMETRY_REJECTS, TELEMETRY_UPLOADS, Topic, create_topics

REPLAYED_REJECTS = "replayed-rejects"
REPLAY_TOPICS = (Topic(REPLAYED_REJECTS),)
"""Marks of what was sent again, kept as long as rejects are; made by whoever first reads rejects."""

REPLAY_OF = "replay-of"
_ADDED = frozenset({"reason", "topic", "partition", "offset", REPLAY_OF})
CHUNK_RECORDS, CHUNK_BYTES = 500, 8_000_000


@dataclass(frozen=True, slots=True)
class Reject:
    """One upload that could not be used.

    `headers` are those it came with; `replay_of` is the reject that it was sent again for, if it was.
    """

    reject_id: str
    vehicle_id: str
    reason: str
    rejected_ms: int
    value: bytes
    headers: Headers
    replay_of: str
    is_replayed: bool


@dataclass(slots=True)
class RejectCounts:
    """How many rejects there are, and how many of them were sent again; by reason the former."""

    total: int = 0
    replayed: int = 0
    by_reason: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay did: uploads sent again; left alone as sent before, and as rejected again after a replay."""

    sent: int
    sent_before: int
    rejected_again: int


class Rejects:
    """The rejects of one log. `partitions` and `replication` are those of its topics (None: the log's default)."""

    def __init__(
        self, broker_url: str, wall: WallClock, *, partitions: int | None = None, replication: int = 1
    ) -> None:
        self._broker_url = broker_url
        self._wall = wall
        self._partitions = partitions
        self._replication = replication

    async def read(self) -> AsyncGenerator[Reject, None]:
        """Every reject once, in the order of its partition; raises as `topic_scan.scan` does."""
        marks = await self._marks()
        seen: set[str] = set()
        async with aclosing(scan(self._broker_url, TELEMETRY_REJECTS)) as records:
            async for partition, record in records:
                reject = _reject(partition, record, marks)
                # A worker that was killed may have written the same one twice.
                if reject.reject_id not in seen:
                    seen.add(reject.reject_id)
                    yield reject

    async def count(self) -> RejectCounts:
        """How many there are."""
        counts = RejectCounts()
        async with aclosing(self.read()) as rejects:
            async for reject in rejects:
                counts.total += 1
                counts.replayed += reject.is_replayed
                counts.by_reason[reject.reason] += 1
        return counts

    async def replay(self, is_wanted: Callable[[Reject], bool], *, again: bool = False) -> Replay:
        """Send the wanted ones again, as they came.

        Left alone, unless `again`: what was sent before, and what was rejected once more after it was sent again,
        which without a new cause mended would only come round. Raises Unavailable when the log is away: what was sent
        by then stays sent, and the rest is sent by the same call made later.
        """
        waiting: list[Reject] = []
        sent = sent_before = rejected_again = size = 0
        async with record_producer(self._broker_url) as producer, aclosing(self.read()) as rejects:
            async for reject in rejects:
                if not is_wanted(reject) or not reject.reject_id.startswith(f"{TELEMETRY_UPLOADS}/"):
                    continue
                if not again and (reject.is_replayed or reject.replay_of):
                    sent_before += reject.is_replayed
                    rejected_again += not reject.is_replayed
                    continue
                waiting.append(reject)
                size += len(reject.value)
                sent += 1
                if len(waiting) >= CHUNK_RECORDS or size >= CHUNK_BYTES:
                    await self._send(producer, waiting)
                    waiting, size = [], 0
            await self._send(producer, waiting)
        return Replay(sent, sent_before, rejected_again)

    async def _send(self, producer: RecordProducer, rejects: list[Reject]) -> None:
        now = self._wall.now_ms()
        uploads = [
            NewRecord(
                TELEMETRY_UPLOADS,
                reject.vehicle_id.encode(errors="surrogateescape"),
                reject.value,
                now,
                (*reject.headers, (REPLAY_OF, reject.reject_id.encode())),
            )
            for reject in rejects
        ]
        marks = [NewRecord(REPLAYED_REJECTS, reject.reject_id.encode(), b"", now) for reject in rejects]
        if uploads:
            await producer.send_many(uploads)
            await producer.send_many(marks)

    async def _marks(self) -> set[str]:
        await create_topics(
            self._broker_url, topics=REPLAY_TOPICS, partitions=self._partitions, replication=self._replication
        )
        async with aclosing(scan(self._broker_url, REPLAYED_REJECTS)) as records:
            return {(record.key or b"").decode() async for _, record in records}


def _reject(partition: int, record: Record, marks: set[str]) -> Reject:
    headers = dict(record.headers)  # of two with one name the agent's stands last

    def text(name: str, default: bytes = b"") -> str:
        # A maker's header may be null.
        return (headers.get(name) or default).decode(errors="replace")

    where = [text(name) for name in ("topic", "partition", "offset")]
    # One that somebody else put there has no headers of ours.
    reject_id = "/".join(where) if all(where) else f"{TELEMETRY_REJECTS}/{partition}/{record.offset}"
    return Reject(
        reject_id=reject_id,
        vehicle_id=(record.key or b"").decode(errors="surrogateescape"),
        reason=text("reason", b"unknown"),
        rejected_ms=record.timestamp_ms,
        value=record.value or b"",
        headers=tuple((name, value) for name, value in record.headers if name not in _ADDED),
        replay_of=text(REPLAY_OF),
        is_replayed=reject_id in marks,
    )
