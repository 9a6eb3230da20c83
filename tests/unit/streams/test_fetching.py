"""What is fetched while a seek comes in between is neither handed over nor lost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streams.app import StreamApp, create_app
from streams.commits import MAX_BLOCKS_IN_FLIGHT, TP, BlockMessage
from streams.embedded import Consumer
from streams.local_log import Entry
from streams.topics import PREDICTIONS, TELEMETRY_UPLOADS, create_topics

HERE = TP(TELEMETRY_UPLOADS, 0)


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[StreamApp]:
    crashes: list[BaseException] = []
    url = f"pitcall-log://{tmp_path}/log"
    await create_topics(url)
    app = create_app(url, tmp_path / "worker", on_crash=crashes.append)
    app.transport.open_log()
    yield app
    app.transport.close_log()
    assert not crashes


@pytest.fixture
async def consumer(app: StreamApp) -> Consumer:
    """A consumer that is assigned one partition, as after a rebalance."""
    consumer = app.consumer
    consumer._assigned = {HERE}
    consumer._positions = {HERE: 0}
    consumer._set_active_tps({HERE})
    consumer._log.add_listener(consumer._on_log_changed)
    app.topics._acking_topics.add(TELEMETRY_UPLOADS)
    return consumer


async def fetch(consumer: Consumer) -> list[BlockMessage]:
    return [message async for _, message in consumer.getmany(timeout=10)]


async def append(consumer: Consumer, count: int = 1) -> None:
    await consumer._log.append([Entry(HERE.topic, HERE.partition, b"car", b"upload", 1) for _ in range(count)])


async def test_a_block_fetched_across_a_seek_comes_again_from_the_committed_offset(consumer: Consumer) -> None:
    fetching = asyncio.create_task(fetch(consumer))
    await asyncio.sleep(0.01)
    await consumer.perform_seek()
    await append(consumer, 3)
    assert await fetching == []
    assert consumer.ledger.in_flight == 0
    (message,) = await fetch(consumer)
    assert (message.block.first, message.block.last) == (0, 2)
    assert consumer.ledger.in_flight == 1


async def test_nothing_is_fetched_of_a_source_during_a_rebalance(app: StreamApp, consumer: Consumer) -> None:
    await append(consumer)
    app.rebalancing = True
    assert await fetch(consumer) == []
    app.rebalancing = False
    assert len(await fetch(consumer)) == 1


async def test_fetching_waits_while_too_many_blocks_are_in_flight(consumer: Consumer) -> None:
    messages = []
    for _ in range(MAX_BLOCKS_IN_FLIGHT):
        await append(consumer)
        messages += await fetch(consumer)
    await append(consumer)
    fetching = asyncio.create_task(fetch(consumer))
    await asyncio.sleep(0.05)
    assert not fetching.done()
    assert consumer.ack(messages[5])
    assert len(await fetching) == 1


async def test_commits_follow_acknowledgements_in_order(app: StreamApp, consumer: Consumer) -> None:
    messages = []
    for _ in range(3):
        await append(consumer, 2)
        messages += await fetch(consumer)
    consumer.ack(messages[2])
    assert not await consumer.force_commit()
    consumer.ack(messages[0])
    assert await consumer.force_commit()
    assert consumer._log.committed(app.conf.id, *HERE) == 2
    consumer.ack(messages[1])
    assert not consumer.ack(messages[1])
    assert await consumer.force_commit()
    assert consumer._log.committed(app.conf.id, *HERE) == 6


async def test_a_topic_whose_agent_waits_holds_up_no_other(app: StreamApp, consumer: Consumer) -> None:
    there = TP(PREDICTIONS, 0)
    consumer._assigned |= {there}
    consumer._positions[there] = 0
    consumer._set_active_tps({HERE, there})
    app.topics._acking_topics.add(PREDICTIONS)
    for _ in range(MAX_BLOCKS_IN_FLIGHT):
        await append(consumer)
        assert len(await fetch(consumer)) == 1
    await append(consumer)
    await consumer._log.append([Entry(there.topic, there.partition, b"car", b"prediction", 1)])
    (message,) = await fetch(consumer)
    assert message.block.topic == PREDICTIONS
    assert await fetch(consumer) == []
    assert consumer.ledger.in_flight == MAX_BLOCKS_IN_FLIGHT + 1
