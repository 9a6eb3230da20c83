"""Server-sent events: a stream per open page, which hints that something of that party changed."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from api.authentication import Advisor, Operator, Owner
from api.live_events import Listener, LiveEvents
from api.reception import Desk

router = APIRouter(include_in_schema=False)


def _stream(live_events: LiveEvents, listener: Listener) -> StreamingResponse:
    # `no` tells a proxy such as nginx not to hold events back.
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(live_events.stream(listener), media_type="text/event-stream", headers=headers)


@router.get("/owner/events")
async def owner_events(desk: Desk, visitor: Owner) -> StreamingResponse:
    """What happens around this owner's cars."""
    return _stream(desk.live_events, Listener(customer_id=visitor.customer_id))


@router.get("/dealer/events")
async def dealer_events(desk: Desk, visitor: Advisor) -> StreamingResponse:
    """What happens at this dealer's desk."""
    return _stream(desk.live_events, Listener(dealer_id=visitor.dealer_id))


@router.get("/operator/events")
async def operator_events(desk: Desk, visitor: Operator) -> StreamingResponse:
    """Everything, as hints only."""
    return _stream(desk.live_events, Listener(hears_all=True))
