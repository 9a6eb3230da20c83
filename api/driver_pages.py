"""The pages on which a car is lent, driven for its owner, and left again."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.authentication import Owner, Visitor
from api.forms import form_of, see, text, texts, told, whole
from api.owner_pages import ClaimValues, claim_page
from api.page_response import owner_reading, page
from api.patience import PatientRoute
from api.reception import Desk, Reception
from domain.consent import DataItem, Purpose
from domain.errors import Conflict, InvalidInput, NotFound
from domain.iso_time import DAY_MS
from web.booking_view import CONSENT_DAYS, TICKED_AT_FIRST, day_choices, grant_that_fits, item_choices
from web.owner_view import car_name
from workflow.consents import consents_of, grant_consent
from workflow.dealers import dealers
from workflow.dossiers import car_dossier, cars_of
from workflow.drivers import end_driving, invite_driver, join_car, let_driver, remind_driver, revoke_invitations

router = APIRouter(prefix="/owner", include_in_schema=False, route_class=PatientRoute)


@router.post("/cars/{vehicle_id}/drivers")
async def invite(vehicle_id: str, request: Request, desk: Desk, visitor: Owner) -> Response:
    """Make out a code for a driver; it is shown on this page and never again."""
    may_book = text(await form_of(request), "may_book") == "yes"
    code, expires_ms = await invite_driver(
        desk.office, customer_id=visitor.customer_id, vehicle_id=vehicle_id, may_book=may_book
    )
    reading = await owner_reading(desk, visitor)
    car = await car_dossier(desk.office, customer_id=visitor.customer_id, vehicle_id=vehicle_id)
    until = reading.formatting.day(expires_ms)
    return page(
        request, "driver_code.html", visitor, reading, vehicle_id=vehicle_id, car=car_name(car.vehicle), code=code,
        until=until,
    )  # fmt: skip


@router.post("/cars/{vehicle_id}/drivers/codes/revoke")
async def revoke(vehicle_id: str, desk: Desk, visitor: Owner) -> Response:
    """Let no unused code count any longer."""
    await revoke_invitations(desk.office, customer_id=visitor.customer_id, vehicle_id=vehicle_id)
    return see(f"/owner/cars/{vehicle_id}", "codes_revoked")


@router.post("/cars/{vehicle_id}/drivers/{driver_id}/{action}")
async def change(
    vehicle_id: str, driver_id: str, action: str, request: Request, desk: Desk, visitor: Owner
) -> Response:
    """Let a driver book or no longer, or drive no longer."""
    if action == "end":
        await end_driving(desk.office, customer_id=visitor.customer_id, vehicle_id=vehicle_id, driver_id=driver_id)
        return see(f"/owner/cars/{vehicle_id}", "driver_ended")
    if action not in ("let", "unlet"):
        raise NotFound("there is no such action")
    await let_driver(
        desk.office,
        customer_id=visitor.customer_id,
        vehicle_id=vehicle_id,
        driver_id=driver_id,
        may_book=action == "let",
    )
    return see(f"/owner/cars/{vehicle_id}", "driver_let")


@router.post("/join")
async def join(request: Request, desk: Desk, visitor: Owner) -> Response:
    """Drive the car whose owner gave the code."""
    form = await form_of(request)
    code, wants_reminders = text(form, "driver_code", 40), text(form, "wants_reminders") == "yes"
    try:
        driven = await join_car(
            desk.office, customer_id=visitor.customer_id, code=code, wants_reminders=wants_reminders
        )
    except (InvalidInput, Conflict) as error:
        values = ClaimValues(driver_code=code, wants_reminders=wants_reminders)
        return await claim_page(request, desk, visitor, values, {"driver_code": told(error)}, 422)
    return RedirectResponse(f"/owner/cars/{driven.vehicle.vehicle_id}?notice=joined", 303)


@router.post("/cars/{vehicle_id}/drive/{action}")
async def drive(vehicle_id: str, action: str, desk: Desk, visitor: Owner) -> Response:
    """The driver wants reminders or none, or drives it no longer."""
    if action == "end":
        await end_driving(
            desk.office, customer_id=visitor.customer_id, vehicle_id=vehicle_id, driver_id=visitor.customer_id
        )
        return see("/owner", "drive_left")
    if action not in ("remind", "remind-not"):
        raise NotFound("there is no such action")
    await remind_driver(
        desk.office,
        customer_id=visitor.customer_id,
        vehicle_id=vehicle_id,
        wants_reminders=action == "remind",
    )
    return see(f"/owner/cars/{vehicle_id}", "drive_reminded")


@dataclass(frozen=True, slots=True)
class AllowValues:
    """What stands in the form of a consent to a dealer."""

    dealer_id: str = ""
    data_items: tuple[str, ...] = tuple(str(item) for item in TICKED_AT_FIRST)
    days: int = CONSENT_DAYS[-1]
    for_all: bool = False


@router.get("/cars/{vehicle_id}/allow")
async def allow_form(vehicle_id: str, request: Request, desk: Desk, visitor: Owner) -> Response:
    """Consent to a dealer before there is anything to book, so that drivers can."""
    return await _allow_page(request, desk, visitor, vehicle_id, AllowValues())


async def _allow_page(
    request: Request,
    desk: Reception,
    visitor: Visitor,
    vehicle_id: str,
    values: AllowValues,
    errors: dict[str, str] | None = None,
) -> Response:
    own = {car.vehicle_id: car for car in await cars_of(desk.office, visitor.customer_id)}
    if vehicle_id not in own:
        raise NotFound("there is no such car")
    reading = await owner_reading(desk, visitor)
    return page(
        request,
        "owner_allow.html",
        visitor,
        reading,
        status=422 if errors else 200,
        vehicle_id=vehicle_id,
        several=len(own) > 1,
        dealers=await dealers(desk.office),
        values=values,
        data_items=item_choices(values.data_items, reading),
        consent_days=day_choices(values.days, reading),
        errors=errors or {},
    )


@router.post("/cars/{vehicle_id}/allow")
async def allow(vehicle_id: str, request: Request, desk: Desk, visitor: Owner) -> Response:
    """Grant it, for this car or for all of the owner's own; where just that stands already, it is left as it is."""
    form = await form_of(request)
    days = whole(form, "days")
    values = AllowValues(
        dealer_id=text(form, "dealer"),
        data_items=texts(form, "data_items"),
        days=days if days in CONSENT_DAYS else CONSENT_DAYS[0],
        for_all=text(form, "all") == "yes",
    )
    own = [car.vehicle_id for car in await cars_of(desk.office, visitor.customer_id)]
    if vehicle_id not in own:
        raise NotFound("there is no such car")
    if not values.dealer_id:
        reading = await owner_reading(desk, visitor)
        errors = {"dealer_id": reading.texts("booking.pick_dealer")}
        return await _allow_page(request, desk, visitor, vehicle_id, values, errors)
    now_ms = desk.office.clock.now_ms()
    until_ms = now_ms + values.days * DAY_MS
    items = [item for item in DataItem if str(item) in values.data_items]
    standing = await consents_of(desk.office, visitor.customer_id)
    for own_id in own if values.for_all else [vehicle_id]:
        if grant_that_fits(standing, own_id, values.dealer_id, items, until_ms, now_ms) is None:
            await grant_consent(
                desk.office,
                customer_id=visitor.customer_id,
                vehicle_id=own_id,
                purpose=Purpose.BOOKING,
                dealer_id=values.dealer_id,
                data_items=items,
                expires_ms=until_ms,
            )
    return see("/owner/consents", "allowed")
