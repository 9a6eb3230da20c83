"""WearPromise: what would have been said at an item's anchor of the wear until now; the windows are judged by it.

A window is about what lies ahead. Whether windows hold is therefore learnt from forecasts over the whole time between
two measurements, by what had been seen of the car before the first of them, and not from what is reckoned afterwards
with the drives known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import ELAPSED_DAYS, Catalogue, ItemSpec
from models.usage import HABITS_SPREAD, SETTLED_DAYS, TYPICAL_KM_PER_DAY, TYPICAL_SHARE
from models.vehicle_state import DAY_MS, UNKNOWN, Record
from models.wear_items import WearRates

LEAST_AHEAD_DAYS = 30.0  # what was promised for less says little of what lies ahead


@dataclass(frozen=True, slots=True)
class WearPromise:
    """Wear since the anchor as promised there, in the item's unit, and the variance of what lay ahead."""

    worn: float
    variance: float


def promised_at_anchor(
    catalogue: Catalogue, item: ItemSpec, state: Record, columns: tuple[int, ...], rates: WearRates, until_ms: int
) -> WearPromise | None:
    """What the car's own use before the anchor, and the typical car's, gave for the time until `until_ms`.

    `columns`: those of the item's summed exposures in the state; `rates`: of this item alone. None when the car was
    not seen for long enough before the anchor, or the anchor is too near.
    """
    if item.wear is None:
        return None
    own = state["items"][item.id]
    anchor_ms, first_ms = int(own["set_ms"]), int(state["first_ms"])
    days = (until_ms - anchor_ms) / DAY_MS
    before_days = (anchor_ms - first_ms) / DAY_MS
    if UNKNOWN in (anchor_ms, first_ms) or days < LEAST_AHEAD_DAYS or before_days < SETTLED_DAYS:
        return None
    read = int(own["odometer_m"]) != UNKNOWN and int(state["first_odometer_m"]) != UNKNOWN
    read_m = float(own["odometer_m"] - state["first_odometer_m"]) if read else 0.0
    per_day, summed = [], 0
    for name in item.wear.rates:
        if catalogue.exposures[name].function == ELAPSED_DAYS:
            per_day.append(1.0)
            continue
        amount, over_m = float(own["exposure"][summed]), float(own["exposure_m"][summed])
        per_m = amount / over_m if over_m > 0 else catalogue.exposures[name].typical_per_km / 1000
        own_m = max(read_m, over_m) / before_days
        per_day.append(per_m * ((1 - TYPICAL_SHARE) * own_m + TYPICAL_SHARE * TYPICAL_KM_PER_DAY * 1000))
        summed += 1
    ahead = np.array(per_day) * days
    k = len(per_day)
    factor, precision = float(own["factor"]), float(own["factor_precision"])
    worn = factor * float(rates.rate[:k, 0, 0] @ ahead)
    covariance: npt.NDArray[Any] = rates.covariance[:k, :k, 0, 0]
    relative = HABITS_SPREAD**2 + 1.0 / (factor * factor * precision)
    return WearPromise(worn, relative * worn * worn + factor * factor * float(ahead @ covariance @ ahead))
