"""`/v1/me/consents`: granting, reading, narrowing and withdrawing consent."""

from __future__ import annotations

from fastapi import APIRouter

from api.answers import GrantAnswer, GrantHistoryAnswer, GrantsAnswer
from api.authentication import CustomerId
from api.bodies import LessConsent, NewConsent, Nothing
from api.idempotency import IdempotentRoute
from api.paging import Paging
from api.reception import Desk
from api.representations import grant_json
from workflow.consents import consents_of, grant_consent, narrow_consent, versions_of, withdraw_consent

router = APIRouter(prefix="/v1/me/consents", tags=["consents"], route_class=IdempotentRoute)


@router.get("", summary="My consents, live and ended")
async def consents(desk: Desk, customer_id: CustomerId, asked: Paging) -> GrantsAnswer:
    """With a receipt each, the oldest first."""
    page = asked.page(await consents_of(desk.office, customer_id), lambda grant: (grant.granted_ms, grant.grant_id))
    return {"consents": [grant_json(grant, desk.office.controller) for grant in page.rows], "next": page.next}


@router.post("", status_code=201, summary="Grant consent for one car and one purpose")
async def grant(body: NewConsent, desk: Desk, customer_id: CustomerId) -> GrantAnswer:
    """For booking: for one dealer and the listed data items."""
    granted = await grant_consent(desk.office, customer_id=customer_id, **body.model_dump())
    return grant_json(granted, desk.office.controller)


@router.get("/{grant_id}", summary="One of my consents, version by version")
async def versions(grant_id: str, desk: Desk, customer_id: CustomerId, asked: Paging) -> GrantHistoryAnswer:
    """Each with the receipt of that version, the present one last."""
    found = await versions_of(desk.office, customer_id=customer_id, grant_id=grant_id)
    page = asked.page(found, lambda version: (version.version,))
    return {"versions": [grant_json(version, desk.office.controller) for version in page.rows], "next": page.next}


@router.post("/{grant_id}/narrow", summary="Allow less from now on")
async def narrow(grant_id: str, body: LessConsent, desk: Desk, customer_id: CustomerId) -> GrantAnswer:
    """Some of the data items only, an earlier end, or both.

    Proposals and what waits for their dealer are cut to it, and the dealer is asked to erase the rest.
    """
    narrowed = await narrow_consent(desk.office, customer_id=customer_id, grant_id=grant_id, **body.model_dump())
    return grant_json(narrowed, desk.office.controller)


@router.post("/{grant_id}/withdraw", summary="Withdraw a consent, at once")
async def withdraw(grant_id: str, desk: Desk, customer_id: CustomerId, body: Nothing | None = None) -> GrantAnswer:
    """Nothing starts to leave after this; open proposals under it end."""
    withdrawn = await withdraw_consent(desk.office, customer_id=customer_id, grant_id=grant_id)
    return grant_json(withdrawn, desk.office.controller)
