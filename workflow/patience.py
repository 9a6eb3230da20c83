"""Trying again what met another writer: the one way, for routes, agents' helpers and the records alike."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from domain.errors import TryAgain

T = TypeVar("T")

TRIES = 5
FIRST_PAUSE_S = 0.02


async def patiently(use_case: Callable[[], Awaitable[T]]) -> T:
    """Run what opens its own unit of work, afresh up to five times when others were in the way.

    A deadlock, a serialisation failure or a lock that did not come rolls the whole transaction back, so nothing was
    left behind. Pauses grow from 20 ms with full jitter, so that two who collided don't meet again. The last
    `TryAgain` is raised as it is, a Conflict to whoever asked; Unavailable is not retried here: who can wait knows
    better for how long.
    """
    for attempt in range(1, TRIES):
        try:
            return await use_case()
        except TryAgain:
            await asyncio.sleep(random.uniform(0, FIRST_PAUSE_S * 2**attempt))  # noqa: S311
    return await use_case()
