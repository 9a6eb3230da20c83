"""Api: one actor's connection to the system: its token, its patience, and the refusals it hears."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx

Pause = Callable[[float], Awaitable[None]]
LONGEST_PAUSE_S = 5.0
PATIENCE = 60  # tries before an actor gives up on a system that stays away


class RefusedError(Exception):
    """The system said no: `status`, and the problem detail as it came."""

    def __init__(self, method: str, path: str, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{method} {path}: {status} {problem.get('detail') or problem.get('title') or ''}")
        self.status = status
        self.problem = problem


class Api:
    """Calls with a bearer token. While the system is away (503, no connection) or asks to wait (429), it calls again.

    `pause` is told how many seconds to wait between tries. `calls` counts what was sent, tries included.
    """

    def __init__(self, client: httpx.AsyncClient, token: str = "", pause: Pause = asyncio.sleep) -> None:
        self._client = client
        self._pause = pause
        self.token = token
        self.calls = 0

    def bearing(self, token: str) -> Api:
        """The same connection for somebody else."""
        return Api(self._client, token, self._pause)

    async def get(self, path: str, **query: Any) -> Any:
        return await self._call("GET", path, params=query)

    async def post(self, path: str, body: Any = None) -> Any:
        return await self._call("POST", path, json={} if body is None else body)

    async def post_form(self, path: str, fields: Mapping[str, str]) -> Any:
        """Post fields of a form, as OAuth wants it."""
        return await self._call("POST", path, data=dict(fields))

    async def post_once(self, path: str, body: Any) -> bool:
        """Post what may have been done already or be out of date by now; False on a conflict (409)."""
        try:
            await self.post(path, body)
        except RefusedError as refusal:
            if refusal.status != 409:
                raise
            return False
        return True

    async def post_bytes(self, path: str, content: bytes) -> Any:
        """Post JSON that is encoded already."""
        return await self._call("POST", path, content=content)

    async def _call(self, method: str, path: str, **request: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if "content" in request:
            headers["Content-Type"] = "application/json"
        for attempt in range(PATIENCE):
            self.calls += 1
            try:
                answer = await self._client.request(method, path, headers=headers, **request)
            except httpx.TransportError:
                if attempt == PATIENCE - 1:
                    raise
                await self._pause(min(LONGEST_PAUSE_S, 0.1 * 2**attempt))
                continue
            if answer.status_code in (429, 503) and attempt < PATIENCE - 1:
                await self._pause(min(LONGEST_PAUSE_S, _seconds(answer.headers.get("Retry-After", ""), attempt)))
                continue
            return _body(method, path, answer)
        raise AssertionError("the last try returns or raises")


def _seconds(retry_after: str, attempt: int) -> float:
    return float(retry_after) if retry_after.isdigit() else 0.1 * 2**attempt


def _body(method: str, path: str, answer: httpx.Response) -> Any:
    if answer.is_success:
        return answer.json() if answer.content else {}
    try:
        problem = answer.json()
    except ValueError:
        problem = {"detail": answer.text[:200]}
    raise RefusedError(method, path, answer.status_code, problem if isinstance(problem, dict) else {})
