"""The two clocks: what the product's dates go by, and what the machine's leases go by."""

from __future__ import annotations

from typing import Protocol


class DomainClock(Protocol):
    """Due dates, holds, expiries, reminders, receipt times. In the demo a day takes seconds."""

    def now_ms(self) -> int: ...


class WallClock(Protocol):
    """Sessions, leases, signatures, metrics: always the machine's own time."""

    def now_ms(self) -> int: ...
