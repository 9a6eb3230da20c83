"""Dealers: approved by an operator, never by themselves; and what they have free."""

from __future__ import annotations

import base64

from domain.errors import InvalidInput, NotFound
from domain.people import Account, Dealer, Role
from domain.slot import MINUTE_MS, OpeningHours, Slot, free_slots
from workflow.identity import check_credentials
from workflow.ports import Office

LEAD_MS = 2 * 3_600_000  # nobody books a bay for the next minute
SPAN_MS = 21 * 86_400_000
MOST_SPAN_MS = 92 * 86_400_000


async def approve_dealer(
    office: Office,
    *,
    name: str,
    address: str,
    hours: OpeningHours,
    bays: int,
    advisor_name: str,
    advisor_email: str,
    advisor_password: str,
    webhook_url: str = "",
) -> tuple[Dealer, Account]:
    """A new dealer with its bays and its first service advisor; Conflict when the advisor's e-mail is taken."""
    email = check_credentials(advisor_email, advisor_password)
    if not 1 <= bays <= 99:
        raise InvalidInput("a site has 1 to 99 bays", field="bays", fix="say how many cars can be worked on at once")
    hashed = await office.passwords.hash(advisor_password)
    dealer = Dealer(
        dealer_id=office.ids.new("dealer"),
        name=name,
        address=address,
        hours=hours,
        bays=tuple(f"bay-{number:02d}" for number in range(1, bays + 1)),
        webhook_url=webhook_url,
        webhook_secret=_webhook_secret(office) if webhook_url else "",
    )
    account = Account(
        office.ids.new("account"), Role.ADVISOR, email, hashed, dealer_id=dealer.dealer_id, name=advisor_name
    )
    async with office.unit_of_work() as uow:
        await uow.people.add_dealer(dealer)
        await uow.people.add_account(account)
    return dealer, account


def _webhook_secret(office: Office) -> str:
    """A secret in the form of Standard Webhooks: the prefix and plain base64."""
    return "whsec_" + base64.b64encode(office.ids.secret(24).encode()).decode()


async def dealers(office: Office) -> list[Dealer]:
    """All approved dealers."""
    async with office.unit_of_work() as uow:
        return await uow.people.dealers()


async def free_slots_of(
    office: Office, *, dealer_id: str, minutes: int, from_ms: int | None = None, until_ms: int | None = None
) -> list[Slot]:
    """Free slots of `minutes`, by default from two hours ahead over three weeks."""
    if not 5 <= minutes <= 12 * 60:
        raise InvalidInput("work takes 5 to 720 minutes", field="minutes", fix="give the minutes the needs add up to")
    now = office.clock.now_ms()
    start = max(from_ms or 0, now + LEAD_MS)
    end = until_ms if until_ms is not None else start + SPAN_MS
    if end - start > MOST_SPAN_MS:
        raise InvalidInput("the span is too long", field="until_ms", fix="ask for at most three months")
    async with office.unit_of_work() as uow:
        dealer = await uow.people.dealer(dealer_id)
        if dealer is None:
            raise NotFound("there is no such dealer")
        busy = await uow.bays.busy(dealer_id, start - 12 * 60 * MINUTE_MS, end + 12 * 60 * MINUTE_MS)
    return free_slots(dealer.hours, dealer.bays, busy, minutes, start, end)
