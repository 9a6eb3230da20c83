"""LifeUnit: what an item's life is counted in, and what one of it is in time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from models.vehicle_state import DAY_MS, UNKNOWN

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_TIMES_MS = {
    "s": 1_000, "min": 60_000, "h": 3_600_000, "hour": 3_600_000, "d": DAY_MS, "day": DAY_MS, "week": 7 * DAY_MS,
    "month": 30 * DAY_MS, "year": 365 * DAY_MS,
}  # fmt: skip
_METRES = {"m": 1.0, "km": 1_000.0, "mi": 1_609.344, "mile": 1_609.344}


class Counted(StrEnum):
    TIME = "time"
    DISTANCE = "distance"
    REPORTS = "reports"  # cycles, flights, shots: whatever it is, a machine reports once for each


@dataclass(frozen=True, slots=True)
class LifeUnit:
    """`size`: ms or metres in one of the unit, 1 of reports."""

    counted: Counted
    size: float

    @classmethod
    def of(cls, unit: str) -> LifeUnit:
        """The unit by its name, in the singular or plural; what is neither a time nor a distance is counted in reports.

        >>> LifeUnit.of("days").counted, LifeUnit.of("km").size, LifeUnit.of("cycle").counted
        (<Counted.TIME: 'time'>, 1000.0, <Counted.REPORTS: 'reports'>)
        """
        name = unit.strip().lower()
        for own in (name, name.removesuffix("s")):
            if own in _TIMES_MS:
                return cls(Counted.TIME, float(_TIMES_MS[own]))
            if own in _METRES:
                return cls(Counted.DISTANCE, _METRES[own])
        return cls(Counted.REPORTS, 1.0)

    def at(self, now_ms: Ints, odometer_m: Ints, reports: Ints) -> Floats:
        """Where machines stand in this unit, shape (k,); NaN where nobody knows."""
        if self.counted is Counted.TIME:
            return now_ms / self.size
        if self.counted is Counted.DISTANCE:
            return np.where(odometer_m == UNKNOWN, np.nan, odometer_m / self.size)
        return reports.astype(np.float64)

    def per_ms(self, span_ms: Ints, distance_m: Ints, reports: Ints) -> Floats:
        """How much of the unit a ms brings at a machine's own pace, over what was seen of it; NaN if unknown."""
        if self.counted is Counted.TIME:
            return np.full(len(span_ms), 1.0 / self.size)
        done = distance_m / self.size if self.counted is Counted.DISTANCE else (reports - 1).astype(np.float64)
        pace: Floats = np.where((span_ms > 0) & (done > 0), done / np.maximum(1, span_ms), np.nan)
        return pace
