"""A fleet against a running system: `pitcall simulate fleet`. Owners claim their cars; they book nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from simulators.fleet import Fleet
from simulators.play import Play


async def run_fleet(
    client: httpx.AsyncClient, operator_token: str, fleet: Fleet, moments: AsyncIterator[int]
) -> dict[str, int]:
    """Enrol `fleet` at the API behind `client` and let it drive up to each of `moments` (int64 ms, UTC).

    The caller's iterator is the pace. Returns the play's summary; raises RefusedError when the API says no.
    """
    play = Play(fleet, client, sites=())
    await play.set_up(operator_token)
    async for now_ms in moments:
        await play.drive(now_ms)
        play.now_ms = now_ms
    return play.summary()
