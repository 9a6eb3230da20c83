"""Membership: whether this worker is certainly still in its group.

A worker that was frozen, or cut off, for longer than its session has lost its partitions without having heard of it.
Kafka refuses what it then commits, but not what it writes to a changelog that another worker has taken over. So it
writes only while the group has heard of it so lately that its session can't have ended.
"""

from __future__ import annotations

import time
from typing import Any

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""It goes on while the machine sleeps, as the group's clock does."""


class Membership:
    """What the group's coordinator has answered to a consumer's heartbeats."""

    def __init__(self, lease_s: float) -> None:
        """`lease_s`: of the session so much, from the moment on in which a heartbeat was sent that was answered."""
        self._lease_s = lease_s
        self._heard_s = -lease_s

    @property
    def is_certain(self) -> bool:
        """Whether the session can't have ended."""
        return now_s() - self._heard_s < self._lease_s

    def note(self, sent_s: float) -> None:
        """A heartbeat that was sent then was answered, or the group joined."""
        self._heard_s = max(self._heard_s, sent_s)

    def follow(self, coordinator: Any) -> None:
        """Hear what aiokafka's coordinator of the group hears."""
        beat, begin = coordinator._do_heartbeat, coordinator._start_heartbeat_task

        async def noted_beat() -> bool:
            sent_s = now_s()
            is_answered: bool = await beat()
            if is_answered:
                self.note(sent_s)
            return is_answered

        def noted_begin() -> None:
            self.note(now_s())
            begin()

        coordinator._do_heartbeat, coordinator._start_heartbeat_task = noted_beat, noted_begin


def now_s() -> float:
    """Seconds of the clock that heartbeats are timed by."""
    return time.clock_gettime(_CLOCK)
