"""`create_api`: the HTTP application, made from the doors it is handed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api import (
    booking_pages,
    clients,
    consents,
    customers,
    dealer_desk,
    dealer_pages,
    dealer_webhooks,
    dealers,
    driver_pages,
    drivers,
    events,
    health,
    me,
    oauth,
    operator_pages,
    operators,
    owner_pages,
    problems,
    proposals,
    sessions,
    sign_in_pages,
    signals,
    site_pages,
    sites,
    telemetry,
    vehicles,
)
from api.authentication import SignInNeeded, operation_of
from api.call_limits import CallLimits, CountedCalls
from api.live_events import LiveEvents
from api.openapi_document import openapi_document
from api.reception import Reception
from api.request_limits import RequestLimits
from api.security_headers import SecurityHeaders
from api.vehicle_credentials import VehicleCredentials
from domain.errors import PitcallError
from web.pages import STATIC, Pages
from workflow.access import ACCESS
from workflow.ingest import Ingest
from workflow.ports import Office
from workflow.signal_history import SignalHistory

API_ROUTERS = (
    telemetry,
    vehicles,
    customers,
    sessions,
    oauth,
    consents,
    proposals,
    me,
    drivers,
    signals,
    dealers,
    clients,
    dealer_desk,
    dealer_webhooks,
    sites,
    operators,
    health,
)
PAGE_ROUTERS = (
    sign_in_pages,
    events,
    owner_pages,
    driver_pages,
    booking_pages,
    dealer_pages,
    site_pages,
    operator_pages,
)
DESCRIPTION = """Telemetry in, predictions out, and a booking that both sides have agreed on.

Every error is an `application/problem+json` (RFC 9457); its `type` leads to a page that explains it, and `errors` names
the fields that are wrong. Times are int64 milliseconds since 1970, UTC. Signed-in callers may send an `Idempotency-Key`
with unsafe calls, and so may machine clients: of two calls with one key one acts, and both get its reply.

Lists come in pages: `next` is the `cursor` of what follows, and null at the end. Answers to GET carry an ETag:
`If-None-Match` gives 304, and `If-Match` on a change of a proposal makes it act on that version only (412 otherwise).
`RateLimit-Limit`, `-Remaining` and `-Reset` say how many calls are left and for how many seconds that counts.
"""


async def _no_volumes() -> Mapping[str, int]:
    return {}


def create_api(
    office: Office,
    ingest: Ingest,
    *,
    waiting: Callable[[], Awaitable[dict[str, Any]]],
    readiness: Callable[[], Awaitable[dict[str, Any]]],
    model_versions: Callable[[], Mapping[str, str]],
    public_url: str,
    is_secure: bool = False,
    volumes: Callable[[], Awaitable[Mapping[str, int]]] = _no_volumes,
    history: SignalHistory | None = None,
    call_limits: CallLimits | None = None,
) -> FastAPI:
    """The application.

    `waiting` tells what is in flight, `readiness` whether the parts answer (`{"ready": bool, …}`), `model_versions`
    which model serves each item, `volumes` how much the log has taken (uploads, predictions), `history` where signals
    are kept, if they are, `call_limits` how often one may call (None: as often as they like). `is_secure`: served over
    HTTPS, so that cookies are for HTTPS only. Before a server stops, `app.state.reception.live_events.close()` ends
    the open event streams, which otherwise keep it waiting.
    """
    app = FastAPI(
        title="Pitcall",
        version="1",
        summary="Predicts what a connected car needs, and books it with the owner's consent.",
        description=DESCRIPTION,
        docs_url=None,  # those pages load scripts from elsewhere; /openapi.json is served to any tool
        redoc_url=None,
        lifespan=_lifespan,
        exception_handlers=_error_answers(),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        generate_unique_id_function=lambda route: operation_of(route.endpoint).replace(".", "_"),
    )
    app.openapi = lambda: _document(app, public_url)  # type: ignore[method-assign]
    app.state.reception = Reception(
        office=office,
        ingest=ingest,
        waiting=waiting,
        readiness=readiness,
        model_versions=model_versions,
        volumes=volumes,
        public_url=public_url,
        is_secure=is_secure,
        pages=Pages(),
        live_events=LiveEvents(office),
        credentials=VehicleCredentials(office),
        history=history,
    )
    _require_entries()
    for room in (*API_ROUTERS, *PAGE_ROUTERS):
        app.include_router(room.router)
    app.mount("/static", _Static(directory=STATIC), name="static")
    # The last one added is the outermost: its headers stand on the refusals of the others too.
    app.add_middleware(RequestLimits, public_url=public_url)
    if call_limits is not None:
        app.add_middleware(CountedCalls, limits=call_limits, now_ms=office.wall.now_ms, public_url=public_url)
    app.add_middleware(SecurityHeaders, is_secure=is_secure)
    return app


def _document(app: FastAPI, public_url: str) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = openapi_document(app, api_routes(), public_url)
    return app.openapi_schema


def _require_entries() -> None:
    """Nothing is served that the table of who may what says nothing of."""
    missing = {operation_of(route.endpoint) for route in api_routes()} - ACCESS.keys()
    if missing:
        raise RuntimeError(f"workflow/access.py says nothing of {', '.join(sorted(missing))}")


def api_routes() -> list[APIRoute]:
    """Every route of the JSON API."""
    return [route for room in API_ROUTERS for route in room.router.routes if isinstance(route, APIRoute)]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await app.state.reception.live_events.close()


class _Static(StaticFiles):
    """Static files; an address with a hash in it never changes, so a browser keeps it."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            is_named_by_hash = b"v=" in scope.get("query_string", b"")
            response.headers["Cache-Control"] = (
                "public, max-age=31536000, immutable" if is_named_by_hash else "no-cache"
            )
        return response


async def _send_to_sign_in(request: Request, _error: Exception) -> Response:
    """To the sign-in page, and back here afterwards; a stream or a piece of a page is told to reload."""
    if request.url.path.endswith("/events"):
        return Response(status_code=204)  # tells an EventSource to stop asking
    path = request.url.path if request.method == "GET" else "/" + request.url.path.split("/")[1]
    target = f"/sign-in?next={quote(path)}"
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"HX-Redirect": target})
    return RedirectResponse(target, 303)


def _error_answers() -> dict[int | type[Exception], Any]:
    """Which answer each kind of error gets."""
    return {
        PitcallError: problems.answer_domain_error,
        RequestValidationError: problems.answer_validation_error,
        HTTPException: problems.answer_http_exception,
        SignInNeeded: _send_to_sign_in,
        Exception: problems.answer_unforeseen,
    }
