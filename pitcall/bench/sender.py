"""Senders of a bench: a topic filled at once, and a live load on a steady beat."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaProducer

from pitcall.bench.load import UploadLoad
from streams.partitioning import partitions_for
from streams.producer import MAX_RECORD_BYTES, NewRecord, record_producer
from streams.topics import is_embedded, kafka_servers

CHUNK = 8_000
CHUNKS_UNDER_WAY = 3
BEAT_S = 0.05
"""Between two appends of a live load: an edge gathers uploads for about so long before it appends them."""


class Sender(ABC):
    """Appends many uploads at little cost to itself: it shares the machine with what is measured."""

    @abstractmethod
    async def __aenter__(self) -> Self: ...

    @abstractmethod
    async def __aexit__(self, *_: object) -> None: ...

    @abstractmethod
    async def send(self, records: Sequence[NewRecord]) -> None:
        """Return when all are durable."""

    async def fill(self, load: UploadLoad, first: int, count: int) -> None:
        """Append `count` uploads of the load from upload `first` on, as fast as it goes."""
        end = first + count
        under_way: list[asyncio.Task[None]] = []
        for start in range(first, end, CHUNK):
            if len(under_way) == CHUNKS_UNDER_WAY:
                await under_way.pop(0)
            records = list(load.records(start, min(CHUNK, end - start), int(time.time() * 1000)))
            under_way.append(asyncio.create_task(self.send(records)))
            await asyncio.sleep(0)
        await asyncio.gather(*under_way)

    async def send_live(self, load: UploadLoad, first: int, per_s: float, for_s: float) -> int:
        """Append at a steady rate and return how many.

        Open loop: an upload's receipt is the moment it was due, so that a sender or a log that falls behind shows in
        the latencies instead of slowing the load.
        """
        count = max(1, int(per_s * for_s))
        begin, sent = time.time(), 0
        under_way: set[asyncio.Task[None]] = set()
        while sent < count:
            due = min(count, int((time.time() - begin) * per_s) + 1)
            if due > sent:
                received_ms = int((begin + sent / per_s) * 1000)
                task = asyncio.create_task(self.send(list(load.records(first + sent, due - sent, received_ms))))
                under_way.add(task)
                sent = due
            for done in [task for task in under_way if task.done()]:
                under_way.discard(done)
                done.result()
            await asyncio.sleep(BEAT_S)
        await asyncio.gather(*under_way)
        return count


class LogSender(Sender):
    """Onto the embedded log, the way the edge does."""

    def __init__(self, broker_url: str) -> None:
        self._producer = record_producer(broker_url)

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def send(self, records: Sequence[NewRecord]) -> None:
        """Return when all are on disk."""
        await self._producer.send_many(records)


class KafkaSender(Sender):
    """Onto Kafka with ``acks=all``, in whole batches per partition, as a maker's cloud would produce."""

    def __init__(self, broker_url: str, partitions: int) -> None:
        self._servers = kafka_servers(broker_url)
        self._partitions = partitions

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            client_id="pitcall-bench",
            acks="all",
            enable_idempotence=True,
            max_batch_size=MAX_RECORD_BYTES,
            max_request_size=4 * MAX_RECORD_BYTES,
        )
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def send(self, records: Sequence[NewRecord]) -> None:
        """Return when Kafka has acknowledged all."""
        by_partition: defaultdict[tuple[str, int], list[NewRecord]] = defaultdict(list)
        partitions = partitions_for([record.key for record in records], self._partitions)
        for record, partition in zip(records, partitions, strict=True):
            by_partition[record.topic, partition].append(record)
        sent = [
            await self._send_batch(topic, partition, batch)
            for (topic, partition), new in by_partition.items()
            for batch in self._batches(new)
        ]
        await asyncio.gather(*sent)

    def _batches(self, records: Iterable[NewRecord]) -> list[Any]:
        batches = [self._producer.create_batch()]
        for _, key, value, timestamp_ms, headers, _ in records:
            made = {"timestamp": timestamp_ms, "key": key, "value": value, "headers": list(headers)}
            if batches[-1].append(**made) is None:
                batches.append(self._producer.create_batch())
                batches[-1].append(**made)
        return batches

    async def _send_batch(self, topic: str, partition: int, batch: Any) -> Any:
        batch.close()
        return await self._producer.send_batch(batch, topic, partition=partition)


def sender(broker_url: str, partitions: int) -> Sender:
    """The sender for a log's URL; not started yet."""
    return LogSender(broker_url) if is_embedded(broker_url) else KafkaSender(broker_url, partitions)
