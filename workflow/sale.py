"""A car changes hands: consents end, and what was known under one owner is not the next one's."""

from __future__ import annotations

from domain.consent import GrantEnd
from domain.errors import NotFound
from domain.need import NeedState
from domain.people import Ownership
from workflow.consents import end_grant
from workflow.drivers import end_all_driving
from workflow.history import tell
from workflow.notices import SOLD, notify
from workflow.ports import Office, UnitOfWork


async def sell_vehicle(office: Office, *, customer_id: str, vehicle_id: str) -> Ownership:
    """The owner has given the car away: it is nobody's until somebody claims it with a code from its screen.

    Every grant ends, and with them what stands on them: appointments are cancelled, dealers are asked to erase, the
    stream forgets the car's state. Nobody drives it for its former owner any longer. The owner keeps what is theirs:
    grants, proposals and steps until now.
    """
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        ownership = await uow.vehicles.ownership_of(vehicle_id)
        vehicle = await uow.vehicles.get(vehicle_id)
        if vehicle is None or ownership is None or ownership.customer_id != customer_id:
            raise NotFound("there is no such car")
        for listed in await uow.consents.standing(vehicle_id):
            grant = await uow.consents.get(listed.grant_id, lock=True)
            if grant is not None and grant.end is None:
                how = GrantEnd.SOLD if grant.is_live(now) else GrantEnd.EXPIRED
                await end_grant(uow, office, grant, how, customer_id)
        await end_all_driving(uow, vehicle_id, customer_id, now)
        await forget_past(uow, vehicle_id, now)
        await uow.vehicles.disown(vehicle_id, customer_id, now)
        await uow.vehicles.update(vehicle.labelled(""))
        await notify(uow, customer_id, SOLD, now, vehicle_id=vehicle_id)
        await tell(
            uow,
            "vehicle-sold",
            event_id=f"{vehicle_id}:{customer_id}:{now}",
            vehicle_id=vehicle_id,
            time_ms=now,
            actor="owner",
            customer_id=customer_id,
        )
    return Ownership(vehicle_id, customer_id, ownership.from_ms, now)


async def forget_past(uow: UnitOfWork, vehicle_id: str, now_ms: int) -> None:
    """Of a car that is nobody's: its predictions go, and what it needed is closed."""
    await uow.assessments.forget_vehicle(vehicle_id)
    for need in await uow.needs.of_vehicle(vehicle_id):
        closed = need.to(NeedState.CLOSED, now_ms, reason="the car has another owner")
        await uow.needs.update(closed)
