"""A dealer's desk by script: `pitcall simulate dealer`. It answers proposals; it can't measure cars it never sees."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from simulators.actors.api import Api
from simulators.actors.dealer import DealerActor, Reply
from simulators.workshop import Workshop

BY_TURNS = "turns"


class DealerSystem(DealerActor):
    """A dealer's system instead of its advisor: the same deeds, signed in by client credentials."""

    def __init__(self, client_id: str, secret: str, api: Api, seed: int = 0) -> None:
        super().__init__(client_id, secret, api, Workshop((), seed), seed)

    async def _sign_in(self) -> None:
        credentials = {"grant_type": "client_credentials", "client_id": self.email, "client_secret": self._password}
        issued = await self._api.bearing("").post_form("/v1/oauth/token", credentials)
        self._api.token = issued["access_token"]


def advisor(email: str, password: str, api: Api, seed: int = 0) -> DealerActor:
    """A service advisor at a desk without a workshop."""
    return DealerActor(email, password, api, Workshop((), seed), seed)


async def run_desk(dealer: DealerActor, moments: AsyncIterator[int]) -> int:
    """Answer the proposals that wait at each of `moments` (int64 ms, UTC); returns how many replies were given.

    Accepts, or counters by the dealer's dice. Raises RefusedError when the account is not (any longer) good.
    """
    async for now_ms in moments:
        await dealer.answer(now_ms)
    return dealer.counts["dealer_replies"]


class ScriptedDesk:
    """The counterpart behind a `DealerEndpoint`: one reply to each proposal.sent, `script` or by turns all three."""

    def __init__(self, dealer: DealerActor, script: str) -> None:
        self._dealer = dealer
        self._script = tuple(Reply) if script == BY_TURNS else (Reply(script),)
        self._turn = 0
        self._to_answer: asyncio.Queue[str] = asyncio.Queue()
        self.webhooks = 0

    @property
    def figures(self) -> dict[str, int]:
        """What came in, each webhook-id once, and what was answered."""
        told = {name: self._dealer.counts[name] for name in ("dealer_replies", "counter_offers")}
        return {"webhooks": self.webhooks, **told}

    def take(self, _webhook_id: str, event: Mapping[str, Any]) -> None:
        """Note what a webhook tells. The state of a proposal is asked for when it is answered, so nothing else is."""
        self.webhooks += 1
        if event.get("type") == "proposal.sent":
            self._to_answer.put_nowait(str(event.get("proposal_id")))

    async def work(self) -> None:
        """Answer what waits from before, then what comes in; until cancelled. Raises RefusedError."""
        for proposal_id in await self._dealer.waiting():
            self._to_answer.put_nowait(proposal_id)
        while True:
            await self._answer(await self._to_answer.get())

    async def _answer(self, proposal_id: str) -> None:
        reply = self._script[self._turn % len(self._script)]
        if await self._dealer.answer_one(proposal_id, reply, time.time_ns() // 1_000_000):
            self._turn += 1
