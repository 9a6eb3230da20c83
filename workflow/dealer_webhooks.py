"""A dealer's webhook: where it goes, with which secret, what was delivered, and sending it again."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from domain.delivery_state import DeliveryState
from domain.errors import Conflict, ConsentMissing, InvalidInput, NotFound
from domain.people import Dealer
from workflow.known_dealer import known_dealer
from workflow.outbox_rows import Delivery, DeliveryRecord
from workflow.ports import Ids, Office, UnitOfWork

OVERLAP_MS = 24 * 3_600_000
LONGEST_URL = 2_000
PAGE = 50
REPLAY_BLOCK = 500


@dataclass(frozen=True, slots=True)
class Page:
    """Some deliveries, the newest first; `cursor` leads to the older ones, if there are more."""

    records: list[DeliveryRecord]
    cursor: str | None


def webhook_secret(ids: Ids) -> str:
    """A secret in the form of Standard Webhooks: the prefix and plain base64."""
    return "whsec_" + base64.b64encode(ids.secret(24).encode()).decode()


async def webhook_of(office: Office, dealer_id: str) -> Dealer:
    """The dealer with its webhook as it stands."""
    async with office.unit_of_work() as uow:
        return await known_dealer(uow, dealer_id)


async def set_webhook(office: Office, *, dealer_id: str, url: str) -> tuple[Dealer, str]:
    """Send to `url` from the next attempt on, or ("") nothing any longer; and the secret, if this made the first."""
    _check_url(url)
    async with office.unit_of_work() as uow:
        await uow.holds.take_turn(dealer_id)
        dealer = (await known_dealer(uow, dealer_id)).with_webhook(url)
        secret = ""
        if url and not dealer.webhook_secret:
            secret = webhook_secret(office.ids)
            dealer = dealer.with_secret(secret, office.wall.now_ms(), 0)
        await uow.people.update_dealer(dealer)
    return dealer, secret


async def rotate_secret(office: Office, *, dealer_id: str) -> Dealer:
    """A new secret, from the next attempt on; for 24 hours deliveries are signed with the one before too."""
    async with office.unit_of_work() as uow:
        await uow.holds.take_turn(dealer_id)
        dealer = await known_dealer(uow, dealer_id)
        dealer = dealer.with_secret(webhook_secret(office.ids), office.wall.now_ms(), OVERLAP_MS)
        await uow.people.update_dealer(dealer)
    return dealer


async def send_test(office: Office, *, dealer_id: str) -> str:
    """Queue a `webhook.test` event, which carries no data; its delivery id."""
    now = office.wall.now_ms()
    body = {"type": "webhook.test", "time_ms": now}
    delivery = Delivery(
        delivery_id=office.ids.new("test"),
        dealer_id=dealer_id,
        grant_id="",
        kind="webhook.test",
        body=json.dumps(body, separators=(",", ":")),
        needs_consent=False,
    )
    async with office.unit_of_work() as uow:
        if not (await known_dealer(uow, dealer_id)).webhook_url:
            raise Conflict("there is no webhook to send to; set its URL first")
        await uow.outbox.put(delivery, now)
    return delivery.delivery_id


async def deliveries(
    office: Office, *, dealer_id: str | None, state: DeliveryState | None, cursor: str = "", limit: int = PAGE
) -> Page:
    """Deliveries to a dealer, or (None, for operators) to all; those that are over are kept for some days."""
    before = _position(cursor)
    async with office.unit_of_work() as uow:
        if dealer_id is not None:
            await uow.show_only(dealer_id)
        found = await uow.deliveries.page(dealer_id=dealer_id, state=state, before=before, limit=limit + 1)
    more = len(found) > limit
    return Page(found[:limit], str(found[limit - 1].outbox_id) if more else None)


async def delivery_of(office: Office, *, delivery_id: str, dealer_id: str | None) -> DeliveryRecord:
    """One delivery; NotFound when it is another dealer's. Operators ask without a dealer."""
    async with office.unit_of_work() as uow:
        if dealer_id is not None:
            await uow.show_only(dealer_id)
        return await _delivery(uow, delivery_id, dealer_id)


async def replay(office: Office, *, delivery_id: str, dealer_id: str | None) -> DeliveryRecord:
    """Send a delivery again, now, under its own id. Conflict when its content is gone or its consent has ended."""
    async with office.unit_of_work() as uow:
        record = await _delivery(uow, delivery_id, dealer_id)
        if record.delivery is None:
            raise Conflict("this delivery was dropped, and its content is gone")
        if record.delivery.needs_consent:
            grant = await uow.consents.get(record.delivery.grant_id)
            if grant is None or not grant.is_live(office.clock.now_ms()):
                raise ConsentMissing("the consent behind this delivery was withdrawn or has run out")
        await uow.deliveries.replay([record.outbox_id], office.wall.now_ms())
        return await _delivery(uow, delivery_id, dealer_id)


async def replay_given_up(office: Office, *, dealer_id: str) -> int:
    """Send again all that was given up of a dealer; how many those are. Each is cleared anew before it leaves."""
    replayed = 0
    while True:
        async with office.unit_of_work() as uow:
            await known_dealer(uow, dealer_id)
            found = await uow.deliveries.page(
                dealer_id=dealer_id, state=DeliveryState.GIVEN_UP, before=None, limit=REPLAY_BLOCK
            )
            await uow.deliveries.replay([record.outbox_id for record in found], office.wall.now_ms())
        replayed += len(found)
        if len(found) < REPLAY_BLOCK:
            return replayed


async def _delivery(uow: UnitOfWork, delivery_id: str, dealer_id: str | None) -> DeliveryRecord:
    record = await uow.deliveries.find(delivery_id)
    if record is None or dealer_id not in (None, record.dealer_id):
        raise NotFound("there is no such delivery")
    return record


def _position(cursor: str) -> int | None:
    if not cursor:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise InvalidInput("that is no cursor", field="cursor", fix="send `next` of the page before, or none")
    return int(cursor)


def _check_url(url: str) -> None:
    if not url:
        return
    fix = "give an http(s) URL with a host name"
    if len(url) > LONGEST_URL:
        raise InvalidInput("the URL is too long", field="url", fix=f"at most {LONGEST_URL} characters")
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidInput("that is no address for a webhook", field="url", fix=fix)
