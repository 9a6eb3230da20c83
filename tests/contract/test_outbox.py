"""The outbox hands every row to one sender at a time, and the rows of a key in their order."""

import asyncio
import random
from collections import defaultdict

import pytest

from adapters.records import Records, open_records
from tests.contract.samples import NOW
from workflow.outbox_rows import Delivery, Reminder, TopicMessage

LEASE = 30_000
DELIVERY = Delivery("hook-1", "dealer-1", "grant-1", "proposal.sent", '{"é": 1}')
REMINDER = Reminder("reminder-1", "owner-1", "car-1", ("need-1", "need-2"), "Brakes", "Soon")


def message(number: int, key: str = "car-1", topic: str = "domain-events") -> TopicMessage:
    return TopicMessage(topic, key, b"\x00\xff" + str(number).encode())


async def put(records: Records, *rows: TopicMessage | Delivery | Reminder) -> None:
    async with records.unit_of_work() as work:
        for row in rows:
            await work.outbox.put(row, NOW)


async def test_rows_come_out_as_they_went_in_and_by_kind(records: Records) -> None:
    await put(records, message(1), DELIVERY, REMINDER)
    async with records.unit_of_work() as work:
        assert await work.outbox.waiting(NOW) == 3
        (topic,) = await work.outbox.claim("topic", 10, NOW, LEASE)
        (delivery,) = await work.deliveries.claim(10, NOW, LEASE, per_dealer=9)
        (reminder,) = await work.outbox.claim("reminder", 10, NOW, LEASE)
    assert (topic.message, topic.reminder) == (message(1), None)
    assert delivery.delivery == DELIVERY
    assert reminder.reminder == REMINDER


async def test_what_was_put_is_seen_in_the_same_transaction_and_gone_when_it_rolls_back(records: Records) -> None:
    with pytest.raises(KeyError):
        async with records.unit_of_work() as work:
            await work.outbox.put(message(1), NOW)
            assert await work.outbox.waiting(NOW) == 1
            await work.outbox.put(DELIVERY, NOW)
            assert await work.deliveries.find(DELIVERY.delivery_id) is not None
            raise KeyError
    async with records.unit_of_work() as work:
        assert await work.outbox.waiting(NOW) == 0


async def test_a_delivery_or_reminder_is_put_once_and_a_message_as_often_as_said(records: Records) -> None:
    await put(records, message(1), message(1), DELIVERY, DELIVERY, REMINDER, REMINDER)
    async with records.unit_of_work() as work:
        assert await work.outbox.waiting(NOW) == 4


async def test_what_is_leased_is_not_handed_out_until_the_lease_ends(records: Records) -> None:
    await put(records, REMINDER)
    async with records.unit_of_work() as work:
        (first,) = await work.outbox.claim("reminder", 10, NOW, LEASE)
        assert first.attempts == 0
    async with records.unit_of_work() as work:
        assert await work.outbox.claim("reminder", 10, NOW + LEASE - 1, LEASE) == []
        (second,) = await work.outbox.claim("reminder", 10, NOW + LEASE, LEASE)
    assert second.outbox_id == first.outbox_id
    assert second.attempts == 1


async def test_done_and_dropped_rows_are_over_and_a_retry_waits(records: Records) -> None:
    await put(records, message(1, "a"), message(2, "b"), message(3, "c"))
    async with records.unit_of_work() as work:
        one, two, three = await work.outbox.claim("topic", 10, NOW, LEASE)
        await work.outbox.done([one.outbox_id], NOW + 1)
        await work.outbox.drop(two.outbox_id, "the consent was withdrawn", NOW)
        await work.outbox.retry(three.outbox_id, NOW + 500, "away")
        await work.outbox.done([], NOW + 1)
    async with records.unit_of_work() as work:
        assert await work.outbox.claim("topic", 10, NOW + 499, LEASE) == []
        assert await work.outbox.waiting(NOW + 499) == 0
        assert [row.message for row in await work.outbox.claim("topic", 10, NOW + 500, LEASE)] == [message(3, "c")]
    async with records.unit_of_work() as work:
        await work.outbox.retry(one.outbox_id, NOW, "too late: it is done")
        assert await work.outbox.claim("topic", 10, NOW + 501, LEASE) == []


async def test_a_message_never_overtakes_an_older_one_of_its_key(records: Records) -> None:
    await put(records, message(1, "a"), message(2, "b"), message(3, "a"), message(4, "a", "service-records"))
    async with records.unit_of_work() as work:
        (first,) = await work.outbox.claim("topic", 1, NOW, LEASE)
    async with records.unit_of_work() as work:
        others = await work.outbox.claim("topic", 10, NOW, LEASE)
        assert [row.message for row in others] == [message(2, "b"), message(4, "a", "service-records")]
        await work.outbox.retry(first.outbox_id, NOW + 900, "away")
        assert await work.outbox.claim("topic", 10, NOW + 1, LEASE) == []
    async with records.unit_of_work() as work:
        both = await work.outbox.claim("topic", 10, NOW + 900, LEASE)
        assert [row.message for row in both] == [message(1, "a"), message(3, "a")]


@pytest.mark.postgres
async def test_a_message_does_not_overtake_one_whose_claim_is_not_committed_yet(postgres_database: str) -> None:
    records = open_records(postgres_database)
    try:
        await records.migrate()
        await put(records, message(1, "a"), message(2, "b"), message(3, "a"))
        async with records.unit_of_work() as first, records.unit_of_work() as second:
            assert [row.message for row in await first.outbox.claim("topic", 1, NOW, LEASE)] == [message(1, "a")]
            assert [row.message for row in await second.outbox.claim("topic", 9, NOW, LEASE)] == [message(2, "b")]
    finally:
        await records.close()


async def test_many_senders_take_every_row_once_and_each_key_in_order(records: Records) -> None:
    keys = [f"car-{number}" for number in range(7)]
    await put(records, *(message(number, keys[number % 7]) for number in range(210)))
    taken: dict[str, list[int]] = defaultdict(list)
    dice = random.Random(5)

    async def send() -> None:
        while True:
            async with records.unit_of_work() as work:
                rows = await work.outbox.claim("topic", dice.randrange(1, 9), NOW, LEASE)
                waiting = await work.outbox.waiting(NOW)
            for row in rows:
                assert row.message is not None
                taken[row.message.key].append(row.outbox_id)
            await asyncio.sleep(0)
            async with records.unit_of_work() as work:
                await work.outbox.done([row.outbox_id for row in rows], NOW)
            if waiting == 0:
                return

    await asyncio.gather(*(records.run(send) for _ in range(6)))

    assert sum(len(ids) for ids in taken.values()) == 210
    assert all(ids == sorted(set(ids)) for ids in taken.values())


async def test_what_is_over_is_forgotten_in_time_and_what_waits_is_not(records: Records) -> None:
    await put(records, *(message(n, f"car-{n}") for n in range(5)))
    async with records.unit_of_work() as work:
        rows = await work.outbox.claim("topic", 4, NOW, LEASE)
        await work.outbox.done([row.outbox_id for row in rows[:2]], NOW)
        await work.outbox.done([rows[2].outbox_id], NOW + 1)
        await work.outbox.drop(rows[3].outbox_id, "the consent was withdrawn", NOW)
        assert await work.outbox.forget(over_before_ms=NOW, dead_before_ms=NOW, limit=10) == 0
        assert await work.outbox.forget(over_before_ms=NOW + 1, dead_before_ms=NOW, limit=2) == 2
        assert await work.outbox.forget(over_before_ms=NOW + 1, dead_before_ms=NOW, limit=2) == 1
    async with records.unit_of_work() as work:
        assert [row.message for row in await work.outbox.claim("topic", 9, NOW, LEASE)] == [message(4, "car-4")]
