"""The timeline keeps every event once, in an order that a reader can follow without missing any."""

import asyncio
from dataclasses import replace

from adapters.records import Records
from tests.contract.samples import CAR, NOW, event


async def test_an_event_is_appended_once_and_counted_once(records: Records) -> None:
    async with records.unit_of_work() as work:
        await work.timeline.append(event("e-1"))
        await work.timeline.append(event("e-1"))
        await work.timeline.append(event("e-2", kind="need-closed"))
    async with records.unit_of_work() as work:
        await work.timeline.append(event("e-1", kind="another"))
        await work.timeline.append(event("e-3"))
        assert await work.timeline.count() == {"need-closed": 1, "need-opened": 2}
        assert await work.timeline.of_vehicle(CAR.vehicle_id) == [
            event("e-3"),
            event("e-2", kind="need-closed"),
            event("e-1"),
        ]
        assert await work.timeline.of_vehicle(CAR.vehicle_id, limit=1) == [event("e-3")]
        assert await work.timeline.of_vehicle("another") == []


async def test_a_party_reads_its_own_events_only(records: Records) -> None:
    events = [
        event("e-1", dealer_id="dealer-1", customer_id="owner-1"),
        event("e-2", dealer_id="dealer-2", customer_id="owner-1"),
        event("e-3"),
    ]
    async with records.unit_of_work() as work:
        assert await work.timeline.newest_seq() == 0
        for one in events:
            await work.timeline.append(one)
        everything = await work.timeline.after(0)
        assert [found for _, found in everything] == events
        numbers = [seq for seq, _ in everything]
        assert numbers == sorted(set(numbers))
        assert await work.timeline.newest_seq() == numbers[-1]
        assert await work.timeline.after(0, dealer_id="dealer-1") == everything[:1]
        assert await work.timeline.after(0, customer_id="owner-1") == everything[:2]
        assert await work.timeline.after(numbers[0], customer_id="owner-1") == everything[1:2]
        assert await work.timeline.after(0, dealer_id="dealer-2", customer_id="owner-1") == everything[1:2]
        assert await work.timeline.after(0, limit=2) == everything[:2]


async def test_a_reader_who_follows_many_writers_misses_nothing(records: Records) -> None:
    writers, each = 8, 12
    seen: list[str] = []

    async def write(writer: int) -> None:
        for number in range(each):
            async with records.unit_of_work() as work:
                await work.timeline.append(event(f"{writer}/{number}"))
                if number % 3 == writer % 3:
                    # Numbers are given here, and come to light only after the work below.
                    await work.timeline.newest_seq()
                await work.vehicles.add(replace(CAR, vehicle_id=f"car-{writer}-{number}"))

    async def follow() -> None:
        cursor = 0
        while len(seen) < writers * each:
            async with records.unit_of_work() as work:
                found = await work.timeline.after(cursor, limit=5)
            cursor = found[-1][0] if found else cursor
            seen.extend(one.event_id for _, one in found)
            await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.gather(follow(), *(write(writer) for writer in range(writers))), 60)

    assert len(set(seen)) == writers * each
    for writer in range(writers):
        mine = [event_id for event_id in seen if event_id.startswith(f"{writer}/")]
        assert mine == [f"{writer}/{number}" for number in range(each)]


async def test_an_event_of_a_transaction_that_failed_never_shows(records: Records) -> None:
    try:
        async with records.unit_of_work() as work:
            await work.timeline.append(event("e-1", time_ms=NOW + 1))
            assert await work.timeline.newest_seq() > 0
            raise ValueError
    except ValueError:
        pass
    async with records.unit_of_work() as work:
        assert await work.timeline.after(0) == []
        assert await work.timeline.count() == {}
