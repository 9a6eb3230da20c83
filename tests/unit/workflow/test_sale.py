"""A sale: what stood under the former owner ends, and the next owner begins with nothing of it."""

from __future__ import annotations

import json

import pytest

from domain.consent import GrantEnd, Purpose
from domain.errors import Conflict, InvalidInput, NotFound
from domain.need import NeedState
from domain.proposal import ProposalState
from domain.service_record import ServiceOutcome
from tests.support.moments import DAY, NOW
from tests.support.outlets import KeptReminders, KeptWebhooks, dispatch_deliveries
from tests.support.town import PADS, Garage, Household, Town
from workflow import enrol, visit
from workflow.consents import consents_of
from workflow.dossiers import car_dossier, cars_of, proposal_of
from workflow.enrol import PastService, record_service_history
from workflow.export import person_dossier
from workflow.reminders import dispatch_reminders
from workflow.sale import release_vehicle, sell_vehicle


async def sell(town: Town, home: Household) -> None:
    await sell_vehicle(town.office, customer_id=home.id, vehicle_id=home.car_id)


async def bought(town: Town, home: Household) -> Household:
    """The same car with another owner, who consented to predictions."""
    buyer = await town.owner()
    code, _ = await enrol.show_claim_code(town.office, home.car_id)
    car = await enrol.claim_vehicle(
        town.office, customer_id=buyer.customer_id, code=code, label="", consents=[Purpose.PREDICTION]
    )
    return Household(buyer, car, home.credential)


async def test_every_grant_ends_and_all_that_stood_on_it(town: Town, home: Household, garage: Garage) -> None:
    booked = await town.confirmed(home, garage)
    town.later(DAY)
    await sell(town, home)
    grants = await consents_of(town.office, home.id)
    assert {grant.end for grant in grants} == {GrantEnd.SOLD} and len(grants) == 4
    assert {grant.withdrawn_ms for grant in grants} == {NOW + DAY}
    ended = await town.stored(booked)
    assert (ended.state, ended.end_reason) == (ProposalState.CANCELLED, "the car was sold")
    assert await town.busy(garage) == 0
    assert (await town.latest_need(home)).state is NeedState.CLOSED
    webhooks = KeptWebhooks()
    await dispatch_deliveries(town.office, webhooks)
    kinds = [delivery.kind for _, delivery, _ in webhooks.kept]
    assert kinds == ["proposal.cancelled", "consent.ended"]
    assert json.loads(webhooks.kept[1][1].body)["proposal_ids"] == [booked.proposal_id]


async def test_the_stream_is_told_that_prediction_has_ended(town: Town, home: Household) -> None:
    await sell(town, home)
    async with town.records.unit_of_work() as uow:
        told = [event for _, event in await uow.timeline.after(0, customer_id=home.id)]
    ended = {event.data["purpose"]: event for event in told if event.kind == "consent-withdrawn"}
    assert (ended["prediction"].actor, ended["prediction"].cause) == ("owner", "sold")
    assert told[-1].kind == "vehicle-sold"


async def test_the_car_is_nobodys_until_it_is_claimed_and_then_without_a_past(
    town: Town, home: Household, garage: Garage
) -> None:
    booked = await town.confirmed(home, garage)
    await visit.check_in(town.office, odometer_m=61_000_000, proposal_id=booked.proposal_id, **garage.party)
    past = PastService("brake_fluid", ServiceOutcome.REPLACED, NOW - 100 * DAY, 50_000_000)
    await record_service_history(town.office, customer_id=home.id, vehicle_id=home.car_id, records=[past])
    town.later(DAY)
    await sell(town, home)
    assert await cars_of(town.office, home.id) == []
    with pytest.raises(NotFound):
        await car_dossier(town.office, customer_id=home.id, vehicle_id=home.car_id)
    with pytest.raises(NotFound):
        await sell(town, home)
    late = await town.need(home)  # of an upload that was on its way
    town.later(1)
    buyer = await bought(town, home)
    car = await car_dossier(town.office, customer_id=buyer.id, vehicle_id=home.car_id)
    assert (car.assessments, car.needs, car.past_needs, car.proposals, car.service_records) == ((), (), (), (), ())
    assert [grant.purpose for grant in car.grants] == [Purpose.PREDICTION]
    assert {event.kind for event in car.timeline} <= {"vehicle-claimed", "consent-granted"}
    assert (car.vehicle.label, car.ledger) == ("", ())
    assert (await town.latest_need(home, late.item)).state is NeedState.CLOSED
    export = await person_dossier(town.office, customer_id=buyer.id)
    assert export.proposals == () and export.cars[0].needs == ()


async def test_the_former_owner_keeps_what_is_theirs(town: Town, home: Household, garage: Garage) -> None:
    booked = await town.confirmed(home, garage)
    await sell(town, home)
    buyer = await bought(town, home)
    mine = await person_dossier(town.office, customer_id=home.id)
    assert [one.proposal.proposal_id for one in mine.proposals] == [booked.proposal_id]
    assert len(mine.grants) == 4 and mine.cars == ()
    assert (await proposal_of(town.office, customer_id=home.id, proposal_id=booked.proposal_id)).proposal
    with pytest.raises(NotFound):
        await proposal_of(town.office, customer_id=buyer.id, proposal_id=booked.proposal_id)


async def test_a_car_that_is_somebodys_is_neither_sold_nor_claimed_by_another(town: Town, home: Household) -> None:
    other = await town.owner()
    with pytest.raises(NotFound):
        await sell_vehicle(town.office, customer_id=other.customer_id, vehicle_id=home.car_id)
    with pytest.raises(Conflict, match="present owner first"):
        await bought(town, home)


async def test_it_may_come_back_to_a_former_owner(town: Town, home: Household) -> None:
    await town.need(home, PADS)
    town.later(DAY)
    await sell(town, home)
    town.later(DAY)
    code, _ = await enrol.show_claim_code(town.office, home.car_id)
    again = await enrol.claim_vehicle(town.office, customer_id=home.id, code=code, label="Back", consents=[])
    car = await car_dossier(town.office, customer_id=home.id, vehicle_id=again.vehicle_id)
    assert (car.vehicle.label, car.needs) == ("Back", ())


# A car whose former owner never says so.


async def test_an_operator_releases_a_car_to_who_sits_in_it_and_its_former_owner_hears(
    town: Town, home: Household, garage: Garage
) -> None:
    booked = await town.confirmed(home, garage)
    buyer = await town.owner()
    code, _ = await enrol.show_claim_code(town.office, home.car_id)
    with pytest.raises(Conflict, match="owner already"):
        await enrol.claim_vehicle(town.office, customer_id=buyer.customer_id, code=code)
    code, _ = await enrol.show_claim_code(town.office, home.car_id)
    town.later(1)
    ended = await release_vehicle(town.office, operator_id="an operator", code=code.lower())
    assert (ended.customer_id, ended.until_ms) == (home.id, NOW + 1)
    assert (await town.stored(booked)).state is ProposalState.CANCELLED
    assert {grant.end for grant in await consents_of(town.office, home.id)} == {GrantEnd.SOLD}
    outlet = KeptReminders()
    await dispatch_reminders(town.office, outlet)
    assert "A car is no longer in your name" in [letter.subject for _, letter, _ in outlet.kept]
    claimed = await enrol.claim_vehicle(town.office, customer_id=buyer.customer_id, code=code)
    assert claimed.vehicle_id == home.car_id, "with the same code"
    async with town.records.unit_of_work() as uow:
        told = [event for _, event in await uow.timeline.after(0, customer_id=home.id) if event.kind == "vehicle-sold"]
    assert [(event.actor, event.cause) for event in told] == [
        ("operator", "operator's word, and the code on the car's screen")
    ]


async def test_a_car_is_released_by_a_code_that_it_shows_now_and_by_nothing_else(town: Town, home: Household) -> None:
    code, expires_ms = await enrol.show_claim_code(town.office, home.car_id)
    for wrong in ("AAAA-AAAA", home.car_id, ""):
        with pytest.raises(InvalidInput, match="no car shows"):
            await release_vehicle(town.office, operator_id="an operator", code=wrong)
    town.wall.set(expires_ms)
    with pytest.raises(InvalidInput):
        await release_vehicle(town.office, operator_id="an operator", code=code)
    await sell(town, home)
    code, _ = await enrol.show_claim_code(town.office, home.car_id)
    with pytest.raises(Conflict, match="nobody's"):
        await release_vehicle(town.office, operator_id="an operator", code=code)
