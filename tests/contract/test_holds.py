"""No bay, technician or loaner car is promised twice, however many ask at once."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from adapters.records import Records
from domain.errors import SlotTaken
from domain.slot import Slot
from tests.contract.samples import DEALER, HOUR, NOW, proposal, settle

NINE = Slot(NOW, NOW + HOUR, "bay-1")
TEN = Slot(NOW + HOUR, NOW + 2 * HOUR, "bay-1")
WHOLE = Slot(NOW, NOW + HOUR, "bay-1", "T1", "loaner-1")


async def with_proposals(records: Records, count: int) -> list[str]:
    """Settle the parties and that many proposals; gives their ids."""
    await settle(records)
    ids = [f"proposal-{number}" for number in range(count)]
    async with records.unit_of_work() as work:
        for proposal_id in ids:
            await work.proposals.add(proposal(proposal_id=proposal_id))
    return ids


@pytest.mark.parametrize(
    "alone",
    [{}, {"bay_id": "", "technician_id": "T1"}, {"bay_id": "", "loaner_id": "loaner-1"}],
    ids=["bay", "technician", "loaner"],
)
async def test_of_a_hundred_who_want_one_thing_at_once_one_gets_it(records: Records, alone: dict[str, str]) -> None:
    ids = await with_proposals(records, 100)

    async def ask(number: int) -> str:
        start = NOW + (number % 4) * HOUR // 4  # all of them overlap
        slot = replace(NINE, start_ms=start, end_ms=start + HOUR, **alone)

        async def hold() -> None:
            async with records.unit_of_work() as work:
                await work.holds.hold(DEALER.dealer_id, ids[number], [slot])

        try:
            await records.run(hold)
        except SlotTaken:
            return "refused"
        return "held"

    outcomes = await asyncio.gather(*(ask(number) for number in range(100)))

    assert sorted(outcomes) == ["held"] + ["refused"] * 99
    async with records.unit_of_work() as work:
        assert await work.holds.overlaps() == 0
        assert len(await work.holds.busy(DEALER.dealer_id, NOW - HOUR, NOW + 9 * HOUR)) == 1


async def test_slots_that_touch_or_share_nothing_are_both_held(records: Records) -> None:
    first, second, third = await with_proposals(records, 3)
    beside = Slot(NINE.start_ms, NINE.end_ms, "bay-2")
    async with records.unit_of_work() as work:
        await work.holds.hold(DEALER.dealer_id, first, [NINE])
        await work.holds.hold(DEALER.dealer_id, second, [TEN])
        await work.holds.hold(DEALER.dealer_id, third, [beside])
        busy = await work.holds.busy(DEALER.dealer_id, NOW, NOW + 2 * HOUR)
        assert busy == [*NINE.holds, *beside.holds, *TEN.holds]
        assert await work.holds.busy(DEALER.dealer_id, NOW + HOUR, NOW + 2 * HOUR) == [*TEN.holds]
        assert await work.holds.busy("another", NOW, NOW + 2 * HOUR) == []


async def test_a_bay_a_technician_and_a_car_of_one_name_are_three_things(records: Records) -> None:
    first, second, third = await with_proposals(records, 3)
    async with records.unit_of_work() as work:
        await work.holds.hold(DEALER.dealer_id, first, [Slot(NOW, NOW + HOUR, "1")])
        await work.holds.hold(DEALER.dealer_id, second, [Slot(NOW, NOW + HOUR, "", "1")])
        await work.holds.hold(DEALER.dealer_id, third, [Slot(NOW, NOW + HOUR, "", "", "1")])
        assert len(await work.holds.busy(DEALER.dealer_id, NOW, NOW + HOUR)) == 3
        assert await work.holds.overlaps() == 0


async def test_a_slot_holds_all_that_is_promised_with_it_and_what_is_ones_own_can_be_left_out(records: Records) -> None:
    first, second = await with_proposals(records, 2)
    async with records.unit_of_work() as work:
        await work.holds.hold(DEALER.dealer_id, first, [WHOLE])
        for nobody in (None, second):
            assert {*await work.holds.busy(DEALER.dealer_id, NOW, NOW + HOUR, but_of=nobody)} == {*WHOLE.holds}
        assert await work.holds.busy(DEALER.dealer_id, NOW, NOW + HOUR, but_of=first) == []
        for shared in ({"bay_id": "bay-1"}, {"technician_id": "T1"}, {"loaner_id": "loaner-1"}):
            other = replace(Slot(NOW + HOUR // 2, NOW + 2 * HOUR, "bay-2", "T2", "loaner-2"), **shared)
            with pytest.raises(SlotTaken):
                await work.holds.hold(DEALER.dealer_id, second, [other])
        await work.holds.release(first)
        assert await work.holds.busy(DEALER.dealer_id, NOW, NOW + HOUR) == []


async def test_a_new_hold_replaces_the_old_one_and_a_release_ends_it(records: Records) -> None:
    first, second = await with_proposals(records, 2)
    async with records.unit_of_work() as work:
        await work.holds.hold(DEALER.dealer_id, first, [NINE, TEN])
        await work.holds.hold(DEALER.dealer_id, first, [TEN])
        await work.holds.hold(DEALER.dealer_id, second, [NINE])
        await work.holds.release(first)
        assert await work.holds.busy(DEALER.dealer_id, NOW, NOW + 2 * HOUR) == [*NINE.holds]
        await work.holds.hold(DEALER.dealer_id, second, [])
        assert await work.holds.busy(DEALER.dealer_id, NOW, NOW + 2 * HOUR) == []


async def test_a_hold_that_is_refused_leaves_what_was_held_before(records: Records) -> None:
    first, second = await with_proposals(records, 2)
    late = Slot(NOW + 5 * HOUR, NOW + 6 * HOUR, "bay-1")
    async with records.unit_of_work() as work:
        await work.holds.hold(DEALER.dealer_id, first, [NINE])
        await work.holds.hold(DEALER.dealer_id, second, [late])
        with pytest.raises(SlotTaken):
            await work.holds.hold(DEALER.dealer_id, second, [TEN, NINE])
    async with records.unit_of_work() as work:
        assert await work.holds.busy(DEALER.dealer_id, NOW, NOW + 9 * HOUR) == [*NINE.holds, *late.holds]


async def test_who_looks_within_their_turn_finds_it_free_still_when_they_hold_it(records: Records) -> None:
    ids = await with_proposals(records, 20)
    bays = [f"bay-{number}" for number in range(20)]

    async def take_one(proposal_id: str) -> None:
        async with records.unit_of_work() as work:
            await work.holds.take_turn(DEALER.dealer_id)
            taken = {hold.resource.resource_id for hold in await work.holds.busy(DEALER.dealer_id, NOW, NOW + HOUR)}
            free = next(bay for bay in bays if bay not in taken)
            await work.holds.hold(DEALER.dealer_id, proposal_id, [replace(NINE, bay_id=free)])

    await asyncio.gather(*(take_one(proposal_id) for proposal_id in ids))
    async with records.unit_of_work() as work:
        assert len(await work.holds.busy(DEALER.dealer_id, NOW, NOW + HOUR)) == 20


@pytest.mark.parametrize("kind", ["bay", "technician", "loaner"])
async def test_the_database_itself_refuses_an_overlap(records: Records, kind: str) -> None:
    first, second = await with_proposals(records, 2)
    named = {"bay_id": "", f"{kind}_id": "one"}
    async with records.unit_of_work() as work:
        await work.holds.hold(DEALER.dealer_id, first, [replace(NINE, **named)])
        await work.holds.hold(DEALER.dealer_id, second, [replace(TEN, **named)])
    behind_its_back = (
        "INSERT INTO resource_holds (dealer_id, kind, resource_id, start_ms, end_ms, proposal_id)"
        " SELECT dealer_id, kind, resource_id, start_ms + 1, end_ms + 1, :second FROM resource_holds"
        " WHERE proposal_id <> :second"
    )
    for statement in (behind_its_back, "UPDATE resource_holds SET start_ms = start_ms - 1 WHERE proposal_id = :second"):
        with pytest.raises(DBAPIError, match="resource_holds_no_overlap"):
            async with records.engine.begin() as connection:
                await connection.execute(text(statement), {"second": second})
