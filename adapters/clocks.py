"""Clocks: the machine's own, and one that is set, for simulated time."""

from __future__ import annotations

import time


class WallClock:
    """The machine's clock. Also the domain clock of an installation that serves real cars."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        return time.time_ns() // 1_000_000


class SettableClock:
    """A domain clock that stands until it is set: lock-step runs, replays and tests advance it themselves."""

    def __init__(self, start_ms: int) -> None:
        self._now_ms = start_ms

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        return self._now_ms

    def set(self, now_ms: int) -> None:
        """Advance to `now_ms`; ValueError when that lies before now: expiries and holds must not come back to life."""
        if now_ms < self._now_ms:
            raise ValueError(f"a clock doesn't run backwards: from {self._now_ms} to {now_ms} ms")
        self._now_ms = now_ms
