"""OwnerActor: the person a car belongs to: claims it, enters its past, and books what it needs."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from simulators.actors.api import Api, RefusedError
from simulators.actors.car import CarActor

DAY_MS = 86_400_000
FIRST_NAMES = ("Amber", "Teal", "Indigo", "Russet", "Olive", "Scarlet", "Hazel", "Jade", "Umber", "Violet")
LAST_NAMES = ("Gasket", "Flywheel", "Tappet", "Camshaft", "Dipstick", "Manifold", "Grommet", "Sprocket")
SNOOZES, SNOOZE_MS = 0.1, 3 * DAY_MS
LEAD_MS, SEARCH_MS = DAY_MS, 21 * DAY_MS
LONGEST_JOB_MIN = 90  # what is asked to be free per need; the proposal then takes what its items really need
LIVE = ("open", "reminded", "snoozed")
UNANSWERED = ("sent", "countered", "accepted")
UNDER_WAY = (*UNANSWERED, "confirmed", "checked-in")


class OwnerActor:
    """Acts on what the API shows, by dice of its own that depend on the seed and on how often it threw them before.

    `counts` tallies what it did: consents granted, proposals sent, confirmed, snoozed.
    """

    def __init__(self, car: CarActor, api: Api, seed: int) -> None:
        self._car = car
        self._api = api
        index = car.car.identity.index
        self.name = f"{FIRST_NAMES[index % len(FIRST_NAMES)]} {LAST_NAMES[index // len(FIRST_NAMES) % len(LAST_NAMES)]}"
        self.email = f"owner{index}@pitcall.example"
        self.password = f"open-sesame-{seed}-{index}"
        self._dice_key = f"{seed}/owner/{index}"
        self._draws = 0
        self.is_settled_in = False
        self.counts = {"consents_granted": 0, "proposals_sent": 0, "confirmed": 0, "snoozed": 0}
        self._grants: dict[str, str] = {}
        self._weighed: set[str] = set()
        self._has_asked = False

    async def settle_in(self) -> None:
        """Register, claim the car with the code on its screen, and enter what was done to it before."""
        if self.is_settled_in:
            return
        account = {"name": self.name, "email": self.email, "password": self.password, "time_zone": "Europe/Berlin"}
        await self._api.post_once("/v1/customers", account)  # a conflict: registered before a restart
        await self._sign_in()
        code = await self._car.show_claim_code()
        identity = self._car.car.identity
        await self._api.post(
            "/v1/me/vehicles",
            {
                "code": code,
                "label": f"{identity.make} {identity.model} {identity.index + 1}",
                "consents": ["prediction", "reminders", "model_improvement"],
            },
        )
        history = f"/v1/me/vehicles/{self._car.vehicle_id}/service-history"
        await self._api.post(history, {"records": self._car.car.history})
        self.is_settled_in = True

    async def act(self, now_ms: int) -> None:
        """Look at the car's page once: answer the dealer, then book, or put off, what is newly needed."""
        await self._enter_breakdowns()
        page = await self._get(f"/v1/me/vehicles/{self._car.vehicle_id}")
        proposals = sorted(page["proposals"], key=lambda p: (p["expires_ms"], p["proposal_id"]))
        for proposal in proposals:
            await self._answer(proposal)
        if any(proposal["state"] in UNDER_WAY for proposal in proposals):
            return
        needs = sorted((n for n in page["needs"] if n["state"] in LIVE), key=lambda n: str(n["item"]))
        wanted = [need for need in needs if not await self._puts_off(need, now_ms)]
        if wanted:
            await self._propose(wanted, now_ms)

    async def answer_dealer(self) -> None:
        """Look only at what the dealer has answered, and only if something was asked."""
        if not self._has_asked:
            return
        page = await self._get(f"/v1/me/vehicles/{self._car.vehicle_id}")
        for proposal in sorted(page["proposals"], key=lambda p: (p["expires_ms"], p["proposal_id"])):
            await self._answer(proposal)
        self._has_asked = any(proposal["state"] in UNANSWERED for proposal in page["proposals"])

    async def _answer(self, proposal: Mapping[str, Any]) -> None:
        """Take what the dealer accepted, or the first time it offers instead."""
        if proposal["state"] == "accepted":
            start_ms = proposal["slot"]["start_ms"]
        elif proposal["state"] == "countered" and proposal["offered"]:
            start_ms = min(slot["start_ms"] for slot in proposal["offered"])
        else:
            return
        proposal_id = proposal["proposal_id"]
        if await self._api.post_once(f"/v1/me/proposals/{proposal_id}/confirm", {"start_ms": start_ms}):
            self.counts["confirmed"] += 1

    async def _puts_off(self, need: Mapping[str, Any], now_ms: int) -> bool:
        """Whether the owner lets this need wait: a snooze that runs, or one now, thought of once per need."""
        until = need.get("snoozed_until_ms")
        if need["state"] == "snoozed" and until is not None and now_ms < until:
            return True
        if need["need_id"] in self._weighed:
            return False
        self._weighed.add(need["need_id"])
        if self._draw().random() >= SNOOZES:
            return False
        if await self._api.post_once(f"/v1/me/needs/{need['need_id']}/snooze", {"until_ms": now_ms + SNOOZE_MS}):
            self.counts["snoozed"] += 1
            return True
        return False

    async def _propose(self, needs: Sequence[Mapping[str, Any]], now_ms: int) -> None:
        dealers = sorted((await self._get("/v1/dealers"))["dealers"], key=lambda d: str(d["name"]))
        if not dealers:
            return
        dice = self._draw()
        dealer_id = dealers[self._car.car.identity.index % len(dealers)]["dealer_id"]
        minutes = LONGEST_JOB_MIN * len(needs)
        window = {"minutes": minutes, "from_ms": now_ms + LEAD_MS, "until_ms": now_ms + SEARCH_MS}
        slots = (await self._get(f"/v1/dealers/{dealer_id}/slots", **window))["slots"]
        if not slots:
            return
        slot = slots[dice.randrange(min(len(slots), 24))]
        draft = {
            "vehicle_id": self._car.vehicle_id,
            "need_ids": [need["need_id"] for need in needs],
            "dealer_id": dealer_id,
            "start_ms": slot["start_ms"],
            "grant_id": await self._grant(dealer_id, now_ms),
        }
        try:
            proposal = await self._api.post("/v1/me/proposals", draft)
            await self._api.post(f"/v1/me/proposals/{proposal['proposal_id']}/send")
        except RefusedError as refusal:
            if refusal.status != 409:
                raise
            # Somebody was quicker, or the consent ran out: think again at the next look.
            self._grants.pop(dealer_id, None)
            return
        self.counts["proposals_sent"] += 1
        self._has_asked = True

    async def _grant(self, dealer_id: str, now_ms: int) -> str:
        """The consent for this dealer to hear of this car, granted at the first need of it."""
        if dealer_id not in self._grants:
            grant = await self._api.post(
                "/v1/me/consents",
                {
                    "vehicle_id": self._car.vehicle_id,
                    "purpose": "booking",
                    "dealer_id": dealer_id,
                    "data_items": ["contact", "vehicle", "odometer", "evidence"],
                    "expires_ms": now_ms + 90 * DAY_MS,
                },
            )
            self._grants[dealer_id] = grant["grant_id"]
            self.counts["consents_granted"] += 1
        return self._grants[dealer_id]

    async def _enter_breakdowns(self) -> None:
        """What roadside assistance did is a service from elsewhere, which only the owner can tell."""
        car = self._car.car
        if car.breakdowns:
            path = f"/v1/me/vehicles/{self._car.vehicle_id}/service-history"
            await self._sign_in_if_needed()
            await self._api.post(path, {"records": car.breakdowns})
            car.breakdowns.clear()

    async def _get(self, path: str, **query: Any) -> Any:
        await self._sign_in_if_needed()
        try:
            return await self._api.get(path, **query)
        except RefusedError as refusal:
            if refusal.status != 401:
                raise
        await self._sign_in()
        return await self._api.get(path, **query)

    async def _sign_in_if_needed(self) -> None:
        if not self._api.token:
            await self._sign_in()

    async def _sign_in(self) -> None:
        session = await self._api.bearing("").post("/v1/sessions", {"email": self.email, "password": self.password})
        self._api.token = session["token"]

    def _draw(self) -> random.Random:
        self._draws += 1
        return random.Random(f"{self._dice_key}/{self._draws}")

    def state(self) -> dict[str, Any]:
        return {
            "is_settled_in": self.is_settled_in,
            "counts": self.counts,
            "grants": self._grants,
            "weighed": sorted(self._weighed),
            "draws": self._draws,
            "has_asked": self._has_asked,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.is_settled_in = state["is_settled_in"]
        self.counts = dict(state["counts"])
        self._grants = dict(state["grants"])
        self._weighed = set(state["weighed"])
        self._draws = state["draws"]
        self._has_asked = state["has_asked"]
