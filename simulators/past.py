"""StartCondition: how worn a car is when the play begins, and the past that made it so.

The wear that is there agrees with the distance since the last service at this car's own rate, as measured over the
four weeks its driver's plan gives before the start; so a model that extrapolates what it observes can be right.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulators.drive import Drive
from simulators.parts_truth import PARTS, PartsTruth, daily_shares
from simulators.profile import DAY_MS, DriverProfile, plan_day
from simulators.wear_truth import (
    BATTERY,
    BATTERY_LIFE_DAYS,
    FLUID,
    FLUID_LIMIT_DAYS,
    NEW_PAD_MM,
    OIL,
    OIL_AGE_SHARE,
    OIL_LIMIT_DAYS,
    PADS,
    SHORT_TRIP_DAYS,
    WORN_PAD_MM,
    TripDemand,
    WearFactors,
    WearTruth,
)

OBSERVED_DAYS = 28
SOON_DAYS = (3.0, 35.0)
LATER_SHARE = (0.2, 0.85)  # of the item's life, for what is not due soon; but never sooner than LATER_DAYS
LATER_DAYS = 75.0
WEAKEST_BATTERY = 2.0
ODOMETER_KM = (20_000.0, 140_000.0)
MEASURING_MM = 0.15


@dataclass(frozen=True, slots=True)
class DailyRates:
    """What a car's driver takes from it in a mean day, its own factors included."""

    km: float
    pad_mm: float
    oil_share: float
    battery_share: float
    part_shares: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class StartCondition:
    built_ms: int
    odometer_m: float
    truth: WearTruth
    history: list[dict[str, Any]]


def daily_rates(
    profile: DriverProfile,
    pool: Sequence[Drive],
    key: str,
    demands: Mapping[str, TripDemand],
    factors: WearFactors,
    part_factors: Mapping[str, float],
    start_ms: int,
) -> DailyRates:
    """Means over the plan's four weeks before `start_ms`."""
    first = start_ms // DAY_MS - OBSERVED_DAYS
    trips = [trip for day in range(first, first + OBSERVED_DAYS) for trip in plan_day(profile, pool, key, day)]
    asked = [demands[trip.drive.name] for trip in trips]
    short = sum(demand.is_short for demand in asked) / OBSERVED_DAYS
    fuel_share = sum(demand.oil_share for demand in asked) / OBSERVED_DAYS
    return DailyRates(
        km=max(1.0, sum(demand.distance_m for demand in asked) / 1000.0 / OBSERVED_DAYS),
        pad_mm=max(1e-6, sum(demand.pad_mm for demand in asked) / OBSERVED_DAYS * factors.pads),
        oil_share=(fuel_share + OIL_AGE_SHARE / OIL_LIMIT_DAYS) * factors.oil,
        battery_share=(1.0 + SHORT_TRIP_DAYS * short) / BATTERY_LIFE_DAYS * factors.battery,
        part_shares=daily_shares([demand.part_shares for demand in asked], OBSERVED_DAYS, part_factors),
    )


def start_condition(
    dice: random.Random,
    parts_dice: random.Random,
    rates: DailyRates,
    factors: WearFactors,
    part_factors: Mapping[str, float],
    first_due: str | None,
    start_ms: int,
) -> StartCondition:
    """A car with a past in which `first_due` (or nothing) is a few days to a few weeks from its limit."""
    lives = {
        PADS: (NEW_PAD_MM - WORN_PAD_MM) / rates.pad_mm,
        OIL: min(1.0 / rates.oil_share, OIL_LIMIT_DAYS),
        BATTERY: 1.0 / rates.battery_share,
        FLUID: FLUID_LIMIT_DAYS,
    }
    ages = {item: life - _days_left(dice, life, is_soon=item == first_due) for item, life in lives.items()}
    pad_mm = NEW_PAD_MM - rates.pad_mm * ages[PADS]
    wanted_km = dice.uniform(*ODOMETER_KM)
    age = max(wanted_km / rates.km, ages[PADS] + 30.0, ages[OIL] + 30.0, ages[FLUID] + 30.0)
    age = min(age, max(ODOMETER_KM[1] / rates.km, ages[PADS] + 1.0))
    weakness = 1.0
    if ages[BATTERY] >= age:  # it is still the first one, and a weak one at that
        weakness = min(WEAKEST_BATTERY, ages[BATTERY] / age)
        ages[BATTERY] = age
    truth = WearTruth(
        factors=WearFactors(factors.pads, factors.oil, factors.battery * weakness, factors.fluid),
        pad_mm=pad_mm,
        oil_used=rates.oil_share * ages[OIL],
        oil_filled_ms=_ago(start_ms, ages[OIL]),
        battery_used=rates.battery_share * weakness * ages[BATTERY],
        charge=0.9,
        fluid_filled_ms=_ago(start_ms, min(ages[FLUID], age)),
        parts=PartsTruth(factors=dict(part_factors)),
    )
    odometer_m = rates.km * age * 1000.0
    history = [
        _record(item, "replaced", days, rates, odometer_m, start_ms) for item, days in ages.items() if days < age - 1.0
    ]
    if ages[PADS] > 200.0 and dice.random() < 0.5:
        days = dice.uniform(40.0, ages[PADS] / 2)
        found = pad_mm + rates.pad_mm * days + dice.gauss(0.0, MEASURING_MM)
        history.append(
            {**_record(PADS, "measured", days, rates, odometer_m, start_ms), "value": round(found, 1), "unit": "mm"}
        )
    history += _begin_parts(parts_dice, truth.parts, rates, age, odometer_m, start_ms)
    history.sort(key=lambda record: int(record["performed_ms"]))
    return StartCondition(_ago(start_ms, age), odometer_m, truth, history)


def _begin_parts(
    dice: random.Random, parts: PartsTruth, rates: DailyRates, age: float, odometer_m: float, start_ms: int
) -> list[dict[str, Any]]:
    """Use up the plainer parts, none of which is soon due, and say of those that were renewed when that was."""
    history = []
    for part in PARTS:
        life = 1.0 / rates.part_shares[part]
        days = min(age, max(0.0, life - _days_left(dice, life, is_soon=False)))
        parts.used[part] = rates.part_shares[part] * days
        if days < age - 1.0:
            history.append(_record(part, "replaced", days, rates, odometer_m, start_ms))
    return history


def _days_left(dice: random.Random, life: float, *, is_soon: bool) -> float:
    if is_soon:
        return dice.uniform(*SOON_DAYS)
    return max(LATER_DAYS, life * dice.uniform(*LATER_SHARE))


def _record(
    item: str, outcome: str, days_ago: float, rates: DailyRates, odometer_m: float, start_ms: int
) -> dict[str, Any]:
    return {
        "item": item,
        "outcome": outcome,
        "performed_ms": _ago(start_ms, days_ago),
        "odometer_m": math.floor(odometer_m - rates.km * 1000.0 * days_ago),
    }


def _ago(start_ms: int, days: float) -> int:
    return start_ms - int(days * DAY_MS)
