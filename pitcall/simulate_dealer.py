"""`pitcall simulate dealer`: looks into its queue, or takes webhooks as a dealer's own system does."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx

from adapters.webhook import signing_key
from domain.errors import PitcallError, Unavailable
from pitcall.serving import open_socket, serving
from simulators.actors.api import Api
from simulators.actors.dealer import DealerActor
from simulators.dealer_desk import DealerSystem, ScriptedDesk, advisor, run_desk
from simulators.dealer_endpoint import DealerEndpoint

LOOK_EVERY_S = 2.0


async def simulate_dealer(options: argparse.Namespace, client: httpx.AsyncClient) -> dict[str, Any]:
    """Play the dealer; its figures. PitcallError for options that do not go together."""
    dealer = _dealer(options, Api(client))
    if options.webhook is None:
        return {"dealer_replies": await run_desk(dealer, _looks(options.rounds))}
    return await _listen(options, dealer)


def _dealer(options: argparse.Namespace, api: Api) -> DealerActor:
    by_password, by_client = (options.email, options.password), (options.client_id, options.client_secret)
    if all(by_password) and not any(by_client):
        return advisor(*by_password, api)
    if all(by_client) and not any(by_password):
        return DealerSystem(*by_client, api)
    raise PitcallError("sign in by --email and --password, or by --client-id and --client-secret")


async def _listen(options: argparse.Namespace, dealer: DealerActor) -> dict[str, Any]:
    """Take webhooks on loopback until told to stop."""
    # Imported here: it brings the whole of Pitcall with it.
    from pitcall.processes import stop_signals

    if not options.secret:
        raise PitcallError("--webhook needs the --secret that Pitcall gave for this address")
    try:
        for secret in options.secret:
            signing_key(secret)
    except Unavailable as error:
        raise PitcallError("a --secret is not whsec_ and base64, as Pitcall showed it") from error
    desk = ScriptedDesk(dealer, options.script)
    endpoint = DealerEndpoint(options.secret, desk.take)
    listener = open_socket("127.0.0.1", options.webhook, "choose another by --webhook")
    async with stop_signals() as stop, serving(endpoint.app, listener, _nothing_is_open) as url:
        print(f"pitcall simulate dealer listens on {url}/", file=sys.stderr, flush=True)  # noqa: T201
        work, told = asyncio.create_task(desk.work()), asyncio.create_task(stop.wait())
        done, pending = await asyncio.wait((work, told), return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        if work in done:
            work.result()  # it ends by an error only
    return desk.figures


async def _nothing_is_open() -> None:
    """The endpoint has no streams that would keep it."""


async def _looks(rounds: int) -> AsyncIterator[int]:
    for _ in range(rounds):
        yield time.time_ns() // 1_000_000
        await asyncio.sleep(LOOK_EVERY_S)
