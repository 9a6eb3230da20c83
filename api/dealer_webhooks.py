"""`/v1/dealer/webhook` and `/v1/dealer/deliveries`: a dealer's webhook, what was delivered, and sending it again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.answers import (
    DeliveriesAnswer,
    DeliveryAnswer,
    NewSecretAnswer,
    TestDeliveryAnswer,
    WebhookAnswer,
    WebhookSetAnswer,
)
from api.authentication import DealerCaller
from api.bodies import Nothing, WebhookBody
from api.idempotency import IdempotentRoute, shown_once
from api.reception import Desk
from api.representations import deliveries_json, delivery_json, webhook_json
from domain.delivery_state import DeliveryState
from workflow.access import require_dealer
from workflow.dealer_webhooks import (
    deliveries,
    delivery_of,
    replay,
    rotate_secret,
    send_test,
    set_webhook,
    webhook_of,
)

router = APIRouter(prefix="/v1/dealer", tags=["webhooks"], route_class=IdempotentRoute)
Cursor = Annotated[str, Query(max_length=20, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.get("/webhook", summary="My webhook")
async def read(desk: Desk, caller: DealerCaller) -> WebhookAnswer:
    """Where it goes, and until when an older secret signs beside the present one; never a secret."""
    return webhook_json(await webhook_of(desk.office, require_dealer(caller)), desk.office.wall.now_ms())


@router.put("/webhook", summary="Say where my webhook goes")
@shown_once
async def change(body: WebhookBody, desk: Desk, caller: DealerCaller) -> WebhookSetAnswer:
    """From the next attempt on; an empty `url` ends deliveries. The first time the secret is in the answer, once."""
    dealer, secret = await set_webhook(desk.office, dealer_id=require_dealer(caller), url=body.url)
    return {**webhook_json(dealer, desk.office.wall.now_ms()), "webhook_secret": secret or None}


@router.post("/webhook/rotate", summary="Change the secret that signs my webhook")
@shown_once
async def rotate(desk: Desk, caller: DealerCaller, body: Nothing | None = None) -> NewSecretAnswer:
    """For 24 hours deliveries bear two signatures, of the new secret and of the one before; then of the new one only.

    Of two changes within that time the first secret ends at once.
    """
    dealer = await rotate_secret(desk.office, dealer_id=require_dealer(caller))
    return {**webhook_json(dealer, desk.office.wall.now_ms()), "webhook_secret": dealer.webhook_secret}


@router.post("/webhook/test", status_code=202, summary="Send a test event to my webhook")
async def send_a_test(desk: Desk, caller: DealerCaller, body: Nothing | None = None) -> TestDeliveryAnswer:
    """Of the type `webhook.test`, signed like every other; it carries nobody's data."""
    return {"delivery_id": await send_test(desk.office, dealer_id=require_dealer(caller))}


@router.get("/deliveries", summary="My deliveries")
async def listed(
    desk: Desk, caller: DealerCaller, state: DeliveryState | None = None, cursor: Cursor = "", limit: Limit = 50
) -> DeliveriesAnswer:
    """The newest first. Those that were delivered or dropped are kept for a week, those given up for a month."""
    page = await deliveries(desk.office, dealer_id=require_dealer(caller), state=state, cursor=cursor, limit=limit)
    return deliveries_json(page)


@router.get("/deliveries/{delivery_id}", summary="One delivery with its attempts")
async def one(delivery_id: str, desk: Desk, caller: DealerCaller) -> DeliveryAnswer:
    """`delivery_id` is the `webhook-id` of every attempt."""
    found = await delivery_of(desk.office, delivery_id=delivery_id, dealer_id=require_dealer(caller))
    return delivery_json(found)


@router.post("/deliveries/{delivery_id}/replay", status_code=202, summary="Send a delivery again")
async def replay_one(delivery_id: str, desk: Desk, caller: DealerCaller, body: Nothing | None = None) -> DeliveryAnswer:
    """Now, under the same `webhook-id`, and only while the consent behind it stands.

    It may come after a newer one about the same proposal: go by `version`.
    """
    found = await replay(desk.office, delivery_id=delivery_id, dealer_id=require_dealer(caller))
    return delivery_json(found)
