"""The owner's pages: cars, needs, consents, claiming."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.authentication import Owner, Visitor
from api.forms import form_of, required, see, text, texts, told, whole
from api.page_response import owner_reading, page
from api.patience import PatientRoute
from api.reception import Desk, Reception
from api.representations import export_json
from domain.consent import DataItem, Purpose
from domain.errors import Conflict, InvalidInput, NotFound, TooManyTries, Unauthenticated
from domain.iso_time import DAY_MS
from web.need_view import DISMISSALS, SNOOZE_DAYS
from web.owner_view import car_rows, car_view, grant_lines
from workflow.consents import consents_of, narrow_consent, withdraw_consent
from workflow.dealers import dealers
from workflow.dossiers import car_dossier, cars_of, overview_of
from workflow.drivers import drives_of
from workflow.enrol import claim_vehicle
from workflow.export import person_dossier
from workflow.identity import change_password, sign_out_everywhere
from workflow.needs import dismiss, snooze
from workflow.sale import sell_vehicle

router = APIRouter(prefix="/owner", include_in_schema=False, route_class=PatientRoute)
CLAIM_PURPOSES = (Purpose.PREDICTION, Purpose.REMINDERS, Purpose.MODEL_IMPROVEMENT)


@dataclass(frozen=True, slots=True)
class ClaimValues:
    """What stands in the claim form. Nothing is ticked before the owner ticks it."""

    code: str = ""
    label: str = ""
    consents: tuple[str, ...] = ()
    driver_code: str = ""
    wants_reminders: bool = False


@router.get("")
async def home(request: Request, desk: Desk, visitor: Owner) -> Response:
    """The one car at once; the list when there are several, the claim form when there is none."""
    cars = await overview_of(desk.office, visitor.customer_id)
    notice = request.query_params.get("notice", "")
    if not cars:
        return see("/owner/claim", notice)
    if len(cars) == 1:
        return see(f"/owner/cars/{cars[0].vehicle.vehicle_id}", notice)
    reading = await owner_reading(desk, visitor)
    rows = car_rows(cars, reading)
    return page(request, "owner_cars.html", visitor, reading, cars=rows)


@router.get("/cars/{vehicle_id}")
async def car(vehicle_id: str, request: Request, desk: Desk, visitor: Owner) -> Response:
    """One car: what is due, why, what can be done, and how it is otherwise."""
    reading = await owner_reading(desk, visitor)
    dossier = await car_dossier(desk.office, customer_id=visitor.customer_id, vehicle_id=vehicle_id)
    return page(
        request,
        "owner_car.html",
        visitor,
        reading,
        car=car_view(dossier, reading),
        snooze_days=SNOOZE_DAYS,
        dismissals=DISMISSALS,
    )


@router.post("/needs/{need_id}/snooze")
async def snooze_need(need_id: str, request: Request, desk: Desk, visitor: Owner) -> Response:
    """Be quiet about a need for some days."""
    form = await form_of(request)
    days = required(whole(form, "days"), "days", "choose how long")
    if days not in SNOOZE_DAYS:
        raise InvalidInput("that is none of the choices", field="days", fix="choose how long")
    until = desk.office.clock.now_ms() + days * DAY_MS
    need = await snooze(desk.office, customer_id=visitor.customer_id, need_id=need_id, until_ms=until)
    return see(f"/owner/cars/{need.vehicle_id}", "snoozed")


@router.post("/needs/{need_id}/dismiss")
async def dismiss_need(need_id: str, request: Request, desk: Desk, visitor: Owner) -> Response:
    """Put a need aside."""
    form = await form_of(request)
    key = text(form, "reason")
    if key not in DISMISSALS:
        raise InvalidInput("that is none of the choices", field="reason", fix="choose a reason")
    reading = await owner_reading(desk, visitor)
    words = text(form, "words", 200)
    reason = reading.texts(f"dismissal.{key}")
    need = await dismiss(
        desk.office,
        customer_id=visitor.customer_id,
        need_id=need_id,
        reason=f"{reason}: {words}" if words else reason,
    )
    return see(f"/owner/cars/{need.vehicle_id}", "dismissed")


@router.get("/consents")
async def consents(request: Request, desk: Desk, visitor: Owner) -> Response:
    """All grants, live ones with a one-tap withdrawal."""
    reading = await owner_reading(desk, visitor)
    lines = grant_lines(
        await consents_of(desk.office, visitor.customer_id),
        {car.vehicle_id: car for car in await cars_of(desk.office, visitor.customer_id)},
        {dealer.dealer_id: dealer for dealer in await dealers(desk.office)},
        desk.office.clock.now_ms(),
        reading,
    )
    return page(request, "owner_consents.html", visitor, reading, grants=lines)


@router.post("/consents/{grant_id}/withdraw")
async def withdraw(grant_id: str, desk: Desk, visitor: Owner) -> Response:
    """Withdraw at once."""
    await withdraw_consent(desk.office, customer_id=visitor.customer_id, grant_id=grant_id)
    return see("/owner/consents", "withdrawn")


@router.post("/consents/{grant_id}/narrow")
async def narrow(grant_id: str, request: Request, desk: Desk, visitor: Owner) -> Response:
    """Let the dealer have no more than what is still ticked."""
    kept = texts(await form_of(request), "data_items")
    known = [item for item in DataItem if str(item) in kept]
    await narrow_consent(desk.office, customer_id=visitor.customer_id, grant_id=grant_id, data_items=known)
    return see("/owner/consents", "narrowed")


@router.post("/cars/{vehicle_id}/sale")
async def sale(vehicle_id: str, request: Request, desk: Desk, visitor: Owner) -> Response:
    """The owner has given the car away, and says so twice."""
    if vehicle_id not in {car.vehicle_id for car in await cars_of(desk.office, visitor.customer_id)}:
        raise NotFound("there is no such car")
    if text(await form_of(request), "sure") != "yes":
        raise InvalidInput("a car is given away once", field="sure", fix="tick that you have given it away")
    await sell_vehicle(desk.office, customer_id=visitor.customer_id, vehicle_id=vehicle_id)
    return see("/owner", "sold")


@router.get("/account")
async def account(request: Request, desk: Desk, visitor: Owner) -> Response:
    """The password, all sign-ins, and what is kept."""
    return page(request, "owner_account.html", visitor, await owner_reading(desk, visitor), errors={})


@router.post("/account/password")
async def new_password(request: Request, desk: Desk, visitor: Owner) -> Response:
    """Another password; this sign-in stays, all others end."""
    form = await form_of(request)
    reading = await owner_reading(desk, visitor)
    try:
        await change_password(
            desk.office,
            account_id=visitor.caller.account_id,
            current=text(form, "current", 1000),
            new=text(form, "new", 1000),
            token=visitor.token,
        )
    except (Unauthenticated, InvalidInput, TooManyTries) as error:
        key = "new" if isinstance(error, InvalidInput) else "current"
        told = {"new": "account.wrong_new", "current": "account.wrong_current"}[key]
        if isinstance(error, TooManyTries):
            told = "sign_in.too_many"
        return page(request, "owner_account.html", visitor, reading, status=422, errors={key: reading.texts(told)})
    return see("/owner/account", "password")


@router.post("/account/sign-out-everywhere")
async def sign_out_all(request: Request, desk: Desk, visitor: Owner) -> Response:
    """End every sign-in, this one too."""
    await sign_out_everywhere(desk.office, account_id=visitor.caller.account_id)
    return RedirectResponse("/sign-in", 303)


@router.get("/account/export")
async def export(desk: Desk, visitor: Owner) -> Response:
    """All that is kept about the owner, as a file."""
    person = await person_dossier(desk.office, customer_id=visitor.customer_id)
    return JSONResponse(
        export_json(person, desk.office.controller),
        headers={"Content-Disposition": 'attachment; filename="pitcall-export.json"'},
    )


async def claim_page(
    request: Request,
    desk: Reception,
    visitor: Visitor,
    values: ClaimValues,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    """The page on which a car is added: one of one's own, or one to drive for its owner."""
    has_cars = await cars_of(desk.office, visitor.customer_id) or await drives_of(desk.office, visitor.customer_id)
    reading = await owner_reading(desk, visitor)
    return page(
        request,
        "claim.html",
        visitor,
        reading,
        status=status,
        is_first=not has_cars,
        values=values,
        errors=errors or {},
    )


@router.get("/claim")
async def claim_form(request: Request, desk: Desk, visitor: Owner) -> Response:
    """The form for the code on the car's screen."""
    return await claim_page(request, desk, visitor, ClaimValues())


@router.post("/claim")
async def claim(request: Request, desk: Desk, visitor: Owner) -> Response:
    """Link the car; only the ticked consents are granted."""
    form = await form_of(request)
    values = ClaimValues(text(form, "code", 20), text(form, "label", 100), texts(form, "consents"))
    purposes = [p for p in CLAIM_PURPOSES if str(p) in values.consents]
    try:
        vehicle = await claim_vehicle(
            desk.office, customer_id=visitor.customer_id, code=values.code, label=values.label, consents=purposes
        )
    except (InvalidInput, Conflict) as error:
        return await claim_page(request, desk, visitor, values, {"code": told(error)}, 422)
    return RedirectResponse(f"/owner/cars/{vehicle.vehicle_id}?notice=claimed", 303)
