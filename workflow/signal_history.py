"""The port to the history of signals: written behind the stream, read by screens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.signal_history import SignalAggregate, SignalPoint


class SignalHistory(Protocol):
    """Aggregates per upload and signal, kept for a number of days.

    Every call raises Unavailable while the store is away. What `append` returned from is durable.
    """

    async def append(self, points: Sequence[SignalAggregate]) -> None:
        """Store these, in one batch.

        One of the same vehicle, signal and start is replaced, so that a repeat changes nothing.
        """

    async def span(self, vehicle_id: str, signal: str, from_ms: int, until_ms: int, points: int) -> list[SignalPoint]:
        """One car's signal over [`from_ms`, `until_ms`) in at most `points` points, oldest first, gaps left out.

        An upload counts where it began. InvalidInput for an empty span or too many points.
        """

    async def forget(self, vehicle_id: str) -> None:
        """Delete everything of a car."""

    async def expire(self, now_ms: int) -> None:
        """Delete what began longer than the retention before `now_ms`."""

    async def ping(self) -> str:
        """The store's name and version."""

    async def close(self) -> None:
        """Let go of files and connections; what was appended stays."""
