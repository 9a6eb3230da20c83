"""Sessions of owners, dealer people and operators."""

from __future__ import annotations

from fastapi import APIRouter

from api.answers import SessionAnswer
from api.bodies import Credentials
from api.patience import PatientRoute
from api.reception import Desk
from workflow.identity import sign_in

router = APIRouter(prefix="/v1/sessions", tags=["sessions"], route_class=PatientRoute)


@router.post("", status_code=201, summary="Sign in")
async def begin(body: Credentials, desk: Desk) -> SessionAnswer:
    """A session token; the same 401 for every way of being wrong."""
    signed_in = await sign_in(desk.office, email=body.email, password=body.password)
    return {"token": signed_in.token, "role": str(signed_in.account.role), "expires_ms": signed_in.expires_ms}
