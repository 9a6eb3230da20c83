"""EventCounts: how often each code came up of late, and when last; what hazards are judged by beside levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[Any]  # of COUNT_FIELDS, shape (k, codes)

HOUR_MS = 3_600_000
FADES_MS = (24 * HOUR_MS, 168 * HOUR_MS)  # of a count, after which an occurrence counts for 1/e
COUNT_FIELDS: list[Any] = [("last_ms", "i8"), ("count", "f4", (len(FADES_MS),))]
NEVER_H = 1e5  # hours since a code that never came up


def count_event(counts: Counts, car: int, code: int, at_ms: int) -> None:
    """Count an occurrence, in place; one that is told late counts for what would be left of it."""
    own = counts[car, code]
    last_ms = int(own["last_ms"])
    for i, fade_ms in enumerate(FADES_MS):
        before = float(own["count"][i])
        gap = abs(at_ms - last_ms) / fade_ms if before else 0.0
        faded = float(np.exp(-gap))
        own["count"][i] = before * faded + 1.0 if at_ms >= last_ms or not before else before + faded
    own["last_ms"] = max(last_ms, at_ms)


def count_features(counts: Counts, now_ms: npt.NDArray[np.int64]) -> Floats:
    """Features of each code as of `now_ms` (k,), shape (k, codes, len(FADES_MS) + 1): faded counts, hours since."""
    gap_ms = np.maximum(0, now_ms[:, None] - counts["last_ms"])
    features = np.empty((*counts.shape, len(FADES_MS) + 1))
    for i, fade_ms in enumerate(FADES_MS):
        features[..., i] = counts["count"][..., i] * np.exp(-gap_ms / fade_ms)
    features[..., -1] = np.where(counts["last_ms"] > 0, gap_ms / HOUR_MS, NEVER_H)
    return features
