"""Kafka goes away, and comes back."""

import asyncio
from pathlib import Path

import pytest

from domain.errors import Unavailable
from streams.producer import record_producer
from streams.topics import create_topics
from tests.integration.streams.conftest import all_handled, append, expected, records
from tests.integration.streams.counting import Place
from tests.servers.process import ServerProcess

pytestmark = pytest.mark.kafka


@pytest.fixture
async def place(own_kafka_server: tuple[ServerProcess, str], tmp_path: Path) -> Place:
    place = Place(f"pitcall-kafka://{own_kafka_server[1]}", tmp_path, "outage", ["odd", "even"])
    await place.prepare()
    return place


async def test_while_kafka_stands_still_nothing_is_acknowledged_and_then_all_goes_on(
    place: Place, own_kafka_server: tuple[ServerProcess, str]
) -> None:
    server, _ = own_kafka_server
    before, during, after = (records(place, 200) for _ in range(3))
    async with place.worker() as worker, record_producer(place.broker_url, timeout_s=3) as producer:
        await producer.send_many(before)
        await all_handled(place)
        server.freeze()
        with pytest.raises(Unavailable, match="didn't acknowledge within 3 s"):
            await producer.send_many(during)
        # Longer than the group's session: the worker is thrown out, and must find back by itself.
        await asyncio.sleep(12)
        server.thaw()
        await all_handled(place, within_s=90)
        await producer.send_many(after)
        await all_handled(place, within_s=90)
        # What wasn't acknowledged was still under way, once, and has arrived.
        assert worker.counts() == expected(before, during, after)


async def test_kafka_killed_and_started_again_loses_nothing(
    place: Place, own_kafka_server: tuple[ServerProcess, str]
) -> None:
    server, _ = own_kafka_server
    before, after = records(place, 5_000), records(place, 500)
    async with place.worker() as worker:
        await append(place, before)
        server.kill()
        await asyncio.sleep(1)
        server.start()
        await append(place, after)
        await all_handled(place, within_s=120)
        assert worker.counts() == expected(before, after)


async def test_without_kafka_starting_says_where_it_was_looked_for(
    own_kafka_server: tuple[ServerProcess, str],
) -> None:
    server, address = own_kafka_server
    server.kill()
    url = f"pitcall-kafka://{address}"
    with pytest.raises(Unavailable, match=f"Kafka at {address} can't be reached"):
        await create_topics(url)
    with pytest.raises(Unavailable, match=f"Kafka at {address} can't be reached"):
        await record_producer(url).start()
