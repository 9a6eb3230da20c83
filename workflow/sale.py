"""A car changes hands: consents end, and what was known under one owner is not the next one's."""

from __future__ import annotations

from domain.consent import GrantEnd
from domain.errors import Conflict, InvalidInput, NotFound
from domain.need import NeedState
from domain.people import Ownership, Vehicle
from workflow.access import hash_token
from workflow.codes import plain_code
from workflow.consents import end_grant
from workflow.drivers import end_all_driving
from workflow.history import tell
from workflow.notices import RELEASED, SOLD, notify
from workflow.ports import Office, UnitOfWork


async def sell_vehicle(office: Office, *, customer_id: str, vehicle_id: str) -> Ownership:
    """The owner has given the car away: it is nobody's until somebody claims it with a code from its screen.

    Every grant ends, and with them what stands on them: appointments are cancelled, dealers are asked to erase, the
    stream forgets the car's state. Nobody drives it for its former owner any longer. The owner keeps what is theirs:
    grants, proposals and steps until now.
    """
    async with office.unit_of_work() as uow:
        ownership = await uow.vehicles.ownership_of(vehicle_id, lock=True)
        vehicle = await uow.vehicles.get(vehicle_id)
        if vehicle is None or ownership is None or ownership.customer_id != customer_id:
            raise NotFound("there is no such car")
        return await _part(uow, office, vehicle, ownership, actor="owner", actor_id=customer_id)


async def release_vehicle(office: Office, *, operator_id: str, code: str) -> Ownership:
    """An operator parts a car from an owner who has given it away without saying so; whoever has it may claim it then.

    `code` is the one on the car's screen: nobody but who sits in the car can have it released, and it stays good for
    claiming. The former owner hears of it. InvalidInput for a code that no car shows, Conflict for a car of nobody's.
    """
    hashed, wall_ms = hash_token(plain_code(code)), office.wall.now_ms()
    async with office.unit_of_work() as uow:
        vehicle_id = await uow.vehicles.showing_code(hashed, wall_ms)
        ownership = await uow.vehicles.ownership_of(vehicle_id, lock=True) if vehicle_id else None
        vehicle = await uow.vehicles.get(vehicle_id) if vehicle_id else None
        # Looked at again, now that nobody else can part them: who claimed the car meanwhile has used the code up.
        if vehicle is None or await uow.vehicles.showing_code(hashed, wall_ms) != vehicle_id:
            raise InvalidInput(
                "no car shows this code now",
                field="code",
                fix="let the car show a new one and type it within 15 minutes",
            )
        if ownership is None:
            raise Conflict("the car is nobody's: it can be claimed as it is")
        return await _part(uow, office, vehicle, ownership, actor="operator", actor_id=operator_id)


async def _part(
    uow: UnitOfWork, office: Office, vehicle: Vehicle, ownership: Ownership, *, actor: str, actor_id: str
) -> Ownership:
    now, owner_id, vehicle_id = office.clock.now_ms(), ownership.customer_id, vehicle.vehicle_id
    for listed in await uow.consents.standing(vehicle_id):
        grant = await uow.consents.get(listed.grant_id, lock=True)
        if grant is not None and grant.end is None:
            how = GrantEnd.SOLD if grant.is_live(now) else GrantEnd.EXPIRED
            await end_grant(uow, office, grant, how, actor_id, actor)
    await end_all_driving(uow, office, vehicle_id, owner_id, now, actor)
    await forget_past(uow, vehicle_id, now)
    await uow.vehicles.disown(vehicle_id, owner_id, now)
    await uow.vehicles.update(vehicle.labelled(""))
    await notify(uow, owner_id, SOLD if actor == "owner" else RELEASED, now, vehicle_id=vehicle_id)
    await tell(
        uow,
        "vehicle-sold",
        event_id=f"{vehicle_id}:{owner_id}:{now}",
        vehicle_id=vehicle_id,
        time_ms=now,
        actor=actor,
        cause="" if actor == "owner" else "operator's word, and the code on the car's screen",
        customer_id=owner_id,
    )
    return Ownership(vehicle_id, owner_id, ownership.from_ms, now)


async def forget_past(uow: UnitOfWork, vehicle_id: str, now_ms: int) -> None:
    """Of a car that is nobody's: its predictions go, and what it needed is closed."""
    await uow.assessments.forget_vehicle(vehicle_id)
    for need in await uow.needs.of_vehicle(vehicle_id):
        closed = need.to(NeedState.CLOSED, now_ms, reason="the car has another owner")
        await uow.needs.update(closed)
