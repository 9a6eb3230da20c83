"""Idempotency-Key: the same call again gets the stored reply; the same key with another request is refused."""

from __future__ import annotations

import asyncio
import hashlib
from weakref import WeakValueDictionary

from fastapi import Request
from starlette.responses import Response

from api.authentication import bearer_of
from api.patience import Handler, PatientRoute
from api.problems import ReusedIdempotencyKey
from api.reception import Reception, reception_of
from domain.errors import InvalidInput
from workflow.identity import caller_of

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
LONGEST_KEY = 200


class IdempotentRoute(PatientRoute):
    """A route of signed-in accounts whose unsafe calls may carry an Idempotency-Key.

    Only replies that did something (2xx) are stored: after a refusal the same key may try again. Routes that answer
    with a secret are not made of this class, since the reply is kept. Within one process calls with one key wait for
    each other; across processes the state machine behind the call is what keeps an effect single.
    """

    def get_route_handler(self) -> Handler:
        """The handler of the route, behind the look at stored replies."""
        handle = super().get_route_handler()

        async def handle_once(request: Request) -> Response:
            key = request.headers.get("idempotency-key")
            if key is None or request.method not in UNSAFE:
                return await handle(request)
            if not 1 <= len(key) <= LONGEST_KEY:
                raise InvalidInput(
                    "the key is empty or too long", field="Idempotency-Key", fix=f"1 to {LONGEST_KEY} characters"
                )
            reception = reception_of(request)
            account_id = (await caller_of(reception.office, bearer_of(request))).account_id
            async with _turn(f"{account_id}\n{key}"):
                return await _once(reception, request, account_id, key, handle)

        return handle_once


_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


def _turn(name: str) -> asyncio.Lock:
    lock = _turns.get(name)
    if lock is None:
        lock = _turns[name] = asyncio.Lock()
    return lock


async def _once(reception: Reception, request: Request, account_id: str, key: str, handle: Handler) -> Response:
    fingerprint = hashlib.sha256(
        b"\n".join((request.method.encode(), request.url.path.encode(), await request.body()))
    ).hexdigest()
    async with reception.office.unit_of_work() as uow:
        stored = await uow.idempotency.get(account_id, key)
    if stored is not None:
        if stored[0] != fingerprint:
            raise ReusedIdempotencyKey
        return Response(stored[2], stored[1], {"Idempotency-Replayed": "true"}, media_type="application/json")
    response = await handle(request)
    if 200 <= response.status_code < 300:
        body = bytes(response.body).decode()
        async with reception.office.unit_of_work() as uow:
            await uow.idempotency.put(
                account_id, key, fingerprint, response.status_code, body, reception.office.wall.now_ms()
            )
    return response
