"""`/v1/me/vehicles/{id}/drivers` and `/v1/me/drives`: lending a car to somebody, and driving one that is lent."""

from __future__ import annotations

from fastapi import APIRouter

from api.authentication import CustomerId
from api.bodies import JoinCar, MayBook, Nothing, WantsReminders
from api.car_answers import DriveAnswer, DriversAnswer, DrivesAnswer, InvitationAnswer, InvitationsAnswer
from api.idempotency import IdempotentRoute, shown_once
from api.paging import Paging
from api.reception import Desk
from api.representations import drive_json, driver_json
from workflow.drivers import (
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

router = APIRouter(prefix="/v1/me", tags=["drivers"], route_class=IdempotentRoute)


@router.get("/vehicles/{vehicle_id}/drivers", summary="Who drives my car")
async def drivers(vehicle_id: str, desk: Desk, customer_id: CustomerId, asked: Paging) -> DriversAnswer:
    """Those to whom the caller has lent it, the longest first."""
    found = await drivers_of(desk.office, customer_id=customer_id, vehicle_id=vehicle_id)
    page = asked.page(found, lambda one: (one.driving.from_ms, one.driving.customer_id))
    return {"drivers": [driver_json(one) for one in page.rows], "next": page.next}


@router.post("/vehicles/{vehicle_id}/drivers/invitations", status_code=201, summary="Let somebody drive my car")
@shown_once
async def invite(vehicle_id: str, body: MayBook, desk: Desk, customer_id: CustomerId) -> InvitationAnswer:
    """A code to pass on, for one person and seven days; it is shown this once.

    Who types it into their own account sees how the car is and, with `may_book`, books for the caller under consents
    that the caller gave. The caller hears of it.
    """
    code, expires_ms = await invite_driver(
        desk.office, customer_id=customer_id, vehicle_id=vehicle_id, may_book=body.may_book
    )
    return {"code": code, "expires_ms": expires_ms}


@router.get("/vehicles/{vehicle_id}/drivers/invitations", summary="Codes for my car that nobody has used")
async def invitations(vehicle_id: str, desk: Desk, customer_id: CustomerId, asked: Paging) -> InvitationsAnswer:
    """The one that ends first first; the codes themselves were shown once."""
    found = await invitations_of(desk.office, customer_id=customer_id, vehicle_id=vehicle_id)
    page = asked.page(found, lambda one: (one.expires_ms,))
    return {
        "invitations": [{"may_book": one.may_book, "expires_ms": one.expires_ms} for one in page.rows],
        "next": page.next,
    }


@router.post(
    "/vehicles/{vehicle_id}/drivers/invitations/revoke", status_code=204, summary="Let no unused code count any longer"
)
async def revoke(vehicle_id: str, desk: Desk, customer_id: CustomerId, body: Nothing | None = None) -> None:
    """Who drives the car already goes on doing so."""
    await revoke_invitations(desk.office, customer_id=customer_id, vehicle_id=vehicle_id)


@router.post("/vehicles/{vehicle_id}/drivers/{driver_id}", status_code=204, summary="Let a driver book, or no longer")
async def let(vehicle_id: str, driver_id: str, body: MayBook, desk: Desk, customer_id: CustomerId) -> None:
    """What they arranged until now stands."""
    await let_driver(
        desk.office, customer_id=customer_id, vehicle_id=vehicle_id, driver_id=driver_id, may_book=body.may_book
    )


@router.post("/vehicles/{vehicle_id}/drivers/{driver_id}/end", status_code=204, summary="Somebody drives it no longer")
async def end(
    vehicle_id: str, driver_id: str, desk: Desk, customer_id: CustomerId, body: Nothing | None = None
) -> None:
    """They see nothing of the car from now on; what they arranged stands, and they hear of it."""
    await end_driving(desk.office, customer_id=customer_id, vehicle_id=vehicle_id, driver_id=driver_id)


@router.get("/drives", summary="Cars that I drive for others")
async def drives(desk: Desk, customer_id: CustomerId, asked: Paging) -> DrivesAnswer:
    """With what their owners let me do; each is read under `/v1/me/vehicles/{vehicle_id}`."""
    found = await drives_of(desk.office, customer_id)
    page = asked.page(found, lambda one: (one.driving.from_ms, one.vehicle.vehicle_id))
    return {"drives": [drive_json(one) for one in page.rows], "next": page.next}


@router.post("/drives", status_code=201, summary="Drive a car with its owner's code")
async def join(body: JoinCar, desk: Desk, customer_id: CustomerId) -> DriveAnswer:
    """The owner hears that the code was used, and sees the caller's name."""
    driven = await join_car(desk.office, customer_id=customer_id, code=body.code, wants_reminders=body.wants_reminders)
    return drive_json(driven)


@router.post("/drives/{vehicle_id}", status_code=204, summary="Be reminded of a car that I drive, or no longer")
async def remind(vehicle_id: str, body: WantsReminders, desk: Desk, customer_id: CustomerId) -> None:
    """Only while its owner consents to reminders for the car at all."""
    await remind_driver(
        desk.office, customer_id=customer_id, vehicle_id=vehicle_id, wants_reminders=body.wants_reminders
    )


@router.post("/drives/{vehicle_id}/end", status_code=204, summary="I drive it no longer")
async def leave(vehicle_id: str, desk: Desk, customer_id: CustomerId, body: Nothing | None = None) -> None:
    """The caller sees nothing of the car from now on; its owner hears of it."""
    await end_driving(desk.office, customer_id=customer_id, vehicle_id=vehicle_id, driver_id=customer_id)
