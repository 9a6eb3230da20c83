"""Reading a topic once, from its beginning to where it ends at the call; in no consumer group, so nothing moves."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from domain.errors import NotFound, Unavailable
from streams.block import Block, Record, blocks_of
from streams.fetched_blocks import fetched_blocks
from streams.local_log import LocalLog
from streams.log_file import log_path
from streams.topics import is_embedded, kafka_servers

POLL_S = 0.5
MAX_AT_ONCE = 8_192


async def scan(broker_url: str, topic: str) -> AsyncGenerator[tuple[int, Record], None]:
    """Each record with its partition, partition by partition or mixed, in order within one; raises as `scan_blocks`."""
    async with aclosing(scan_blocks(broker_url, topic)) as blocks:
        async for block in blocks:
            for record in block.records:
                yield block.partition, record


async def scan_blocks(
    broker_url: str, topic: str, partitions: Collection[int] | None = None
) -> AsyncGenerator[Block, None]:
    """The records of these partitions (of all by default) in blocks, in order within a partition.

    Raises NotFound for a log or topic that isn't there, Conflict for an embedded log that another process has, and
    Unavailable when Kafka doesn't answer.
    """
    read = _blocks_of_log if is_embedded(broker_url) else _blocks_of_kafka
    async with aclosing(read(broker_url, topic, partitions)) as blocks:
        async for block in blocks:
            yield block


async def _blocks_of_log(
    broker_url: str, topic: str, partitions: Collection[int] | None
) -> AsyncGenerator[Block, None]:
    if not log_path(broker_url).exists():
        raise NotFound(f"there is no log {log_path(broker_url)} yet")
    with LocalLog.shared(broker_url) as log:
        wanted = range(log.partitions(topic)) if partitions is None else sorted(partitions)
        ends = {partition: log.end(topic, partition) for partition in wanted}
        for partition, end in ends.items():
            position = 0
            while position < end and (records := log.read(topic, partition, position)):
                position = records[-1].offset + 1
                if own := [record for record in records if record.offset < end]:
                    yield Block(topic, partition, own)


async def _blocks_of_kafka(
    broker_url: str, topic: str, partitions: Collection[int] | None
) -> AsyncGenerator[Block, None]:
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
        wanted = (consumer.partitions_for_topic(topic) or ()) if partitions is None else partitions
        tps = [TopicPartition(topic, partition) for partition in sorted(wanted)]
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        await consumer.seek_to_beginning(*tps)
        # By position, not by the last record's offset: retention or compaction may have taken the last one out.
        while unread := {tp for tp in tps if await consumer.position(tp) < ends[tp]}:
            with consumer._fetcher._subscriptions.fetch_context():
                fetched = await fetched_blocks(consumer._fetcher, unread, POLL_S, MAX_AT_ONCE)
            for tp, blocks in fetched.items():
                for block in blocks:
                    own = [record for record in block.records if record.offset < ends[tp]]
                    for part in blocks_of(topic, tp.partition, own):
                        yield part
    except KafkaError as error:
        raise Unavailable(f"Kafka at {', '.join(servers)} didn't give {topic}: {error}") from error
    finally:
        await consumer.stop()
