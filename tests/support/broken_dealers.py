"""Dealers' endpoints over real HTTP that are right in everything but one; each fault is one that people build."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import time

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from pitcall.serving import open_socket, serving

SECRET = "whsec_" + b64encode(b"a key of the tests, 24 b").decode()
KNOWN_TYPES = {f"proposal.{state}" for state in ("sent", "confirmed", "withdrawn", "cancelled", "expired")}


@dataclass
class DealerSystem:
    """A dealer's own system, its verification written out by hand. Every switch is off in one that is right."""

    acts: list[str] = field(default_factory=list)
    accepts_any_signature: bool = False
    ignores_timestamp: bool = False
    acts_on_replays: bool = False
    tells_of_acts: bool = True
    remembers_before_verifying: bool = False
    refuses_known_ids: bool = False
    refuses_types: frozenset[str] = frozenset()
    refuses_unknown_types: bool = False
    reads_one_signature: bool = False
    reserialises: str = ""  # "python" or "javascript"
    largest_body: int = 1_000_000
    known: set[str] = field(default_factory=set)

    async def take(self, request: Request) -> Response:
        """One delivery."""
        try:
            body = await request.body()
        except ClientDisconnect:
            return Response(status_code=400)
        if len(body) > self.largest_body:
            return Response(status_code=413)
        webhook_id = request.headers["webhook-id"]
        is_known = webhook_id in self.known
        if self.remembers_before_verifying:
            self.known.add(webhook_id)
        if not self.is_signed(request, body):
            return Response(status_code=401)
        kind = json.loads(body)["type"]
        if kind in self.refuses_types or (self.refuses_unknown_types and kind not in KNOWN_TYPES):
            return Response(status_code=422)
        if is_known and self.refuses_known_ids:
            return Response(status_code=409)
        self.known.add(webhook_id)
        acts = self.acts_on_replays or not is_known
        self.acts += [webhook_id] * acts
        told = {"Pitcall-Acted": "yes" if acts else "no"} if self.tells_of_acts else {}
        return Response(status_code=204, headers=told)

    def is_signed(self, request: Request, body: bytes) -> bool:
        """Whether the signature is good, as far as this system looks."""
        if self.accepts_any_signature:
            return True
        moment = request.headers.get("webhook-timestamp", "")
        if not self.ignores_timestamp and abs(time() - int(moment)) > 300:
            return False
        signed = f"{request.headers['webhook-id']}.{moment}.".encode() + self.seen(body)
        expected = b64encode(hmac.digest(b64decode(SECRET.removeprefix("whsec_")), signed, hashlib.sha256)).decode()
        given = request.headers.get("webhook-signature", "")
        return given == f"v1,{expected}" if self.reads_one_signature else f"v1,{expected}" in given.split(" ")

    def seen(self, body: bytes) -> bytes:
        """The bytes that are verified."""
        if self.reserialises == "python":
            return json.dumps(json.loads(body)).encode()
        if self.reserialises == "javascript":
            return json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()
        return body


async def redirects(request: Request) -> Response:
    """It has moved, and says so instead of taking anything."""
    return RedirectResponse(str(request.url.replace(path="/new-home")))


async def hangs(request: Request) -> Response:
    """It works before it answers, for longer than anybody waits."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=204)


async def is_endless(_request: Request) -> Response:
    """A good status, and then a body without end."""

    async def body() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 4096
            await asyncio.sleep(0)

    return StreamingResponse(body())


async def fails(_request: Request) -> Response:
    """Every delivery hits the same error."""
    return Response("Traceback (most recent call last)", status_code=500)


@asynccontextmanager
async def served(endpoint: object, methods: tuple[str, ...] = ("POST",)) -> AsyncIterator[str]:
    """Serve one endpoint on loopback; its URL."""
    async with served_app(Starlette(routes=[Route("/", endpoint, methods=list(methods))])) as url:  # type: ignore[arg-type]
        yield url


@asynccontextmanager
async def served_app(app: object) -> AsyncIterator[str]:
    """Serve an ASGI application on loopback; its URL."""

    async def nothing() -> None:
        """No stream is left open by a client that has gone."""

    async with serving(app, open_socket("127.0.0.1", 0, ""), nothing) as url:
        yield url + "/"
