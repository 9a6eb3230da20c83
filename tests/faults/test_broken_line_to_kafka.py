"""Between us and Kafka the line is slow, is reset, falls silent, or cuts answers short: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.errors import Unavailable
from streams.lag import lag_reader
from streams.producer import NewRecord, RecordProducer, record_producer
from tests.conftest import without
from tests.integration.streams.conftest import all_handled, expected, records
from tests.integration.streams.counting import Place
from tests.servers import kafka_broker
from tests.servers.availability import MissingServerError
from tests.servers.process import free_port
from tests.support.fault_proxy import FaultProxy

pytestmark = pytest.mark.kafka

TIMEOUT_S = 5.0
CHUNK = 100


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    """A proxy in front of a Kafka of this test alone, which sends its clients there."""
    listen = free_port()
    try:
        server, address = await asyncio.to_thread(lambda: kafka_broker.start(advertised=listen))
    except MissingServerError as missing:
        without(missing)
    with server:
        async with FaultProxy(int(address.rpartition(":")[2]), listen=listen) as running:
            yield running


@pytest.fixture
async def place(proxy: FaultProxy, tmp_path: Path) -> Place:
    place = Place(f"pitcall-kafka://127.0.0.1:{proxy.port}", tmp_path, "line", ["odd", "even"])
    await place.prepare()
    return place


async def send(producer: RecordProducer, new: list[NewRecord]) -> list[NewRecord]:
    """Append records; those that were acknowledged."""
    acknowledged = []
    for first in range(0, len(new), CHUNK):
        try:
            await producer.send_many(new[first : first + CHUNK])
        except Unavailable:
            continue
        acknowledged += new[first : first + CHUNK]
    return acknowledged


async def break_the_line(proxy: FaultProxy, dice: random.Random) -> None:
    """One fault of each kind, in an order and for a time drawn from the dice."""
    faults = [
        lambda: proxy.delay(dice.uniform(0.01, 0.2)),
        proxy.reset,
        proxy.fall_silent,
        lambda: proxy.truncate_after(dice.randrange(20_000)),
    ]
    dice.shuffle(faults)
    for fault in faults:
        fault()
        await asyncio.sleep(dice.uniform(0.5, 3.0))
        proxy.heal()
        await asyncio.sleep(dice.uniform(0.0, 0.5))


@pytest.mark.parametrize("rounds", [1, pytest.param(25, marks=pytest.mark.long)])
async def test_what_was_acknowledged_over_a_broken_line_is_there_once(
    place: Place, proxy: FaultProxy, rounds: int
) -> None:
    dice = random.Random(rounds)
    acknowledged: list[NewRecord] = []
    async with place.worker() as worker, record_producer(place.broker_url, timeout_s=TIMEOUT_S) as producer:
        for _ in range(rounds):
            breaking = asyncio.create_task(break_the_line(proxy, dice))
            while not breaking.done():
                acknowledged += await send(producer, records(place, 2 * CHUNK))
            await breaking
            acknowledged += await send(producer, records(place, 2 * CHUNK))
            await all_handled(place, within_s=120)
        counted, least = worker.counts(), expected(acknowledged)
        ends = await appended(place)
    # What was not acknowledged may have arrived all the same; what has is counted once.
    assert sum(counted.values()) == ends
    assert all(counted[key] >= count for key, count in least.items())
    assert len(acknowledged) > CHUNK, "the control: something got through"


async def appended(place: Place) -> int:
    """How many records the topics have taken."""
    async with lag_reader(place.broker_url, place.app_id) as lag:
        return sum((await lag.ends(place.sources)).values())
