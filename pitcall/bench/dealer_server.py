"""The dealers of `pitcall bench bookings`: one HTTP server that checks each delivery, and some that behave badly.

A process of its own. It reads the secrets from standard input, says its port on standard output, and tells what
arrived at `GET /report`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping
from dataclasses import dataclass, field

from standardwebhooks import Webhook, WebhookVerificationError

HEALTHY, HANGING, REDIRECTING, ENDLESS = "healthy", "hanging", "redirecting", "endless"
BAD = (REDIRECTING, ENDLESS, HANGING)
REPORT, TRAP = "/report", "/trap"
_NOTHING = b"HTTP/1.1 204 No Content\r\n\r\n"
_ELSEWHERE = b"HTTP/1.1 302 Found\r\nLocation: /trap\r\nContent-Length: 0\r\n\r\n"
_WITHOUT_END = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


@dataclass
class DealerServer:
    """What came in. `secrets` are the webhook secrets by path; a path is `/<behaviour>/<number>`."""

    secrets: Mapping[str, str]
    waits_ms: dict[str, int] = field(default_factory=dict)
    """By webhook-id, of the first arrival at a healthy dealer: ms since the step began that caused it."""
    repeated: int = 0
    forged: int = 0
    followed: int = 0
    """Requests that came by way of a redirect: none may."""

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection, until its client leaves."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                await self._answer(head[0].split(" ")[1], headers, body, reader, writer)
        writer.close()

    async def _answer(
        self, path: str, headers: Mapping[str, str], body: bytes, reader: StreamReader, writer: StreamWriter
    ) -> None:
        behaviour = path.split("/")[1]
        if behaviour == HEALTHY:
            self._take(path, headers, body)
            writer.write(_NOTHING)
        elif behaviour == HANGING:
            await reader.read()  # nothing more comes: until the client gives up
        elif behaviour == REDIRECTING:
            writer.write(_ELSEWHERE)
        elif behaviour == ENDLESS:
            writer.write(_WITHOUT_END)
            while True:
                writer.write(b"and so on " * 100)
                await writer.drain()
                await asyncio.sleep(0.01)
        elif path == REPORT:
            self._tell(writer)
        else:
            self.followed += path == TRAP
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    def _take(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        try:
            told = Webhook(self.secrets[path]).verify(body.decode(), dict(headers))
        except (WebhookVerificationError, KeyError):
            self.forged += 1
            return
        if headers["webhook-id"] in self.waits_ms:
            self.repeated += 1
        else:
            self.waits_ms[headers["webhook-id"]] = time.time_ns() // 1_000_000 - told["time_ms"]

    def _tell(self, writer: StreamWriter) -> None:
        report = {
            "waits_ms": self.waits_ms,
            "repeated": self.repeated,
            "forged": self.forged,
            "followed": self.followed,
        }
        content = json.dumps(report).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)


async def _main() -> None:
    dealers = DealerServer(json.loads(sys.stdin.readline()))
    server = await asyncio.start_server(dealers.serve, "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
