"""`pitcall simulate`: cars and dealers from outside, against a running system."""

from __future__ import annotations

import argparse
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx

from domain.errors import PitcallError
from pitcall.simulate_dealer import simulate_dealer
from simulators.actors.api import Api, RefusedError
from simulators.drive import load_drives
from simulators.fleet import Fleet
from simulators.fleet_run import run_fleet
from simulators.replay import replay_drives

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


async def simulate(options: argparse.Namespace) -> dict[str, Any]:
    """Run one kind of simulator; its figures. PitcallError with a sentence when the system says no or is away."""
    try:
        client = httpx.AsyncClient(base_url=options.url, timeout=60.0)
    except httpx.InvalidURL as error:
        raise PitcallError(
            f"{options.url!r} is no address of an API ({error}): write it like http://host:port"
        ) from error
    async with client:
        try:
            # The actors are patient with a system that is away for a while; a person with a wrong --url is not.
            await client.get("/healthz")
            if options.kind == "dealer":
                return await simulate_dealer(options, client)
            account = {"email": options.email, "password": options.password}
            token = (await Api(client).post("/v1/sessions", account))["token"]
            return await _run(options, client, token)
        except RefusedError as refusal:
            raise PitcallError(f"{options.url} refused: {refusal}") from refusal
        except httpx.TransportError as error:
            raise PitcallError(f"{options.url} does not answer ({error}): is `pitcall api` running?") from error


async def _run(options: argparse.Namespace, client: httpx.AsyncClient, token: str) -> dict[str, Any]:
    now = time.time_ns() // 1_000_000
    if options.kind == "replay":
        drives = _read_drives(options)
        end = None if options.as_recorded else now
        return dict(await replay_drives(client, token, drives, options.file.stem, end_ms=end))
    start = now - options.days * DAY_MS
    fleet = Fleet(options.cars, options.seed, start)
    return dict(await run_fleet(client, token, fleet, _hours(start, now)))


def _read_drives(options: argparse.Namespace) -> Any:
    if not options.file.exists():
        raise PitcallError(f"{options.file}: there is no such file")
    try:
        return load_drives(options.file)
    except (ValueError, KeyError, OSError) as error:
        raise PitcallError(f"{options.file} is no recording of drives: {error}") from error


async def _hours(start_ms: int, end_ms: int) -> AsyncIterator[int]:
    for moment in range(start_ms + 6 * HOUR_MS, end_ms + 1, 6 * HOUR_MS):
        yield moment
