"""`/v1/me/proposals`: an owner's booking, from the draft to the calendar file."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import ProposalAnswer
from api.authentication import CustomerId
from api.bodies import Confirmation, NewProposal, Nothing, Reason, StartTime
from api.conditional import AsSeen
from api.idempotency import IdempotentRoute
from api.reception import Desk, Reception
from api.representations import proposal_json
from domain.errors import Conflict
from workflow.calendar import appointment_ics
from workflow.dossiers import car_dossier, proposal_of
from workflow.negotiate import cancel, confirm, counter_back, move, withdraw
from workflow.propose import draft_proposal, send_proposal

router = APIRouter(prefix="/v1/me/proposals", tags=["bookings"], route_class=IdempotentRoute)


async def _told(desk: Reception, customer_id: str, proposal_id: str) -> ProposalAnswer:
    return proposal_json(await proposal_of(desk.office, customer_id=customer_id, proposal_id=proposal_id))


@router.post("", status_code=201, summary="Draft a proposal and see the exact JSON that will leave")
async def draft(body: NewProposal, desk: Desk, customer_id: CustomerId) -> ProposalAnswer:
    """Nothing leaves yet: `preview` is the text that `send` would send."""
    proposal = await draft_proposal(desk.office, customer_id=customer_id, **body.model_dump())
    dossier = await proposal_of(desk.office, customer_id=customer_id, proposal_id=proposal.proposal_id)
    return proposal_json(dossier, with_preview=True)


@router.get("/{proposal_id}", summary="One of my proposals")
async def read(proposal_id: str, desk: Desk, customer_id: CustomerId) -> ProposalAnswer:
    """State, slots and history; the preview too."""
    dossier = await proposal_of(desk.office, customer_id=customer_id, proposal_id=proposal_id)
    return proposal_json(dossier, with_preview=True)


@router.post("/{proposal_id}/send", summary="Send it to the dealer")
async def send(proposal_id: str, desk: AsSeen, customer_id: CustomerId, body: Nothing | None = None) -> ProposalAnswer:
    """Leaves only under a live grant."""
    await send_proposal(desk.office, customer_id=customer_id, proposal_id=proposal_id)
    return await _told(desk, customer_id, proposal_id)


@router.post("/{proposal_id}/confirm", summary="Take the accepted slot, or one of those offered")
async def confirm_slot(
    proposal_id: str, desk: AsSeen, customer_id: CustomerId, body: Confirmation | None = None
) -> ProposalAnswer:
    """Both sides have agreed after this."""
    start_ms = body.start_ms if body else None
    await confirm(desk.office, customer_id=customer_id, proposal_id=proposal_id, start_ms=start_ms)
    return await _told(desk, customer_id, proposal_id)


@router.post("/{proposal_id}/counter", summary="Ask for another slot instead of those offered")
async def counter(proposal_id: str, body: StartTime, desk: AsSeen, customer_id: CustomerId) -> ProposalAnswer:
    """It is the dealer's turn again."""
    await counter_back(desk.office, customer_id=customer_id, proposal_id=proposal_id, start_ms=body.start_ms)
    return await _told(desk, customer_id, proposal_id)


@router.post("/{proposal_id}/withdraw", summary="Take the proposal back")
async def withdraw_proposal(
    proposal_id: str, desk: AsSeen, customer_id: CustomerId, body: Nothing | None = None
) -> ProposalAnswer:
    """Before it is confirmed."""
    await withdraw(desk.office, customer_id=customer_id, proposal_id=proposal_id)
    return await _told(desk, customer_id, proposal_id)


@router.post("/{proposal_id}/cancel", summary="Cancel the appointment")
async def cancel_appointment(
    proposal_id: str, desk: AsSeen, customer_id: CustomerId, body: Reason | None = None
) -> ProposalAnswer:
    """After it is confirmed; the dealer hears of it."""
    reason = body.reason if body else ""
    await cancel(desk.office, customer_id=customer_id, proposal_id=proposal_id, reason=reason)
    return await _told(desk, customer_id, proposal_id)


@router.post("/{proposal_id}/move", summary="Move the appointment")
async def move_appointment(proposal_id: str, body: StartTime, desk: AsSeen, customer_id: CustomerId) -> ProposalAnswer:
    """To another free time of the dealer, who hears of it; until the appointment begins."""
    await move(desk.office, customer_id=customer_id, proposal_id=proposal_id, start_ms=body.start_ms)
    return await _told(desk, customer_id, proposal_id)


@router.get("/{proposal_id}/appointment.ics", summary="The appointment for a calendar", response_class=Response)
async def appointment(proposal_id: str, desk: Desk, customer_id: CustomerId) -> Response:
    """RFC 5545, with a stable UID and a growing SEQUENCE."""
    return await calendar_file(desk, customer_id, proposal_id)


async def calendar_file(desk: Reception, customer_id: str, proposal_id: str) -> Response:
    """The `.ics` of a proposal of this owner; Conflict while it has no slot."""
    dossier = await proposal_of(desk.office, customer_id=customer_id, proposal_id=proposal_id)
    if dossier.proposal.slot is None:
        raise Conflict("the proposal has no slot yet")
    car = await car_dossier(desk.office, customer_id=customer_id, vehicle_id=dossier.proposal.vehicle_id)
    text = appointment_ics(dossier.proposal, dossier.dealer, car.vehicle, desk.office.clock.now_ms())
    name = f"pitcall-{proposal_id[:8]}.ics"
    return Response(
        text,
        media_type="text/calendar; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
