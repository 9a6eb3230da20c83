"""LoopGuard: ends a process whose event loop no longer turns, or that doesn't come to its end after a failure.

What runs in the loop cannot notice that the loop stands still, so this looks from a thread.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from types import TracebackType
from typing import Self

STUCK_EXIT = 70
"""EX_SOFTWARE of sysexits.h."""
STOP_S = 20.0
"""So long a process that has failed may take to stop in order."""
BEAT_S = 0.25


class LoopGuard:
    """Ends the process, with the reason on standard error, when its loop stood still for `limit_s` seconds (0: never).

    The time that the process itself was stopped, or the machine asleep, does not count.
    """

    def __init__(self, limit_s: float, *, stop_s: float = STOP_S) -> None:
        self._limit_s = limit_s
        self._stop_s = stop_s
        self._beat_s = time.monotonic()
        self._deadline_s: float | None = None
        self._is_over = threading.Event()
        self._main = threading.get_ident()

    async def __aenter__(self) -> Self:
        if self._limit_s > 0:
            self._loop = asyncio.get_running_loop()
            self._beat()
            threading.Thread(target=self._watch, name="loop guard", daemon=True).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()

    def condemn(self) -> None:
        """The process has failed and is stopping: end it when that takes longer than `stop_s`."""
        self._deadline_s = time.monotonic() + self._stop_s

    def _beat(self) -> None:
        self._beat_s = time.monotonic()
        if not self._is_over.is_set():
            self._loop.call_later(BEAT_S, self._beat)

    def _watch(self) -> None:
        looked_s = time.monotonic()
        while not self._is_over.wait(BEAT_S):
            now = time.monotonic()
            if now - looked_s > self._limit_s / 2:
                self._beat_s = now  # this thread stood still too: the whole process was stopped
            looked_s = now
            if now - self._beat_s > self._limit_s:
                _end(f"its event loop has not turned for {now - self._beat_s:.0f} s; it is at {self._place()}")
            if self._deadline_s is not None and now > self._deadline_s:
                _end(f"it has failed, and did not stop within {self._stop_s:.0f} s")

    def _place(self) -> str:
        frame = sys._current_frames().get(self._main)
        return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "an unknown place"


def _end(reason: str) -> None:
    print(f"pitcall: the process is stuck and ends: {reason}", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(STUCK_EXIT)
