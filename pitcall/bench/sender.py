"""Senders of a bench: a topic filled at once, and a live load on a steady beat."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from math import ceil
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
PATIENCE_MS = 300_000
HEADROOM = 1.5
"""Of the time that making a live load is expected to take."""


class Sender(ABC):
    """Appends many uploads at little cost to itself: it shares the machine with what is measured."""

    @abstractmethod
    async def __aenter__(self) -> Self: ...

    @abstractmethod
    async def __aexit__(self, *_: object) -> None: ...

    @abstractmethod
    def prepare(self, records: Iterable[NewRecord]) -> Any:
        """Whatever of sending them can be done before."""

    @abstractmethod
    async def send(self, prepared: Any) -> None:
        """Send what `prepare` made, and return when all is durable."""

    async def fill(self, load: UploadLoad, first: int, count: int) -> None:
        """Append `count` uploads of the load from upload `first` on, as fast as it goes."""
        end = first + count
        under_way: list[asyncio.Task[None]] = []
        for start in range(first, end, CHUNK):
            if len(under_way) == CHUNKS_UNDER_WAY:
                await under_way.pop(0)
            records = load.records(start, min(CHUNK, end - start), int(time.time() * 1000))
            under_way.append(asyncio.create_task(self.send(self.prepare(records))))
            await asyncio.sleep(0)
        await asyncio.gather(*under_way)

    async def send_live(self, load: UploadLoad, first: int, per_s: float, for_s: float) -> int:
        """Append at a steady rate and return how many.

        Open loop: an upload's receipt is the beginning of the beat at whose end it is sent, so that a sender or a log
        that falls behind shows in the latencies instead of slowing the load. All is made before the first is sent:
        a fleet doesn't run on the cores of those who serve it.
        """
        count = max(1, int(per_s * for_s))
        beats = [int(n * BEAT_S * per_s) for n in range(ceil(for_s / BEAT_S))] + [count]
        beats = sorted({n for n in beats if n <= count})
        began_s = time.perf_counter()
        self.prepare(load.records(first, beats[1], 0))
        # Receipts are told beforehand: so begin when all is made for certain.
        begin_s = time.time() + HEADROOM * (time.perf_counter() - began_s) * len(beats)
        prepared = []
        for start, end in pairwise(beats):
            due_s = begin_s + start / per_s
            prepared.append((due_s + BEAT_S, self.prepare(load.records(first + start, end - start, int(due_s * 1000)))))
            await asyncio.sleep(0)
        async with asyncio.TaskGroup() as sending:
            for due_s, beat in prepared:
                await asyncio.sleep(max(0.0, due_s - time.time()))
                sending.create_task(self.send(beat))
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

    def prepare(self, records: Iterable[NewRecord]) -> Any:
        """The records."""
        return list(records)

    async def send(self, prepared: Any) -> None:
        """Return when all are on disk."""
        await self._producer.send_many(prepared)


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
            # A live load that is too much shows in the latencies, and must not end the bench.
            request_timeout_ms=PATIENCE_MS,
            max_request_size=4 * MAX_RECORD_BYTES,
        )
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    def prepare(self, records: Iterable[NewRecord]) -> Any:
        """Batches, each with its topic and partition."""
        by_partition: defaultdict[tuple[str, int], list[NewRecord]] = defaultdict(list)
        new = list(records)
        for record, partition in zip(new, partitions_for([one.key for one in new], self._partitions), strict=True):
            by_partition[record.topic, partition].append(record)
        return [(place, batch) for place, own in by_partition.items() for batch in self._batches(own)]

    async def send(self, prepared: Any) -> None:
        """Return when Kafka has acknowledged all."""
        sent = [
            await self._producer.send_batch(batch, topic, partition=partition) for (topic, partition), batch in prepared
        ]
        await asyncio.gather(*sent)

    def _batches(self, records: Iterable[NewRecord]) -> list[Any]:
        batches = [self._producer.create_batch()]
        for _, key, value, timestamp_ms, headers, _ in records:
            made = {"timestamp": timestamp_ms, "key": key, "value": value, "headers": list(headers)}
            if batches[-1].append(**made) is None:
                batches.append(self._producer.create_batch())
                batches[-1].append(**made)
        for batch in batches:
            batch.close()
        return batches


def sender(broker_url: str, partitions: int) -> Sender:
    """The sender for a log's URL; not started yet."""
    return LogSender(broker_url) if is_embedded(broker_url) else KafkaSender(broker_url, partitions)
