"""DealerActor: a service advisor by script: answers the queue, checks cars in, writes down what was measured."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Any

from simulators.actors.api import Api, RefusedError
from simulators.workshop import Visit, Workshop

DAY_MS = 86_400_000
COUNTERS = 0.3
OFFERS = 2


class Reply(StrEnum):
    """What a dealer may answer to a proposal."""

    ACCEPT = "accept"
    COUNTER = "counter"
    DECLINE = "decline"


Settle = Callable[[], Awaitable[None]]
Keep = Callable[[], None]


async def _nothing() -> None:
    return None


class DealerActor:
    """Accepts, or counters by its dice; `settle` is awaited after every visit that was completed.

    `keep` is called once the workshop has written a job down and before it is reported, so that a play that is
    killed between the two reports the same findings again. `counts` tallies replies, counter-offers and visits.
    """

    def __init__(self, email: str, password: str, api: Api, workshop: Workshop, seed: int) -> None:
        self.email = email
        self._password = password
        self._api = api
        self._workshop = workshop
        self._dice_key = f"{seed}/dealer/{email}"
        self._decided: set[str] = set()
        self._decisions = 0
        self.counts = {"dealer_replies": 0, "counter_offers": 0, "completed": 0}

    async def answer(self, now_ms: int) -> None:
        """Answer every proposal that waits in the queue, the earliest wish first."""
        for proposal in await self._queue("sent"):
            if proposal["slot"] is not None:  # it is while the consent stands
                await self._reply(proposal, now_ms)

    async def waiting(self) -> list[str]:
        """Ids of the proposals that wait for an answer."""
        return [proposal["proposal_id"] for proposal in await self._queue("sent") if proposal["slot"] is not None]

    async def answer_one(self, proposal_id: str, reply: Reply, now_ms: int) -> bool:
        """Answer one proposal as told; False when it waits for no answer (any longer), or is none of this dealer's.

        An owner's answer to this dealer's own offer is accepted, as is a wish beside which no other time is free.
        """
        try:
            proposal = await self._get(f"/v1/dealer/proposals/{proposal_id}")
        except RefusedError as refusal:
            if refusal.status != 404:
                raise
            return False
        if proposal["state"] != "sent" or proposal["slot"] is None:
            return False
        if reply is Reply.DECLINE:
            return await self._end_turn(proposal_id, "decline", {"reason": "We are full that week."})
        may_counter = reply is Reply.COUNTER and proposal_id not in self._decided
        if may_counter and await self._counter(proposal, now_ms, self._draw()):
            return True
        return await self._end_turn(proposal_id, "accept")

    async def receive(self, now_ms: int, settle: Settle = _nothing, keep: Keep = lambda: None) -> None:
        """Check in each car whose time has come, and finish each visit whose time is over."""
        for proposal in await self._queue("confirmed,checked-in"):
            proposal_id, vehicle_id = proposal["proposal_id"], vehicle_of(proposal)
            slot = proposal.get("appointment") or proposal["slot"]
            if not self._workshop.knows(vehicle_id) or now_ms < slot["start_ms"]:
                continue
            is_in = proposal["state"] == "checked-in"
            if not is_in:
                odometer_m = self._workshop.odometer_m(vehicle_id)
                is_in = await self._tried(proposal_id, "check-in", {"odometer_m": odometer_m})
            if is_in and now_ms >= slot["end_ms"]:
                visit = self._workshop.work(proposal_id, vehicle_id, items_of(proposal), now_ms)
                keep()
                if await self._tried(proposal_id, "complete", _report(visit)):
                    self.counts["completed"] += 1
                await settle()

    async def _reply(self, proposal: Mapping[str, Any], now_ms: int) -> None:
        proposal_id = proposal["proposal_id"]
        dice = self._draw()
        # A dealer counters a wish once; the answer to its own offer it takes.
        may_counter = proposal_id not in self._decided and dice.random() < COUNTERS
        if not (may_counter and await self._counter(proposal, now_ms, dice)):
            await self._end_turn(proposal_id, "accept")

    async def _counter(self, proposal: Mapping[str, Any], now_ms: int, dice: random.Random) -> bool:
        """Offer other times; False when none is free, or the owner has moved on."""
        starts = await self._other_starts(proposal, now_ms, dice)
        is_offered = bool(starts) and await self._end_turn(proposal["proposal_id"], "counter", {"starts_ms": starts})
        self.counts["counter_offers"] += is_offered
        return is_offered

    async def _end_turn(self, proposal_id: str, step: str, body: Mapping[str, Any] | None = None) -> bool:
        """Give one of the three replies to a proposal."""
        is_done = await self._tried(proposal_id, step, body or {})
        if is_done:
            self._decided.add(proposal_id)
            self.counts["dealer_replies"] += 1
        return is_done

    async def _other_starts(self, proposal: Mapping[str, Any], now_ms: int, dice: random.Random) -> list[int]:
        """Up to two free times in the week after the one that was asked for."""
        slot = proposal["slot"]
        minutes = (slot["end_ms"] - slot["start_ms"]) // 60_000
        wished = slot["start_ms"]
        window = {"minutes": minutes, "from_ms": max(now_ms, wished) + 60_000, "until_ms": wished + 7 * DAY_MS}
        me = await self._api.get("/v1/me")
        found = (await self._api.get(f"/v1/dealers/{me['dealer_id']}/slots", **window))["slots"]
        starts = [int(free["start_ms"]) for free in found if free["start_ms"] != wished]
        return sorted(dice.sample(starts[:24], min(OFFERS, len(starts))))

    async def _queue(self, states: str) -> list[dict[str, Any]]:
        answer = await self._get("/v1/dealer/proposals", state=states)
        # Not by id, which is random: one seed gives one order.
        return sorted(answer["proposals"], key=_wish)

    async def _get(self, path: str, **query: Any) -> Any:
        """The answer; signs in first, and again once the session or token has run out."""
        if not self._api.token:
            await self._sign_in()
        try:
            return await self._api.get(path, **query)
        except RefusedError as refusal:
            if refusal.status != 401:
                raise
        await self._sign_in()
        return await self._api.get(path, **query)

    async def _tried(self, proposal_id: str, step: str, body: Mapping[str, Any]) -> bool:
        """Whether it was done; a conflict or an absence means that the owner has moved on meanwhile."""
        try:
            await self._api.post(f"/v1/dealer/proposals/{proposal_id}/{step}", body)
        except RefusedError as refusal:
            if refusal.status not in (404, 409):
                raise
            return False
        return True

    async def _sign_in(self) -> None:
        session = await self._api.bearing("").post("/v1/sessions", {"email": self.email, "password": self._password})
        self._api.token = session["token"]

    def _draw(self) -> random.Random:
        self._decisions += 1
        return random.Random(f"{self._dice_key}/{self._decisions}")

    def state(self) -> dict[str, Any]:
        return {"counts": self.counts, "decided": sorted(self._decided), "decisions": self._decisions}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.counts = dict(state["counts"])
        self._decided = set(state["decided"])
        self._decisions = state["decisions"]


def items_of(proposal: Mapping[str, Any]) -> list[str]:
    """The items the proposal asks to have looked at, from what left for the dealer."""
    payload = proposal.get("payload") or {}
    return [str(need["item"]) for need in payload.get("needs", [])]


def vehicle_of(proposal: Mapping[str, Any]) -> str:
    """The car's id in what left for the dealer, or nothing once the consent behind it is gone."""
    payload = proposal.get("payload") or {}
    return str(payload.get("vehicle", {}).get("ref", ""))


def _wish(proposal: Mapping[str, Any]) -> tuple[int, str, int]:
    slot, payload = proposal.get("slot") or {}, proposal.get("payload") or {}
    odometer_km = payload.get("vehicle", {}).get("odometer_km", 0)
    return int(slot.get("start_ms") or 0), ",".join(sorted(items_of(proposal))), int(odometer_km)


def _report(visit: Visit) -> dict[str, Any]:
    return {
        "odometer_m": visit.odometer_m,
        "records": [finding.record() for finding in visit.findings],
        "invoice_minor": visit.invoice_minor,
        "currency": "EUR",
    }
