"""Sessions of owners, dealer people and operators."""

from __future__ import annotations

from fastapi import APIRouter, Request

from api.answers import SessionAnswer
from api.bodies import Credentials
from api.patience import PatientRoute
from api.reception import Desk, address_of
from workflow.identity import sign_in

router = APIRouter(prefix="/v1/sessions", tags=["sessions"], route_class=PatientRoute)


@router.post("", status_code=201, summary="Sign in")
async def begin(body: Credentials, request: Request, desk: Desk) -> SessionAnswer:
    """A session token; the same 401 for every way of being wrong, and 429 for who has been wrong too often."""
    signed_in = await sign_in(desk.office, email=body.email, password=body.password, address=address_of(request))
    return {"token": signed_in.token, "role": str(signed_in.account.role), "expires_ms": signed_in.expires_ms}
