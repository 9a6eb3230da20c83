"""Who calls: bearer tokens on the API, one session cookie per role on the pages, and the guard of form posts."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.responses import Response

from api.reception import Desk, Reception, reception_of
from domain.errors import Forbidden, Unauthenticated
from domain.people import Role, Vehicle
from workflow.access import Caller, admit, require_dealer, require_owner
from workflow.fleet import fleet_of
from workflow.identity import SignIn, caller_of

# Says in the OpenAPI document that these routes want a bearer token; the check itself is ours.
_scheme = HTTPBearer(
    auto_error=False, scheme_name="bearer", description="vehicle credential, enrolment, session or access token"
)
# A cookie per role: an owner's, a dealer's and an operator's page can be open in one browser at once.
COOKIE_NAMES = {Role.OWNER: "pitcall_owner", Role.ADVISOR: "pitcall_dealer", Role.OPERATOR: "pitcall_operator"}
HOME = {Role.OWNER: "/owner", Role.ADVISOR: "/dealer", Role.OPERATOR: "/operator"}


def bearer_of(request: Request) -> str:
    """The token of the Authorization header; Unauthenticated without one."""
    sent = request.headers.getlist("authorization")
    if len(sent) > 1:
        raise Unauthenticated("send one Authorization header, not several")
    scheme, _, token = (sent[0] if sent else "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("send `Authorization: Bearer <token>`")
    return token.strip()


async def _bearer(request: Request, _described: Annotated[object, Depends(_scheme)]) -> str:
    return bearer_of(request)


Bearer = Annotated[str, Depends(_bearer)]


def operation_of(endpoint: Callable[..., object]) -> str:
    """The name of an operation in the table of who may what: `<module>.<function>` of its endpoint."""
    return f"{endpoint.__module__.rpartition('.')[2]}.{endpoint.__name__}"


async def _caller(request: Request, desk: Desk, token: Bearer) -> Caller:
    caller = await caller_of(desk.office, token)
    admit(operation_of(request.scope["endpoint"]), caller)
    return caller


SignedIn = Annotated[Caller, Depends(_caller)]


async def _customer_id(caller: SignedIn) -> str:
    return require_owner(caller)


async def _dealer_caller(caller: SignedIn) -> Caller:
    require_dealer(caller)
    return caller


async def _vehicle(desk: Desk, token: Bearer) -> Vehicle:
    return await desk.credentials.vehicle(token)


async def _fleet(desk: Desk, token: Bearer) -> str:
    return await fleet_of(desk.office, token)


TheFleet = Annotated[str, Depends(_fleet)]
CustomerId = Annotated[str, Depends(_customer_id)]
DealerCaller = Annotated[Caller, Depends(_dealer_caller)]
TheVehicle = Annotated[Vehicle, Depends(_vehicle)]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who browses a page, and the token that their forms must carry."""

    caller: Caller
    token: str
    form_token: str

    @property
    def customer_id(self) -> str:
        return require_owner(self.caller)

    @property
    def dealer_id(self) -> str:
        return require_dealer(self.caller)


class SignInNeeded(Exception):
    """A page asks its visitor to sign in; answered with a redirect that comes back."""


def form_token_of(session_token: str) -> str:
    """The per-session token of form posts: nobody without the session can tell it, and it tells nothing of it."""
    return hmac.new(session_token.encode(), b"pitcall form", hashlib.sha256).hexdigest()


async def visitor_of(request: Request, role: Role) -> Visitor:
    """Who browses as `role`; SignInNeeded when nobody (any longer) does."""
    token = request.cookies.get(COOKIE_NAMES[role], "")
    if not token:
        raise SignInNeeded
    try:
        caller = await caller_of(reception_of(request).office, token)
    except Unauthenticated as error:
        raise SignInNeeded from error
    if caller.role is not role:
        raise SignInNeeded
    return Visitor(caller, token, form_token_of(token))


def visiting(role: Role) -> Callable[[Request], Awaitable[Visitor]]:
    """A dependency that admits visitors of `role`, and guards unsafe calls against forged forms."""

    async def admit(request: Request) -> Visitor:
        visitor = await visitor_of(request, role)
        if request.method not in ("GET", "HEAD"):
            require_own_origin(request)
            sent = (await request.form()).get("form_token", "")
            if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), visitor.form_token.encode()):
                raise Forbidden("this form is out of date: reload the page and try again")
        return visitor

    return admit


Owner = Annotated[Visitor, Depends(visiting(Role.OWNER))]
Advisor = Annotated[Visitor, Depends(visiting(Role.ADVISOR))]
Operator = Annotated[Visitor, Depends(visiting(Role.OPERATOR))]


def require_own_origin(request: Request) -> None:
    """Forbidden when a form comes from elsewhere, going by Origin, else by Sec-Fetch-Site."""
    origin = request.headers.get("origin")
    if origin is None:
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise Forbidden("this form came from another site")
        return
    own = {urlsplit(reception_of(request).public_url).netloc, request.headers.get("host", "")}
    if urlsplit(origin).netloc not in own - {""}:
        raise Forbidden("this form came from another site")


def begin_session(response: Response, reception: Reception, signed_in: SignIn) -> None:
    """Put the session into its role's cookie: unreadable to scripts, and not sent along by other sites' posts."""
    left_ms = signed_in.expires_ms - reception.office.wall.now_ms()
    response.set_cookie(
        COOKIE_NAMES[signed_in.account.role],
        signed_in.token,
        max_age=max(0, left_ms // 1000),
        httponly=True,
        secure=reception.is_secure,
        samesite="lax",
    )


def end_session(response: Response, reception: Reception, role: Role) -> None:
    """Take the role's cookie away."""
    response.delete_cookie(COOKIE_NAMES[role], httponly=True, secure=reception.is_secure, samesite="lax")
