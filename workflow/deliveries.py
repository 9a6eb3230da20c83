"""Webhooks leave: many at a time, few per dealer, each only while its grant stands when it is claimed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from domain.consent import ConsentGrant
from domain.delivery_plan import MOST_AT_ONCE, Circuit, wait_ms
from domain.errors import Unavailable
from domain.people import Dealer
from workflow.outbox_rows import AttemptEnd, ClaimedDelivery, DeliveryAttempt
from workflow.ports import Office, UnitOfWork, WebhookSender

LEASE_MS = 60_000  # far above the time limit of an attempt: who still has a lease when it ends is gone
SLOTS = 200
SUSPECT_SLOTS = 50
BLOCK = 100
IDLE_S = 0.1

CONSENT_GONE = "the consent was withdrawn or has run out before the delivery"
NO_WEBHOOK = "the dealer takes no webhooks any longer"


class _Turn(NamedTuple):
    has_moved: bool
    has_more: bool
    """As many were found as were asked for: there may be others that are due."""


class Deliveries:
    """Works off due deliveries; one per process, which remembers how each dealer's server did.

    Of `SLOTS` attempts at a time, dealers whose last attempt failed share `SUSPECT_SLOTS`, and each dealer has what its
    circuit allows: however many hang, the others go ahead. Circuits are in memory: a process that starts afresh tries
    each dealer once more, while due times and tries persist.
    """

    def __init__(self, office: Office, sender: WebhookSender) -> None:
        self._office = office
        self._sender = sender
        self._circuits: dict[str, Circuit] = {}
        self._running: dict[asyncio.Task[None], str] = {}
        self._ended: list[AttemptEnd] = []
        self.went = 0

    async def work_off(self) -> int:
        """Send all that is due and may start; how many went. It returns when nothing is under way any longer."""
        before = self.went
        while True:
            if (await self._turn()).has_moved:
                continue
            if self._running:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            elif self._ended:
                await asyncio.sleep(IDLE_S)
            else:
                return self.went - before

    async def run(self) -> None:
        """Send what is due, for ever. Raises what the records raise: call it again, it goes on where it was."""
        while True:
            if not (await self._turn()).has_more:
                # What falls due meanwhile shares one transaction: under load that costs each of them next to nothing.
                await asyncio.sleep(IDLE_S)

    async def close(self) -> None:
        """Stop attempts that are under way: they are tried again, under the same ids, when their leases end."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running.clear()

    async def _turn(self) -> _Turn:
        """Record what has ended and start what may start, in one transaction."""
        self._collect()
        ended = list(self._ended)
        limit = min(SLOTS - len(self._running), BLOCK)
        now = self._office.wall.now_ms()
        async with self._office.unit_of_work() as uow:
            recorded = await self._record(uow, ended)
            cleared, dropped, is_full = await self._claim(uow, limit, now) if limit > 0 else ([], 0, False)
        # From here on it is committed: a withdrawal that commits later comes after these began.
        self._ended = [end for end in self._ended if end.claimed.outbox_id not in recorded]
        for claimed, dealer in cleared:
            task = asyncio.create_task(self._attempt(claimed, dealer), name="webhook")
            self._running[task] = dealer.dealer_id
        return _Turn(bool(cleared or dropped or recorded), is_full)

    def _collect(self) -> None:
        for task in [task for task in self._running if task.done()]:
            del self._running[task]
            task.result()

    async def _claim(
        self, uow: UnitOfWork, limit: int, now_ms: int
    ) -> tuple[list[tuple[ClaimedDelivery, Dealer]], int, bool]:
        """What may start, leased; how many were dropped as they never may; and whether there may be more of either.

        The grants are read under a lock that lasts until the claim is committed: a withdrawal comes before, and is
        seen, or after.
        """
        under_way = Counter(self._running.values())
        found = await uow.deliveries.claim(
            limit, now_ms, LEASE_MS, per_dealer=MOST_AT_ONCE, without=self._full(under_way, now_ms)
        )
        if not found:
            return [], 0, False
        claimed, left = self._within_room(found, under_way, now_ms)
        grants = await _steady_grants(uow, claimed)
        dealers = await uow.people.dealers_with({one.delivery.dealer_id for one in claimed})
        cleared, dropped = [], 0
        for one in claimed:
            dealer, grant = dealers.get(one.delivery.dealer_id), grants.get(one.delivery.grant_id)
            needs_consent = one.delivery.needs_consent
            if dealer is None or not dealer.webhook_url:
                why = NO_WEBHOOK
            elif needs_consent and grant is None:
                left.append(one.outbox_id)  # somebody is changing it: look again when they are done
                continue
            elif needs_consent and grant is not None and not grant.is_live(self._office.clock.now_ms()):
                why = CONSENT_GONE
            else:
                cleared.append((one, dealer))
                continue
            await uow.outbox.drop(one.outbox_id, why, now_ms)
            dropped += 1
        await uow.deliveries.release(left)
        return cleared, dropped, len(found) == limit

    def _full(self, under_way: Counter[str], now_ms: int) -> list[str]:
        """The dealers for which nothing may start now."""
        has_suspect_slot = self._suspects(under_way) < SUSPECT_SLOTS
        return [
            dealer_id
            for dealer_id in self._circuits.keys() | under_way.keys()
            if self._room(dealer_id, under_way, now_ms) <= 0 or (self._is_suspect(dealer_id) and not has_suspect_slot)
        ]

    def _suspects(self, under_way: Counter[str]) -> int:
        return sum(count for dealer_id, count in under_way.items() if self._is_suspect(dealer_id))

    def _room(self, dealer_id: str, under_way: Counter[str], now_ms: int) -> int:
        circuit = self._circuits.get(dealer_id)
        allowed = 1 if circuit is None else circuit.room(now_ms)
        return allowed - under_way[dealer_id]

    def _within_room(
        self, found: Iterable[ClaimedDelivery], under_way: Counter[str], now_ms: int
    ) -> tuple[list[ClaimedDelivery], list[int]]:
        """Those for which there is room, and the ids of the others."""
        taken = Counter(under_way)
        suspects = self._suspects(under_way)
        fit, surplus = [], []
        for one in found:
            dealer_id = one.delivery.dealer_id
            is_suspect = self._is_suspect(dealer_id)
            if self._room(dealer_id, taken, now_ms) <= 0 or (is_suspect and suspects >= SUSPECT_SLOTS):
                surplus.append(one.outbox_id)
                continue
            taken[dealer_id] += 1
            suspects += is_suspect
            fit.append(one)
        return fit, surplus

    def _is_suspect(self, dealer_id: str) -> bool:
        circuit = self._circuits.get(dealer_id)
        return circuit is not None and circuit.is_suspect

    async def _attempt(self, claimed: ClaimedDelivery, dealer: Dealer) -> None:
        wall, circuit = self._office.wall, self._circuits.setdefault(dealer.dealer_id, Circuit())
        started = wall.now_ms()
        try:
            await self._sender.send(dealer, claimed.delivery, started)
        except Unavailable as error:
            self._failed(claimed, circuit, started, str(error)[:500], error.retry_after_s * 1000)
        except Exception as error:  # what one dealer has set must not end the process that serves all
            self._failed(claimed, circuit, started, f"it could not be sent: {type(error).__name__}", 0)
        else:
            circuit.went()
            self.went += 1
            self._ended.append(AttemptEnd(claimed, DeliveryAttempt(started, wall.now_ms(), "")))

    def _failed(self, claimed: ClaimedDelivery, circuit: Circuit, started: int, error: str, asked_ms: int) -> None:
        now = self._office.wall.now_ms()
        circuit.failed(now)
        wait = wait_ms(claimed.delivery.delivery_id, claimed.tries + 1)
        again = None if wait is None else now + max(wait, asked_ms)
        self._ended.append(AttemptEnd(claimed, DeliveryAttempt(started, now, error), again))

    async def _record(self, uow: UnitOfWork, ended: list[AttemptEnd]) -> set[int]:
        """Write down how attempts ended; the ids of those that were. What failed goes on only under a live grant.

        A withdrawal that came meanwhile left the row to us; one that is committing now is waited for.
        """
        failed = [one.claimed for one in ended if one.attempt.error]
        grants = await _steady_grants(uow, failed)
        now, recorded, kept = self._office.clock.now_ms(), set(), []
        for one in ended:
            delivery = one.claimed.delivery
            if one.attempt.error and delivery.needs_consent:
                grant = grants.get(delivery.grant_id)
                if grant is None:
                    continue
                if not grant.is_live(now):
                    await uow.outbox.drop(one.claimed.outbox_id, CONSENT_GONE, one.attempt.ended_ms)
                    recorded.add(one.claimed.outbox_id)
                    continue
            kept.append(one)
            recorded.add(one.claimed.outbox_id)
        await uow.deliveries.end(kept)
        return recorded


async def _steady_grants(uow: UnitOfWork, claimed: Iterable[ClaimedDelivery]) -> dict[str, ConsentGrant]:
    needed = {one.delivery.grant_id for one in claimed if one.delivery.needs_consent}
    return await uow.consents.steady(needed) if needed else {}
