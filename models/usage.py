"""Usage: how a car is used, from what it showed itself, with the catalogue's typical car standing in at first."""

from __future__ import annotations

from dataclasses import dataclass

from domain.catalogue import Catalogue
from models.day_ring import day_columns, day_quanta
from models.vehicle_state import DAY_MS, UNKNOWN, Record

RECENT_DAYS = 30
TYPICAL_KM_PER_DAY, TYPICAL_KM_SD = 40.0, 30.0  # 15,000 km a year (M)
TYPICAL_WEIGHT_DAYS = 3.0
TYPICAL_WEIGHT_KM = 20.0  # so much driving of its own outweighs the typical car
RECENT_KM = 40.0  # with less in the last weeks, the whole time under observation speaks
LEAST_SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class Usage:
    """Pace and habits of one car at its newest event.

    `km_per_day` with its relative error `km_spread`; per summed exposure, in the order of the state's columns:
    `recent_per_km` (its own, of the last weeks) and `usual_per_km` (its own over the whole time, shrunk towards the
    typical car by the weight of 20 km), for distance that nobody saw.
    """

    km_per_day: float
    km_spread: float
    observed_km: float
    recent_per_km: tuple[float, ...]
    usual_per_km: tuple[float, ...]


def usage_of(state: Record, catalogue: Catalogue) -> Usage:
    """The usage that the state tells of; for a car without any driving it is the typical one."""
    days = day_columns(state, day_quanta(catalogue))
    last_ms = int(state["last_ms"])
    today = last_ms // DAY_MS
    recent = days.numbers > today - RECENT_DAYS
    km_per_day, km_spread = _pace(state, days.odometer_m[recent].tolist(), days.observed_m[recent].tolist())
    observed_km = float(state["observed_m"]) / 1000
    exposure, over_km = state["exposure"].tolist(), (state["exposure_m"] / 1000).tolist()
    recent_km = float(days.observed_m[recent].sum()) / 1000
    recent_sums = days.exposure[recent].sum(axis=0).tolist()
    own, usual = [], []
    for i, name in enumerate(catalogue.summed_exposures):
        typical = catalogue.exposures[name].typical_per_km
        usual.append((exposure[i] + TYPICAL_WEIGHT_KM * typical) / (over_km[i] + TYPICAL_WEIGHT_KM))
        if over_km[i] <= 0:
            own.append(typical)  # the car doesn't send what this is computed from
        elif recent_km >= RECENT_KM:
            # Only a part of the distance may have had this exposure's signals.
            own.append(recent_sums[i] / (recent_km * min(1.0, over_km[i] / observed_km)))
        else:
            own.append(exposure[i] / over_km[i])
    return Usage(km_per_day, km_spread, observed_km, tuple(own), tuple(usual))


def _pace(state: Record, odometer_m: list[float], observed_m: list[float]) -> tuple[float, float]:
    """Km per day over the last weeks, shrunk towards the typical car by three days' weight, and its relative error."""
    last_ms, first_ms = int(state["last_ms"]), int(state["first_ms"])
    if first_ms == UNKNOWN:
        return TYPICAL_KM_PER_DAY, 1.0
    from_day = max(first_ms // DAY_MS, last_ms // DAY_MS - RECENT_DAYS + 1)
    span = max(1.0, last_ms / DAY_MS - from_day)
    daily = [max(by_odometer, seen) / 1000 for by_odometer, seen in zip(odometer_m, observed_m, strict=True)]
    pace = (sum(daily) + TYPICAL_WEIGHT_DAYS * TYPICAL_KM_PER_DAY) / (span + TYPICAL_WEIGHT_DAYS)
    idle_days = max(0.0, span - len(daily))
    squares = sum((km - pace) ** 2 for km in daily) + idle_days * pace**2
    variance = (squares + TYPICAL_WEIGHT_DAYS * TYPICAL_KM_SD**2) / (span + TYPICAL_WEIGHT_DAYS)
    spread = (variance / (span + TYPICAL_WEIGHT_DAYS)) ** 0.5 / pace
    return pace, (spread**2 + LEAST_SPREAD**2) ** 0.5
