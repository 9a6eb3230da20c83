"""Serving an ASGI application on the process's own event loop, beside the stream."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import uvicorn

from domain.errors import PitcallError

STOP_S = 3.0


class PortBusy(PitcallError):
    """Somebody listens on the port already."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process: it stops the stream first, then the server."""
        yield


def open_socket(host: str, port: int, way_out: str) -> socket.socket:
    """A listening socket; PortBusy with `way_out` when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, or asyncio leaves Nagle's algorithm on: each answer would wait 40 ms for a delayed ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise PortBusy(f"{host}:{port} cannot be listened on ({error.strerror}): {way_out}") from error
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    """The base URL of what listens there, with the port that was given for 0."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


@contextlib.asynccontextmanager
async def serving(app: Any, listener: socket.socket, before_stop: Callable[[], Awaitable[None]]) -> AsyncIterator[str]:
    """Serve `app` while the block runs; gives the base URL. `before_stop` ends streams that would keep it waiting."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=int(STOP_S), ws="none"
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        while not server.started:
            if task.done():
                await task
                raise PitcallError("the HTTP server did not start")
            await asyncio.sleep(0.01)
        yield url_of(listener)
    finally:
        await before_stop()
        server.should_exit = True
        await task
        listener.close()
