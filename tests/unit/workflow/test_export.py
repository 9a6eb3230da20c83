"""An export has all of one person, and nobody else."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from domain.errors import NotFound
from domain.people import Ownership
from tests.support.moments import DAY
from tests.support.town import TOMORROW, Garage, Household, Town
from workflow.export import person_dossier


async def test_an_export_has_the_account_cars_grants_proposals_and_timeline(
    town: Town, home: Household, garage: Garage
) -> None:
    sent = await town.sent(home, garage)
    person = await person_dossier(town.office, customer_id=home.id)
    assert person.customer == home.owner
    assert [car.vehicle for car in person.cars] == [home.car]
    assert [need.item for need in person.cars[0].needs] == ["front_brake_pads"]
    assert len(person.grants) == 4
    assert [p.proposal.proposal_id for p in person.proposals] == [sent.proposal_id]
    assert {"consent-granted", "need-opened", "proposal-sent"} <= {event.kind for event in person.timeline}


async def test_nothing_of_another_person_is_in_it(town: Town, home: Household, garage: Garage) -> None:
    other = await town.household()
    await town.sent(other, garage, start_ms=TOMORROW + DAY)
    await town.sent(home, garage)
    told = str(asdict(await person_dossier(town.office, customer_id=home.id)))
    assert home.id in told
    for hers in (other.id, other.car_id, other.owner.email):
        assert hers not in told
    with pytest.raises(NotFound):
        await person_dossier(town.office, customer_id="nobody")


async def test_of_a_sold_car_each_owner_has_their_own_time(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    buyer = await town.household()
    town.clock.set(town.clock.now_ms() + DAY)
    async with town.office.unit_of_work() as uow:
        await uow.vehicles.own(Ownership(home.car_id, buyer.id, town.clock.now_ms()))
    seller = await person_dossier(town.office, customer_id=home.id)
    assert (seller.cars, [p.proposal.proposal_id for p in seller.proposals]) == ((), [sent.proposal_id])
    theirs = await person_dossier(town.office, customer_id=buyer.id)
    bought = next(car for car in theirs.cars if car.vehicle.vehicle_id == home.car_id)
    assert (bought.from_ms, bought.needs, theirs.proposals) == (town.clock.now_ms(), (), ())
