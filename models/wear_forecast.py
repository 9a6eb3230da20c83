"""What is left of wear items and until when, for all cars of a block: numbers only (`models.wear_words` says them)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from models.due_moments import moments, set_window
from models.prediction_row import IS_DATED, IS_KNOWN, IS_READY, IS_SENSED, Rows
from models.usage import Usage
from models.vehicle_state import UNKNOWN
from models.wear_bound import BoundedWear, bound_wear
from models.wear_history import (
    WearEstimate,
    WearHistory,
    estimate_wear,
    newest_positions,
    wear_history,
    worn_per_day,
)
from models.wear_items import WearItems, WearRates
from models.wear_sensors import heed, sensed_levels

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MOST_SPREAD = 0.85  # of the width: so unsure a pace says next to nothing of the latest date
LEAST_RATE = 1e-9  # of the item's range per day: the car does not use it


def forecast_wear(rows: Rows, states: npt.NDArray[Any], items: WearItems, rates: WearRates, usage: Usage) -> None:
    """Write the forecasts at the cars' newest events into `rows["wear"]`.

    Due when what remains, less the car's own wear per day, reaches the limit. The window's half-width is the model's
    calibrated multiple of the standard deviation carried to that day: anchor, per-car factor, coefficients,
    extrapolation, and the scatter of the car's own distance per day. Where the car has a sensor, what it reads counts
    (`models.wear_sensors`).
    """
    at = newest_positions(states)
    told = history = wear_history(states, items, usage, at)
    reckoned = estimate_wear(history, items, rates)
    is_sensed: Bools = np.zeros(history.anchor.shape, dtype=np.bool_)
    if items.sensor_places:
        heeded = heed(history, reckoned, sensed_levels(states, items, at.time_ms), items)
        history, reckoned, is_sensed = heeded.history, heeded.estimate, heeded.is_heeded
    now = bound_wear(history, reckoned, items)
    per_day = worn_per_day(history, rates)
    is_dated, days_left = _window(rows, at.time_ms, history, reckoned, now, is_sensed, per_day, items, rates, usage)
    own = rows["wear"]
    own["health"] = np.clip((now.remains - items.limit) / (items.new - items.limit), 0.0, 1.0).T
    is_ready = usage.observed_km >= items.km_until_ready
    flags = is_ready * IS_READY | history.is_known * IS_KNOWN | is_dated * IS_DATED | is_sensed * IS_SENSED
    own["flags"] = flags.astype(np.uint8).T
    own["remaining_km"] = (days_left * usage.km_per_day).T
    own["raised_anchor"] = now.anchor.T
    own["per_day"] = per_day.T
    own["unseen_worn"] = reckoned.unseen_worn.T
    own["relief"] = now.relief.T
    own["factor_sd"] = (1.0 / np.sqrt(history.factor_precision)).T
    own["factor"] = history.factor.T
    for name in ("since_ms", "since_odometer_m", "anchor", "anchor_sd", "unseen_km", "distance_km"):
        own[name] = getattr(told, name).T
    for name, amounts in (("seen", history.seen), ("unseen", history.unseen)):
        own[name] = amounts.transpose(2, 1, 0)
    own["part"] = now.parts.transpose(2, 1, 0)
    own["reckoned"] = reckoned.parts.transpose(2, 1, 0)


def _window(
    rows: Rows,
    now_ms: Ints,
    history: WearHistory,
    reckoned: WearEstimate,
    now: BoundedWear,
    is_sensed: Bools,
    per_day: Floats,
    items: WearItems,
    rates: WearRates,
    usage: Usage,
) -> tuple[Bools, Floats]:
    """Write the due windows; returns whether a date can be reckoned and the days left (0 where not), shape (w, k)."""
    is_unused = per_day <= LEAST_RATE * (items.new - items.limit)
    # All an unused item could have lost rests on what is typical of others: no date can be said of this car.
    is_dated = ~is_unused | (history.is_known & (history.anchor <= items.limit))
    pace = np.where(is_unused, 1.0, per_day)
    left = now.level - items.limit
    days_left = np.where(is_unused, 0.0, np.maximum(0.0, left / pace))
    reach_days = np.minimum(days_left, 4 * items.say_until_days)
    origin, begun = history, reckoned
    if is_sensed.any():
        # What a sensor read is where the days ahead begin: errors of the way there are no longer theirs.
        seen, unseen = np.where(is_sensed, 0.0, history.seen), np.where(is_sensed, 0.0, history.unseen)
        origin = replace(history, seen=seen, unseen=unseen)
        begun = estimate_wear(origin, items, rates)
    then = estimate_wear(origin, items, rates, reach_days)
    # The bound narrows what is known today; what the days ahead add to the scatter is as without it.
    ahead = np.maximum(0.0, then.variance - begun.variance)
    # The share of what lies ahead that is unsure: habits, rates and the car's own factor all grow with the days.
    spread = usage.km_spread**2 + ahead / np.maximum(1e-12, reach_days * pace) ** 2
    soonest, latest = _bounds(left, pace, now.variance, spread, rates.width)
    soonest, latest = (np.where(is_unused, 0.0, days) for days in (soonest, latest))
    # Over the limit already, the latest is counted from when the limit was passed, but is never in the past.
    latest = np.maximum(days_left, latest)
    set_window(
        rows,
        "wear",
        *(
            np.where(is_dated, moments(now_ms, days, items.say_until_days), UNKNOWN)
            for days in (np.clip(soonest, 0.0, days_left), days_left, latest)
        ),
    )
    return is_dated, days_left


def _bounds(left: Floats, pace: Floats, variance: Floats, spread: Floats, width: Floats) -> tuple[Floats, Floats]:
    """Days t between which `left` is used up: those with (left − pace·t)² ≤ width²·(variance + spread·(pace·t)²).

    The roots of a quadratic, as in Fieller's interval for a ratio (E. C. Fieller, *Some problems in interval
    estimation*, JRSS B 16, 1954): a pace that is unsure makes the latest date further off than the earliest is near.
    """
    share = 1.0 - np.minimum(width * width * spread, MOST_SPREAD)
    reach = np.sqrt(left * left * (1.0 - share) + share * width * width * variance)
    return (left - reach) / (share * pace), (left + reach) / (share * pace)
