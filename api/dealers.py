"""Dealers as an owner chooses among them, and their free slots."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.authentication import SignedIn
from api.patience import PatientRoute
from api.reception import Desk
from api.representations import dealer_json, slot_json
from workflow.access import require_own_site
from workflow.dealers import dealers, free_slots_of

router = APIRouter(prefix="/v1/dealers", tags=["dealers"], route_class=PatientRoute)
Time = Annotated[int | None, Query(ge=0, le=2**53)]


@router.get("", summary="The dealers")
async def all_dealers(desk: Desk, _caller: SignedIn) -> dict[str, Any]:
    """Those an operator approved."""
    return {"dealers": [dealer_json(dealer) for dealer in await dealers(desk.office)]}


@router.get("/{dealer_id}/slots", summary="A dealer's free slots")
async def free_slots(
    dealer_id: str,
    desk: Desk,
    caller: SignedIn,
    minutes: Annotated[int, Query(ge=15, le=24 * 60)] = 60,
    from_ms: Time = None,
    until_ms: Time = None,
) -> dict[str, Any]:
    """Starts at which some bay is free for so long. Dealers and their systems see their own only."""
    require_own_site(caller, dealer_id)
    slots = await free_slots_of(desk.office, dealer_id=dealer_id, minutes=minutes, from_ms=from_ms, until_ms=until_ms)
    return {"slots": [slot_json(slot) for slot in slots]}
