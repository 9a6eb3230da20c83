"""`/v1/dealer/proposals`: a dealer's queue and its answers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.answers import EntryAnswer, QueueAnswer
from api.authentication import DealerCaller
from api.bodies import CheckIn, Completion, Nothing, Reason, StartTime, StartTimes
from api.conditional import AsSeen
from api.idempotency import IdempotentRoute
from api.paging import Paging
from api.quality_answers import LedgerAnswer, LedgerRowAnswer
from api.reception import Desk, Reception
from api.representations import entry_json
from domain.errors import InvalidInput
from domain.proposal import ProposalState
from workflow.access import Caller, require_dealer
from workflow.dossiers import dealer_desk, desk_entry
from workflow.negotiate import accept, cancel_by_dealer, counter, decline, move_by_dealer
from workflow.visit import Finding, check_in, complete, no_show

router = APIRouter(prefix="/v1/dealer/proposals", tags=["dealers"], route_class=IdempotentRoute)


def _party(caller: Caller) -> dict[str, str]:
    return {"dealer_id": require_dealer(caller), "actor_id": caller.account_id}


async def _told(desk: Reception, caller: Caller, proposal_id: str) -> EntryAnswer:
    return entry_json(await desk_entry(desk.office, dealer_id=require_dealer(caller), proposal_id=proposal_id))


@router.get("", summary="My queue")
async def queue(
    desk: Desk, caller: DealerCaller, asked: Paging, state: Annotated[str, Query(max_length=200)] = ""
) -> QueueAnswer:
    """The oldest first; `state` takes a comma-separated list, all states without it."""
    found = await dealer_desk(desk.office, dealer_id=require_dealer(caller), states=_states(state))
    page = asked.page(found.entries, lambda entry: (entry.proposal.created_ms, entry.proposal.proposal_id))
    return {"proposals": [entry_json(entry) for entry in page.rows], "next": page.next}


def _states(text: str) -> list[ProposalState] | None:
    if not text:
        return None
    try:
        return [ProposalState(name.strip()) for name in text.split(",")]
    except ValueError as error:
        raise InvalidInput(
            "there is no such state", field="state", fix="of " + ", ".join(s.value for s in ProposalState)
        ) from error


@router.get("/{proposal_id}", summary="One proposal")
async def read(proposal_id: str, desk: Desk, caller: DealerCaller) -> EntryAnswer:
    """What left for this dealer, while consent stands behind it."""
    return await _told(desk, caller, proposal_id)


@router.get("/{proposal_id}/ledger", summary="What was promised of its car, beside what I measured")
async def ledger(proposal_id: str, desk: Desk, caller: DealerCaller) -> LedgerAnswer:
    """The dealer's own visits of this owner's car; without rows once no consent stands behind the proposal."""
    entry = await desk_entry(desk.office, dealer_id=require_dealer(caller), proposal_id=proposal_id)
    return LedgerAnswer(rows=[LedgerRowAnswer.of(label) for label in entry.ledger])


@router.post("/{proposal_id}/accept", summary="Accept the owner's slot")
async def accept_slot(proposal_id: str, desk: AsSeen, caller: DealerCaller, body: Nothing | None = None) -> EntryAnswer:
    """The owner confirms next."""
    await accept(desk.office, proposal_id=proposal_id, **_party(caller))
    return await _told(desk, caller, proposal_id)


@router.post("/{proposal_id}/counter", summary="Offer one to three other slots")
async def offer(proposal_id: str, body: StartTimes, desk: AsSeen, caller: DealerCaller) -> EntryAnswer:
    """Each is held until the owner has answered."""
    await counter(desk.office, proposal_id=proposal_id, starts_ms=body.starts_ms, **_party(caller))
    return await _told(desk, caller, proposal_id)


@router.post("/{proposal_id}/decline", summary="Decline")
async def decline_proposal(proposal_id: str, body: Reason, desk: AsSeen, caller: DealerCaller) -> EntryAnswer:
    """With a reason for the owner."""
    await decline(desk.office, proposal_id=proposal_id, reason=body.reason, **_party(caller))
    return await _told(desk, caller, proposal_id)


@router.post("/{proposal_id}/move", summary="Move the appointment")
async def move_visit(proposal_id: str, body: StartTime, desk: AsSeen, caller: DealerCaller) -> EntryAnswer:
    """To another of your free times, until it begins. The owner sees it, and may move it again or cancel."""
    await move_by_dealer(desk.office, proposal_id=proposal_id, start_ms=body.start_ms, **_party(caller))
    return await _told(desk, caller, proposal_id)


@router.post("/{proposal_id}/cancel", summary="Cancel the appointment")
async def cancel_visit(proposal_id: str, body: Reason, desk: AsSeen, caller: DealerCaller) -> EntryAnswer:
    """With a reason for the owner; what was to be done stands open again."""
    await cancel_by_dealer(desk.office, proposal_id=proposal_id, reason=body.reason, **_party(caller))
    return await _told(desk, caller, proposal_id)


@router.post("/{proposal_id}/check-in", summary="The car is here")
async def check_in_car(proposal_id: str, body: CheckIn, desk: AsSeen, caller: DealerCaller) -> EntryAnswer:
    """With its odometer."""
    await check_in(desk.office, proposal_id=proposal_id, odometer_m=body.odometer_m, **_party(caller))
    return await _told(desk, caller, proposal_id)


@router.post("/{proposal_id}/complete", summary="What was measured and done")
async def complete_visit(proposal_id: str, body: Completion, desk: AsSeen, caller: DealerCaller) -> EntryAnswer:
    """Each record is a label; a need without one was left undone."""
    await complete(
        desk.office,
        proposal_id=proposal_id,
        odometer_m=body.odometer_m,
        findings=[Finding(r.item, r.outcome, r.value, r.unit) for r in body.records],
        invoice_minor=body.invoice_minor,
        currency=body.currency,
        **_party(caller),
    )
    return await _told(desk, caller, proposal_id)


@router.post("/{proposal_id}/no-show", summary="The car did not come")
async def did_not_come(
    proposal_id: str, desk: AsSeen, caller: DealerCaller, body: Nothing | None = None
) -> EntryAnswer:
    """From half an hour after the slot began."""
    await no_show(desk.office, proposal_id=proposal_id, **_party(caller))
    return await _told(desk, caller, proposal_id)
