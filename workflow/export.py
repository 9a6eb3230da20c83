"""Everything that is kept about a person, gathered for that person and for nobody else."""

from __future__ import annotations

from domain.dossier import OwnedCar, PersonDossier
from domain.errors import NotFound
from domain.event import DomainEvent
from domain.people import Vehicle
from workflow.drivers import car_drivers
from workflow.ports import Office, UnitOfWork
from workflow.seat import dossier_of

EVENTS_A_READ = 1_000


async def person_dossier(office: Office, *, customer_id: str) -> PersonDossier:
    """The person's account, cars, grants, proposals and timeline; NotFound for an id that is no customer's.

    Proposals are found by their grants, so that those of a car that was sold since are there too. Of a car's needs
    only those that opened under this owner: what came before is the former owner's.
    """
    async with office.unit_of_work() as uow:
        # Before all else is hidden: these steps were taken for others.
        drivings, steps = await uow.drivers.history(customer_id), await uow.drivers.steps_of(customer_id)
        await uow.show_only(customer_id)
        customer = await uow.people.customer(customer_id)
        if customer is None:
            raise NotFound("there is no such customer")
        grants = await uow.consents.of_customer(customer_id)
        proposals = [p for grant in grants for p in await uow.proposals.under_grant(grant.grant_id)]
        return PersonDossier(
            now_ms=office.clock.now_ms(),
            customer=customer,
            cars=tuple([await _owned(uow, car) for car in await uow.vehicles.owned_by(customer_id)]),
            drivings=tuple(drivings),
            steps_for_others=tuple(steps),
            grants=tuple(grants),
            proposals=tuple([await dossier_of(uow, p) for p in proposals if p.customer_id == customer_id]),
            timeline=tuple(await _events(uow, customer_id)),
        )


async def _owned(uow: UnitOfWork, vehicle: Vehicle) -> OwnedCar:
    ownership = await uow.vehicles.ownership_of(vehicle.vehicle_id)
    if ownership is None:
        raise NotFound("there is no such car")
    needs = await uow.needs.of_vehicle(vehicle.vehicle_id, live_only=False)
    since = tuple(need for need in needs if need.opened_ms >= ownership.from_ms)
    return OwnedCar(vehicle, ownership.from_ms, since, tuple(await car_drivers(uow, vehicle.vehicle_id)))


async def _events(uow: UnitOfWork, customer_id: str) -> list[DomainEvent]:
    """All events of the person, oldest first."""
    events: list[DomainEvent] = []
    seq = 0
    while read := await uow.timeline.after(seq, customer_id=customer_id, limit=EVENTS_A_READ):
        events += [event for _, event in read]
        seq = read[-1][0]
    return events
