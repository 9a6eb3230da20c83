"""Due windows of blocks: days ahead become moments, as far as they can be said."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models.prediction_row import Rows
from models.vehicle_state import DAY_MS, UNKNOWN

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COVERAGE = 0.9


def moments(now_ms: Ints, days: Floats, say_until: Any) -> Ints:
    """`days` (shape (items, k)) ahead of `now_ms` (shape (k,)), ms; −1 for what lies beyond `say_until` days."""
    is_said = days <= say_until
    return np.where(is_said, now_ms + np.rint(np.where(is_said, days, 0.0) * DAY_MS).astype(np.int64), UNKNOWN)


def set_window(rows: Rows, kind: str, earliest_ms: Ints, expected_ms: Ints, latest_ms: Ints) -> None:
    """Write moments of shape (items, k) into the rows' items of a kind."""
    for name, moment in (("earliest_ms", earliest_ms), ("expected_ms", expected_ms), ("latest_ms", latest_ms)):
        rows[kind][name] = moment.T
