"""How far a group is behind, where the log no longer has what it has not read."""

import asyncio

import pytest

from streams.lag import lag
from streams.topics import kafka_servers
from tests.integration.streams.conftest import all_handled, append, records
from tests.integration.streams.counting import Place

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("broker_url", ["kafka"], indirect=True)
async def test_what_the_retention_took_unread_is_not_waited_for(place: Place) -> None:
    source = place.sources[0]
    async with place.worker():
        await append(place, records(place, 5, keys=1))
        await all_handled(place)
    await append(place, records(place, 10, keys=1))
    behind = await lag(place.broker_url, [source], place.app_id)
    ((_, partition),) = [where for where, count in behind.items() if count]
    assert behind[source, partition] == 10
    await asyncio.to_thread(delete_before, place, partition, 12)
    assert (await lag(place.broker_url, [source], place.app_id))[source, partition] == 3
    await asyncio.to_thread(delete_before, place, partition, 15)
    assert (await lag(place.broker_url, [source], place.app_id))[source, partition] == 0


def delete_before(place: Place, partition: int, offset: int) -> None:
    """What Kafka's retention does when its time has come."""
    import kafka

    admin = kafka.KafkaAdminClient(bootstrap_servers=kafka_servers(place.broker_url))
    try:
        admin.delete_records({kafka.TopicPartition(place.sources[0], partition): offset})
    finally:
        admin.close()
