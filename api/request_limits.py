"""The size cap of request bodies, enforced while reading: a wrong or missing Content-Length changes nothing."""

from __future__ import annotations

import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import PROBLEM_TYPES, problem_document
from workflow.upload_batch import MAX_BATCH_BYTES
from workflow.upload_codec import MAX_UPLOAD_BYTES

MAX_BODY_BYTES = 256 * 1024
LIMITS = {"/v1/telemetry": MAX_UPLOAD_BYTES, "/v1/telemetry/batch": MAX_BATCH_BYTES}


class RequestLimits:
    """Reads the body whole before the application runs, or answers 413 as soon as it is too long.

    Bodies are small here (a batch of uploads is at most 8 MiB), so holding one whole costs little, and no handler can
    forget the limit.
    """

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self._app = app
        self._public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        limit = LIMITS.get(scope["path"], MAX_BODY_BYTES)
        body = await _read(scope, receive, limit)
        if body is None:
            await self._refuse(send, limit)
            return
        await self._app(scope, _replay(body, receive), send)

    async def _refuse(self, send: Send, limit: int) -> None:
        detail = f"the body is over {limit:,} bytes"
        fields = [{"field": "body", "detail": detail, "fix": "send it in smaller pieces"}]
        document = problem_document(PROBLEM_TYPES["too-large"], detail, self._public_url, fields)
        content = json.dumps(document).encode()
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(content)).encode()),
            (b"connection", b"close"),  # what is left of the body is not worth reading
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": content})


async def _read(scope: Scope, receive: Receive, limit: int) -> bytes | None:
    declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
    if declared.isdigit() and int(declared) > limit:
        return None
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break  # the client went away
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
        if not message.get("more_body", False):
            break
    return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    is_given = False

    async def next_message() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message
