"""No bay is promised twice, however many ask at once."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from adapters.records import Records
from domain.errors import SlotTaken
from domain.slot import Slot
from tests.contract.samples import DEALER, HOUR, NOW, proposal, settle

NINE = Slot(NOW, NOW + HOUR, "bay-1")
TEN = Slot(NOW + HOUR, NOW + 2 * HOUR, "bay-1")


async def with_proposals(records: Records, count: int) -> list[str]:
    """Settle the parties and that many proposals; gives their ids."""
    await settle(records)
    ids = [f"proposal-{number}" for number in range(count)]
    async with records.unit_of_work() as work:
        for proposal_id in ids:
            await work.proposals.add(proposal(proposal_id=proposal_id))
    return ids


async def test_of_a_hundred_who_want_one_bay_at_once_one_gets_it(records: Records) -> None:
    ids = await with_proposals(records, 100)

    async def ask(number: int) -> str:
        start = NOW + (number % 4) * HOUR // 4  # all of them overlap

        async def hold() -> None:
            async with records.unit_of_work() as work:
                await work.bays.hold(DEALER.dealer_id, ids[number], [Slot(start, start + HOUR, "bay-1")])

        try:
            await records.run(hold)
        except SlotTaken:
            return "refused"
        return "held"

    outcomes = await asyncio.gather(*(ask(number) for number in range(100)))

    assert sorted(outcomes) == ["held"] + ["refused"] * 99
    async with records.unit_of_work() as work:
        assert await work.bays.overlaps() == 0
        assert len(await work.bays.busy(DEALER.dealer_id, NOW - HOUR, NOW + 9 * HOUR)) == 1


async def test_slots_that_touch_or_lie_on_other_bays_are_both_held(records: Records) -> None:
    first, second, third = await with_proposals(records, 3)
    beside = Slot(NINE.start_ms, NINE.end_ms, "bay-2")
    async with records.unit_of_work() as work:
        await work.bays.hold(DEALER.dealer_id, first, [NINE])
        await work.bays.hold(DEALER.dealer_id, second, [TEN])
        await work.bays.hold(DEALER.dealer_id, third, [beside])
        assert await work.bays.busy(DEALER.dealer_id, NOW, NOW + 2 * HOUR) == [NINE, beside, TEN]
        assert await work.bays.busy(DEALER.dealer_id, NOW + HOUR, NOW + 2 * HOUR) == [TEN]
        assert await work.bays.busy("another", NOW, NOW + 2 * HOUR) == []


async def test_a_new_hold_replaces_the_old_one_and_a_release_ends_it(records: Records) -> None:
    first, second = await with_proposals(records, 2)
    async with records.unit_of_work() as work:
        await work.bays.hold(DEALER.dealer_id, first, [NINE, TEN])
        await work.bays.hold(DEALER.dealer_id, first, [TEN])
        await work.bays.hold(DEALER.dealer_id, second, [NINE])
        await work.bays.release(first)
        assert await work.bays.busy(DEALER.dealer_id, NOW, NOW + 2 * HOUR) == [NINE]
        await work.bays.hold(DEALER.dealer_id, second, [])
        assert await work.bays.busy(DEALER.dealer_id, NOW, NOW + 2 * HOUR) == []


async def test_a_hold_that_is_refused_leaves_what_was_held_before(records: Records) -> None:
    first, second = await with_proposals(records, 2)
    late = Slot(NOW + 5 * HOUR, NOW + 6 * HOUR, "bay-1")
    async with records.unit_of_work() as work:
        await work.bays.hold(DEALER.dealer_id, first, [NINE])
        await work.bays.hold(DEALER.dealer_id, second, [late])
        with pytest.raises(SlotTaken):
            await work.bays.hold(DEALER.dealer_id, second, [TEN, NINE])
    async with records.unit_of_work() as work:
        assert await work.bays.busy(DEALER.dealer_id, NOW, NOW + 9 * HOUR) == [NINE, late]


async def test_the_database_itself_refuses_an_overlap(records: Records) -> None:
    first, second = await with_proposals(records, 2)
    async with records.unit_of_work() as work:
        await work.bays.hold(DEALER.dealer_id, first, [NINE])
        await work.bays.hold(DEALER.dealer_id, second, [TEN])
    behind_its_back = (
        "INSERT INTO bay_holds (dealer_id, bay_id, start_ms, end_ms, proposal_id)"
        " SELECT dealer_id, bay_id, start_ms + 1, end_ms + 1, :second FROM bay_holds WHERE proposal_id <> :second"
    )
    for statement in (behind_its_back, "UPDATE bay_holds SET start_ms = start_ms - 1 WHERE proposal_id = :second"):
        with pytest.raises(DBAPIError, match="bay_holds_no_overlap"):
            async with records.engine.begin() as connection:
                await connection.execute(text(statement), {"second": second})
