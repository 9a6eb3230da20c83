"""What a dealer has free, as the use cases say it and as they book it."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import InvalidInput, NotFound, SlotTaken
from domain.opening_hours import WEEKDAYS, opening_hours
from domain.prediction import DueWindow
from domain.proposal import ProposalState
from domain.site import Demand, ResourceKind
from domain.slot import Slot
from tests.support.moments import DAY, HOUR, MINUTE, NOW
from tests.support.town import BATTERY, PADS, TOMORROW, Garage, Household, Town
from workflow import negotiate
from workflow.dealers import change_site, site_of
from workflow.free_slots import demand_of_items, free_slots_of, work_of_needs
from workflow.propose import send_proposal

OTHER = TOMORROW + DAY


async def free(town: Town, garage: Garage, demand: Demand, **span: Any) -> list[Slot]:
    return [ranked.slot for ranked in await free_slots_of(town.office, dealer_id=garage.id, demand=demand, **span)]


async def test_free_slots_leave_out_what_is_held_and_the_next_two_hours(
    town: Town, home: Household, garage: Garage
) -> None:
    before = await free(town, garage, Demand(75))
    assert min(slot.start_ms for slot in before) == NOW + 2 * HOUR
    sent = await town.sent(home, garage)
    assert sent.slot
    after = await free(town, garage, Demand(75))
    assert {slot for slot in before if slot.overlaps(sent.slot)} == set(before) - set(after)
    day = await free(town, garage, Demand(30), from_ms=OTHER, until_ms=OTHER + HOUR)
    assert [slot.start_ms for slot in day] == [OTHER, OTHER + 30 * MINUTE]


@pytest.mark.parametrize(
    ("minutes", "until_ms", "field"), [(4, None, "minutes"), (721, None, "minutes"), (60, NOW + 400 * DAY, "until_ms")]
)
async def test_a_question_for_free_slots_names_the_field_that_is_wrong(
    town: Town, garage: Garage, minutes: int, until_ms: int | None, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await free(town, garage, Demand(minutes), until_ms=until_ms)
    assert refused.value.field == field


async def test_a_dealer_that_is_not_there_has_nothing_free(town: Town) -> None:
    with pytest.raises(NotFound):
        await free_slots_of(town.office, dealer_id="nobody's", demand=Demand(60))


async def test_what_an_item_asks_for_comes_from_the_catalogue(town: Town, home: Household) -> None:
    items = town.office.catalogue.items
    demand = demand_of_items(town.office, ["traction_battery", PADS, PADS], wants_loaner=True)
    minutes = items["traction_battery"].labour_minutes + items[PADS].labour_minutes
    assert demand == Demand(minutes, ("high_voltage",), True)
    with pytest.raises(InvalidInput) as refused:
        demand_of_items(town.office, ["warp_core"], wants_loaner=False)
    assert refused.value.field == "items"


async def test_what_needs_ask_for_is_told_to_their_owner_alone(town: Town, home: Household) -> None:
    pads, battery = await town.need(home), await town.need(home, BATTERY)
    items, windows = await work_of_needs(
        town.office, customer_id=home.id, need_ids=[pads.need_id, battery.need_id, pads.need_id]
    )
    assert (items, windows) == ([PADS, BATTERY], [pads.window, battery.window])
    neighbour = await town.household()
    for customer_id, need_id in ((neighbour.id, pads.need_id), (home.id, "nobody's")):
        with pytest.raises(NotFound):
            await work_of_needs(town.office, customer_id=customer_id, need_ids=[need_id])


async def test_in_the_due_window_the_quiet_half_days_come_first(town: Town, home: Household, garage: Garage) -> None:
    await town.sent(home, garage, start_ms=OTHER)  # 75 of the 240 minutes of that morning
    window = DueWindow(TOMORROW + 12 * HOUR, None, TOMORROW + 2 * DAY, 0.9)
    ranked = await free_slots_of(town.office, dealer_id=garage.id, demand=Demand(60), windows=[window])
    afternoon = OTHER + 2 * HOUR  # 12:00 at the dealer
    assert (ranked[0].slot.start_ms, ranked[0].is_quiet) == (afternoon, True)
    assert ranked[-1].slot.start_ms > OTHER + 7 * DAY, "the others stay choosable"


async def test_a_visit_holds_bay_technician_and_loaner_until_it_is_over(town: Town, home: Household) -> None:
    garage = await town.garage(bays=3, technicians=[("T1", []), ("T2", ["high_voltage"])], loaners=["L1"])
    need, granted = await town.need(home), await town.grant(home, garage)
    draft = await town.draft(home, garage, granted, need, loaner=True)
    assert draft.slot == Slot(TOMORROW, TOMORROW + 75 * MINUTE, "bay-01", "T1", "L1")
    sent = await send_proposal(town.office, customer_id=home.id, proposal_id=draft.proposal_id)
    async with town.records.unit_of_work() as uow:
        kinds = [hold.resource.kind for hold in await uow.holds.busy(garage.id, 0, NOW + 99 * DAY)]
    assert sorted(kinds) == [ResourceKind.BAY, ResourceKind.LOANER, ResourceKind.TECHNICIAN]
    assert TOMORROW not in [slot.start_ms for slot in await free(town, garage, Demand(60, (), True))]
    assert TOMORROW in [slot.start_ms for slot in await free(town, garage, Demand(60))]
    await negotiate.withdraw(town.office, customer_id=home.id, proposal_id=sent.proposal_id)
    async with town.records.unit_of_work() as uow:
        assert await uow.holds.busy(garage.id, 0, NOW + 99 * DAY) == []


async def test_with_two_bays_and_one_technician_one_visit_goes_at_a_time(town: Town, home: Household) -> None:
    garage = await town.garage(bays=2, technicians=[("T1", [])])
    await town.sent(home, garage)
    with pytest.raises(SlotTaken):
        await town.sent(await town.household(), garage)


async def test_who_asks_for_what_the_dealer_never_has_is_told_so(town: Town, home: Household, garage: Garage) -> None:
    need, granted = await town.need(home), await town.grant(home, garage)
    with pytest.raises(InvalidInput) as refused:
        await town.draft(home, garage, granted, need, loaner=True)
    assert refused.value.field == "loaner"
    untrained = await town.garage(technicians=[("T1", [])])
    with pytest.raises(InvalidInput) as refused:
        await free(town, untrained, Demand(60, ("high_voltage",)))
    assert refused.value.field == "need_ids"


async def test_a_site_is_changed_from_now_on_and_what_was_promised_stands(
    town: Town, home: Household, garage: Garage
) -> None:
    confirmed = await town.confirmed(home, garage)
    closed_then = opening_hours(
        "Europe/Berlin", {day: [("08:00", "17:00")] for day in WEEKDAYS}, [("2025-10-07", "Inventory")]
    )
    changed = await change_site(town.office, dealer_id=garage.id, hours=closed_then, bays=2, loaners=["L1"])
    assert await site_of(town.office, garage.id) == changed
    assert (await town.stored(confirmed)).state is ProposalState.CONFIRMED
    assert await town.busy(garage) == 1
    days = {slot.start_ms // DAY for slot in await free(town, garage, Demand(60, (), True))}
    assert TOMORROW // DAY not in days and OTHER // DAY in days
    with pytest.raises(NotFound):
        await change_site(town.office, dealer_id="nobody's", hours=closed_then, bays=1)
    with pytest.raises(NotFound):
        await site_of(town.office, "nobody's")
