"""`/v1/me/vehicles/{vehicle_id}/signals`: what a car's signals were, over a span."""

from __future__ import annotations

from fastapi import APIRouter

from api.answers import SignalAnswer
from api.authentication import CustomerId
from api.reception import Desk
from workflow.signal_span import signal_span

router = APIRouter(prefix="/v1/me/vehicles/{vehicle_id}/signals", tags=["owners"])


@router.get("/{signal}", summary="One signal of one of my cars over a span, downsampled")
async def signal(
    vehicle_id: str,
    signal: str,
    desk: Desk,
    customer_id: CustomerId,
    from_ms: int | None = None,
    until_ms: int | None = None,
    points: int = 200,
) -> SignalAnswer:
    """Mean, minimum and maximum per part of the span, in the signal's unit; parts without values are left out.

    `simulated` tells how many of a part's values did not come from a sensor. Default: the last thirty days.
    """
    found = await signal_span(
        desk.office,
        desk.history,
        customer_id=customer_id,
        vehicle_id=vehicle_id,
        signal=signal,
        from_ms=from_ms,
        until_ms=until_ms,
        points=points,
    )
    return {
        "signal": signal,
        "unit": desk.office.catalogue.signals[signal].unit,
        "points": [
            {
                "start_ms": point.start_ms,
                "end_ms": point.end_ms,
                "count": point.count,
                "mean": point.mean,
                "minimum": point.minimum,
                "maximum": point.maximum,
                "simulated": point.simulated,
            }
            for point in found
        ],
    }
