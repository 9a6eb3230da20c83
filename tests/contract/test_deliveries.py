"""Deliveries are handed out once, few per dealer, and those about one thing in their order."""

import asyncio
from dataclasses import replace

import pytest

from adapters.records import Records, open_records
from tests.contract.samples import NOW, settle
from workflow.outbox_rows import AttemptEnd, ClaimedDelivery, Delivery, DeliveryAttempt

LEASE = 30_000
FIRST = Delivery("hook-1", "dealer-1", "grant-1", "proposal.sent", '{"é": 1}', subject="proposal-1")
SECOND = replace(FIRST, delivery_id="hook-2", kind="proposal.withdrawn", needs_consent=False)


def about_nothing(number: int, dealer_id: str = "dealer-1") -> Delivery:
    return Delivery(f"{dealer_id}/{number}", dealer_id, "grant-1", "webhook.test", "{}")


async def put(records: Records, *rows: Delivery) -> None:
    async with records.unit_of_work() as work:
        for row in rows:
            await work.outbox.put(row, NOW)


async def claim(
    records: Records, now_ms: int = NOW, *, limit: int = 99, per_dealer: int = 99, without: tuple[str, ...] = ()
) -> list[ClaimedDelivery]:
    async with records.unit_of_work() as work:
        return await work.deliveries.claim(limit, now_ms, LEASE, per_dealer=per_dealer, without=without)


def ids(claimed: list[ClaimedDelivery]) -> list[str]:
    return [one.delivery.delivery_id for one in claimed]


async def end(records: Records, claimed: ClaimedDelivery, error: str = "", again_ms: int | None = None) -> None:
    async with records.unit_of_work() as work:
        await work.deliveries.end([AttemptEnd(claimed, DeliveryAttempt(NOW, NOW + 7, error), again_ms)])


async def test_a_delivery_comes_out_as_it_went_in_and_once(records: Records) -> None:
    await put(records, FIRST)
    (one,) = await claim(records)
    assert (one.delivery, one.tries, one.attempts) == (FIRST, 0, ())
    assert await claim(records, NOW + LEASE - 1) == []
    (again,) = await claim(records, NOW + LEASE)
    assert (again.outbox_id, again.tries) == (one.outbox_id, 1)


async def test_a_newer_one_about_the_same_waits_for_the_older(records: Records) -> None:
    await put(records, FIRST, SECOND, replace(FIRST, delivery_id="hook-3", subject="proposal-2"))
    first, other = await claim(records)
    assert ids([first, other]) == ["hook-1", "hook-3"]
    assert await claim(records) == []
    await end(records, first, "away", NOW + 900)
    assert await claim(records, NOW + 899) == []
    (first,) = await claim(records, NOW + 900)
    await end(records, first)
    assert ids(await claim(records, NOW + 900)) == ["hook-2"]


async def test_what_is_given_up_holds_nothing_back(records: Records) -> None:
    await put(records, FIRST, SECOND)
    (first,) = await claim(records)
    await end(records, first, "away")
    assert ids(await claim(records)) == ["hook-2"]
    async with records.unit_of_work() as work:
        assert await work.outbox.waiting(NOW) == 1


async def test_each_dealer_gets_its_share_and_those_left_out_none(records: Records) -> None:
    names = ("dealer-1", "dealer-2", "dealer-3")
    await put(records, *(about_nothing(n, name) for name in names for n in range(5)))
    found = ids(await claim(records, per_dealer=2, without=("dealer-2",)))
    assert found == ["dealer-1/0", "dealer-1/1", "dealer-3/0", "dealer-3/1"]


async def test_what_was_given_back_untried_is_due_as_before(records: Records) -> None:
    await put(records, FIRST)
    (one,) = await claim(records)
    async with records.unit_of_work() as work:
        await work.deliveries.release([one.outbox_id])
        await work.deliveries.release([])
    (again,) = await claim(records)
    assert again.tries == 0


async def test_attempts_are_kept_in_their_order(records: Records) -> None:
    await put(records, FIRST)
    (one,) = await claim(records)
    await end(records, one, "away", NOW)
    (one,) = await claim(records)
    assert one.attempts == (DeliveryAttempt(NOW, NOW + 7, "away"),)
    await end(records, one)
    await end(records, one, "too late: it is done", NOW)
    assert await claim(records, NOW + 9 * LEASE) == []


async def test_a_grant_that_ends_takes_along_what_waits_under_it_but_not_what_is_under_way(records: Records) -> None:
    under_way, dead = replace(FIRST, delivery_id="u", subject="p-2"), replace(FIRST, delivery_id="d", subject="p-3")
    other = replace(FIRST, delivery_id="o", subject="p-4", grant_id="grant-2")
    await put(records, under_way, dead, other)
    first, second, third = await claim(records)
    await end(records, second, "away")
    await end(records, third, "away", NOW + 1)
    await put(records, FIRST, SECOND)
    async with records.unit_of_work() as work:
        await work.deliveries.drop_under("grant-1", "the consent was withdrawn", NOW)
    assert ids(await claim(records, NOW + 1)) == ["o", "hook-2"]
    await end(records, first, "away", NOW + 2)
    assert ids(await claim(records, NOW + 2)) == ["u"]


async def test_many_senders_never_share_a_delivery(records: Records) -> None:
    await put(records, *(about_nothing(n) for n in range(120)))
    taken: list[int] = []

    async def send() -> None:
        while rows := await claim(records, limit=5):
            taken.extend(row.outbox_id for row in rows)

    await asyncio.gather(*(send() for _ in range(6)))

    assert len(taken) == len(set(taken)) == 120


@pytest.mark.postgres
async def test_a_grant_held_steady_is_shared_and_one_that_is_changed_left_out(postgres_database: str) -> None:
    records = open_records(postgres_database)
    try:
        await records.migrate()
        await settle(records)
        async with records.unit_of_work() as first, records.unit_of_work() as second:
            assert set(await first.consents.steady({"grant-1", "none"})) == {"grant-1"}
            assert set(await second.consents.steady({"grant-1"})) == {"grant-1"}
        async with records.unit_of_work() as first, records.unit_of_work() as second:
            await first.consents.get("grant-1", lock=True)
            assert await second.consents.steady({"grant-1"}) == {}
    finally:
        await records.close()
