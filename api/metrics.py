"""What watches the product: metrics and health, for Prometheus and for whoever starts processes again.

No metric bears anything of a person or a car, yet they tell how a business runs: so on the API's own port they are for
operators only. Prometheus reads the other port, which has no credential and is reachable from inside only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.authentication import SignedIn
from domain.errors import PitcallError

Exposition = Callable[[], Awaitable[bytes]]
Readiness = Callable[[], Awaitable[dict[str, Any]]]


def metrics_router(exposition: Exposition, content_type: str) -> APIRouter:
    """`GET /metrics` beside the API, for a signed-in operator."""
    router = APIRouter()

    @router.get("/metrics", tags=["health"], summary="Metrics for Prometheus", response_class=Response)
    async def metrics(_caller: SignedIn) -> Response:
        """In Prometheus' text format; the same without a credential on PITCALL_METRICS_PORT."""
        return Response(await exposition(), media_type=content_type)

    return router


def create_monitor(exposition: Exposition, content_type: str, readiness: Readiness) -> Starlette:
    """The small application on PITCALL_METRICS_PORT: /metrics, /healthz and /readyz, without a credential."""

    async def metrics(_request: Request) -> Response:
        return Response(await exposition(), media_type=content_type)

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(_request: Request) -> Response:
        try:
            parts = await readiness()
        except PitcallError as error:
            return JSONResponse({"ready": False, "reason": str(error)}, 503)
        return JSONResponse(parts, 200 if parts["ready"] else 503)

    return Starlette(routes=[Route("/metrics", metrics), Route("/healthz", healthz), Route("/readyz", readyz)])
