"""Connections to dealers' servers: to an address that was checked, and with an end to what they may say."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
from httpcore import AsyncNetworkBackend, AsyncNetworkStream

from adapters.webhook_address import resolve

MOST_BYTES = 65_536


class CheckedNetwork(AsyncNetworkBackend):
    """Looks a host name up once, and connects to the address that passed the check: nobody looks it up again."""

    def __init__(self, *, allow_private: bool) -> None:
        self._network = httpcore.AnyIOBackend()
        self._allow_private = allow_private

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's name
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        """Open a connection; Unavailable when the name leads inside or nowhere."""
        address = await resolve(host, port, allow_private=self._allow_private)
        stream = await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
        return _Bounded(stream, [MOST_BYTES])


class _Bounded(AsyncNetworkStream):
    """A stream that breaks off when more has been read than an answer needs; TLS counts on below."""

    def __init__(self, stream: AsyncNetworkStream, left: list[int]) -> None:
        self._stream = stream
        self._left = left

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if self._left[0] <= 0:
            raise httpcore.ReadError("the answer is longer than is read")
        data = await self._stream.read(min(max_bytes, self._left[0]), timeout)
        self._left[0] -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> AsyncNetworkStream:
        return _Bounded(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
