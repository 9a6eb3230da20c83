"""Pages of the door: start, sign-in by password or by a link that works once, sign-out, and registration."""

from __future__ import annotations

from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.authentication import (
    HOME,
    Advisor,
    Operator,
    Owner,
    SignInNeeded,
    Visitor,
    begin_session,
    end_session,
    require_own_origin,
    visitor_of,
)
from api.forms import form_of, see, text
from api.page_response import asked_language, plain_page
from api.patience import PatientRoute
from api.reception import Desk, Reception, address_of
from domain.errors import Conflict, InvalidInput, TooManyTries, Unauthenticated
from domain.people import Role
from web.texts import texts_of
from workflow.identity import redeem_sign_in_link, register_customer, sign_in, sign_out
from workflow.reminders import open_letter

router = APIRouter(include_in_schema=False, route_class=PatientRoute)
ZONES = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))


@router.get("/")
async def start(request: Request, desk: Desk) -> Response:
    """One's own page; the door when nobody is signed in, a choice when several roles are."""
    homes: list[tuple[str, str]] = []
    for role, href in HOME.items():
        try:
            await visitor_of(request, role)
        except SignInNeeded:
            continue
        homes.append((str(role), href))
    if not homes:
        return RedirectResponse("/sign-in", 303)
    if len(homes) == 1:
        return RedirectResponse(homes[0][1], 303)
    return plain_page(request, "choose.html", homes=homes)


@router.get("/r/{token}")
async def open_reminder(token: str, desk: Desk) -> Response:
    """The link of a reminder: it counts as opened, and leads to the car's page, behind the door as ever."""
    opened = await open_letter(desk.office, token)
    return RedirectResponse("/owner" if opened is None else f"/owner/cars/{opened.vehicle_id}", 303)


def _own_path(path: str) -> str:
    """A path of ours to go on to; anything else is dropped."""
    is_ours = any(path == home or path.startswith(f"{home}/") for home in HOME.values())
    return path if is_ours and "\\" not in path and not path.startswith("//") else ""


@router.get("/sign-in")
async def sign_in_form(request: Request, next: str = "") -> Response:
    """The form."""
    return plain_page(request, "sign_in.html", email="", errors={}, next=_own_path(next))


@router.post("/sign-in")
async def sign_in_posted(request: Request, desk: Desk) -> Response:
    """A session for the right e-mail and password; one sentence for every way of being wrong."""
    require_own_origin(request)
    form = await form_of(request)
    email, onward = text(form, "email"), _own_path(text(form, "next", 2000))
    try:
        signed_in = await sign_in(
            desk.office, email=email, password=text(form, "password", 1000), address=address_of(request)
        )
    except Unauthenticated:
        errors = {"password": texts_of(asked_language(request))("sign_in.wrong")}
        return plain_page(request, "sign_in.html", status=401, email=email, errors=errors, next=onward)
    except TooManyTries as error:
        errors = {"password": texts_of(asked_language(request))("sign_in.too_many")}
        page = plain_page(request, "sign_in.html", status=429, email=email, errors=errors, next=onward)
        page.headers["Retry-After"] = str(error.retry_after_s)
        return page
    home = HOME[signed_in.account.role]
    response = RedirectResponse(onward if onward.startswith(home) else home, 303)
    begin_session(response, desk, signed_in)
    return response


@router.get("/sign-in/{token}")
async def sign_in_link(token: str, request: Request, desk: Desk) -> Response:
    """Redeem a link that works once."""
    try:
        signed_in = await redeem_sign_in_link(desk.office, token)
    except Unauthenticated:
        return plain_page(request, "sign_in_link.html", status=401)
    response = RedirectResponse(HOME[signed_in.account.role], 303)
    begin_session(response, desk, signed_in)
    return response


async def _leave(desk: Reception, visitor: Visitor) -> Response:
    await sign_out(desk.office, visitor.token)
    response = RedirectResponse("/", 303)
    end_session(response, desk, visitor.caller.role)
    return response


@router.post("/owner/sign-out")
async def owner_leaves(desk: Desk, visitor: Owner) -> Response:
    """End the owner's session."""
    return await _leave(desk, visitor)


@router.post("/dealer/sign-out")
async def advisor_leaves(desk: Desk, visitor: Advisor) -> Response:
    """End the advisor's session."""
    return await _leave(desk, visitor)


@router.post("/operator/sign-out")
async def operator_leaves(desk: Desk, visitor: Operator) -> Response:
    """End the operator's session."""
    return await _leave(desk, visitor)


def _register_page(request: Request, values: dict[str, str], errors: dict[str, str], status: int = 200) -> Response:
    return plain_page(request, "register.html", status=status, values=values, errors=errors, zones=ZONES)


@router.get("/register")
async def register_form(request: Request) -> Response:
    """The form."""
    return _register_page(request, {"name": "", "email": "", "time_zone": "Europe/Berlin"}, {})


@router.post("/register")
async def register_posted(request: Request, desk: Desk) -> Response:
    """A new owner, signed in at once."""
    require_own_origin(request)
    form = await form_of(request)
    values = {name: text(form, name) for name in ("name", "email", "time_zone")}
    password = text(form, "password", 1000)
    if values["time_zone"] not in ZONES:
        values["time_zone"] = "UTC"
    try:
        await register_customer(desk.office, password=password, locale=asked_language(request), **values)
    except InvalidInput as error:
        return _register_page(request, values, {error.field: f"{error}: {error.fix}"}, 422)
    except Conflict:
        return _register_page(request, values, {"email": texts_of(asked_language(request))("register.taken")}, 409)
    signed_in = await sign_in(desk.office, email=values["email"], password=password, address=address_of(request))
    response = see(HOME[Role.OWNER], "registered")
    begin_session(response, desk, signed_in)
    return response
