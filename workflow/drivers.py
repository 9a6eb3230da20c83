"""Drivers: people to whom an owner lends a car, and what they may see and do of it.

A driver sees how the car is and what it needs, and what is arranged since they drive it; where the owner lets them,
they book for the owner, under consents that the owner gave. Consents stay the owner's: a driver grants, narrows and
withdraws none. A household's second driver and a company's employee are drivers alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from domain.consent import ConsentGrant
from domain.dossier import CarDriver, DrivenCar
from domain.errors import Conflict, Forbidden, InvalidInput, NotFound
from domain.people import DriverInvitation, Driving
from domain.proposal import BookingProposal
from workflow.access import hash_token
from workflow.codes import new_code, plain_code
from workflow.history import tell
from workflow.notices import DRIVER_ADDED, DRIVER_LEFT, DRIVES_NO_MORE, notify
from workflow.ports import Office, UnitOfWork

INVITATION_MS = 7 * 86_400_000
CODE_LENGTH = 12
NO_DRIVER = "nobody of this id drives such a car"


@dataclass(frozen=True, slots=True)
class Seat:
    """From where somebody sees a car: as its owner, or as a driver, and since when."""

    owner_id: str
    since_ms: int
    driving: Driving | None = None

    def shows(self, proposal: BookingProposal) -> bool:
        """Whether a proposal of the owner's is seen from here: a driver sees no visit that was over before."""
        if proposal.customer_id != self.owner_id:
            return False
        return self.driving is None or not proposal.state.is_over or proposal.created_ms >= self.since_ms


async def seat_in(uow: UnitOfWork, customer_id: str, vehicle_id: str) -> Seat:
    """Where the customer sits in a car; NotFound when it is neither theirs nor lent to them."""
    ownership = await uow.vehicles.ownership_of(vehicle_id)
    if ownership is not None and ownership.customer_id == customer_id:
        return Seat(customer_id, ownership.from_ms)
    driving = await uow.drivers.driving(vehicle_id, customer_id)
    if ownership is None or driving is None:
        raise NotFound("there is no such car")
    return Seat(ownership.customer_id, driving.from_ms, driving)


async def is_seen(uow: UnitOfWork, customer_id: str, vehicle_id: str) -> bool:
    """Whether the customer owns the car, or drives it."""
    try:
        await seat_in(uow, customer_id, vehicle_id)
    except NotFound:
        return False
    return True


async def owner_to_act_for(uow: UnitOfWork, customer_id: str, vehicle_id: str) -> str:
    """For whom the customer may act on a car: themselves, or the owner who lets them; NotFound or Forbidden."""
    seat = await seat_in(uow, customer_id, vehicle_id)
    if seat.driving is not None and not seat.driving.may_book:
        raise Forbidden("the owner of this car has not let you book for it: ask them to")
    return seat.owner_id


async def proposal_to_act_on(uow: UnitOfWork, customer_id: str, proposal_id: str) -> BookingProposal:
    """The customer's proposal, or one that they may act on for its owner, locked; NotFound or Forbidden."""
    proposal = await uow.proposals.get(proposal_id, lock=True)
    if proposal is not None and proposal.customer_id != customer_id:
        if await uow.drivers.principal(customer_id, proposal_id) is None:
            proposal = None
        else:
            await owner_to_act_for(uow, customer_id, proposal.vehicle_id)
    if proposal is None:
        raise NotFound("there is no such proposal")
    return proposal


async def grant_behind(uow: UnitOfWork, customer_id: str, proposal_id: str) -> ConsentGrant | None:
    """The grant behind a proposal that the customer may see or act on, locked; None when it is not theirs."""
    grant = await uow.consents.behind(proposal_id, customer_id)
    if grant is None and (owner_id := await uow.drivers.principal(customer_id, proposal_id)) is not None:
        grant = await uow.consents.behind(proposal_id, owner_id)
    return grant


async def invite_driver(
    office: Office, *, customer_id: str, vehicle_id: str, may_book: bool = False
) -> tuple[str, int]:
    """A code with which somebody may drive the car, for the owner to pass on, and when it runs out (wall clock)."""
    code = new_code(office, CODE_LENGTH)
    expires_ms = office.wall.now_ms() + INVITATION_MS
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        await _require_owner(uow, customer_id, vehicle_id)
        invitation = DriverInvitation(vehicle_id, customer_id, may_book, expires_ms)
        await uow.drivers.invite(hash_token(plain_code(code)), invitation)
        await _tell(uow, "driver-invited", vehicle_id, customer_id, customer_id, now, actor="owner")
    return code, expires_ms


async def join_car(office: Office, *, customer_id: str, code: str, wants_reminders: bool = False) -> DrivenCar:
    """Drive the car whose owner gave this code, which is used up; the owner hears of it."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        invitation = await uow.drivers.take_invitation(hash_token(plain_code(code)), office.wall.now_ms())
        vehicle = await uow.vehicles.get(invitation.vehicle_id) if invitation else None
        if invitation is None or vehicle is None:
            raise InvalidInput(
                "this code is unknown, used or has run out", field="code", fix="ask the car's owner for a new one"
            )
        if invitation.owner_id == customer_id:
            raise Conflict("the car is yours: whoever else drives it types this code")
        driving = Driving(vehicle.vehicle_id, customer_id, now, invitation.may_book, wants_reminders)
        await uow.drivers.begin(driving)
        await notify(uow, invitation.owner_id, DRIVER_ADDED, now, vehicle_id=vehicle.vehicle_id)
        await _tell(uow, "driver-added", vehicle.vehicle_id, invitation.owner_id, customer_id, now, actor="driver")
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
    async with office.unit_of_work() as uow:
        await _require_owner(uow, customer_id, vehicle_id)
        await uow.drivers.update(replace(await _driving(uow, vehicle_id, driver_id), may_book=may_book))


async def remind_driver(office: Office, *, customer_id: str, vehicle_id: str, wants_reminders: bool) -> None:
    """The driver wants reminders about the car, or no longer."""
    async with office.unit_of_work() as uow:
        driving = await _driving(uow, vehicle_id, customer_id)
        await uow.drivers.update(replace(driving, wants_reminders=wants_reminders))


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
        await notify(uow, told, what, now, vehicle_id=vehicle_id)
        actor = "owner" if is_owner else "driver"
        await _tell(uow, "driver-left", vehicle_id, owner_id, driver_id, now, actor=actor)


async def end_all_driving(uow: UnitOfWork, vehicle_id: str, owner_id: str, now_ms: int) -> None:
    """Nobody drives a car any longer whose owner has given it away, and no code for it counts."""
    for driving in await uow.drivers.end_all(vehicle_id, now_ms):
        await notify(uow, driving.customer_id, DRIVES_NO_MORE, now_ms, vehicle_id=vehicle_id)
        await _tell(uow, "driver-left", vehicle_id, owner_id, driving.customer_id, now_ms, actor="owner")


async def _require_owner(uow: UnitOfWork, customer_id: str, vehicle_id: str) -> None:
    if await uow.vehicles.owner_of(vehicle_id) != customer_id:
        raise NotFound("there is no such car")


async def _driving(uow: UnitOfWork, vehicle_id: str, driver_id: str) -> Driving:
    driving = await uow.drivers.driving(vehicle_id, driver_id)
    if driving is None:
        raise NotFound(NO_DRIVER)
    return driving


async def _tell(
    uow: UnitOfWork, kind: str, vehicle_id: str, owner_id: str, who_id: str, now_ms: int, *, actor: str
) -> None:
    await tell(
        uow,
        kind,
        event_id=f"{vehicle_id}:{who_id}:{now_ms}",
        vehicle_id=vehicle_id,
        time_ms=now_ms,
        actor=actor,
        customer_id=owner_id,
    )
