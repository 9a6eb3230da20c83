"""The dealer's desk: the queue, one entry, and the answers to it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, Response

from api.authentication import Advisor, Visitor
from api.forms import form_of, number, required, see, text, texts, whole
from api.page_response import dealer_reading, page
from api.patience import PatientRoute
from api.reception import Desk, Reception
from domain.errors import Conflict, InvalidInput, NotFound
from domain.service_record import ServiceOutcome
from web.booking_view import slot_days
from web.dealer_view import DECLINES, desk_view, entry_card
from web.ledger_view import ledger_view
from web.reading import Reading
from workflow.dossiers import dealer_desk, desk_entry
from workflow.free_slots import free_slots_of
from workflow.negotiate import accept, cancel_by_dealer, counter, decline
from workflow.visit import Finding, check_in, complete, no_show

router = APIRouter(prefix="/dealer", include_in_schema=False, route_class=PatientRoute)


@router.get("")
async def queue(request: Request, desk: Desk, visitor: Advisor) -> Response:
    """The queue, the most pressing first."""
    reading = await dealer_reading(request, visitor.dealer_id)
    found = await dealer_desk(desk.office, dealer_id=visitor.dealer_id)
    view = desk_view(found, reading)
    return page(request, "dealer_desk.html", visitor, reading, desk=view, declines=DECLINES, errors={}, values={})


@router.get("/proposals/{proposal_id}")
async def entry(proposal_id: str, request: Request, desk: Desk, visitor: Advisor) -> Response:
    """One proposal with all its evidence."""
    return await _entry_page(request, desk, visitor, proposal_id)


async def _entry_page(
    request: Request,
    desk: Reception,
    visitor: Visitor,
    proposal_id: str,
    *,
    error: str = "",
    errors: dict[str, str] | None = None,
    values: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    reading = await dealer_reading(request, visitor.dealer_id)
    found = await desk_entry(desk.office, dealer_id=visitor.dealer_id, proposal_id=proposal_id)
    card = entry_card(found, desk.office.clock.now_ms(), reading)
    return page(
        request,
        "dealer_proposal.html",
        visitor,
        reading,
        status=status,
        entry=card,
        ledger_view=ledger_view(found.ledger, reading),
        declines=DECLINES,
        error=error,
        errors=errors or {},
        values=values or {},
    )


@router.get("/proposals/{proposal_id}/slots")
async def slots(proposal_id: str, request: Request, desk: Desk, visitor: Advisor) -> Response:
    """A piece of the page: what is free, to offer instead."""
    found = await desk_entry(desk.office, dealer_id=visitor.dealer_id, proposal_id=proposal_id)
    reading = await dealer_reading(request, visitor.dealer_id)
    ranked = await free_slots_of(desk.office, dealer_id=visitor.dealer_id, demand=found.proposal.demand)
    days = slot_days([free.slot for free in ranked], reading)
    return HTMLResponse(desk.pages.render("dealer_slots.html", reading, days=days))


@router.post("/proposals/{proposal_id}/{action}")
async def act(proposal_id: str, action: str, request: Request, desk: Desk, visitor: Advisor) -> Response:
    """Answer, check in, record; what does not go is said on the entry's page, beside the field."""
    form = await form_of(request)
    try:
        notice = await _act(request, desk, visitor, proposal_id, action, form)
    except InvalidInput as error:
        field, told = _field_of(error, form), f"{error}: {error.fix}"
        return await _entry_page(
            request,
            desk,
            visitor,
            proposal_id,
            error=told,
            errors={field: told},
            values={name: value for name, value in form.items() if isinstance(value, str)},
            status=422,
        )
    except Conflict as error:
        return await _entry_page(request, desk, visitor, proposal_id, error=str(error), status=409)
    return see("/dealer", notice)


def _field_of(error: InvalidInput, form: FormData) -> str:
    """`records[1].value` as the item that stands there, so that the message finds its place."""
    if not error.field.startswith("records["):
        return error.field
    index = int(error.field.removeprefix("records[").split("]")[0])
    items = _found_items(form)
    return items[index] if index < len(items) else error.field


def _found_items(form: FormData) -> list[str]:
    """The items with an outcome, in the form's order."""
    return [
        name.removeprefix("outcome.") for name, value in form.multi_items() if name.startswith("outcome.") and value
    ]


async def _act(
    request: Request, desk: Reception, visitor: Visitor, proposal_id: str, action: str, form: FormData
) -> str:
    office = desk.office
    dealer_id, actor_id = visitor.dealer_id, visitor.caller.account_id
    if action == "accept":
        await accept(office, dealer_id=dealer_id, actor_id=actor_id, proposal_id=proposal_id, channel="page")
        return "accepted"
    if action == "counter":
        starts = _starts(form)
        await counter(
            office, dealer_id=dealer_id, actor_id=actor_id, proposal_id=proposal_id, starts_ms=starts, channel="page"
        )
        return "offered"
    if action == "decline":
        reason = _decline_reason(form, await dealer_reading(request, dealer_id))
        await decline(
            office, dealer_id=dealer_id, actor_id=actor_id, proposal_id=proposal_id, reason=reason, channel="page"
        )
        return "declined"
    if action == "cancel":
        reason = text(form, "reason", 200)
        await cancel_by_dealer(
            office, dealer_id=dealer_id, actor_id=actor_id, proposal_id=proposal_id, reason=reason, channel="page"
        )
        return "cancelled_owner"
    if action == "check-in":
        odometer = _odometer(form)
        await check_in(
            office, dealer_id=dealer_id, actor_id=actor_id, proposal_id=proposal_id, odometer_m=odometer, channel="page"
        )
        return "checked-in"
    if action == "no-show":
        await no_show(office, dealer_id=dealer_id, actor_id=actor_id, proposal_id=proposal_id, channel="page")
        return "no-show"
    if action == "complete":
        await _complete(desk, visitor, proposal_id, form)
        return "completed"
    raise NotFound("there is no such action")


def _starts(form: FormData) -> list[int]:
    starts = [int(value) for value in texts(form, "starts_ms") if value.isdecimal() and len(value) < 16]
    if not 1 <= len(starts) <= 3:
        raise InvalidInput("offer one to three times", field="starts_ms", fix="tick one to three")
    return starts


def _decline_reason(form: FormData, reading: Reading) -> str:
    key = text(form, "reason")
    if key not in DECLINES:
        raise InvalidInput("that is none of the choices", field="reason", fix="choose a reason")
    return reading.texts(f"decline.{key}")


def _odometer(form: FormData) -> int:
    return 1000 * required(whole(form, "odometer_km", "odometer_m"), "odometer_m", "read it off the car")


async def _complete(desk: Reception, visitor: Visitor, proposal_id: str, form: FormData) -> None:
    findings = []
    for index, item in enumerate(_found_items(form)):
        where = f"records[{index}]"
        try:
            outcome = ServiceOutcome(text(form, f"outcome.{item}"))
        except ValueError as error:
            raise InvalidInput("that is no outcome", field=f"{where}.outcome", fix="choose one") from error
        value = number(form, f"value.{item}", f"{where}.value")
        findings.append(Finding(item, outcome, value, text(form, f"unit.{item}") if value is not None else ""))
    invoice = number(form, "invoice")
    await complete(
        desk.office,
        dealer_id=visitor.dealer_id,
        actor_id=visitor.caller.account_id,
        proposal_id=proposal_id,
        odometer_m=_odometer(form),
        findings=findings,
        invoice_minor=None if invoice is None else round(100 * invoice),
        currency=text(form, "currency", 3).upper() if invoice is not None else "",
        channel="page",
    )
