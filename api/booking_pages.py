"""The booking flow: dealer, time and what to share on one page; then the proposal until the visit is over."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request
from starlette.datastructures import QueryParams
from starlette.responses import RedirectResponse, Response

from api.authentication import Owner, Visitor
from api.forms import form_of, required, see, text, texts, told, whole
from api.page_response import owner_reading, page
from api.patience import PatientRoute
from api.proposals import calendar_file
from api.reception import Desk, Reception
from domain.consent import DataItem, Purpose
from domain.dossier import CarDossier, ProposalDossier
from domain.errors import Conflict, InvalidInput, NotFound, PitcallError, SlotTaken
from domain.iso_time import DAY_MS
from domain.people import Dealer
from domain.proposal import ProposalState
from domain.workload import RankedSlot
from web.booking_view import (
    CONSENT_DAYS,
    Chosen,
    SlotDay,
    booking_form,
    grant_of_owner,
    grant_that_fits,
    proposal_view,
    slot_days,
)
from web.reading import Reading
from workflow.consents import grant_consent, withdraw_consent
from workflow.dealers import dealers
from workflow.dossiers import car_dossier, proposal_of
from workflow.free_slots import free_slots_of
from workflow.negotiate import cancel, confirm, counter_back, move, withdraw
from workflow.propose import discard_draft, draft_proposal, send_proposal
from workflow.slot_choice import demand_of

router = APIRouter(prefix="/owner", include_in_schema=False, route_class=PatientRoute)


@router.get("/cars/{vehicle_id}/book")
async def choose(vehicle_id: str, request: Request, desk: Desk, visitor: Owner) -> Response:
    """What, where and when, as chosen so far."""
    dossier = await car_dossier(desk.office, customer_id=visitor.customer_id, vehicle_id=vehicle_id)
    return await _choice_page(request, desk, visitor, dossier, _chosen_of(request.query_params))


def _chosen_of(query: QueryParams) -> Chosen:
    from_ms = query.get("from_ms", "")
    return Chosen(
        need_ids=tuple(query.getlist("need")[:50]),
        dealer_id=query.get("dealer", ""),
        from_ms=int(from_ms) if from_ms.isdecimal() and len(from_ms) < 16 else None,
        wants_loaner=query.get("loaner", "") == "yes",
    )


async def _choice_page(
    request: Request,
    desk: Reception,
    visitor: Visitor,
    dossier: CarDossier,
    chosen: Chosen,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    reading = await owner_reading(desk, visitor)
    known = await _bookable(desk, dossier)
    dealer = next((d for d in known if d.dealer_id == chosen.dealer_id), None)
    if dealer is None and len(known) == 1:
        dealer = known[0]
        chosen = replace(chosen, dealer_id=dealer.dealer_id)
    errors = dict(errors or {})
    slots: list[RankedSlot] = []
    if dealer is not None:
        try:
            slots = await _free_slots(desk, dealer, dossier, chosen)
        except InvalidInput as error:
            errors |= _told(error, chosen, reading)
    local = reading if dealer is None else _reading_at(reading, dealer.hours.time_zone)
    form = booking_form(dossier, known, slots, chosen, reading, local, errors)
    return page(request, "owner_booking.html", visitor, reading, status=status, form=form)


async def _bookable(desk: Reception, dossier: CarDossier) -> list[Dealer]:
    """The dealers to choose from; for a driver those that the car's owner has consented to."""
    known = await dealers(desk.office)
    if dossier.driving is None:
        return known
    return [dealer for dealer in known if grant_of_owner(dossier.grants, dealer.dealer_id) is not None]


async def _free_slots(desk: Reception, dealer: Dealer, dossier: CarDossier, chosen: Chosen) -> list[RankedSlot]:
    """Free times for the chosen needs, the recommended ones first; none as long as no need is chosen."""
    needs = [need for need in dossier.needs if need.need_id in chosen.need_ids]
    if not needs:
        return []
    # The tick may have been made before a dealer was chosen that lends no cars.
    wants_loaner = chosen.wants_loaner and bool(dealer.loaners)
    return await free_slots_of(
        desk.office,
        dealer_id=dealer.dealer_id,
        demand=demand_of(desk.office.catalogue, [need.item for need in needs], wants_loaner=wants_loaner),
        windows=[need.window for need in needs],
        from_ms=chosen.from_ms,
    )


def _reading_at(reading: Reading, time_zone: str) -> Reading:
    return Reading.of(reading.catalogue, locale=reading.language, time_zone=time_zone)


@router.post("/cars/{vehicle_id}/book")
async def allow_and_draft(vehicle_id: str, request: Request, desk: Desk, visitor: Owner) -> Response:
    """Grant what was ticked, and draft: what would leave is shown next, and nothing has left."""
    form = await form_of(request)
    chosen = Chosen(
        need_ids=texts(form, "need"),
        dealer_id=text(form, "dealer"),
        start_ms=whole(form, "start_ms"),
        data_items=texts(form, "data_items"),
        days=whole(form, "days") or CONSENT_DAYS[0],
        note=text(form, "note", 2000),
        from_ms=whole(form, "from_ms"),
        wants_loaner=text(form, "loaner") == "yes",
    )
    dossier = await car_dossier(desk.office, customer_id=visitor.customer_id, vehicle_id=vehicle_id)
    try:
        proposal_id = await _draft(desk, visitor.customer_id, dossier, chosen)
    except (InvalidInput, Conflict) as error:
        reading = await owner_reading(desk, visitor)
        return await _choice_page(request, desk, visitor, dossier, chosen, _told(error, chosen, reading), 422)
    return RedirectResponse(f"/owner/proposals/{proposal_id}", 303)


def _told(error: PitcallError, chosen: Chosen, reading: Reading) -> dict[str, str]:
    """The error beside the field it is about; what was left empty is asked for."""
    if isinstance(error, SlotTaken):
        return {"start_ms": str(error)}
    if not isinstance(error, InvalidInput):
        return {"form": str(error)}
    empty = {
        "start_ms": ("booking.pick_time", chosen.start_ms is None),
        "need_ids": ("booking.pick_need", not chosen.need_ids),
        "dealer_id": ("booking.pick_dealer", not chosen.dealer_id),
    }
    key, is_empty = empty.get(error.field, ("", False))
    return {error.field: reading.texts(key) if is_empty else told(error)}


async def _draft(desk: Reception, customer_id: str, dossier: CarDossier, chosen: Chosen) -> str:
    if not chosen.dealer_id:
        raise InvalidInput("no dealer was chosen", field="dealer_id", fix="choose one")
    start_ms = required(chosen.start_ms, "start_ms", "choose a time")
    vehicle_id = dossier.vehicle.vehicle_id
    if dossier.driving is not None:
        granted = grant_of_owner(dossier.grants, chosen.dealer_id)
        if granted is None:
            raise InvalidInput("the owner has not consented to it", field="dealer_id", fix="ask them to")
        return await _drafted(desk, customer_id, vehicle_id, chosen, start_ms, granted.grant_id)
    items = [item for item in DataItem if str(item) in (chosen.data_items or ())]
    days = chosen.days if chosen.days in CONSENT_DAYS else CONSENT_DAYS[0]
    until_ms = dossier.now_ms + days * DAY_MS
    grant = grant_that_fits(dossier.grants, vehicle_id, chosen.dealer_id, items, until_ms, dossier.now_ms)
    is_new = grant is None
    if grant is None:
        grant = await grant_consent(
            desk.office,
            customer_id=customer_id,
            vehicle_id=vehicle_id,
            purpose=Purpose.BOOKING,
            dealer_id=chosen.dealer_id,
            data_items=items,
            expires_ms=until_ms,
        )
    try:
        return await _drafted(desk, customer_id, vehicle_id, chosen, start_ms, grant.grant_id)
    except PitcallError:
        # A consent that was granted for a draft that came to nothing would stand for nothing.
        if is_new:
            await withdraw_consent(desk.office, customer_id=customer_id, grant_id=grant.grant_id)
        raise


async def _drafted(
    desk: Reception, customer_id: str, vehicle_id: str, chosen: Chosen, start_ms: int, grant_id: str
) -> str:
    proposal = await draft_proposal(
        desk.office,
        customer_id=customer_id,
        vehicle_id=vehicle_id,
        need_ids=chosen.need_ids,
        dealer_id=chosen.dealer_id,
        start_ms=start_ms,
        grant_id=grant_id,
        note=chosen.note,
        loaner=chosen.wants_loaner,
    )
    return proposal.proposal_id


@router.get("/proposals/{proposal_id}")
async def proposal(proposal_id: str, request: Request, desk: Desk, visitor: Owner) -> Response:
    """The draft's preview, the dealer's answer, the appointment."""
    return await _proposal_page(request, desk, visitor, proposal_id)


async def _proposal_page(
    request: Request, desk: Reception, visitor: Visitor, proposal_id: str, error: str = "", status: int = 200
) -> Response:
    dossier = await proposal_of(desk.office, customer_id=visitor.customer_id, proposal_id=proposal_id)
    owners = await owner_reading(desk, visitor)
    reading = _reading_at(owners, dossier.dealer.hours.time_zone)
    view = proposal_view(dossier, desk.office.clock.now_ms(), reading, visitor.customer_id)
    days = await _other_times(desk, dossier, reading)
    return page(request, "owner_proposal.html", visitor, reading, status=status, visit=view, days=days, error=error)


async def _other_times(desk: Reception, dossier: ProposalDossier, reading: Reading) -> tuple[SlotDay, ...]:
    """What the owner may ask for instead while the dealer's offers stand, or may move an appointment to."""
    if dossier.proposal.state not in (ProposalState.COUNTERED, ProposalState.CONFIRMED):
        return ()
    ranked = await free_slots_of(desk.office, dealer_id=dossier.dealer.dealer_id, demand=dossier.proposal.demand)
    return slot_days([free.slot for free in ranked], reading)


@router.post("/proposals/{proposal_id}/{action}")
async def act(proposal_id: str, action: str, request: Request, desk: Desk, visitor: Owner) -> Response:
    """Send, confirm, ask for another time, move, take back, cancel; what does not go is said on the same page."""
    form = await form_of(request)
    try:
        notice = await _act(
            desk, visitor.customer_id, proposal_id, action, whole(form, "start_ms"), text(form, "reason")
        )
    except (Conflict, InvalidInput) as error:
        status = 422 if isinstance(error, InvalidInput) else 409
        return await _proposal_page(request, desk, visitor, proposal_id, told(error), status)
    return see(f"/owner/proposals/{proposal_id}", notice)


async def _act(
    desk: Reception, customer_id: str, proposal_id: str, action: str, start_ms: int | None, reason: str
) -> str:
    office = desk.office
    if action == "send":
        await send_proposal(office, customer_id=customer_id, proposal_id=proposal_id, channel="page")
        return "sent"
    if action == "confirm":
        await confirm(office, customer_id=customer_id, proposal_id=proposal_id, start_ms=start_ms, channel="page")
        return "confirmed"
    if action == "counter":
        start = required(start_ms, "start_ms", "choose a time")
        await counter_back(office, customer_id=customer_id, proposal_id=proposal_id, start_ms=start, channel="page")
        return "countered"
    if action == "move":
        start = required(start_ms, "start_ms", "choose a time")
        await move(office, customer_id=customer_id, proposal_id=proposal_id, start_ms=start, channel="page")
        return "moved"
    if action == "withdraw":
        await withdraw(office, customer_id=customer_id, proposal_id=proposal_id, channel="page")
        return "taken_back"
    if action == "discard":
        has_ended = await discard_draft(office, customer_id=customer_id, proposal_id=proposal_id, channel="page")
        return "withdrawn" if has_ended else "taken_back"
    if action == "cancel":
        await cancel(office, customer_id=customer_id, proposal_id=proposal_id, reason=reason, channel="page")
        return "cancelled"
    raise NotFound("there is no such action")


@router.get("/proposals/{proposal_id}/appointment.ics")
async def appointment(proposal_id: str, desk: Desk, visitor: Owner) -> Response:
    """The appointment for a calendar."""
    return await calendar_file(desk, visitor.customer_id, proposal_id)
