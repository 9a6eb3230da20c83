"""Reading a topic once, from its beginning to where it ends at the call; in no consumer group, so nothing moves."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from domain.errors import NotFound, Unavailable
from streams.block import Record
from streams.local_log import LocalLog
from streams.log_file import log_path
from streams.topics import is_embedded, kafka_servers

POLL_MS = 500


async def scan(broker_url: str, topic: str) -> AsyncGenerator[tuple[int, Record], None]:
    """Each record with its partition, partition by partition or mixed, in order within one.

    Raises NotFound for a log or topic that isn't there, Conflict for an embedded log that another process has, and
    Unavailable when Kafka doesn't answer.
    """
    records = _scan_local(broker_url, topic) if is_embedded(broker_url) else _scan_kafka(broker_url, topic)
    async with aclosing(records):
        async for found in records:
            yield found


async def _scan_local(broker_url: str, topic: str) -> AsyncGenerator[tuple[int, Record], None]:
    if not log_path(broker_url).exists():
        raise NotFound(f"there is no log {log_path(broker_url)} yet")
    with LocalLog.shared(broker_url) as log:
        ends = {partition: log.end(topic, partition) for partition in range(log.partitions(topic))}
        for partition, end in ends.items():
            position = 0
            while records := log.read(topic, partition, position):
                position = records[-1].offset + 1
                for record in records:
                    if record.offset < end:
                        yield partition, record
                if position >= end:
                    break


async def _scan_kafka(broker_url: str, topic: str) -> AsyncGenerator[tuple[int, Record], None]:
    servers = kafka_servers(broker_url)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        client_id="pitcall-scan",
        group_id=None,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    try:
        await consumer.start()
        if topic not in await consumer.topics():
            raise NotFound(f"Kafka has no topic {topic}: nothing has run on it yet")
        await consumer._client._wait_on_metadata(topic)
        tps = [TopicPartition(topic, partition) for partition in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        await consumer.seek_to_beginning(*tps)
        # By position, not by the last record's offset: retention or compaction may have taken the last one out.
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for tp, messages in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                for message in messages:
                    if message.offset < ends[tp]:
                        headers = tuple(message.headers)
                        yield (
                            tp.partition,
                            Record(message.offset, message.key, message.value, message.timestamp, headers),
                        )
    except KafkaError as error:
        raise Unavailable(f"Kafka at {', '.join(servers)} didn't give {topic}: {error}") from error
    finally:
        await consumer.stop()
