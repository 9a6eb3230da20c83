"""Many records at once are where the call says they are, in their order, on both logs."""

from pitcall.bench.reading import read_topic
from streams.partitioning import partition_for
from streams.producer import NewRecord, record_producer
from tests.integration.streams.conftest import STAMP_MS
from tests.integration.streams.counting import PARTITIONS, Place


async def test_each_record_is_at_the_offset_the_call_returned(place: Place) -> None:
    records = [
        NewRecord(
            place.sources[n % 2],
            f"car-{n % 50}".encode(),
            None if n % 97 == 0 else b"%d " % n + b"x" * (n % 3 * 700),
            STAMP_MS + n,
            (("received-ms", b"%d" % n),) if n % 5 else (),
        )
        for n in range(3_000)
    ]
    async with record_producer(place.broker_url) as producer:
        where = await producer.send_many(records)
        small = await producer.send_many(records[:3])
    assert [partition for partition, _ in where] == [partition_for(record.key, PARTITIONS) for record in records]
    there = {
        (topic, record.key, record.offset): record
        for topic in place.sources
        async for batch in read_topic(place.broker_url, topic, PARTITIONS)
        for record in batch
    }
    for wanted, (_, offset) in zip([*records, *records[:3]], [*where, *small], strict=True):
        found = there[wanted.topic, wanted.key, offset]
        assert (found.value, found.timestamp_ms) == (wanted.value, wanted.timestamp_ms)
        assert found.headers == wanted.headers
    assert len(there) == len(records) + 3


async def test_large_records_among_many_arrive_too(place: Place) -> None:
    records = [
        NewRecord(place.sources[0], b"car", b"y" * size, STAMP_MS) for size in [10] * 20 + [400_000] * 5 + [900_000]
    ]
    async with record_producer(place.broker_url) as producer:
        where = await producer.send_many(records)
    assert [offset for _, offset in where] == list(range(len(records)))
