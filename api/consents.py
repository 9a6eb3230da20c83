"""`/v1/me/consents`: granting, reading and withdrawing consent."""

from __future__ import annotations

from fastapi import APIRouter

from api.answers import GrantAnswer, GrantsAnswer
from api.authentication import CustomerId
from api.bodies import NewConsent, Nothing
from api.idempotency import IdempotentRoute
from api.paging import Paging
from api.reception import Desk
from api.representations import grant_json
from workflow.consents import consents_of, grant_consent, withdraw_consent

router = APIRouter(prefix="/v1/me/consents", tags=["consents"], route_class=IdempotentRoute)


@router.get("", summary="My consents, live and ended")
async def consents(desk: Desk, customer_id: CustomerId, asked: Paging) -> GrantsAnswer:
    """With a receipt each, the oldest first."""
    page = asked.page(await consents_of(desk.office, customer_id), lambda grant: (grant.granted_ms, grant.grant_id))
    return {"consents": [grant_json(grant) for grant in page.rows], "next": page.next}


@router.post("", status_code=201, summary="Grant consent for one car and one purpose")
async def grant(body: NewConsent, desk: Desk, customer_id: CustomerId) -> GrantAnswer:
    """For booking: for one dealer and the listed data items."""
    return grant_json(await grant_consent(desk.office, customer_id=customer_id, **body.model_dump()))


@router.post("/{grant_id}/withdraw", summary="Withdraw a consent, at once")
async def withdraw(grant_id: str, desk: Desk, customer_id: CustomerId, body: Nothing | None = None) -> GrantAnswer:
    """Nothing starts to leave after this; open proposals under it end."""
    return grant_json(await withdraw_consent(desk.office, customer_id=customer_id, grant_id=grant_id))
