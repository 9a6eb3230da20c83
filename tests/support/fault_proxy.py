"""A TCP proxy in front of a real server that delays, resets, falls silent, or cuts an answer short."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Self

CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)  # linger of no time: closing sends RST


class FaultProxy:
    """Passes bytes both ways between whoever connects and `host:port`, until it is told to do otherwise.

    `port` may be named, where the server must know it before; it belongs to the event loop that starts it.
    """

    def __init__(self, port: int, *, listen: int = 0) -> None:
        self.port = listen
        self._target = port
        self._delay_s = 0.0
        self._is_silent = False
        self._bytes_left: int | None = None
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.resets = 0
        """Connections reset so far."""
        self.swallowed = 0
        """Bytes that were taken and never passed on."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- faults -------------------------------------------------------------------------------------------------

    def delay(self, seconds: float) -> None:
        """From now on every piece, each way, waits so long first."""
        self._delay_s = seconds

    def reset(self) -> None:
        """Reset every connection there is; new ones are welcome."""
        for pair in list(self._pairs):
            self._abort(pair)

    def fall_silent(self) -> None:
        """Half-open: connections stay, new ones are taken, every byte is accepted, and nothing is passed on."""
        self._is_silent = True

    def truncate_after(self, count: int) -> None:
        """Pass on so many more bytes of answers, of all connections together; then reset in the middle of one."""
        self._bytes_left = count

    def heal(self) -> None:
        """Pass everything on again; what fell silent has lost bytes, and is reset."""
        if self._is_silent:
            self.reset()
        self._delay_s, self._is_silent, self._bytes_left = 0.0, False, None

    # -- passing on ---------------------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            self._abort((writer, writer))
            return
        pair = (writer, far_writer)
        self._pairs.add(pair)
        for source, sink, is_answer in ((reader, far_writer, False), (far_reader, writer, True)):
            task = asyncio.create_task(self._pass_on(source, sink, pair, is_answer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        is_answer: bool,
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await source.read(CHUNK):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                if self._is_silent:
                    self.swallowed += len(piece)
                    continue
                if is_answer and self._bytes_left is not None:
                    piece = piece[: self._bytes_left]
                    self._bytes_left -= len(piece)
                sink.write(piece)
                await sink.drain()
                if is_answer and self._bytes_left == 0:
                    break
        if is_answer and self._bytes_left == 0:
            self._abort(pair)
        elif not self._is_silent:
            self._close(pair)

    def _close(self, pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        self._pairs.discard(pair)
        for writer in pair:
            writer.close()

    def _abort(self, pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        self._pairs.discard(pair)
        self.resets += 1
        for writer in pair:
            line = writer.get_extra_info("socket")
            if line is not None and line.fileno() >= 0:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
