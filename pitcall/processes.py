"""The processes of a deployment: api, worker, outbox. Each runs until a signal or a crash."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

from api.app import create_api
from domain.errors import PitcallError
from pitcall.node import ALL, API, Node
from pitcall.serving import open_socket, serving, url_of
from pitcall.settings import Settings
from workflow.ingest import Ingest


def api_of(node: Node, public_url: str) -> Any:
    """The HTTP application over a node."""
    return create_api(
        node.office,
        Ingest(node.office, node.uploads),
        waiting=node.waiting,
        readiness=node.readiness,
        model_versions=node.model_versions,
        volumes=node.volumes,
        history=node.history,
        public_url=public_url,
        is_secure=public_url.startswith("https://"),
    )


@contextlib.asynccontextmanager
async def stop_signals() -> AsyncIterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set, while the block runs."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def first_of(*events: asyncio.Event) -> None:
    """Return when one of the events is set."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def run_part(settings: Settings, part: str) -> None:
    """Run one part until told to stop; with the embedded log, `api` is all parts, and the others are refused."""
    if settings.is_embedded and part != API:
        raise PitcallError(
            f"with the embedded log `pitcall api` is the {part} too; set PITCALL_BROKER_URL to run a cluster"
        )
    parts = ALL if settings.is_embedded else frozenset({part})
    way_out = "choose another by PITCALL_HTTP_PORT"
    listener = open_socket(settings.http_host, settings.http_port, way_out) if part == API else None
    async with stop_signals() as stop, contextlib.AsyncExitStack() as stack:
        node = await stack.enter_async_context(Node(settings, parts))
        if listener is not None:
            public_url = settings.public_url or url_of(listener)
            app = api_of(node, public_url)
            close = app.state.reception.live_events.close
            url = await stack.enter_async_context(serving(app, listener, close))
            print(f"pitcall {part} listens on {url}", file=sys.stderr, flush=True)  # noqa: T201
        else:
            print(f"pitcall {part} is running", file=sys.stderr, flush=True)  # noqa: T201
        await first_of(stop, node.failed)
        node.raise_failure()
