"""PatientRoute: a call that met another writer is run afresh a few times, before its caller hears of a conflict."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from workflow.patience import patiently

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PatientRoute(APIRoute):
    """Runs its handler up to five times when the database says `TryAgain`: that transaction left nothing behind.

    A handler that runs several use cases finds what the earlier ones have done: each of them reads before it acts.
    """

    def get_route_handler(self) -> Handler:
        """The handler of the route, run again where that may help."""
        handle = super().get_route_handler()

        async def handle_patiently(request: Request) -> Response:
            return await patiently(lambda: handle(request))

        return handle_patiently
