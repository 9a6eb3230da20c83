"""A draft shows what would leave; what is sent is that to the letter, and holds its slot."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from domain.consent import DataItem
from domain.errors import Conflict, ConsentMissing, InvalidInput, NotFound, SlotTaken
from domain.proposal import BookingProposal, ProposalState
from tests.support.moments import DAY, HOUR, MINUTE, NOW
from tests.support.town import BATTERY, PADS, TOMORROW, Garage, Household, Town
from workflow import negotiate
from workflow.dossiers import dealer_desk, desk_entry
from workflow.needs import dismiss
from workflow.propose import PROPOSAL_OPEN_MS, draft_proposal, propose, send_proposal

S = ProposalState
OTHER = TOMORROW + DAY
THIRD = TOMORROW + 2 * DAY


# The draft.


async def test_a_draft_holds_nothing_and_is_unknown_to_its_dealer(town: Town, home: Household, garage: Garage) -> None:
    draft = await town.draft(home, garage, await town.grant(home, garage), await town.need(home))
    assert (draft.state, await town.busy(garage)) == (S.DRAFT, 0)
    assert (await dealer_desk(town.office, dealer_id=garage.id)).entries == ()
    with pytest.raises(NotFound):
        await desk_entry(town.office, dealer_id=garage.id, proposal_id=draft.proposal_id)
    with pytest.raises(NotFound):
        await negotiate.accept(town.office, proposal_id=draft.proposal_id, **garage.party)
    async with town.records.unit_of_work() as uow:
        assert await uow.deliveries.claim(10, NOW, 1, per_dealer=9) == []


async def test_what_is_sent_is_to_the_letter_what_was_shown(town: Town, home: Household, garage: Garage) -> None:
    draft = await town.draft(home, garage, await town.grant(home, garage), await town.need(home), note="Please call")
    sent = await send_proposal(town.office, customer_id=home.id, proposal_id=draft.proposal_id)
    assert sent.payload == draft.payload
    entry = await desk_entry(town.office, dealer_id=garage.id, proposal_id=sent.proposal_id)
    assert entry.payload == json.loads(draft.payload)


async def test_a_proposal_carries_all_needs_of_the_visit_and_their_time_together(
    town: Town, home: Household, garage: Garage
) -> None:
    pads, battery = await town.need(home), await town.need(home, BATTERY)
    draft = await town.draft(home, garage, await town.grant(home, garage), pads, battery, pads)
    assert draft.need_ids == (pads.need_id, battery.need_id)
    items = town.office.catalogue.items
    assert draft.minutes == items[PADS].labour_minutes + items[BATTERY].labour_minutes
    assert draft.slot and draft.slot.end_ms - draft.slot.start_ms == draft.minutes * MINUTE
    told = json.loads(draft.payload)["needs"]
    assert [need["item"] for need in told] == [PADS, BATTERY]
    assert told[1]["probability"] == {"7": 0.075, "30": 0.3, "90": 0.6}


@pytest.mark.parametrize("item", [None, *DataItem])
async def test_only_what_was_granted_stands_in_the_payload(town: Town, garage: Garage, item: DataItem | None) -> None:
    home = await town.household(vin="TESTVN00000000017", label="Mine")
    granted = await town.grant(home, garage, () if item is None else (item,))
    payload = json.loads((await town.draft(home, garage, granted, await town.need(home))).payload)
    there: set[DataItem] = set()
    if "name" in payload["customer"] or "email" in payload["customer"]:
        there.add(DataItem.CONTACT)
    if {"make", "model", "model_year", "powertrain"} & payload["vehicle"].keys():
        there.add(DataItem.VEHICLE)
    if "odometer_km" in payload["vehicle"]:
        there.add(DataItem.ODOMETER)
    if "evidence" in payload["needs"][0]:
        there.add(DataItem.EVIDENCE)
    if "vin" in payload["vehicle"]:
        there.add(DataItem.VIN)
    assert there == ({item} if item else set())
    assert payload["consent"] == granted.receipt(town.office.controller)
    assert payload["needs"][0]["reason"]
    assert "Mine" not in json.dumps(payload)


async def draft_with(town: Town, home: Household, garage: Garage, **changes: Any) -> BookingProposal:
    about: dict[str, Any] = {
        "customer_id": home.id,
        "vehicle_id": home.car_id,
        "need_ids": [(await town.need(home)).need_id],
        "dealer_id": garage.id,
        "start_ms": TOMORROW,
        "grant_id": (await town.grant(home, garage)).grant_id,
    }
    return await draft_proposal(town.office, **(about | changes))


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"need_ids": []}, "need_ids"), ({"note": "x" * 501}, "note"), ({"start_ms": NOW}, "start_ms")],
)
async def test_a_draft_names_the_field_that_is_wrong(
    town: Town, home: Household, garage: Garage, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await draft_with(town, home, garage, **changes)
    assert (refused.value.field, bool(refused.value.fix)) == (field, True)


@pytest.mark.parametrize("name", ["vehicle_id", "dealer_id", "grant_id", "customer_id"])
async def test_a_draft_for_what_is_not_there_or_not_theirs_is_refused(
    town: Town, home: Household, garage: Garage, name: str
) -> None:
    with pytest.raises((NotFound, ConsentMissing)):
        await draft_with(town, home, garage, **{name: "nobody's"})


async def test_a_draft_stays_within_car_dealer_and_grant(town: Town, home: Household, garage: Garage) -> None:
    neighbour, other = await town.household(), await town.garage()
    theirs, grant = await town.need(neighbour), await town.grant(neighbour, garage)
    with pytest.raises(NotFound):
        await draft_with(town, home, garage, need_ids=[theirs.need_id])
    with pytest.raises(NotFound):
        await draft_with(town, home, garage, grant_id=grant.grant_id)
    with pytest.raises(ConsentMissing):
        await draft_with(town, home, garage, dealer_id=other.id)


async def test_a_need_that_is_over_is_not_booked(town: Town, home: Household, garage: Garage) -> None:
    need, granted = await town.need(home), await town.grant(home, garage)
    draft = await town.draft(home, garage, granted, need)
    await dismiss(town.office, customer_id=home.id, need_id=need.need_id, reason="done elsewhere")
    with pytest.raises(Conflict, match="nothing to book"):
        await town.draft(home, garage, granted, need)
    with pytest.raises(Conflict, match="nothing to book"):
        await send_proposal(town.office, customer_id=home.id, proposal_id=draft.proposal_id)


@pytest.mark.parametrize("start_ms", [TOMORROW + 5 * MINUTE, NOW + 12 * HOUR])
async def test_a_dealer_is_asked_only_for_times_it_works(
    town: Town, home: Household, garage: Garage, start_ms: int
) -> None:
    with pytest.raises(SlotTaken):
        await draft_with(town, home, garage, start_ms=start_ms)


async def test_a_permit_of_another_grant_sends_nothing(town: Town, home: Household, garage: Garage) -> None:
    need = await town.need(home)
    draft = await town.draft(home, garage, await town.grant(home, garage), need)
    other = await town.grant(home, garage)
    permit = other.permit(NOW, vehicle_id=home.car_id, dealer_id=garage.id)
    with pytest.raises(Conflict, match="another consent"):
        async with town.records.unit_of_work() as uow:
            await propose(uow, permit, draft, NOW, home.id, "api")


# Sending.


async def test_a_sent_proposal_holds_its_slot_for_three_days_at_most(
    town: Town, home: Household, garage: Garage
) -> None:
    soon = await town.sent(home, garage)
    assert (soon.state, await town.busy(garage)) == (S.SENT, 1)
    assert soon.expires_ms == TOMORROW, "nobody answers after the slot has begun"
    late = await town.sent(await town.household(), garage, start_ms=TOMORROW + 20 * DAY)
    assert late.expires_ms == NOW + PROPOSAL_OPEN_MS


async def test_a_proposal_is_sent_once(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    with pytest.raises(Conflict, match="only a draft is sent"):
        await send_proposal(town.office, customer_id=home.id, proposal_id=sent.proposal_id)


async def test_a_late_second_click_does_not_undo_the_dealers_offer(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    await negotiate.counter(town.office, proposal_id=sent.proposal_id, starts_ms=[OTHER], **garage.party)
    with pytest.raises(Conflict):
        await send_proposal(town.office, customer_id=home.id, proposal_id=sent.proposal_id)
    assert (await town.stored(sent)).state is S.COUNTERED


async def test_nobody_sends_anothers_draft(town: Town, home: Household, garage: Garage) -> None:
    draft = await town.draft(home, garage, await town.grant(home, garage), await town.need(home))
    other = await town.owner()
    with pytest.raises(NotFound):
        await send_proposal(town.office, customer_id=other.customer_id, proposal_id=draft.proposal_id)
    with pytest.raises(NotFound):
        await send_proposal(town.office, customer_id=home.id, proposal_id="nobody's")


async def test_a_need_stands_in_one_open_proposal_at_a_time(town: Town, home: Household, garage: Garage) -> None:
    other = await town.garage()
    first = await town.sent(home, garage)
    need = await town.live_need(home)
    draft = await town.draft(home, other, await town.grant(home, other), need)
    with pytest.raises(Conflict, match="another proposal already"):
        await send_proposal(town.office, customer_id=home.id, proposal_id=draft.proposal_id)
    await negotiate.withdraw(town.office, customer_id=home.id, proposal_id=first.proposal_id)
    assert (await send_proposal(town.office, customer_id=home.id, proposal_id=draft.proposal_id)).state is S.SENT


async def test_two_owners_ask_for_the_last_bay_and_one_gets_it(town: Town, garage: Garage) -> None:
    drafts = []
    for _ in range(2):
        home = await town.household()
        drafts.append((home, await town.draft(home, garage, await town.grant(home, garage), await town.need(home))))
    answers = await asyncio.gather(
        *(send_proposal(town.office, customer_id=home.id, proposal_id=d.proposal_id) for home, d in drafts),
        return_exceptions=True,
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["BookingProposal", "SlotTaken"]
    assert await town.busy(garage) == 1


async def test_who_comes_second_gets_another_bay_while_there_is_one(town: Town) -> None:
    garage = await town.garage(bays=2)
    slots = [(await town.sent(await town.household(), garage)).slot for _ in range(2)]
    assert {slot.bay_id for slot in slots if slot} == {"bay-01", "bay-02"}
    with pytest.raises(SlotTaken):
        await town.sent(await town.household(), garage)
