"""The workflow's ports onto the log: uploads from the edge, and topic rows from the outbox.

Records bear the machine's own time: Kafka refuses timestamps from the future and ends retention by them, and simulated
time may be anything. What the product goes by stands in headers and values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.clock import WallClock
from streams.producer import NewRecord, RecordProducer
from streams.topics import TELEMETRY_UPLOADS
from workflow.outbox_rows import TopicMessage
from workflow.ports import LoggedUpload


class LogUploads:
    """`UploadLog`: one durable record per upload."""

    def __init__(self, producer: RecordProducer, wall: WallClock) -> None:
        self._producer = producer
        self._wall = wall

    async def append(
        self, vehicle_id: str, value: bytes, headers: Mapping[str, bytes], received_ms: int
    ) -> tuple[int, int]:
        """(partition, offset) once it is durable; Unavailable otherwise."""
        return await self._producer.send(
            TELEMETRY_UPLOADS, vehicle_id.encode(), value, tuple(headers.items()), timestamp_ms=self._wall.now_ms()
        )

    async def append_many(self, uploads: Sequence[LoggedUpload]) -> list[tuple[int, int]]:
        """(partition, offset) of each, all durable in one go; Unavailable otherwise."""
        now = self._wall.now_ms()
        return await self._producer.send_many(
            [
                NewRecord(TELEMETRY_UPLOADS, vehicle_id.encode(), value, now, tuple(headers.items()))
                for vehicle_id, value, headers in uploads
            ]
        )


class LogTopicWriter:
    """`TopicWriter`: outbox rows, in their order."""

    def __init__(self, producer: RecordProducer, wall: WallClock) -> None:
        self._producer = producer
        self._wall = wall

    async def write(self, messages: Sequence[TopicMessage]) -> None:
        """All durable on return; Unavailable otherwise."""
        now = self._wall.now_ms()
        await self._producer.send_many([NewRecord(m.topic, m.key.encode(), m.value, now) for m in messages])
