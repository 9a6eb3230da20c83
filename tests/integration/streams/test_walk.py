"""From a record appended to a state recovered, on both logs."""

import asyncio

import pytest

from domain.errors import Conflict, Unavailable
from streams.block import MAX_RECORDS, Block
from streams.feed import snapshot_feed
from streams.lag import lag
from streams.partitioning import partition_for
from streams.producer import NewRecord, record_producer
from streams.topics import DEAD_LETTERS, Topic, create_topics
from tests.integration.streams.conftest import STAMP_MS, all_handled, append, expected, records
from tests.integration.streams.counting import PARTITIONS, Place


async def test_every_record_is_handled_once_in_order_and_in_blocks(place: Place) -> None:
    new = records(place, 3_000)
    await append(place, new)
    async with place.worker() as worker:
        await all_handled(place)
        assert worker.counts() == expected(new)
        assert len(worker.blocks) < len(new) / 50
        assert all(len(block) <= MAX_RECORDS for block in worker.blocks)
        for partition in range(PARTITIONS):
            offsets = [
                record.offset for block in worker.blocks if block.partition == partition for record in block.records
            ]
            assert offsets == list(range(len(offsets)))


async def test_what_is_dropped_before_anything_was_committed_is_read_again(place: Place) -> None:
    first, more = records(place, 200), records(place, 100)
    is_reached, may_go_on = asyncio.Event(), asyncio.Event()

    async def wait(block: Block) -> None:
        is_reached.set()
        await may_go_on.wait()

    await append(place, first)
    async with place.worker(before=wait) as worker:
        await asyncio.wait_for(is_reached.wait(), 40)
        # As when the group is rebalanced: what was handed out is no longer acknowledged, and comes again.
        await worker.app.consumer.perform_seek()
        assert not any(worker.counts().values())
        may_go_on.set()
        await append(place, more)
        await all_handled(place)
        assert worker.counts() == expected(first, more)
        for partition in range(PARTITIONS):
            again = {r.offset for block in worker.blocks if block.partition == partition for r in block.records}
            assert again == set(range(len(again)))


async def test_a_restarted_worker_recovers_its_state_and_goes_on_where_it_stopped(place: Place) -> None:
    before, after = records(place, 1_500), records(place, 700, keys=33)
    await append(place, before)
    async with place.worker() as worker:
        await all_handled(place)
    async with place.worker() as worker:
        assert worker.counts() == expected(before)
        await append(place, after)
        await all_handled(place)
        assert worker.counts() == expected(before, after)
        assert sum(len(block) for block in worker.blocks) == len(after)


async def test_an_agent_may_read_several_copartitioned_topics(place: Place) -> None:
    odd, even = records(place, 300, source=0), records(place, 400, source=1)
    async with place.worker() as worker:
        await append(place, [*odd, *even])
        await all_handled(place)
        assert worker.counts() == expected(odd, even)


async def test_poison_goes_to_the_dead_letters_and_the_rest_goes_on(place: Place) -> None:
    new = records(place, 200)
    poison = NewRecord(place.sources[0], b"car-3", b"poison", STAMP_MS, (("received-ms", b"7"),))

    async def refuse_poison(block: Block) -> None:
        if any(record.value == b"poison" for record in block.records):
            raise ValueError("can't be digested")

    await append(place, [*new[:100], poison, *new[100:]])
    letters: list[bytes] = []
    async with place.worker(before=refuse_poison) as worker:
        await all_handled(place)
        assert worker.counts() == expected(new)
        feed = snapshot_feed(
            place.broker_url, lambda key, value: letters.append(value), on_crash=_fail, topic=DEAD_LETTERS
        )
        async with feed:
            assert letters.count(b"poison") == 1


async def test_while_a_part_is_away_nothing_is_skipped_and_nothing_acknowledged(place: Place) -> None:
    is_away = asyncio.Event()
    is_back = asyncio.Event()

    async def need_database(block: Block) -> None:
        if not is_back.is_set():
            is_away.set()
            raise Unavailable("the database is away")

    new = records(place, 500)
    await append(place, new)
    async with place.worker(before=need_database) as worker:
        await asyncio.wait_for(is_away.wait(), 30)
        assert worker.blocks == []
        assert sum((await lag(place.broker_url, place.sources, place.app_id)).values()) == len(new)
        is_back.set()
        await all_handled(place)
        assert worker.counts() == expected(new)


async def test_a_block_left_unfinished_comes_again_after_a_restart(place: Place) -> None:
    has_begun = asyncio.Event()

    async def never_end(block: Block) -> None:
        has_begun.set()
        await asyncio.Event().wait()

    new = records(place, 50)
    await append(place, new)
    async with place.worker(before=never_end):
        await asyncio.wait_for(has_begun.wait(), 30)
    async with place.worker() as worker:
        await all_handled(place)
        assert worker.counts() == expected(new)


async def test_records_are_where_their_key_puts_them(place: Place) -> None:
    async with record_producer(place.broker_url) as producer:
        first = await producer.send(place.sources[0], b"car-1", b"a", timestamp_ms=1)
        second = await producer.send(place.sources[0], b"car-1", b"b", timestamp_ms=2)
    assert first == (partition_for(b"car-1", PARTITIONS), 0)
    assert second == (partition_for(b"car-1", PARTITIONS), 1)


async def test_topics_are_created_once_and_never_with_another_count(place: Place) -> None:
    topics = [Topic(name) for name in place.sources]
    await create_topics(place.broker_url, topics=topics, partitions=PARTITIONS)
    with pytest.raises(Conflict, match="exists with 4 partitions, not 5"):
        await create_topics(place.broker_url, topics=topics, partitions=5)


async def test_a_feed_holds_the_newest_two_of_each_key_and_hears_of_newer_ones(place: Place) -> None:
    topic = place.sources[0]
    heard: list[tuple[bytes, bytes]] = []
    is_heard = asyncio.Event()

    def hear(key: bytes, value: bytes) -> None:
        heard.append((key, value))
        if value == b"oil 3":
            is_heard.set()

    async with record_producer(place.broker_url) as producer:
        for key, value in [
            (b"oil", b"oil 0"),
            (b"oil", b"oil 1"),
            (b"pads", b"pads 1"),
            (b"oil", b"oil 2"),
            (b"gone", b"x"),
            (b"gone", None),
        ]:
            await producer.send(topic, key, value, timestamp_ms=1)
        async with snapshot_feed(place.broker_url, hear, on_crash=_fail, topic=topic):
            # The older first: it serves where the newest turns out to be damaged.
            assert [value for key, value in heard if key == b"oil"] == [b"oil 1", b"oil 2"]
            assert [value for key, value in heard if key != b"oil"] == [b"pads 1"]
            await producer.send(topic, b"oil", b"oil 3", timestamp_ms=2)
            await asyncio.wait_for(is_heard.wait(), 20)


async def test_a_fault_in_the_feed_is_reported(place: Place) -> None:
    crashes: asyncio.Queue[BaseException] = asyncio.Queue()

    def choke(key: bytes, value: bytes) -> None:
        raise ValueError("no predictor takes this")

    async with snapshot_feed(place.broker_url, choke, on_crash=crashes.put_nowait, topic=place.sources[0]):
        await append(place, records(place, 1))
        assert "no predictor" in str(await asyncio.wait_for(crashes.get(), 20))


def _fail(error: BaseException) -> None:
    raise AssertionError from error
