"""The ring of days of many cars as plain arrays: the one place that knows how the state keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DayColumns:
    """Days of k cars, shape (k, DAYS), in no order: `number` since 1970 (−1: an empty place) and metres of each.

    `exposure`: shape (k, DAYS, n), by the state's columns.
    """

    number: Ints
    odometer_m: Floats
    observed_m: Floats
    exposure: Floats


def day_columns(states: npt.NDArray[Any]) -> DayColumns:
    """The days of the states of k cars, an array of the layout's dtype with shape (k,)."""
    days = states["days"]
    return DayColumns(
        days["day"].astype(np.int64),
        days["odometer_m"].astype(np.float64),
        days["observed_m"].astype(np.float64),
        days["exposure"].astype(np.float64),
    )
