"""Reception: what every route is handed, made once by `create_api` and kept in the application's state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from api.live_events import LiveEvents
from api.vehicle_credentials import VehicleCredentials
from web.pages import Pages
from workflow.ingest import Ingest
from workflow.ports import Office
from workflow.signal_history import SignalHistory

Report = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class Reception:
    """The doors behind the routes. `waiting` and `readiness` are asked of the process that wires everything."""

    office: Office
    ingest: Ingest
    waiting: Report
    readiness: Report
    model_versions: Callable[[], Mapping[str, str]]
    volumes: Callable[[], Awaitable[Mapping[str, int]]]
    public_url: str
    is_secure: bool
    pages: Pages
    live_events: LiveEvents
    credentials: VehicleCredentials
    history: SignalHistory | None = None


def reception_of(request: Request) -> Reception:
    """The application's one reception."""
    reception: Reception = request.app.state.reception
    return reception


def address_of(request: Request) -> str:
    """The network address a call comes from, as the server or the proxy that it trusts tells."""
    return request.client.host if request.client else ""


Desk = Annotated[Reception, Depends(reception_of)]
