"""Usage: how cars are used, from what each showed itself, with the catalogue's typical car standing in at first.

Here as in all forecasts, arrays are worked on element by element along the cars and summed along a car's own days
only, so that a car's numbers are the same to the bit whoever else is in the block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from models.day_ring import DayColumns, day_columns, day_quanta, exposure_within
from models.vehicle_state import DAY_MS, UNKNOWN

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

RECENT_DAYS = 30
TYPICAL_KM_PER_DAY, TYPICAL_KM_SD = 40.0, 30.0  # 15,000 km a year (M)
TYPICAL_WEIGHT_DAYS = 3.0
TYPICAL_WEIGHT_KM = 20.0  # so much driving of its own outweighs the typical car
RECENT_KM = 40.0  # with less in the last weeks, the whole time under observation speaks
LEAST_SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class Usage:
    """Pace and habits of k cars at their newest events, shape (k,).

    `km_per_day` with its relative error `km_spread`; per summed exposure, shape (n, k), in the order of the state's
    columns: `recent_per_km` (its own, of the last weeks) and `usual_per_km` (its own over the whole time, shrunk
    towards the typical car by the weight of 20 km), for distance that nobody saw.
    """

    km_per_day: Floats
    km_spread: Floats
    observed_km: Floats
    recent_per_km: Floats
    usual_per_km: Floats


def usage_of(states: npt.NDArray[Any], catalogue: Catalogue) -> Usage:
    """The usage that the states (shape (k,)) tell of; for a car without any driving it is the typical one."""
    days = day_columns(states)
    is_recent = days.number > (states["last_ms"] // DAY_MS - RECENT_DAYS)[:, None]
    km_per_day, km_spread = _pace(states, days, is_recent)
    observed_km = states["observed_m"] / 1000
    recent_km = np.where(is_recent, days.observed_m, 0.0).sum(axis=1) / 1000
    recently = exposure_within(states, day_quanta(catalogue), is_recent)
    names = catalogue.summed_exposures
    typical = np.array([catalogue.exposures[name].typical_per_km for name in names], dtype=np.float64)[:, None]
    amount, over_km = np.ascontiguousarray(states["exposure"].T), np.ascontiguousarray(states["exposure_m"].T) / 1000
    usual_per_km = (amount + TYPICAL_WEIGHT_KM * typical) / (over_km + TYPICAL_WEIGHT_KM)
    # Only a part of the distance may have had an exposure's signals.
    seen_km = recent_km * np.minimum(1.0, over_km / np.where(observed_km > 0, observed_km, 1.0))
    is_seen, is_recently = over_km > 0, (recent_km >= RECENT_KM) & (seen_km > 0)
    own = np.where(
        is_recently, recently / np.where(is_recently, seen_km, 1.0), amount / np.where(is_seen, over_km, 1.0)
    )
    # A car that doesn't send what an exposure is computed from is taken for the typical one.
    return Usage(km_per_day, km_spread, observed_km, np.where(is_seen, own, typical), usual_per_km)


def _pace(states: npt.NDArray[Any], days: DayColumns, is_recent: Bools) -> tuple[Floats, Floats]:
    """Km per day over the last weeks, shrunk towards the typical car by three days' weight, and its relative error."""
    last_ms, first_ms = states["last_ms"], states["first_ms"]
    from_day = np.maximum(first_ms // DAY_MS, last_ms // DAY_MS - RECENT_DAYS + 1)
    span = np.maximum(1.0, last_ms / DAY_MS - from_day)
    daily = np.where(is_recent, np.maximum(days.odometer_m, days.observed_m) / 1000, 0.0)
    pace = (daily.sum(axis=1) + TYPICAL_WEIGHT_DAYS * TYPICAL_KM_PER_DAY) / (span + TYPICAL_WEIGHT_DAYS)
    idle_days = np.maximum(0.0, span - is_recent.sum(axis=1))
    off = np.where(is_recent, daily - pace[:, None], 0.0)
    squares = (off * off).sum(axis=1) + idle_days * pace * pace
    variance = (squares + TYPICAL_WEIGHT_DAYS * TYPICAL_KM_SD**2) / (span + TYPICAL_WEIGHT_DAYS)
    spread = np.sqrt(variance / (span + TYPICAL_WEIGHT_DAYS)) / pace
    spread = np.sqrt(spread * spread + LEAST_SPREAD**2)
    is_known = first_ms != UNKNOWN
    return np.where(is_known, pace, TYPICAL_KM_PER_DAY), np.where(is_known, spread, 1.0)
