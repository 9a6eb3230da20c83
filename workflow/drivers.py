"""Drivers: lending a car to somebody by a code, and the end of it. What a driver may see and do, `workflow.seat` says.

A household's second driver and a company's employee are drivers alike. An ownership is held before what hangs on it
(codes, drivings): who joins while the car is sold drives it for nobody.
"""

from __future__ import annotations

from domain.dossier import CarDriver, DrivenCar
from domain.errors import Conflict, InvalidInput, NotFound
from domain.people import DriverInvitation, Driving
from workflow.access import hash_token
from workflow.codes import new_code, plain_code
from workflow.history import tell
from workflow.notices import DRIVER_ADDED, DRIVER_LEFT, DRIVES_NO_MORE, notify
from workflow.ports import Office, UnitOfWork

INVITATION_MS = 7 * 86_400_000
CODE_LENGTH = 12
NO_DRIVER = "nobody of this id drives such a car"


async def invite_driver(
    office: Office, *, customer_id: str, vehicle_id: str, may_book: bool = False
) -> tuple[str, int]:
    """A code with which somebody may drive the car, for the owner to pass on, and when it runs out (wall clock)."""
    code = new_code(office, CODE_LENGTH)
    expires_ms = office.wall.now_ms() + INVITATION_MS
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        await _require_owner(uow, customer_id, vehicle_id)
        await uow.drivers.forget_invitations(office.wall.now_ms())
        invitation = DriverInvitation(vehicle_id, customer_id, may_book, expires_ms)
        await uow.drivers.invite(hash_token(plain_code(code)), invitation)
        await _tell(uow, office, "driver-invited", vehicle_id, customer_id, now, actor="owner")
    return code, expires_ms


async def invitations_of(office: Office, *, customer_id: str, vehicle_id: str) -> list[DriverInvitation]:
    """The codes for a car of this owner's that nobody has used yet, the one that ends first first."""
    async with office.unit_of_work() as uow:
        await _require_owner(uow, customer_id, vehicle_id)
        return await uow.drivers.invitations(vehicle_id, office.wall.now_ms())


async def revoke_invitations(office: Office, *, customer_id: str, vehicle_id: str) -> int:
    """No unused code for the car counts any longer; how many those were."""
    async with office.unit_of_work() as uow:
        await _require_owner(uow, customer_id, vehicle_id)
        return await uow.drivers.revoke_invitations(vehicle_id)


async def join_car(office: Office, *, customer_id: str, code: str, wants_reminders: bool = False) -> DrivenCar:
    """Drive the car whose owner gave this code, which is used up; the owner hears of it."""
    now = office.clock.now_ms()
    hashed, wall_ms = hash_token(plain_code(code)), office.wall.now_ms()
    async with office.unit_of_work() as uow:
        invitation = await uow.drivers.invitation(hashed, wall_ms)
        vehicle = await uow.vehicles.get(invitation.vehicle_id) if invitation else None
        if invitation is None or vehicle is None:
            raise _no_code()
        ownership = await uow.vehicles.ownership_of(invitation.vehicle_id, is_held=True)
        if ownership is None or ownership.customer_id != invitation.owner_id:
            raise _no_code()
        if not await uow.drivers.take_invitation(hashed, wall_ms):
            raise _no_code()
        if invitation.owner_id == customer_id:
            raise Conflict("the car is yours: whoever else drives it types this code")
        driving = Driving(vehicle.vehicle_id, customer_id, now, invitation.may_book, wants_reminders)
        await uow.drivers.begin(driving)
        await notify(uow, invitation.owner_id, DRIVER_ADDED, now, vehicle_id=vehicle.vehicle_id)
        await _tell(uow, office, "driver-added", vehicle.vehicle_id, invitation.owner_id, now, actor="driver")
    return DrivenCar(vehicle, driving)


async def drivers_of(office: Office, *, customer_id: str, vehicle_id: str) -> list[CarDriver]:
    """Who drives a car of this owner's, the longest first."""
    async with office.unit_of_work() as uow:
        await uow.show_only(customer_id)
        await _require_owner(uow, customer_id, vehicle_id)
        return await car_drivers(uow, vehicle_id)


async def car_drivers(uow: UnitOfWork, vehicle_id: str) -> list[CarDriver]:
    """Who drives a car, by name, within a transaction that runs already."""
    drivings = await uow.drivers.of_vehicle(vehicle_id)
    people = [await uow.people.customer(driving.customer_id) for driving in drivings]
    return [CarDriver(one, person.name if person else "") for one, person in zip(drivings, people, strict=True)]


async def drives_of(office: Office, customer_id: str) -> list[DrivenCar]:
    """The cars that the customer drives for others, the longest first."""
    async with office.unit_of_work() as uow:
        return await driven_cars(uow, customer_id)


async def driven_cars(uow: UnitOfWork, customer_id: str) -> list[DrivenCar]:
    """The same within a transaction that runs already."""
    return [DrivenCar(*found) for found in await uow.drivers.driven_by(customer_id)]


async def let_driver(office: Office, *, customer_id: str, vehicle_id: str, driver_id: str, may_book: bool) -> None:
    """The owner lets a driver book, or no longer."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        await _require_owner(uow, customer_id, vehicle_id)
        if not await uow.drivers.let(vehicle_id, driver_id, may_book=may_book):
            raise NotFound(NO_DRIVER)
        await _tell(uow, office, "driver-changed", vehicle_id, customer_id, now, actor="owner")


async def remind_driver(office: Office, *, customer_id: str, vehicle_id: str, wants_reminders: bool) -> None:
    """The driver wants reminders about the car, or no longer."""
    async with office.unit_of_work() as uow:
        if not await uow.drivers.remind(vehicle_id, customer_id, wants_reminders=wants_reminders):
            raise NotFound(NO_DRIVER)


async def end_driving(office: Office, *, customer_id: str, vehicle_id: str, driver_id: str) -> None:
    """The owner ends it, or the driver does (`customer_id` is `driver_id`): from the commit on they see nothing of it.

    What they arranged for the owner stands. The other side hears of it.
    """
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        owner_id = await uow.vehicles.owner_of(vehicle_id)
        # Somebody else's car and one that is driven by nobody of that name are the same to who asks.
        is_theirs = owner_id is not None and customer_id in (owner_id, driver_id)
        if owner_id is None or not is_theirs or not await uow.drivers.end(vehicle_id, driver_id, now):
            raise NotFound(NO_DRIVER)
        is_owner = customer_id == owner_id
        told, what = (driver_id, DRIVES_NO_MORE) if is_owner else (owner_id, DRIVER_LEFT)
        await notify(uow, told, what, now, vehicle_id=vehicle_id, path="/owner")
        actor = "owner" if is_owner else "driver"
        await _tell(uow, office, "driver-left", vehicle_id, owner_id, now, actor=actor)


async def end_all_driving(
    uow: UnitOfWork, office: Office, vehicle_id: str, owner_id: str, now_ms: int, actor: str
) -> None:
    """Nobody drives a car any longer that its owner has given away, and no code for it counts."""
    await uow.drivers.revoke_invitations(vehicle_id)
    for driving in await uow.drivers.end_all(vehicle_id, now_ms):
        await notify(uow, driving.customer_id, DRIVES_NO_MORE, now_ms, vehicle_id=vehicle_id, path="/owner")
        await _tell(uow, office, "driver-left", vehicle_id, owner_id, now_ms, actor=actor)


async def _require_owner(uow: UnitOfWork, customer_id: str, vehicle_id: str) -> None:
    """NotFound for anybody but the car's owner, who stays that until the transaction ends."""
    ownership = await uow.vehicles.ownership_of(vehicle_id, is_held=True)
    if ownership is None or ownership.customer_id != customer_id:
        raise NotFound("there is no such car")


def _no_code() -> InvalidInput:
    return InvalidInput(
        "this code is unknown, used or has run out", field="code", fix="ask the car's owner for a new one"
    )


async def _tell(
    uow: UnitOfWork, office: Office, kind: str, vehicle_id: str, owner_id: str, now_ms: int, *, actor: str
) -> None:
    await tell(
        uow,
        kind,
        # Of two codes, or two drivers, of one moment each is a step of its own.
        event_id=office.ids.new("driver-step"),
        vehicle_id=vehicle_id,
        time_ms=now_ms,
        actor=actor,
        customer_id=owner_id,
    )
