"""The edge's uploads on their way into the log, and read out again, on both logs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.clocks import WallClock
from domain.errors import NotFound, Unavailable
from streams.partitioning import partition_for
from streams.producer import record_producer
from streams.topic_scan import scan
from streams.topics import TELEMETRY_UPLOADS, Topic, create_topics
from streams.writers import LogUploads
from tests.integration.streams.counting import PARTITIONS
from workflow.ports import LoggedUpload


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
async def broker_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """URL of a log with the topic of uploads; on Kafka of this test alone, for the name is fixed."""
    if request.param == "kafka":
        url = f"pitcall-kafka://{request.getfixturevalue('own_kafka_broker')}"
    else:
        url = f"pitcall-log://{tmp_path}/log"
    await create_topics(url, topics=[Topic(TELEMETRY_UPLOADS)], partitions=PARTITIONS)
    yield url


async def test_a_batch_is_there_where_its_receipts_say_with_all_it_came_with(broker_url: str) -> None:
    batch = [
        LoggedUpload(f"car-{n % 7}", b"\x81%d" % n, {"received-ms": b"%d" % n, "attributes": b"{}"}) for n in range(300)
    ]
    async with record_producer(broker_url) as producer:
        uploads = LogUploads(producer, WallClock())
        places = await uploads.append_many(batch[:250])
        places += await uploads.append_many(batch[250:])
        assert await uploads.append_many([]) == []
    found = {(partition, record.offset): record async for partition, record in scan(broker_url, TELEMETRY_UPLOADS)}
    assert len(found) == len(set(places)) == len(batch)
    for (vehicle_id, value, headers), (partition, offset) in zip(batch, places, strict=True):
        record = found[(partition, offset)]
        assert partition == partition_for(vehicle_id.encode(), PARTITIONS)
        assert (record.key, record.value, dict(record.headers)) == (vehicle_id.encode(), value, headers)
    of_one_car = [place for upload, place in zip(batch, places, strict=True) if upload.vehicle_id == "car-3"]
    assert of_one_car == sorted(of_one_car)


async def test_an_empty_topic_is_read_to_its_end_and_a_missing_one_is_said(broker_url: str) -> None:
    assert [record async for record in scan(broker_url, TELEMETRY_UPLOADS)] == []
    with pytest.raises(NotFound, match="no topic"):
        [record async for record in scan(broker_url, "no-such-topic")]


async def test_a_scan_needs_a_log_that_answers(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no log"):
        [record async for record in scan(f"pitcall-log://{tmp_path}/none", TELEMETRY_UPLOADS)]
    with pytest.raises(Unavailable, match="didn't give"):
        [record async for record in scan("pitcall-kafka://127.0.0.1:9", TELEMETRY_UPLOADS)]
