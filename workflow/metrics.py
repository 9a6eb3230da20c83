"""The port by which stream and edge tell what they do, for whoever runs the product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

Readings = Mapping[str, float | Mapping[str, float]]
"""What is looked up when asked for: a value by name, or by name and then by label; what is not known is left out."""


class Metrics(Protocol):
    """Counts as things happen; every call is short and never fails."""

    def uploaded(self, result: str, uploads: int = 1) -> None:
        """Uploads that the edge has answered; `result` is one of `UPLOAD_RESULTS`."""

    def rejected(self, reason: str) -> None:
        """One upload that went to the rejects; `reason` is one of `workflow.reject_reasons.REASONS`."""

    def handled(self, agent: str, topic: str, records: int) -> None:
        """Records of a topic whose effects are all durable."""

    def predicted(self, delays_s: Sequence[float]) -> None:
        """What was predicted from, each with the seconds from its receipt until its predictions were in the log."""


UPLOAD_RESULTS = ("accepted", "invalid", "too_large", "forbidden", "unknown_car", "unavailable", "failed")


class NoMetrics:
    """For where nobody looks."""

    def uploaded(self, result: str, uploads: int = 1) -> None:
        """Forget it."""

    def rejected(self, reason: str) -> None:
        """Forget it."""

    def handled(self, agent: str, topic: str, records: int) -> None:
        """Forget it."""

    def predicted(self, delays_s: Sequence[float]) -> None:
        """Forget it."""
