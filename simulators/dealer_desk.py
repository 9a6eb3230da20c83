"""A dealer's desk by script: `pitcall simulate dealer`. It answers the queue; it can't measure cars it never sees."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from simulators.actors.api import Api
from simulators.actors.dealer import DealerActor
from simulators.workshop import Workshop


async def run_desk(client: httpx.AsyncClient, dealer_token: str, moments: AsyncIterator[int], seed: int = 0) -> int:
    """Answer the proposals that wait at each of `moments` (int64 ms, UTC); returns how many replies were given.

    Accepts, or counters by dice of `seed`. Raises RefusedError when the token is not (any longer) good.
    """
    dealer = DealerActor("desk", "", Api(client, dealer_token), Workshop((), seed), seed)
    async for now_ms in moments:
        await dealer.answer(now_ms)
    return dealer.counts["dealer_replies"]
