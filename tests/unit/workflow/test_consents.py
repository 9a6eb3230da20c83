"""Granting and withdrawing: of one's own car, to a dealer that exists, with all that follows from it."""

from __future__ import annotations

import json

import pytest

from domain.consent import DataItem, Purpose
from domain.errors import Conflict, ConsentMissing, InvalidInput, NotFound
from domain.need import NeedState
from domain.proposal import ProposalState
from tests.support.moments import DAY, NOW
from tests.support.outlets import KeptWebhooks, dispatch_deliveries
from tests.support.town import OIL, PADS, TOMORROW, Garage, Household, Town
from workflow import negotiate
from workflow.consents import (
    BOOKING_GRANT_MS,
    consents_of,
    end_run_out,
    grant_consent,
    narrow_consent,
    versions_of,
    withdraw_consent,
)
from workflow.dossiers import desk_entry
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


class TestNarrowing:
    """Less from now on: in what was said, in what waits, and in what the dealer has."""

    async def test_it_cuts_proposals_what_waits_and_what_is_shown(
        self, town: Town, home: Household, garage: Garage
    ) -> None:
        sent = await town.sent(home, garage)
        kept = (DataItem.ODOMETER, DataItem.VEHICLE)
        narrowed = await narrow_consent(town.office, customer_id=home.id, grant_id=sent.grant_id, data_items=kept)
        assert (narrowed.version, narrowed.data_items) == (2, kept)
        after = await town.stored(sent)
        payload = json.loads(after.payload)
        assert payload["customer"] == {"ref": home.id}
        assert payload["vehicle"].keys() == {"ref", "make", "model", "model_year", "powertrain", "odometer_km"}
        assert "evidence" not in payload["needs"][0]
        assert payload["consent"] == narrowed.receipt(town.office.controller)
        assert after.version == sent.version, "no step of the booking"
        webhooks = KeptWebhooks()
        await dispatch_deliveries(town.office, webhooks)
        bodies = [json.loads(delivery.body) for _, delivery, _ in webhooks.kept]
        assert [body["type"] for body in bodies] == ["proposal.sent", "consent.narrowed"]
        assert bodies[0]["proposal"] == payload
        assert webhooks.kept[0][1].body.endswith(f',"proposal":{after.payload}}}'), "to the byte"
        assert (bodies[1]["erase"], bodies[1]["data_items"]) == (
            ["contact", "evidence", "vin"],
            ["odometer", "vehicle"],
        )
        assert bodies[1]["proposal_ids"] == [sent.proposal_id]
        desk = await desk_entry(town.office, dealer_id=garage.id, proposal_id=sent.proposal_id)
        assert desk.payload == payload

    async def test_a_replay_of_what_went_before_says_no_more_either(
        self, town: Town, home: Household, garage: Garage
    ) -> None:
        sent, webhooks = await town.sent(home, garage), KeptWebhooks()
        await dispatch_deliveries(town.office, webhooks)
        assert home.owner.email in webhooks.kept[0][1].body
        await narrow_consent(town.office, customer_id=home.id, grant_id=sent.grant_id, data_items=[])
        async with town.records.unit_of_work() as uow:
            delivery = await uow.deliveries.find(f"{sent.proposal_id}:{sent.version}")
            assert delivery is not None and delivery.delivery is not None
            assert home.owner.email not in delivery.delivery.body

    async def test_a_draft_that_nobody_has_heard_of_is_cut_without_a_word(
        self, town: Town, home: Household, garage: Garage
    ) -> None:
        grant = await town.grant(home, garage)
        draft = await town.draft(home, garage, grant, await town.need(home))
        await narrow_consent(town.office, customer_id=home.id, grant_id=grant.grant_id, data_items=[DataItem.VEHICLE])
        assert "name" not in json.loads((await town.stored(draft)).payload)["customer"]
        sent = await send_proposal(town.office, customer_id=home.id, proposal_id=draft.proposal_id)
        assert sent.payload == (await town.stored(draft)).payload, "the preview is what leaves"

    async def test_an_earlier_end_alone_asks_for_no_erasure(self, town: Town, home: Household, garage: Garage) -> None:
        sent, webhooks = await town.sent(home, garage), KeptWebhooks()
        await dispatch_deliveries(town.office, webhooks)
        narrowed = await narrow_consent(
            town.office, customer_id=home.id, grant_id=sent.grant_id, expires_ms=town.clock.now_ms() + DAY
        )
        assert (
            narrowed.data_items
            == (await versions_of(town.office, customer_id=home.id, grant_id=sent.grant_id))[0].data_items
        )
        await dispatch_deliveries(town.office, webhooks)
        assert [delivery.kind for _, delivery, _ in webhooks.kept] == ["proposal.sent"]
        town.later(DAY)
        assert await end_run_out(town.office) == 1
        assert (await town.stored(sent)).state is ProposalState.WITHDRAWN

    async def test_each_version_is_kept_with_its_receipt(self, town: Town, home: Household, garage: Garage) -> None:
        grant = await town.grant(home, garage)
        town.later(1)
        narrowed = await narrow_consent(town.office, customer_id=home.id, grant_id=grant.grant_id, data_items=[])
        town.later(1)
        ended = await withdraw_consent(town.office, customer_id=home.id, grant_id=grant.grant_id)
        found = await versions_of(town.office, customer_id=home.id, grant_id=grant.grant_id)
        assert found == [grant, narrowed, ended]
        assert [version.receipt("x")["dct:hasVersion"] for version in found] == [1, 2, 3]

    async def test_nobody_sees_or_narrows_anothers(self, town: Town, home: Household, garage: Garage) -> None:
        grant, other = await town.grant(home, garage), await town.owner()
        for step in (narrow_consent, versions_of):
            for customer_id, grant_id in ((other.customer_id, grant.grant_id), (home.id, "nobody's")):
                with pytest.raises(NotFound):
                    await step(town.office, customer_id=customer_id, grant_id=grant_id)

    async def test_other_purposes_have_nothing_to_leave_out_but_an_end(
        self, town: Town, home: Household, garage: Garage
    ) -> None:
        prediction = next(g for g in await consents_of(town.office, home.id) if g.purpose is Purpose.PREDICTION)
        until = town.clock.now_ms() + DAY
        await narrow_consent(town.office, customer_id=home.id, grant_id=prediction.grant_id, expires_ms=until)
        town.later(DAY)
        assert await end_run_out(town.office) == 1
        async with town.records.unit_of_work() as uow:
            told = [event for _, event in await uow.timeline.after(0) if event.kind == "consent-expired"]
        assert [(event.actor, event.cause, event.data["purpose"]) for event in told] == [
            ("clock", "expired", "prediction")
        ]


class TestErasure:
    """What a dealer got is to go when its purpose ends."""

    @pytest.mark.parametrize("how", ["withdrawn", "expired"])
    async def test_the_dealer_is_asked_to_erase_what_left_also_of_visits_that_are_over(
        self, town: Town, home: Household, garage: Garage, how: str
    ) -> None:
        grant = await town.grant(home, garage, expires_ms=NOW + 30 * DAY)
        draft = await town.draft(home, garage, grant, await town.need(home))
        sent = await send_proposal(town.office, customer_id=home.id, proposal_id=draft.proposal_id)
        await negotiate.decline(town.office, proposal_id=sent.proposal_id, reason="full", **garage.party)
        left_over = await town.draft(home, garage, grant, await town.live_need(home), start_ms=TOMORROW + DAY)
        town.later(30 * DAY if how == "expired" else DAY)
        if how == "expired":
            assert await end_run_out(town.office) == 1
        else:
            await withdraw_consent(town.office, customer_id=home.id, grant_id=grant.grant_id)
        webhooks = KeptWebhooks()
        await dispatch_deliveries(town.office, webhooks)
        (told,) = [json.loads(d.body) for _, d, _ in webhooks.kept if d.kind == "consent.ended"]
        assert told["proposal_ids"] == [sent.proposal_id] and left_over.proposal_id not in told["proposal_ids"]
        assert (told["grant_id"], told["version"], told["data_items"]) == (grant.grant_id, 2, [])
        assert "contact" in told["erase"]
        ended = (await versions_of(town.office, customer_id=home.id, grant_id=grant.grant_id))[-1]
        assert (str(ended.end), ended.erasure_asked_ms) == (how, town.clock.now_ms())

    async def test_of_whom_nothing_left_nobody_is_asked(self, town: Town, home: Household, garage: Garage) -> None:
        grant = await town.grant(home, garage)
        await town.draft(home, garage, grant, await town.need(home))
        ended = await withdraw_consent(town.office, customer_id=home.id, grant_id=grant.grant_id)
        webhooks = KeptWebhooks()
        await dispatch_deliveries(town.office, webhooks)
        assert webhooks.kept == [] and ended.erasure_asked_ms is None
