"""The watchdog: a worker whose records wait while it commits nothing is stuck, and had better end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from domain.errors import PitcallError
from streams.app import StreamApp
from streams.lag import LagReader

logger = logging.getLogger(__name__)

LOOKS = 6
"""Looks per limit: so much later than the limit, in parts of it, a stuck worker may be noticed."""

Place = tuple[str, int]


class StuckWorker(PitcallError):
    """Records wait, and nothing was committed for too long; the sentence says where."""


class Watchdog:
    """Calls `on_stuck`, once, when records of a partition of this worker wait for `limit_s` without a commit.

    A worker that waits for something that is away is not stuck: while the log does not answer, and whenever an agent
    was told `Unavailable`, the time begins anew. So it does with every commit, every part of a block that failed as a
    whole, and every step of recovery.
    """

    def __init__(
        self,
        app: StreamApp,
        lag: LagReader,
        topics: Sequence[str],
        *,
        limit_s: float,
        on_stuck: Callable[[BaseException], None],
    ) -> None:
        self._app = app
        self._lag = lag
        self._topics = topics
        self._limit_s = limit_s
        self._on_stuck = on_stuck
        self._task: asyncio.Task[None] | None = None
        self._since: dict[Place, tuple[Hashable, float]] = {}
        self._looked_s = time.monotonic()

    async def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._watch(), name="watchdog")

    async def stop(self) -> None:
        """Look no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._limit_s / LOOKS)
            try:
                stuck: BaseException | None = await self._look()
            except Exception as error:
                stuck = error  # nobody would notice that nobody watches any more
            if stuck is not None:
                self._on_stuck(stuck)
                return

    async def _look(self) -> StuckWorker | None:
        lag: Mapping[Place, int] | None = None
        with contextlib.suppress(PitcallError, TimeoutError):
            async with asyncio.timeout(self._limit_s / 2):
                lag = await self._lag.lag(self._topics)
        now = time.monotonic()
        # After a pause of the whole process, or of the machine, nobody had the time to commit anything.
        was_paused = now - self._looked_s > self._limit_s
        self._looked_s = now
        if lag is None or was_paused:
            self._since.clear()
            return None
        return self._judge(lag, now)

    def _judge(self, lag: Mapping[Place, int], now: float) -> StuckWorker | None:
        marks = progress(self._app)
        self._since = {
            place: self._since[place]
            if lag.get(place) and place in self._since and self._since[place][0] == mark
            else (mark, now)
            for place, mark in marks.items()
        }
        for (topic, partition), (_, since) in self._since.items():
            if now - since >= self._limit_s:
                return StuckWorker(
                    f"the worker is stuck: {lag[topic, partition]:,} records of {topic}[{partition}] wait, and nothing "
                    f"of it was committed for {now - since:.0f} s (PITCALL_WATCHDOG_SECONDS)"
                )
        return None


def progress(app: StreamApp) -> dict[Place, Hashable]:
    """For each source partition of this worker something that changes as the worker gets on, or waits knowingly."""
    consumer: Any = app.consumer
    if not consumer.started or app.should_stop:
        return {}
    manager: Any = app.tables
    committed = consumer._committed_offset
    rest = (manager.recovery.active_remaining_total(), app.outages, app.halves)
    return {
        (tp.topic, tp.partition): (committed.get(tp), *rest)
        for tp in consumer.assignment()
        if not consumer._is_changelog_tp(tp)
    }
