"""The processes of a deployment: api, worker, outbox. Each runs until a signal or a crash."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

from adapters.metrics import CONTENT_TYPE
from api.app import create_api
from api.call_limits import CallLimits
from api.metrics import create_monitor, metrics_router
from domain.errors import PitcallError
from pitcall.data_folder import open_data_folder
from pitcall.heap import freeze_start
from pitcall.loop_guard import LoopGuard
from pitcall.node import ALL, API, Node
from pitcall.serving import open_socket, serving, url_of
from pitcall.settings import Settings
from workflow.measured_ingest import MeasuredIngest


def api_of(node: Node, public_url: str, call_limits: CallLimits | None = None) -> Any:
    """The HTTP application over a node; in a demo, whose people all have one address, nobody counts calls."""
    app = create_api(
        node.office,
        MeasuredIngest(node.office, node.uploads, node.metrics),
        waiting=node.waiting,
        readiness=node.readiness,
        model_versions=node.model_versions,
        volumes=node.volumes,
        history=node.history,
        public_url=public_url,
        is_secure=public_url.startswith("https://"),
        call_limits=call_limits,
    )
    app.include_router(metrics_router(node.exposition, CONTENT_TYPE))
    return app


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
    open_data_folder(settings.data_dir)
    way_out = "choose another by PITCALL_HTTP_PORT and PITCALL_HTTP_HOST"
    listener = open_socket(settings.http_host, settings.http_port, way_out) if part == API else None
    async with (
        LoopGuard(settings.watchdog_seconds) as guard,
        stop_signals() as stop,
        contextlib.AsyncExitStack() as stack,
    ):
        node = Node(settings, parts)
        # First of all: a recovery may take its time, and readiness shows how far it is.
        await _open_monitor(stack, settings, node)
        await stack.enter_async_context(node)
        if listener is not None:
            public_url = settings.public_url or url_of(listener)
            app = api_of(node, public_url, CallLimits(settings.calls_per_minute, settings.sign_ins_per_minute))
            close = app.state.reception.live_events.close
            url = await stack.enter_async_context(serving(app, listener, close))
            print(f"pitcall {part} listens on {url}", file=sys.stderr, flush=True)  # noqa: T201
        else:
            print(f"pitcall {part} is running", file=sys.stderr, flush=True)  # noqa: T201
        freeze_start()
        await first_of(stop, node.failed)
        if node.failed.is_set():
            guard.condemn()
        node.raise_failure()


async def _open_monitor(stack: contextlib.AsyncExitStack, settings: Settings, node: Node) -> None:
    """Serve metrics and health on the port for inside, when there is one."""
    if not settings.metrics_port:
        return
    listener = open_socket(settings.http_host, settings.metrics_port, "choose another by PITCALL_METRICS_PORT")
    monitor = create_monitor(node.exposition, CONTENT_TYPE, node.readiness)

    async def nothing_to_close() -> None:
        """No stream is ever open here."""

    await stack.enter_async_context(serving(monitor, listener, nothing_to_close))
