"""PatientRoute: a call that met another writer is run afresh a few times, before its caller hears of a conflict."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from domain.errors import TryAgain

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
TRIES = 5
FIRST_PAUSE_S = 0.02


class PatientRoute(APIRoute):
    """Runs its handler up to five times when the database says `TryAgain`: that transaction left nothing behind.

    Pauses grow from 20 ms with full jitter, so that two who collided don't meet again. A handler that runs several
    use cases finds what the earlier ones have done, since each of them reads before it acts.
    """

    def get_route_handler(self) -> Handler:
        """The handler of the route, run again where that may help."""
        handle = super().get_route_handler()

        async def handle_patiently(request: Request) -> Response:
            for attempt in range(1, TRIES):
                try:
                    return await handle(request)
                except TryAgain:
                    await asyncio.sleep(random.uniform(0, FIRST_PAUSE_S * 2**attempt))  # noqa: S311
            return await handle(request)

        return handle_patiently
