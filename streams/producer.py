"""Appending records to the log, acknowledged durably: for the HTTP edge, the outbox and the agents."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.structs import RecordMetadata

from domain.errors import TooLarge, Unavailable
from streams.block import Headers
from streams.local_log import Entry, LocalLog
from streams.partition_queue import PartitionQueue
from streams.partitioning import partitions_for
from streams.topics import is_embedded, kafka_servers

MAX_RECORD_BYTES = 1_000_000
MAX_BATCHED_BYTES = 500_000
"""A larger record is sent by itself: alone it may fill a request."""
BATCH_FROM = 16
"""So many records or more go in batches, together with what others send to their partitions."""
KAFKA_TIMEOUT_S = 15.0
MAX_UNACKNOWLEDGED_BYTES = 64_000_000
"""While Kafka is away no more than this waits in memory; then `Unavailable` comes at once."""


class NewRecord(NamedTuple):
    """A record to append. `timestamp_ms` is UTC; value None is a tombstone.

    Its partition follows from its key, unless it must stand where what it comes from stood.
    """

    topic: str
    key: bytes
    value: bytes | None
    timestamp_ms: int
    headers: Headers = ()
    partition: int | None = None


class RecordProducer(ABC):
    """Appends records to either log. What it returns is durable; `Unavailable` means it may or may not be there.

    Trying again after `Unavailable` is safe for readers that know a record by its own id, as all of ours do.
    """

    @abstractmethod
    async def start(self) -> None:
        """Open the connection."""

    @abstractmethod
    async def stop(self) -> None:
        """Send what waits, and close the connection."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def send(
        self, topic: str, key: bytes, value: bytes | None, headers: Headers = (), *, timestamp_ms: int
    ) -> tuple[int, int]:
        """Append one record; its partition and offset."""
        (where,) = await self.send_many([NewRecord(topic, key, value, timestamp_ms, headers)])
        return where

    @abstractmethod
    async def send_many(self, records: Sequence[NewRecord]) -> list[tuple[int, int]]:
        """Append records; the partition and offset of each, when all are durable.

        Records of one key keep their order. On `Unavailable` some may be there.
        """


def record_producer(broker_url: str, *, timeout_s: float = KAFKA_TIMEOUT_S) -> RecordProducer:
    """The producer for a log's URL; not started yet."""
    if is_embedded(broker_url):
        return LogRecordProducer(broker_url)
    return KafkaRecordProducer(broker_url, timeout_s=timeout_s)


class LogRecordProducer(RecordProducer):
    """Appends to the embedded log; each call is on disk, whole, when it returns."""

    def __init__(self, broker_url: str) -> None:
        self._broker_url = broker_url
        self._log: LocalLog | None = None

    async def start(self) -> None:
        """Open the log, or join its users in this process."""
        self._log = LocalLog.shared(self._broker_url)

    async def stop(self) -> None:
        """Give the log back."""
        if self._log is not None:
            self._log.close()
            self._log = None

    async def send_many(self, records: Sequence[NewRecord]) -> list[tuple[int, int]]:
        """Append records; all or none."""
        log = self._log
        if log is None:
            raise Unavailable("the record producer is not started")
        placed = zip(
            records, _placed(records, {record.topic: log.partitions(record.topic) for record in records}), strict=True
        )
        entries = [Entry(r.topic, partition, r.key, r.value, r.timestamp_ms, r.headers) for r, partition in placed]
        offsets = await log.append(entries) if entries else []
        return [(entry.partition, offset) for entry, offset in zip(entries, offsets, strict=True)]


class KafkaRecordProducer(RecordProducer):
    """Appends to Kafka with ``acks=all``.

    Idempotent, so a batch that Kafka took but whose answer was lost is not there twice. A call ends within
    `timeout_s` seconds; aiokafka goes on trying behind it, so a record that was answered with `Unavailable` may
    still arrive.
    """

    def __init__(self, broker_url: str, *, timeout_s: float = KAFKA_TIMEOUT_S) -> None:
        self._servers = kafka_servers(broker_url)
        self._timeout_s = timeout_s
        self._producer: AIOKafkaProducer | None = None
        self._unacknowledged_bytes = 0
        self._queues: dict[tuple[str, int], PartitionQueue] = {}

    async def start(self) -> None:
        """Connect; `Unavailable` when no broker answers."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            client_id="pitcall-producer",
            acks="all",
            enable_idempotence=True,
            linger_ms=2,
            max_batch_size=MAX_RECORD_BYTES,
            max_request_size=MAX_RECORD_BYTES,
            request_timeout_ms=int(self._timeout_s * 1000),
        )
        try:
            await producer.start()
        except KafkaError as error:
            await producer.stop()
            raise Unavailable(f"Kafka at {', '.join(self._servers)} can't be reached: {error}") from error
        self._producer = producer

    async def stop(self) -> None:
        """Send what waits as long as a call may take, and disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(self._timeout_s):
                    for queue in self._queues.values():
                        await queue.drained()
                    await producer.stop()
            except TimeoutError:
                await producer.client.close()

    async def send_many(self, records: Sequence[NewRecord]) -> list[tuple[int, int]]:
        """Append records; some may be there when it fails."""
        producer = self._producer
        if producer is None:
            raise Unavailable("the record producer is not started")
        size = sum(len(record.value or b"") for record in records)
        if self._unacknowledged_bytes and self._unacknowledged_bytes + size > MAX_UNACKNOWLEDGED_BYTES:
            raise Unavailable("Kafka doesn't keep up: too much waits for its acknowledgement")
        is_many = len(records) >= BATCH_FROM and all(len(r.value or b"") <= MAX_BATCHED_BYTES for r in records)
        try:
            async with asyncio.timeout(self._timeout_s):
                if is_many:
                    return await self._send_together(producer, records)
                partitions = _placed(records, await _counts(producer, records))
                acknowledgements = [
                    await self._begin(producer, record, partition)
                    for record, partition in zip(records, partitions, strict=True)
                ]
                # Shielded: a future that is cancelled would take its whole batch with it.
                done = await asyncio.shield(asyncio.gather(*acknowledgements))
        except TimeoutError as error:
            raise Unavailable(f"Kafka didn't acknowledge within {self._timeout_s:g} s") from error
        except MessageSizeTooLargeError as error:
            # Coming again later would not make it smaller.
            raise TooLarge(f"Kafka takes no such record: {error}", field="$", fix="make it smaller") from error
        except KafkaError as error:
            raise Unavailable(f"Kafka didn't take the record: {error}") from error
        return [(metadata.partition, metadata.offset) for metadata in done]

    async def _send_together(self, producer: AIOKafkaProducer, records: Sequence[NewRecord]) -> list[tuple[int, int]]:
        """As `send_many`, in batches with what others send: a tenth of the work that sending one by one costs."""
        positions: dict[tuple[str, int], list[int]] = {}
        for position, (record, partition) in enumerate(
            zip(records, _placed(records, await _counts(producer, records)), strict=True)
        ):
            positions.setdefault((record.topic, partition), []).append(position)
        begun: list[asyncio.Future[list[int]]] = []
        for where, own in positions.items():
            queue = self._queues.get(where)
            if queue is None:
                queue = self._queues[where] = PartitionQueue(producer, *where)
            waiting = [records[position] for position in own]
            size = sum(len(record.value or b"") for record in waiting)
            self._unacknowledged_bytes += size
            acknowledgement = queue.add(waiting)
            acknowledgement.add_done_callback(partial(self._acknowledged, size=size))
            begun.append(acknowledgement)
        # Shielded: what was begun goes on, whoever still waits for it.
        done = await asyncio.shield(asyncio.gather(*begun))
        placed: list[tuple[int, int]] = [(-1, -1)] * len(records)
        for ((_, partition), own), offsets in zip(positions.items(), done, strict=True):
            for position, offset in zip(own, offsets, strict=True):
                placed[position] = (partition, offset)
        return placed

    async def _begin(
        self, producer: AIOKafkaProducer, record: NewRecord, partition: int
    ) -> asyncio.Future[RecordMetadata]:
        acknowledgement: asyncio.Future[RecordMetadata] = await producer.send(
            record.topic,
            record.value,
            key=record.key,
            partition=partition,
            timestamp_ms=record.timestamp_ms,
            headers=list(record.headers),
        )
        size = len(record.value or b"")
        self._unacknowledged_bytes += size
        acknowledgement.add_done_callback(partial(self._acknowledged, size=size))
        return acknowledgement

    def _acknowledged(self, done: asyncio.Future[Any], size: int) -> None:
        self._unacknowledged_bytes -= size
        if not done.cancelled():
            done.exception()  # looked at, so that asyncio doesn't report one that came after our time-out


def _placed(records: Sequence[NewRecord], partitions: Mapping[str, int]) -> list[int]:
    """The partition of each record; `partitions`: how many each topic has."""
    placed = [-1 if record.partition is None else record.partition for record in records]
    by_topic: dict[str, list[int]] = {}
    for position, record in enumerate(records):
        if record.partition is None:
            by_topic.setdefault(record.topic, []).append(position)
    for topic, positions in by_topic.items():
        keys = [records[position].key for position in positions]
        for position, partition in zip(positions, partitions_for(keys, partitions[topic]), strict=True):
            placed[position] = partition
    return placed


async def _counts(producer: AIOKafkaProducer, records: Sequence[NewRecord]) -> dict[str, int]:
    """How many partitions each record's topic has."""
    return {topic: len(await producer.partitions_for(topic)) for topic in {record.topic for record in records}}
