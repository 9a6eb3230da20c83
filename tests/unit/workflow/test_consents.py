"""Granting and withdrawing: of one's own car, to a dealer that exists, with all that follows from it."""

from __future__ import annotations

import pytest

from domain.consent import DataItem, Purpose
from domain.errors import Conflict, ConsentMissing, InvalidInput, NotFound
from domain.need import NeedState
from domain.proposal import ProposalState
from tests.support.moments import DAY, NOW
from tests.support.outlets import KeptWebhooks, dispatch_deliveries
from tests.support.town import OIL, PADS, TOMORROW, Garage, Household, Town
from workflow.consents import BOOKING_GRANT_MS, consents_of, grant_consent, withdraw_consent
from workflow.negotiate import withdraw
from workflow.propose import send_proposal


async def test_a_booking_grant_runs_ninety_days_unless_said_otherwise(
    town: Town, home: Household, garage: Garage
) -> None:
    assert (await town.grant(home, garage)).expires_ms == NOW + BOOKING_GRANT_MS
    assert (await town.grant(home, garage, expires_ms=NOW + DAY)).expires_ms == NOW + DAY


async def test_a_grant_keeps_each_data_item_once(town: Town, home: Household, garage: Garage) -> None:
    grant = await town.grant(home, garage, (DataItem.VIN, DataItem.CONTACT, DataItem.VIN))
    assert grant.data_items == (DataItem.CONTACT, DataItem.VIN)


@pytest.mark.parametrize("wrong", ["car", "dealer", "owner"])
async def test_a_grant_is_for_ones_own_car_and_a_dealer_that_is_there(
    town: Town, home: Household, garage: Garage, wrong: str
) -> None:
    with pytest.raises(NotFound):
        await grant_consent(
            town.office,
            customer_id="nobody" if wrong == "owner" else home.id,
            vehicle_id="no car" if wrong == "car" else home.car_id,
            purpose=Purpose.BOOKING,
            dealer_id="no dealer" if wrong == "dealer" else garage.id,
        )


async def test_a_grant_that_cannot_be_is_not_kept(town: Town, home: Household, garage: Garage) -> None:
    before = await consents_of(town.office, home.id)
    with pytest.raises(InvalidInput):
        await town.grant(home, garage, expires_ms=NOW - 1)
    with pytest.raises(InvalidInput):
        await grant_consent(town.office, customer_id=home.id, vehicle_id=home.car_id, purpose=Purpose.BOOKING)
    assert await consents_of(town.office, home.id) == before


async def test_nobody_withdraws_anothers_consent(town: Town, home: Household, garage: Garage) -> None:
    grant, other = await town.grant(home, garage), await town.owner()
    with pytest.raises(NotFound):
        await withdraw_consent(town.office, customer_id=other.customer_id, grant_id=grant.grant_id)
    with pytest.raises(NotFound):
        await withdraw_consent(town.office, customer_id=home.id, grant_id="nobody's")


async def test_a_withdrawal_is_kept_beside_what_was_granted(town: Town, home: Household, garage: Garage) -> None:
    grant = await town.grant(home, garage)
    town.later(DAY)
    withdrawn = await withdraw_consent(town.office, customer_id=home.id, grant_id=grant.grant_id)
    assert (withdrawn.granted_ms, withdrawn.withdrawn_ms, withdrawn.version) == (NOW, NOW + DAY, 2)
    assert withdrawn in await consents_of(town.office, home.id)
    with pytest.raises(Conflict):
        await withdraw_consent(town.office, customer_id=home.id, grant_id=grant.grant_id)


async def test_a_withdrawal_ends_all_that_is_open_under_the_grant_and_nothing_else(
    town: Town, home: Household, garage: Garage
) -> None:
    other = await town.garage()
    pads, oil = await town.need(home, PADS), await town.need(home, OIL)
    grant, kept = await town.grant(home, garage), await town.grant(home, other)
    mine = await town.draft(home, garage, grant, pads)
    theirs = await town.draft(home, other, kept, oil)
    again = await town.draft(home, garage, grant, pads, start_ms=TOMORROW + DAY)
    over = await town.draft(home, garage, grant, pads, start_ms=TOMORROW + 2 * DAY)
    for proposal in (mine, theirs):
        await send_proposal(town.office, customer_id=home.id, proposal_id=proposal.proposal_id)
    await withdraw(town.office, customer_id=home.id, proposal_id=over.proposal_id)
    await withdraw_consent(town.office, customer_id=home.id, grant_id=grant.grant_id)
    states = [(await town.stored(proposal)).state for proposal in (mine, again, over, theirs)]
    assert states == [ProposalState.WITHDRAWN] * 3 + [ProposalState.SENT]
    assert ((await town.stored(mine)).end_reason, (await town.stored(over)).end_reason) == (
        "consent withdrawn",
        "withdrawn by the owner",
    )
    assert (await town.busy(garage), await town.busy(other)) == (0, 1)
    hooks = KeptWebhooks()
    await dispatch_deliveries(town.office, hooks)
    assert [(dealer.dealer_id, d.kind) for dealer, d, _ in hooks.kept] == [
        (other.id, "proposal.sent"),
        (garage.id, "proposal.withdrawn"),
    ]


async def test_a_withdrawal_cancels_an_appointment_and_lets_its_need_stand(
    town: Town, home: Household, garage: Garage
) -> None:
    booked = await town.confirmed(home, garage)
    await withdraw_consent(town.office, customer_id=home.id, grant_id=booked.grant_id)
    assert ((await town.stored(booked)).state, await town.busy(garage)) == (ProposalState.CANCELLED, 0)
    assert (await town.live_need(home)).state is NeedState.OPEN


async def test_a_withdrawn_grant_drafts_and_sends_nothing_and_a_new_one_does(
    town: Town, home: Household, garage: Garage
) -> None:
    need, grant = await town.need(home), await town.grant(home, garage)
    await withdraw_consent(town.office, customer_id=home.id, grant_id=grant.grant_id)
    with pytest.raises(ConsentMissing):
        await town.draft(home, garage, grant, need)
    assert (await town.draft(home, garage, await town.grant(home, garage), need)).state is ProposalState.DRAFT


async def test_withdrawing_another_purpose_leaves_bookings_alone(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    for grant in await consents_of(town.office, home.id):
        if grant.purpose is not Purpose.BOOKING:
            await withdraw_consent(town.office, customer_id=home.id, grant_id=grant.grant_id)
    assert (await town.stored(sent)).state is ProposalState.SENT
