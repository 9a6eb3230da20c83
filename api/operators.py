"""`/v1/operator`: letting cars and dealers in, and the funnel."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Query

from api.answers import (
    DeliveriesAnswer,
    DeliveryAnswer,
    EnrolmentTokenAnswer,
    NewDealerAnswer,
    ReplayedAnswer,
    WaitingAnswer,
)
from api.authentication import SignedIn
from api.bodies import ClaimCode, NewDealer, Nothing
from api.car_answers import SoldAnswer
from api.dealer_webhooks import Cursor, Limit
from api.idempotency import IdempotentRoute, shown_once
from api.quality_answers import ModelQualityAnswer
from api.reception import Desk
from api.representations import deliveries_json, delivery_json, funnel_json
from api.sites import site_from
from domain.delivery_state import DeliveryState
from workflow.dealer_webhooks import deliveries, replay, replay_given_up
from workflow.dealers import approve_dealer
from workflow.dossiers import funnel
from workflow.enrol import issue_enrolment_token
from workflow.model_quality import model_quality
from workflow.sale import release_vehicle

router = APIRouter(prefix="/v1/operator", tags=["operators"], route_class=IdempotentRoute)


@router.post("/enrolment-tokens", status_code=201, summary="A token with which cars enrol")
@shown_once
async def enrolment_token(desk: Desk, _caller: SignedIn, body: Nothing | None = None) -> EnrolmentTokenAnswer:
    """Shown this once."""
    return {"token": await issue_enrolment_token(desk.office)}


@router.post("/releases", summary="Part a car from an owner who has given it away")
async def release(body: ClaimCode, desk: Desk, caller: SignedIn) -> SoldAnswer:
    """With the code that the car shows: who sits in it can claim it with the same code then.

    For a car whose former owner never said so. All that stands under them ends as with a sale, and they are told.
    """
    ended = await release_vehicle(desk.office, operator_id=caller.account_id, code=body.code)
    return {"vehicle_id": ended.vehicle_id, "until_ms": ended.until_ms or 0}


@router.post("/dealers", status_code=201, summary="Approve a dealer")
@shown_once
async def new_dealer(body: NewDealer, desk: Desk, _caller: SignedIn) -> NewDealerAnswer:
    """With its site and first advisor; the webhook secret is shown this once."""
    dealer, _account = await approve_dealer(
        desk.office,
        name=body.name,
        address=body.address,
        **site_from(body),
        webhook_url=body.webhook_url,
        advisor_name=body.advisor.name,
        advisor_email=body.advisor.email,
        advisor_password=body.advisor.password,
    )
    answer: NewDealerAnswer = {"dealer_id": dealer.dealer_id}
    if dealer.webhook_url:
        answer["webhook_secret"] = dealer.webhook_secret
    return answer


@router.get("/dead-letters", summary="Deliveries that were given up")
async def dead_letters(
    desk: Desk,
    _caller: SignedIn,
    dealer_id: Annotated[str, Query(max_length=100)] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> DeliveriesAnswer:
    """Of all dealers, or of one; the newest first, without what they carry. They are kept for 30 days."""
    page = await deliveries(
        desk.office, dealer_id=dealer_id or None, state=DeliveryState.GIVEN_UP, cursor=cursor, limit=limit
    )
    return deliveries_json(page)


@router.post("/dead-letters/{delivery_id}/replay", status_code=202, summary="Send a delivery again")
async def replay_dead_letter(
    delivery_id: str, desk: Desk, _caller: SignedIn, body: Nothing | None = None
) -> DeliveryAnswer:
    """Under the same `webhook-id`, and only while the consent behind it stands."""
    return delivery_json(await replay(desk.office, delivery_id=delivery_id, dealer_id=None))


@router.post("/dealers/{dealer_id}/dead-letters/replay", status_code=202, summary="Send again all given up of a dealer")
async def replay_dead_letters_of(
    dealer_id: str, desk: Desk, _caller: SignedIn, body: Nothing | None = None
) -> ReplayedAnswer:
    """Those whose consent has ended are dropped instead of sent."""
    return {"replayed": await replay_given_up(desk.office, dealer_id=dealer_id)}


@router.get("/funnel", summary="Counts from signal to invoice")
async def read_funnel(desk: Desk, _caller: SignedIn) -> dict[str, int]:
    """No personal data in it."""
    return funnel_json(await funnel(desk.office, desk.model_versions(), await desk.volumes()))


@router.get("/models", summary="How good the models are, by the labels that have come in")
async def read_models(desk: Desk, _caller: SignedIn) -> ModelQualityAnswer:
    """Per item over the last 90 days and in all: coverage, width and error, or scores and calibration."""
    return ModelQualityAnswer.of(await model_quality(desk.office, desk.model_versions()))


@router.get("/waiting", summary="What is still in flight")
async def waiting(desk: Desk, _caller: SignedIn) -> WaitingAnswer:
    """`waiting` is 0 when every topic is read up and the outbox is empty."""
    return cast(WaitingAnswer, await desk.waiting())
