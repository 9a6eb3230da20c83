"""Each reader sees what is theirs, the most pressing first, and nothing else."""

from __future__ import annotations

import pytest

from domain.errors import NotFound
from domain.need import NeedState
from domain.people import Ownership
from domain.proposal import ProposalState
from tests.support.moments import DAY, HOUR
from tests.support.town import OIL, TOMORROW, Garage, Household, Town
from workflow.dossiers import car_dossier, cars_of, dealer_desk, desk_entry, funnel, proposal_of
from workflow.needs import dismiss
from workflow.negotiate import accept, confirm, decline, withdraw

S = ProposalState


async def test_an_owner_sees_all_about_their_car(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    oil = await town.need(home, OIL)
    await dismiss(town.office, customer_id=home.id, need_id=oil.need_id, reason="done elsewhere")
    car = await car_dossier(town.office, customer_id=home.id, vehicle_id=home.car_id)
    assert (car.customer, car.vehicle, car.now_ms) == (home.owner, home.car, town.clock.now_ms())
    assert ([need.item for need in car.needs], [need.item for need in car.past_needs]) == (["front_brake_pads"], [OIL])
    assert [(p.proposal.proposal_id, p.dealer.dealer_id) for p in car.proposals] == [(sent.proposal_id, garage.id)]
    assert {assessment.item for assessment in car.assessments} == {"front_brake_pads", OIL}
    assert len(car.grants) == 4
    assert car.timeline[0].kind == "need-dismissed"


async def test_nobody_sees_anothers_car(town: Town, home: Household) -> None:
    other = await town.household()
    for customer_id, vehicle_id in ((other.id, home.car_id), (home.id, "no car"), ("nobody", home.car_id)):
        with pytest.raises(NotFound):
            await car_dossier(town.office, customer_id=customer_id, vehicle_id=vehicle_id)
    assert await cars_of(town.office, other.id) == [other.car]


async def test_a_proposal_is_read_with_its_steps_and_its_dealer(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    dossier = await proposal_of(town.office, customer_id=home.id, proposal_id=sent.proposal_id)
    assert (dossier.proposal, dossier.dealer) == (sent, garage.dealer)
    assert [step.state for step in dossier.steps] == [S.DRAFT, S.SENT]


async def test_what_waits_for_the_dealer_comes_first_and_then_by_slot(town: Town) -> None:
    garage = await town.garage(bays=5)
    booked_home, later, sooner, gone = [await town.household() for _ in range(4)]
    ended = await town.sent(gone, garage)
    await decline(town.office, proposal_id=ended.proposal_id, **garage.party)
    booked = await town.sent(booked_home, garage)
    await accept(town.office, proposal_id=booked.proposal_id, **garage.party)
    await confirm(town.office, customer_id=booked_home.id, proposal_id=booked.proposal_id)
    second = await town.sent(later, garage, start_ms=TOMORROW + 2 * DAY)
    first = await town.sent(sooner, garage, start_ms=TOMORROW + DAY)
    desk = await dealer_desk(town.office, dealer_id=garage.id)
    assert [entry.proposal.proposal_id for entry in desk.entries] == [
        p.proposal_id for p in (first, second, booked, ended)
    ]
    waiting = await dealer_desk(town.office, dealer_id=garage.id, states=[S.SENT, S.DRAFT])
    assert [entry.proposal.proposal_id for entry in waiting.entries] == [first.proposal_id, second.proposal_id]


async def test_a_draft_that_was_withdrawn_never_left_and_is_not_on_the_desk(
    town: Town, home: Household, garage: Garage
) -> None:
    draft = await town.draft(home, garage, await town.grant(home, garage), await town.need(home))
    await withdraw(town.office, customer_id=home.id, proposal_id=draft.proposal_id)
    assert (await dealer_desk(town.office, dealer_id=garage.id)).entries == ()
    with pytest.raises(NotFound):
        await desk_entry(town.office, dealer_id=garage.id, proposal_id=draft.proposal_id)


async def test_a_desk_nobody_runs_is_not_there(town: Town) -> None:
    with pytest.raises(NotFound):
        await dealer_desk(town.office, dealer_id="nobody's")


async def test_an_entry_shows_what_left_while_consent_stands(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    entry = await desk_entry(town.office, dealer_id=garage.id, proposal_id=sent.proposal_id)
    assert entry.payload and entry.payload["customer"]["name"] == home.owner.name  # type: ignore[index]
    assert [step.state for step in entry.steps] == [S.DRAFT, S.SENT]


async def test_the_funnel_counts_every_step_and_names_nobody(town: Town, garage: Garage) -> None:
    home = await town.household(
        name="CANARY name",
        email="canary@example.test",
        vin="CANARYVN000000017",
        label="CANARY car",
        model="CANARY model",
    )
    await town.confirmed(home, garage)
    seen = await funnel(town.office, {"engine_oil": "oil-8"}, {"uploads": 40, "predictions": 7})
    expected = {"uploads": 40, "predictions": 7, "vehicles": 1, "need-opened": 1, "proposal-confirmed": 1}
    assert {name: seen.counts[name] for name in expected} == expected
    assert seen.model_versions == {"engine_oil": "oil-8"}
    assert seen.recent[0].time_ms == town.clock.now_ms()
    assert "canary" not in repr(seen).lower()
    assert (await funnel(town.office, {})).counts["vehicles"] == 1


async def test_a_new_owner_reads_nothing_that_was_over_before_the_car_was_theirs(
    town: Town, home: Household, garage: Garage
) -> None:
    booked = await town.confirmed(home, garage)
    need = await town.live_need(home)
    async with town.records.unit_of_work() as uow:
        await uow.needs.update(need.to(NeedState.DISMISSED, town.later(HOUR), reason="CANARY of the seller"))
    before = await car_dossier(town.office, customer_id=home.id, vehicle_id=home.car_id)
    assert before.past_needs and before.timeline and before.proposals
    buyer = await town.owner()
    async with town.records.unit_of_work() as uow:
        await uow.vehicles.own(Ownership(home.car_id, buyer.customer_id, town.later(DAY)))
    after = await car_dossier(town.office, customer_id=buyer.customer_id, vehicle_id=home.car_id)
    assert (after.past_needs, after.timeline, after.proposals, after.grants) == ((), (), (), ())
    assert "CANARY" not in repr(after)
    with pytest.raises(NotFound):
        await car_dossier(town.office, customer_id=home.id, vehicle_id=home.car_id)
    own = await proposal_of(town.office, customer_id=home.id, proposal_id=booked.proposal_id)
    assert own.proposal.customer_id == home.id, "the seller still reads their own bookings"
