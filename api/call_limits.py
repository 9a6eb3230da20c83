"""How often one caller may call: counted per minute, told in headers, refused with 429 before anything is read.

Each process counts for itself, in memory: behind N processes a caller gets up to N times as much. What must hold over
all of them (brute force on one account) is kept in the database by the use case.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import PROBLEM_TYPES, problem_document

WINDOW_MS = 60_000
# Whoever calls these has no token yet, or wants one: they are counted by address.
DOORS = frozenset({"/v1/sessions", "/v1/customers", "/v1/oauth/token"})
# Uploads are bounded by their size and by the log; a maker's cloud sends those of a whole fleet.
UNCOUNTED = ("/v1/telemetry",)


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Calls a minute: of one token (or, without one, one address), and at the doors of one address."""

    per_caller: int = 1200
    at_doors: int = 300


class CountedCalls:
    """Counts calls of the JSON API in whole minutes of wall time; headers say what is left."""

    def __init__(self, app: ASGIApp, limits: CallLimits, now_ms: Callable[[], int], public_url: str) -> None:
        self._app = app
        self._limits = limits
        self._now_ms = now_ms
        self._public_url = public_url
        self._window = 0
        self._calls: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/") or scope["path"].startswith(UNCOUNTED):
            await self._app(scope, receive, send)
            return
        caller, limit = self._counted_as(scope)
        now = self._now_ms()
        if now // WINDOW_MS != self._window:
            self._window = now // WINDOW_MS
            self._calls.clear()  # which also bounds what is remembered
        self._calls[caller] += 1
        left = limit - self._calls[caller]
        reset_s = -(-(WINDOW_MS - now % WINDOW_MS) // 1000)
        told = {
            "ratelimit-limit": str(limit),
            "ratelimit-remaining": str(max(0, left)),
            "ratelimit-reset": str(reset_s),
        }
        if left < 0:
            await self._refuse(send, told, reset_s)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in told.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _counted_as(self, scope: Scope) -> tuple[str, int]:
        address = scope["client"][0] if scope.get("client") else "nowhere"
        if scope["path"] in DOORS:
            return f"door {address}", self._limits.at_doors
        token = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        if not token:
            return f"address {address}", self._limits.per_caller
        return hashlib.sha256(token).hexdigest(), self._limits.per_caller

    async def _refuse(self, send: Send, told: dict[str, str], reset_s: int) -> None:
        kind = PROBLEM_TYPES["too-many-requests"]
        content = json.dumps(problem_document(kind, kind.explanation, self._public_url)).encode()
        headers = {
            **told,
            "retry-after": str(reset_s),
            "content-type": "application/problem+json",
            "content-length": str(len(content)),
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": kind.status, "headers": raw})
        await send({"type": "http.response.body", "body": content})
