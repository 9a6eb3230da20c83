"""Reading a topic from either log, outside every group: all of it for the audit, its newest end for latencies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.block import Record
from streams.local_log import LocalLog
from streams.topics import is_embedded, kafka_servers

_FETCH_BYTES = 4_000_000
_LOOK_S = 0.002


async def read_topic(broker_url: str, topic: str, partitions: int) -> AsyncIterator[Sequence[Record]]:
    """Every record of a topic that is there now, partition by partition, a batch at a time."""
    if is_embedded(broker_url):
        with LocalLog.shared(broker_url) as log:
            for partition in range(log.partitions(topic)):
                position = 0
                while records := log.read(topic, partition, position):
                    position = records[-1].offset + 1
                    yield records
        return
    consumer = _consumer(broker_url)
    await consumer.start()
    try:
        tps = [TopicPartition(topic, partition) for partition in range(partitions)]
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for messages in (await consumer.getmany(timeout_ms=200)).values():
                yield [Record(m.offset, m.key, m.value, m.timestamp, tuple(m.headers)) for m in messages]
    finally:
        await consumer.stop()


class LatencySample:
    """Time from an upload's receipt to its prediction being readable, in ms, of the cars of one partition.

    A prediction's record bears the time of receipt of the upload it comes from. Others' clocks don't come in: sender
    and reader are this process.
    """

    def __init__(self, broker_url: str, topic: str, partition: int = 0) -> None:
        self._broker_url = broker_url
        self._tp = TopicPartition(topic, partition)
        self._is_over = asyncio.Event()
        self._is_reading = asyncio.Event()
        self.latencies_ms: list[float] = []

    async def __aenter__(self) -> LatencySample:
        read = self._read_log if is_embedded(self._broker_url) else self._read_kafka
        self._reading = asyncio.create_task(read())
        await asyncio.wait([asyncio.create_task(self._is_reading.wait()), self._reading], return_when="FIRST_COMPLETED")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_over.set()
        await self._reading

    def quantile_ms(self, share: float) -> float | None:
        """The latency that `share` of the sample stays below; None of an empty sample."""
        ordered = sorted(self.latencies_ms)
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else None

    async def _read_log(self) -> None:
        with LocalLog.shared(self._broker_url) as log:
            position = log.end(*self._tp)
            self._is_reading.set()
            while not self._is_over.is_set():
                for record in log.read(self._tp.topic, self._tp.partition, position):
                    position = record.offset + 1
                    self.latencies_ms.append(time.time() * 1000 - record.timestamp_ms)
                await asyncio.sleep(_LOOK_S)

    async def _read_kafka(self) -> None:
        consumer = _consumer(self._broker_url)
        await consumer.start()
        try:
            consumer.assign([self._tp])
            await consumer.seek_to_end(self._tp)
            self._is_reading.set()
            while not self._is_over.is_set():
                for messages in (await consumer.getmany(timeout_ms=50)).values():
                    now_ms = time.time() * 1000
                    self.latencies_ms += [now_ms - message.timestamp for message in messages]
        finally:
            await consumer.stop()


def _consumer(broker_url: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=kafka_servers(broker_url),
        client_id="pitcall-bench",
        group_id=None,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
