"""A dealer's endpoint for Pitcall's webhooks, as small as it may be: verifies, acts once per id, answers at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

LARGEST_BODY = 262_144
REMEMBERED = 100_000  # ids; a delivery is repeated for about three days at most
Act = Callable[[str, Mapping[str, Any]], None]


class DealerEndpoint:
    """An ASGI application, `app`, that takes POSTs to `/`; `secrets` are all that are live, two during a rotation.

    `act(webhook_id, event)` is called once for each id, however often it is delivered. It only notes what is to be
    done: Pitcall waits for the answer. `Pitcall-Acted` lets the contract kit see what was done.
    """

    def __init__(self, secrets: Sequence[str], act: Act) -> None:
        self._webhooks = [Webhook(secret) for secret in secrets]
        self._act = act
        self._known: dict[str, None] = {}
        self.app = Starlette(routes=[Route("/", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        body = await _read(request)
        if body is None:
            return Response(status_code=413)
        if not self._is_signed(body, dict(request.headers)):
            return Response(status_code=401)
        try:
            event = json.loads(body)
        except ValueError:
            return Response(status_code=400)
        webhook_id = request.headers["webhook-id"]
        is_new = webhook_id not in self._known
        if is_new:
            # Nothing is awaited between the two: a real system does both in one transaction.
            self._act(webhook_id, event)
            self._known[webhook_id] = None
            if len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]
        return Response(status_code=204, headers={"Pitcall-Acted": "yes" if is_new else "no"})

    def _is_signed(self, body: bytes, headers: dict[str, str]) -> bool:
        """Whether one of the live secrets verifies the bytes as they came."""
        for webhook in self._webhooks:
            try:
                webhook.verify(body, headers, json_parse=False)
            except (WebhookVerificationError, ValueError):  # ValueError: a header that is garbage
                continue
            return True
        return False


async def _read(request: Request) -> bytes | None:
    """The body, or None when it is longer than any that Pitcall sends."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return body
