"""Idempotency-Key: one key, one effect; the same call again gets the stored reply, another call is refused."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import TypeVar

from fastapi import Request
from starlette.responses import Response

from api.authentication import bearer_of
from api.conditional import ConditionalRoute
from api.patience import Handler
from api.problems import DoneAlready, KeyInUse, ReusedIdempotencyKey
from api.reception import Reception, reception_of
from domain.errors import InvalidInput
from workflow.identity import caller_of
from workflow.ports import KeptReply

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
LONGEST_KEY = 200
LEASE_MS = 120_000  # a statement ends after 30 s at most: who has claimed a call for so long is gone
KEPT_MS = 7 * 86_400_000
LOOK_AGAIN_S = 0.05
LOOKS = 100


_SHOWN_ONCE = "_pitcall_shown_once"
Endpoint = TypeVar("Endpoint", bound=Callable[..., object])


def shown_once(endpoint: Endpoint) -> Endpoint:
    """Mark an endpoint whose answer holds a secret: it acts once per key too, but its answer is not kept.

    The same call again is told that it was done, not what the secret is.
    """
    setattr(endpoint, _SHOWN_ONCE, True)
    return endpoint


class IdempotentRoute(ConditionalRoute):
    """A route whose unsafe calls may carry an Idempotency-Key: of accounts and of machine clients.

    The call claims a row in the database before it acts, so that of two calls with one key, in whatever processes, one
    acts and the other waits for its reply (a few seconds, then it hears that the key is in use). Only replies that did
    something (2xx) are kept, for seven days: after a refusal the same key may try again. A process that dies between
    its effect and keeping the reply leaves a claim that lapses after two minutes; the call may then act again, and the
    state machine behind it says whether it still can.
    """

    def get_route_handler(self) -> Handler:
        """The handler of the route, behind the look at what was called under the key."""
        handle = super().get_route_handler()
        keeps_reply = not getattr(self.endpoint, _SHOWN_ONCE, False)

        async def handle_once(request: Request) -> Response:
            key = request.headers.get("idempotency-key")
            if key is None or request.method not in UNSAFE:
                return await handle(request)
            if not 1 <= len(key) <= LONGEST_KEY:
                raise InvalidInput(
                    "the key is empty or too long", field="Idempotency-Key", fix=f"1 to {LONGEST_KEY} characters"
                )
            reception = reception_of(request)
            caller = await caller_of(reception.office, bearer_of(request))
            call = _Call(reception, caller.account_id, key, await _fingerprint(request))
            kept = await call.claim()
            if kept is not None:
                return _again(kept)
            return await call.act(request, handle, keeps_reply=keeps_reply)

        return handle_once


class _Call:
    """One call under a key: claimed, then acted and kept, or released."""

    def __init__(self, reception: Reception, caller_id: str, key: str, fingerprint: str) -> None:
        self._office = reception.office
        self._caller_id = caller_id
        self._key = key
        self._fingerprint = fingerprint
        self._until_ms = 0

    async def claim(self) -> KeptReply | None:
        """None once the call is ours to make; the reply of the one that was made before."""
        for _ in range(LOOKS):
            now = self._office.wall.now_ms()
            self._until_ms = now + LEASE_MS
            async with self._office.unit_of_work() as uow:
                kept = await uow.idempotency.claim(
                    self._caller_id, self._key, self._fingerprint, now_ms=now, until_ms=self._until_ms
                )
                if kept is None:
                    await uow.idempotency.forget_before(now - KEPT_MS)
            if kept is None:
                return None
            if kept.fingerprint != self._fingerprint:
                raise ReusedIdempotencyKey
            if kept.reply is not None:
                return kept.reply
            await asyncio.sleep(LOOK_AGAIN_S)
        raise KeyInUse

    async def act(self, request: Request, handle: Handler, *, keeps_reply: bool) -> Response:
        """Make the call; keep its reply if it did something, or give the key back."""
        is_kept = False
        try:
            response = await handle(request)
            if 200 <= response.status_code < 300:
                body = bytes(response.body).decode() if keeps_reply else ""
                async with self._office.unit_of_work() as uow:
                    is_kept = await uow.idempotency.keep(
                        self._caller_id, self._key, KeptReply(response.status_code, body), until_ms=self._until_ms
                    )
            return response
        finally:
            if not is_kept:
                async with self._office.unit_of_work() as uow:
                    await uow.idempotency.release(self._caller_id, self._key, until_ms=self._until_ms)


def _again(kept: KeptReply) -> Response:
    if not kept.body:
        raise DoneAlready
    return Response(kept.body, kept.status, {"Idempotency-Replayed": "true"}, media_type="application/json")


async def _fingerprint(request: Request) -> str:
    target = request.url.path + "?" + request.url.query
    return hashlib.sha256(b"\n".join((request.method.encode(), target.encode(), await request.body()))).hexdigest()
