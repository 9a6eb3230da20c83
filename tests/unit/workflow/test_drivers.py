"""Drivers: who drives another's car sees what concerns them, and does what the owner lets them, under the owner's
consents and no longer than that."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from domain.consent import Purpose
from domain.errors import Conflict, ConsentMissing, Forbidden, InvalidInput, NotFound
from domain.need import NeedState
from domain.people import Customer
from domain.proposal import NO_DATA, Actor, ProposalState
from domain.service_record import ServiceOutcome
from tests.support.moments import DAY, NOW
from tests.support.outlets import KeptReminders
from tests.support.town import BATTERY, OIL, PADS, TOMORROW, Garage, Household, Town
from workflow import enrol, negotiate, propose, visit
from workflow.calibration_ledger import car_ledger
from workflow.consents import consents_of, withdraw_consent
from workflow.dossiers import car_dossier, cars_of, desk_entry, overview_of, proposal_of, timeline_of
from workflow.drivers import (
    INVITATION_MS,
    drivers_of,
    drives_of,
    end_driving,
    invitations_of,
    invite_driver,
    join_car,
    let_driver,
    remind_driver,
    revoke_invitations,
)
from workflow.export import person_dossier
from workflow.free_slots import work_of_needs
from workflow.needs import dismiss, snooze
from workflow.reminders import dispatch_reminders
from workflow.sale import sell_vehicle


@dataclass(frozen=True)
class Lent:
    """A car that is lent, and to whom."""

    home: Household
    driver: Customer

    @property
    def id(self) -> str:
        return self.driver.customer_id


async def lend(town: Town, home: Household, *, may_book: bool = True, wants_reminders: bool = False) -> Lent:
    code, _ = await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id, may_book=may_book)
    driver = await town.owner()
    await join_car(town.office, customer_id=driver.customer_id, code=code, wants_reminders=wants_reminders)
    return Lent(home, driver)


async def end(town: Town, lent: Lent, by: str) -> None:
    await end_driving(town.office, customer_id=by, vehicle_id=lent.home.car_id, driver_id=lent.id)


async def letters(town: Town) -> dict[str, list[str]]:
    """The subjects of what is due now, by who gets it."""
    outlet = KeptReminders()
    await dispatch_reminders(town.office, outlet)
    kept: dict[str, list[str]] = {}
    for customer, letter, _ in outlet.kept:
        kept.setdefault(customer.customer_id, []).append(letter.subject)
    return kept


# The code.


async def test_a_code_is_good_for_one_person_once(town: Town, home: Household) -> None:
    code, expires_ms = await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id)
    assert expires_ms == NOW + INVITATION_MS
    first, second = await town.owner(), await town.owner()
    typed = code.replace("-", " ").lower()
    assert (await join_car(town.office, customer_id=first.customer_id, code=typed)).vehicle == home.car
    with pytest.raises(InvalidInput, match="used or has run out"):
        await join_car(town.office, customer_id=second.customer_id, code=code)
    assert [one.driving.customer_id for one in await listed(town, home)] == [first.customer_id]


async def listed(town: Town, home: Household) -> list[object]:
    return list(await drivers_of(town.office, customer_id=home.id, vehicle_id=home.car_id))


async def test_a_code_runs_out(town: Town, home: Household) -> None:
    code, _ = await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id)
    town.later(INVITATION_MS)
    driver = await town.owner()
    with pytest.raises(InvalidInput, match="has run out") as refused:
        await join_car(town.office, customer_id=driver.customer_id, code=code)
    assert (refused.value.field, refused.value.fix) == ("code", "ask the car's owner for a new one")


async def test_who_owns_the_car_can_not_drive_it_for_themselves_and_the_code_stays_good(
    town: Town, home: Household
) -> None:
    code, _ = await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id)
    with pytest.raises(Conflict, match="yours"):
        await join_car(town.office, customer_id=home.id, code=code)
    driver = await town.owner()
    await join_car(town.office, customer_id=driver.customer_id, code=code)


async def test_nobody_drives_a_car_twice(town: Town, home: Household) -> None:
    lent = await lend(town, home)
    code, _ = await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id)
    with pytest.raises(Conflict, match="already"):
        await join_car(town.office, customer_id=lent.id, code=code)
    assert len(await listed(town, home)) == 1


async def test_unused_codes_are_seen_and_revoked(town: Town, home: Household) -> None:
    code, expires_ms = await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id)
    about = {"customer_id": home.id, "vehicle_id": home.car_id}
    assert [one.expires_ms for one in await invitations_of(town.office, **about)] == [expires_ms]
    car = await car_dossier(town.office, **about)
    assert [one.expires_ms for one in car.invitations] == [expires_ms]
    assert await revoke_invitations(town.office, **about) == 1
    assert await invitations_of(town.office, **about) == []
    with pytest.raises(InvalidInput):
        await join_car(town.office, customer_id=(await town.owner()).customer_id, code=code)
    stranger = {"customer_id": (await town.owner()).customer_id, "vehicle_id": home.car_id}
    for step in (invitations_of, revoke_invitations):
        with pytest.raises(NotFound):
            await step(town.office, **stranger)


async def test_only_the_owner_lends_the_car(town: Town, home: Household) -> None:
    lent = await lend(town, home)
    for other in (lent.id, (await town.owner()).customer_id):
        with pytest.raises(NotFound):
            await invite_driver(town.office, customer_id=other, vehicle_id=home.car_id)
        with pytest.raises(NotFound):
            await drivers_of(town.office, customer_id=other, vehicle_id=home.car_id)
        with pytest.raises(NotFound):
            await let_driver(town.office, customer_id=other, vehicle_id=home.car_id, driver_id=lent.id, may_book=True)
    with pytest.raises(NotFound):
        await end_driving(
            town.office, customer_id=(await town.owner()).customer_id, vehicle_id=home.car_id, driver_id=lent.id
        )


async def test_the_owner_hears_that_the_code_was_used(town: Town, home: Household) -> None:
    await lend(town, home)
    assert await letters(town) == {home.id: ["Somebody drives your car now"]}


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


# The end of it.


@pytest.mark.parametrize("by_owner", [True, False])
async def test_from_its_end_on_a_driver_sees_and_does_nothing_and_the_other_side_hears(
    town: Town, home: Household, garage: Garage, by_owner: bool
) -> None:
    sent = await town.sent(home, garage)
    lent = await lend(town, home, wants_reminders=True)
    await letters(town)
    town.later(1)
    await negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    need = await town.need(home, OIL)
    await end(town, lent, home.id if by_owner else lent.id)
    with pytest.raises(NotFound):
        await car_dossier(town.office, customer_id=lent.id, vehicle_id=home.car_id)
    with pytest.raises(NotFound):
        await proposal_of(town.office, customer_id=lent.id, proposal_id=sent.proposal_id)
    with pytest.raises(NotFound):
        await negotiate.confirm(town.office, customer_id=lent.id, proposal_id=sent.proposal_id)
    with pytest.raises(NotFound):
        await snooze(town.office, customer_id=lent.id, need_id=need.need_id, until_ms=NOW + DAY)
    with pytest.raises(NotFound):
        await remind_driver(town.office, customer_id=lent.id, vehicle_id=home.car_id, wants_reminders=True)
    with pytest.raises(NotFound):
        await end(town, lent, lent.id)
    assert await drives_of(town.office, lent.id) == [] and await listed(town, home) == []
    told = await letters(town)
    if by_owner:
        assert told.pop(lent.id) == ["A car is no longer yours to drive"], "and nothing of what waited for them"
    else:
        assert lent.id not in told and "A driver has left your car" in told[home.id]
    assert len(told[home.id]) >= 2, "the owner's own letters go"


async def test_a_sale_ends_it_and_unused_codes_with_it(town: Town, home: Household) -> None:
    lent = await lend(town, home)
    unused, _ = await invite_driver(town.office, customer_id=home.id, vehicle_id=home.car_id)
    await letters(town)
    await sell_vehicle(town.office, customer_id=home.id, vehicle_id=home.car_id)
    with pytest.raises(NotFound):
        await car_dossier(town.office, customer_id=lent.id, vehicle_id=home.car_id)
    with pytest.raises(InvalidInput):
        await join_car(town.office, customer_id=(await town.owner()).customer_id, code=unused)
    assert (await letters(town))[lent.id] == ["A car is no longer yours to drive"]


# Letters.


async def test_a_driver_who_wants_them_gets_reminders_beside_the_owner(town: Town, home: Household) -> None:
    lent = await lend(town, home, wants_reminders=True)
    quiet = await lend(town, home)
    await letters(town)
    await town.need(home)
    outlet = KeptReminders()
    await dispatch_reminders(town.office, outlet)
    by_reader = {customer.customer_id: letter for customer, letter, _ in outlet.kept}
    assert set(by_reader) == {home.id, lent.id} and quiet.id not in by_reader
    page = f"https://x.example/owner/cars/{home.car_id}"
    assert page in by_reader[lent.id].with_links("https://x.example")
    assert "/owner/consents" not in by_reader[lent.id].with_links("https://x.example"), "they are not the driver's"
    assert "/owner/consents" in by_reader[home.id].with_links("https://x.example")
    assert (await town.live_need(home)).state is NeedState.REMINDED


async def test_no_driver_is_reminded_once_the_owner_wants_no_reminders_for_the_car(town: Town, home: Household) -> None:
    lent = await lend(town, home, wants_reminders=True)
    await letters(town)
    await town.need(home)
    grants = {grant.purpose: grant for grant in await consents_of(town.office, home.id)}
    await withdraw_consent(town.office, customer_id=home.id, grant_id=grants[Purpose.REMINDERS].grant_id)
    assert lent.id not in await letters(town)


async def test_a_driver_may_change_their_mind_about_reminders(town: Town, home: Household) -> None:
    lent = await lend(town, home, wants_reminders=True)
    await letters(town)
    await town.need(home)
    await remind_driver(town.office, customer_id=lent.id, vehicle_id=home.car_id, wants_reminders=False)
    assert set(await letters(town)) == {home.id}


async def test_who_books_hears_what_the_dealer_answers(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    booking, looking = await lend(town, home), await lend(town, home, may_book=False)
    await letters(town)
    await negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    told = await letters(town)
    assert set(told) == {home.id, booking.id} and looking.id not in told


# What is kept.


async def test_the_export_says_who_drives_and_what_one_drove_and_did(
    town: Town, home: Household, garage: Garage
) -> None:
    sent = await town.sent(home, garage)
    lent = await lend(town, home)
    owners = await person_dossier(town.office, customer_id=home.id)
    assert [one.name for one in owners.cars[0].drivers] == [lent.driver.name]
    assert (owners.drivings, owners.steps_for_others) == ((), ())
    await negotiate.withdraw(town.office, customer_id=lent.id, proposal_id=sent.proposal_id)
    town.later(DAY)
    await end(town, lent, home.id)
    drivers = await person_dossier(town.office, customer_id=lent.id)
    assert [(one.vehicle_id, one.from_ms, one.until_ms) for one in drivers.drivings] == [(home.car_id, NOW, NOW + DAY)]
    assert [(step.proposal_id, step.state) for step in drivers.steps_for_others] == [(sent.proposal_id, "withdrawn")]
    assert (drivers.cars, drivers.proposals) == ((), ()), "what is the owner's is not the driver's to take along"


async def test_all_cars_are_overlooked_at_once_ones_own_and_those_that_one_drives(
    town: Town, home: Household, garage: Garage
) -> None:
    lent = await lend(town, home)
    await town.need(home, OIL)
    sent = await town.sent(home, garage)
    stranger = await town.household()
    await town.need(stranger)
    (own,) = await overview_of(town.office, home.id)
    assert (own.vehicle, own.is_driven, own.drivers, own.is_ready) == (home.car, False, (lent.driver.name,), True)
    assert {need.item for need in own.needs} == {OIL, PADS} and own.heard_ms == NOW
    assert [one.proposal_id for one in own.under_way] == [sent.proposal_id]
    (driven,) = await overview_of(town.office, lent.id)
    assert (driven.vehicle, driven.is_driven, driven.drivers, driven.needs) == (home.car, True, (), own.needs)
    await end(town, lent, home.id)
    assert await overview_of(town.office, lent.id) == []
    assert (await overview_of(town.office, home.id))[0].drivers == ()
