"""When an upload's samples were taken: by the car's clock, or by the receipt where that clock can't be right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

AHEAD_MS = 120_000
"""So far may a car's clock be ahead of ours: clocks differ, and nothing is received before it happened."""
BEHIND_MS = 20 * 365 * 86_400_000
"""Older than that is no recording but a clock that was reset: many begin again in 2000."""

BUILT_SLACK_MS = 31 * 86_400_000
"""Of a date of manufacture often only the month is known."""


def event_times(start_ms: Ints, span_ms: Ints, received_ms: Ints, built_ms: Ints) -> tuple[Ints, Ints, Bools]:
    """Start and end (ms UTC) of uploads, and whether the car's clock was wrong; all of shape (k,).

    Outside the window an upload counts as taken just before its receipt, at which it ends. The window ends a little
    after the receipt, and begins when the car was built (0: unknown). Without a receipt (0) the car's clock stands.
    """
    end_ms = start_ms + span_ms
    late_ms = received_ms - end_ms
    is_of_before = (built_ms > 0) & (end_ms < built_ms - BUILT_SLACK_MS) & (built_ms <= received_ms)
    is_wrong = (received_ms > 0) & ((late_ms < -AHEAD_MS) | (late_ms > BEHIND_MS) | is_of_before)
    end_ms = np.where(is_wrong, received_ms, end_ms)
    return end_ms - span_ms, end_ms, is_wrong
