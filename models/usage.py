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
# What lies ahead is a mixture of how the car is used of late, of all its time under observation, and of what cars are
# used like on average: habits change. Each share was the best or nearly so for every wear item of the simulated fleet
# (docs/adr/0067); a stretch that was observed for less than `SETTLED_DAYS` counts the less for it.
RECENT_SHARE, WHOLE_SHARE, TYPICAL_SHARE = 0.4, 0.4, 0.2
SETTLED_DAYS = 120.0
HABITS_SPREAD = 0.28  # relative, of the mean use of the months ahead about that mixture


@dataclass(frozen=True, slots=True)
class Usage:
    """Pace and habits of k cars at their newest events, shape (k,).

    What a day ahead is to bring: `km_per_day`, with its relative error `km_spread`, and `per_day` of each summed
    exposure, shape (n, k), in the order of the state's columns. `usual_per_km`, likewise: its own over the whole time,
    shrunk towards the typical car by the weight of 20 km, for distance that nobody saw.
    """

    km_per_day: Floats
    km_spread: Floats
    observed_km: Floats
    per_day: Floats
    usual_per_km: Floats


def usage_of(states: npt.NDArray[Any], catalogue: Catalogue) -> Usage:
    """The usage that the states (shape (k,)) tell of; for a car without any driving it is the typical one."""
    days = day_columns(states)
    is_recent = days.number > (states["last_ms"] // DAY_MS - RECENT_DAYS)[:, None]
    recent_pace, recent_spread = _pace(states, days, is_recent)
    whole_pace, whole_share = _whole(states)
    recent_share = 1.0 - TYPICAL_SHARE - whole_share
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
    # A car that doesn't send what an exposure is computed from is taken for the typical one.
    own = np.where(is_seen, amount / np.where(is_seen, over_km, 1.0), typical)
    recent = np.where(is_seen & is_recently, recently / np.where(is_recently, seen_km, 1.0), own)
    of_whole = whole_share * whole_pace + TYPICAL_SHARE * TYPICAL_KM_PER_DAY
    return Usage(
        km_per_day=recent_share * recent_pace + of_whole,
        km_spread=np.sqrt((recent_share * recent_spread) ** 2 + HABITS_SPREAD**2),
        observed_km=observed_km,
        per_day=recent_share * recent_pace * recent + of_whole * own,
        usual_per_km=usual_per_km,
    )


def _whole(states: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Km per day over the whole time under observation, and what share of the days ahead is to be like it."""
    days = np.maximum(1.0, (states["last_ms"] - states["first_ms"]) / DAY_MS)
    is_read = (states["odometer_m"] != UNKNOWN) & (states["first_odometer_m"] != UNKNOWN)
    read_m = np.where(is_read, states["odometer_m"] - states["first_odometer_m"], 0)
    pace = np.maximum(read_m, states["observed_m"]) / 1000 / days
    share = WHOLE_SHARE * np.minimum(1.0, days / SETTLED_DAYS)
    is_known = states["first_ms"] != UNKNOWN
    return np.where(is_known, pace, TYPICAL_KM_PER_DAY), np.where(is_known, share, 0.0)


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
    is_known = first_ms != UNKNOWN
    return np.where(is_known, pace, TYPICAL_KM_PER_DAY), np.where(is_known, spread, 1.0)
