"""From a driver's seat: who drives another's car sees what concerns them, and does what the owner lets them, under the
owner's consents."""

from __future__ import annotations

import pytest

from domain.consent import Purpose
from domain.errors import Conflict, ConsentMissing, Forbidden, NotFound
from domain.need import NeedState
from domain.proposal import NO_DATA, Actor, ProposalState
from domain.service_record import ServiceOutcome
from tests.support.lending import lend, letters
from tests.support.moments import DAY, NOW
from tests.support.town import BATTERY, OIL, PADS, TOMORROW, Garage, Household, Town
from workflow import enrol, negotiate, propose, visit
from workflow.calibration_ledger import car_ledger
from workflow.consents import consents_of, withdraw_consent
from workflow.dossiers import car_dossier, cars_of, desk_entry, proposal_of, timeline_of
from workflow.drivers import (
    drives_of,
    let_driver,
)
from workflow.free_slots import work_of_needs
from workflow.needs import dismiss, snooze
from workflow.sale import sell_vehicle

# What a driver sees.


async def test_a_driver_sees_how_the_car_is_and_nothing_that_is_its_owners(
    town: Town, home: Household, garage: Garage
) -> None:
    old = await town.sent(home, garage, items=(OIL,))
    await negotiate.withdraw(town.office, customer_id=home.id, proposal_id=old.proposal_id)
    need = await town.need(home)
    town.later(DAY)
    lent = await lend(town, home)
    seen = await car_dossier(town.office, customer_id=lent.id, vehicle_id=home.car_id)
    assert need.need_id in [one.need_id for one in seen.needs]
    assert seen.assessments and seen.customer.customer_id == lent.id and seen.driving is not None
    assert (seen.proposals, seen.service_records, seen.ledger, seen.drivers) == ((), (), (), ())
    assert [grant.purpose for grant in seen.grants] == [Purpose.BOOKING], "those to book under, and no other"
    assert seen.timeline == (), "nothing from before, and nothing of the owner's own affairs"
    assert await cars_of(town.office, lent.id) == []
    assert [one.vehicle for one in await drives_of(town.office, lent.id)] == [home.car]


async def test_a_driver_sees_what_comes_after_and_what_is_still_under_way(
    town: Town, home: Household, garage: Garage
) -> None:
    booked = await town.confirmed(home, garage)
    town.later(1)
    lent = await lend(town, home)
    await town.need(home, OIL)
    seen = await car_dossier(town.office, customer_id=lent.id, vehicle_id=home.car_id)
    assert [one.proposal.proposal_id for one in seen.proposals] == [booked.proposal_id]
    assert [event.kind for event in seen.timeline] == ["need-opened"]
    seen_one = await proposal_of(town.office, customer_id=lent.id, proposal_id=booked.proposal_id)
    assert seen_one.proposal == booked, "who books under the owner's consent reads what was shared"


async def test_what_is_the_owners_is_not_there_for_a_driver(town: Town, home: Household, garage: Garage) -> None:
    past = await town.sent(home, garage)
    await negotiate.withdraw(town.office, customer_id=home.id, proposal_id=past.proposal_id)
    town.later(DAY)
    lent = await lend(town, home)
    grant = (await consents_of(town.office, home.id))[0]
    with pytest.raises(NotFound):
        await proposal_of(town.office, customer_id=lent.id, proposal_id=past.proposal_id)
    with pytest.raises(NotFound):
        await withdraw_consent(town.office, customer_id=lent.id, grant_id=grant.grant_id)
    with pytest.raises(NotFound):
        await car_ledger(town.office, customer_id=lent.id, vehicle_id=home.car_id)
    with pytest.raises(NotFound):
        await timeline_of(town.office, customer_id=lent.id, vehicle_id=home.car_id, after_seq=0, limit=10)
    with pytest.raises(NotFound):
        await sell_vehicle(town.office, customer_id=lent.id, vehicle_id=home.car_id)
    with pytest.raises(NotFound):
        await propose.draft_proposal(
            town.office, customer_id=lent.id, vehicle_id=(await town.household()).car_id, need_ids=["x"],
            dealer_id=garage.id, start_ms=TOMORROW, grant_id=grant.grant_id,
        )  # fmt: skip


async def test_another_car_of_the_same_owner_is_hidden(town: Town, home: Household, garage: Garage) -> None:
    """The driver reads as within the owner's rows: the car itself must still be the one that is lent."""
    lent = await lend(town, home)
    other, _ = await town.car()
    code, _ = await enrol.show_claim_code(town.office, other.vehicle_id)
    car = await enrol.claim_vehicle(town.office, customer_id=home.id, code=code, consents=[Purpose.PREDICTION])
    second = Household(home.owner, car, "")
    sent = await town.sent(second, garage)
    with pytest.raises(NotFound):
        await car_dossier(town.office, customer_id=lent.id, vehicle_id=car.vehicle_id)
    with pytest.raises(NotFound):
        await proposal_of(town.office, customer_id=lent.id, proposal_id=sent.proposal_id)
    for step in (negotiate.withdraw, negotiate.cancel, negotiate.confirm):
        with pytest.raises(NotFound):
            await step(town.office, customer_id=lent.id, proposal_id=sent.proposal_id)


async def test_who_may_only_look_sees_that_there_is_a_visit_and_nothing_that_was_shared_for_it(
    town: Town, home: Household, garage: Garage
) -> None:
    booked = await town.confirmed(home, garage)
    lent = await lend(town, home, may_book=False)
    seen = await proposal_of(town.office, customer_id=lent.id, proposal_id=booked.proposal_id)
    assert (seen.proposal, seen.may_act) == (booked.outline, False)
    assert (seen.proposal.slot, seen.proposal.payload) == (booked.slot, NO_DATA)
    car = await car_dossier(town.office, customer_id=lent.id, vehicle_id=home.car_id)
    assert car.grants == () and [one.proposal for one in car.proposals] == [booked.outline]


async def test_once_the_consent_has_ended_no_driver_reads_what_was_shared(
    town: Town, home: Household, garage: Garage
) -> None:
    sent = await town.sent(home, garage)
    lent = await lend(town, home)
    await withdraw_consent(town.office, customer_id=home.id, grant_id=sent.grant_id)
    seen = await proposal_of(town.office, customer_id=lent.id, proposal_id=sent.proposal_id)
    assert seen.proposal.payload == NO_DATA and home.owner.email not in str(seen)


async def test_a_draft_is_its_makers(town: Town, home: Household, garage: Garage) -> None:
    draft = await town.draft(home, garage, await town.grant(home, garage), await town.need(home))
    lent = await lend(town, home)
    assert (await car_dossier(town.office, customer_id=lent.id, vehicle_id=home.car_id)).proposals == ()
    with pytest.raises(NotFound):
        await proposal_of(town.office, customer_id=lent.id, proposal_id=draft.proposal_id)
    for step in (propose.send_proposal, propose.discard_draft, negotiate.withdraw):
        with pytest.raises(NotFound):
            await step(town.office, customer_id=lent.id, proposal_id=draft.proposal_id)


async def test_what_was_over_before_is_not_there_for_steps_either(town: Town, home: Household, garage: Garage) -> None:
    past = await town.sent(home, garage)
    await negotiate.withdraw(town.office, customer_id=home.id, proposal_id=past.proposal_id)
    town.later(1)
    for may_book in (True, False):
        lent = await lend(town, home, may_book=may_book)
        for step in (negotiate.confirm, negotiate.withdraw, negotiate.cancel):
            with pytest.raises(NotFound):
                await step(town.office, customer_id=lent.id, proposal_id=past.proposal_id)


async def test_of_a_visit_a_driver_hears_that_it_was_and_not_what_was_found_or_paid(
    town: Town, home: Household, garage: Garage
) -> None:
    lent = await lend(town, home)
    await letters(town)
    booked = await town.confirmed(home, garage)
    about = {"proposal_id": booked.proposal_id, "odometer_m": 90_000_000}
    await visit.check_in(town.office, **about, **garage.party)
    found = [visit.Finding(PADS, ServiceOutcome.REPLACED)]
    await visit.complete(town.office, findings=found, invoice_minor=12_345, currency="EUR", **about, **garage.party)
    await letters(town)
    own = await car_dossier(town.office, customer_id=home.id, vehicle_id=home.car_id)
    seen = await car_dossier(town.office, customer_id=lent.id, vehicle_id=home.car_id)
    kinds = {event.kind for event in seen.timeline}
    assert {"proposal-completed", "need-resolved"} <= kinds
    assert all(kind.startswith(("need-", "proposal-")) for kind in kinds)
    assert {"service-recorded", "visit-invoiced"} <= {event.kind for event in own.timeline}
    assert [need.end_reason for need in seen.past_needs] == [""] != [need.end_reason for need in own.past_needs]


# What a driver does.


async def test_a_driver_books_for_the_owner_under_the_owners_consent(
    town: Town, home: Household, garage: Garage
) -> None:
    grant, need = await town.grant(home, garage), await town.need(home)
    lent = await lend(town, home)
    draft = await propose.draft_proposal(
        town.office, customer_id=lent.id, vehicle_id=home.car_id, need_ids=[need.need_id], dealer_id=garage.id,
        start_ms=TOMORROW, grant_id=grant.grant_id,
    )  # fmt: skip
    assert (draft.customer_id, draft.grant_id) == (home.id, grant.grant_id)
    assert home.owner.email in draft.payload and lent.driver.email not in draft.payload, "what the owner consented to"
    await propose.send_proposal(town.office, customer_id=lent.id, proposal_id=draft.proposal_id)
    await negotiate.counter(town.office, proposal_id=draft.proposal_id, starts_ms=[TOMORROW + DAY], **garage.party)
    await negotiate.counter_back(
        town.office, customer_id=lent.id, proposal_id=draft.proposal_id, start_ms=TOMORROW + 2 * DAY
    )
    await negotiate.accept(town.office, proposal_id=draft.proposal_id, **garage.party)
    booked = await negotiate.confirm(town.office, customer_id=lent.id, proposal_id=draft.proposal_id)
    await negotiate.move(town.office, customer_id=lent.id, proposal_id=draft.proposal_id, start_ms=TOMORROW + 3 * DAY)
    steps = (await proposal_of(town.office, customer_id=home.id, proposal_id=draft.proposal_id)).steps
    people = [(step.actor, step.actor_id) for step in steps if step.actor is not Actor.DEALER]
    assert people == [(Actor.DRIVER, lent.id)] * 5
    assert booked.minutes_spent > 0 and booked.minutes_by_phone > 0, "a driver's minutes count as an owner's"
    assert (await town.latest_need(home)).state is NeedState.BOOKED
    cancelled = await negotiate.cancel(town.office, customer_id=lent.id, proposal_id=draft.proposal_id)
    assert (cancelled.state, cancelled.end_reason) == (ProposalState.CANCELLED, "cancelled for the owner")


async def test_a_driver_ends_no_consent_and_books_under_none_that_has_ended(
    town: Town, home: Household, garage: Garage
) -> None:
    sent = await town.sent(home, garage)
    await negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    lent = await lend(town, home)
    town.clock.set(sent.expires_ms - 1)
    async with town.records.unit_of_work() as uow:
        grant = await uow.consents.get(sent.grant_id)
    assert grant is not None
    await withdraw_consent(town.office, customer_id=home.id, grant_id=grant.grant_id)
    with pytest.raises(ConsentMissing):
        await negotiate.confirm(town.office, customer_id=lent.id, proposal_id=sent.proposal_id)
    need = await town.need(home, OIL)
    with pytest.raises(ConsentMissing):
        await propose.draft_proposal(
            town.office, customer_id=lent.id, vehicle_id=home.car_id, need_ids=[need.need_id], dealer_id=garage.id,
            start_ms=TOMORROW, grant_id=grant.grant_id,
        )  # fmt: skip


async def test_a_driver_can_not_use_a_consent_of_their_own_for_anothers_car(
    town: Town, home: Household, garage: Garage
) -> None:
    lent, need = await lend(town, home), await town.need(home)
    own = await town.household()
    foreign = await town.grant(own, garage)
    with pytest.raises(NotFound, match="consent"):
        await propose.draft_proposal(
            town.office, customer_id=lent.id, vehicle_id=home.car_id, need_ids=[need.need_id], dealer_id=garage.id,
            start_ms=TOMORROW, grant_id=foreign.grant_id,
        )  # fmt: skip


async def test_who_may_only_look_is_told_so(town: Town, home: Household, garage: Garage) -> None:
    sent, need = await town.sent(home, garage, items=(OIL,)), await town.need(home)
    await negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    lent = await lend(town, home, may_book=False)
    assert (
        await proposal_of(town.office, customer_id=lent.id, proposal_id=sent.proposal_id)
    ).proposal.state == "accepted"
    for step in (negotiate.confirm, negotiate.withdraw, negotiate.cancel):
        with pytest.raises(Forbidden, match="ask them to"):
            await step(town.office, customer_id=lent.id, proposal_id=sent.proposal_id)
    with pytest.raises(Forbidden):
        await snooze(town.office, customer_id=lent.id, need_id=need.need_id, until_ms=NOW + DAY)
    with pytest.raises(Forbidden):
        await propose.draft_proposal(
            town.office, customer_id=lent.id, vehicle_id=home.car_id, need_ids=[need.need_id], dealer_id=garage.id,
            start_ms=TOMORROW, grant_id=sent.grant_id,
        )  # fmt: skip
    await let_driver(town.office, customer_id=home.id, vehicle_id=home.car_id, driver_id=lent.id, may_book=True)
    await negotiate.confirm(town.office, customer_id=lent.id, proposal_id=sent.proposal_id)


async def test_a_driver_sees_to_needs_and_the_timeline_says_who(town: Town, home: Household) -> None:
    pads, battery = await town.need(home), await town.need(home, BATTERY)
    lent = await lend(town, home)
    assert (await work_of_needs(town.office, customer_id=lent.id, need_ids=[pads.need_id]))[0] == [PADS]
    await snooze(town.office, customer_id=lent.id, need_id=pads.need_id, until_ms=NOW + DAY)
    await dismiss(town.office, customer_id=lent.id, need_id=battery.need_id, reason="done elsewhere")
    async with town.records.unit_of_work() as uow:
        told = [event for _, event in await uow.timeline.after(0, customer_id=home.id)]
    assert [event.actor for event in told if event.kind in ("need-snoozed", "need-dismissed")] == ["driver"] * 2
    stranger = (await town.owner()).customer_id
    with pytest.raises(NotFound, match="need"):
        await snooze(town.office, customer_id=stranger, need_id=pads.need_id, until_ms=NOW + DAY)
    with pytest.raises(NotFound, match="need"):
        await work_of_needs(town.office, customer_id=stranger, need_ids=[pads.need_id])


async def test_a_driver_puts_their_own_draft_away_and_the_owners_consent_stands(
    town: Town, home: Household, garage: Garage
) -> None:
    lent, need, grant = await lend(town, home), await town.need(home), await town.grant(home, garage)
    draft = await propose.draft_proposal(
        town.office, customer_id=lent.id, vehicle_id=home.car_id, need_ids=[need.need_id], dealer_id=garage.id,
        start_ms=TOMORROW, grant_id=grant.grant_id,
    )  # fmt: skip
    assert not await propose.discard_draft(town.office, customer_id=lent.id, proposal_id=draft.proposal_id)
    assert (await town.stored(draft)).state is ProposalState.WITHDRAWN
    grants = await consents_of(town.office, home.id)
    assert [one.end for one in grants if one.purpose is Purpose.BOOKING] == [None]


async def test_an_owners_draft_takes_the_consent_along_that_was_given_for_it_alone(
    town: Town, home: Household, garage: Garage
) -> None:
    async def ended() -> list[bool]:
        grants = await consents_of(town.office, home.id)
        return sorted(one.end is not None for one in grants if one.purpose is Purpose.BOOKING)

    need = await town.need(home)
    alone = await town.draft(home, garage, await town.grant(home, garage), need)
    assert await propose.discard_draft(town.office, customer_id=home.id, proposal_id=alone.proposal_id)
    assert await ended() == [True]
    shared = await town.grant(home, garage)
    lent = await lend(town, home)
    other = await propose.draft_proposal(
        town.office, customer_id=lent.id, vehicle_id=home.car_id, need_ids=[(await town.need(home, OIL)).need_id],
        dealer_id=garage.id, start_ms=TOMORROW, grant_id=shared.grant_id,
    )  # fmt: skip
    sent = await propose.send_proposal(town.office, customer_id=lent.id, proposal_id=other.proposal_id)
    draft = await town.draft(home, garage, shared, need, start_ms=TOMORROW + DAY)
    assert not await propose.discard_draft(town.office, customer_id=home.id, proposal_id=draft.proposal_id)
    assert await ended() == [False, True] and (await town.stored(sent)).state is ProposalState.SENT
    old = await town.grant(home, garage)
    town.later(propose.GIVEN_WITH_DRAFT_MS + 1)
    late = await town.draft(home, garage, old, need, start_ms=TOMORROW + DAY)
    assert not await propose.discard_draft(town.office, customer_id=home.id, proposal_id=late.proposal_id)
    assert await ended() == [False, False, True]
    with pytest.raises(Conflict, match="only a draft"):
        await propose.discard_draft(town.office, customer_id=home.id, proposal_id=sent.proposal_id)


async def test_a_dealer_is_not_told_who_of_a_household_took_a_step(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    lent = await lend(town, home)
    await negotiate.withdraw(town.office, customer_id=lent.id, proposal_id=sent.proposal_id)
    entry = await desk_entry(town.office, dealer_id=garage.id, proposal_id=sent.proposal_id)
    assert {str(step.actor) for step in entry.steps} == {"owner"}
    assert entry.proposal.end_reason == "withdrawn for the owner"
