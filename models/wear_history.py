"""WearHistory: what wear items went through since their anchors, the last time the state of each was known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.usage import Usage
from models.vehicle_state import DAY_MS, UNKNOWN
from models.wear_items import WearItems, WearRates

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
States = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Positions:
    """A point in the life of each of k cars: time and odometer (m, −1 unknown), shape (k,).

    Lifetime sums per exposure, and the metres over which they were taken: shape (n, k).
    """

    time_ms: Ints
    odometer_m: Ints
    exposure: Floats
    exposure_m: Floats


def newest_positions(states: States) -> Positions:
    """Where cars stand at their newest events."""
    return Positions(
        states["last_ms"].copy(),
        states["odometer_m"].copy(),
        np.ascontiguousarray(states["exposure"].T),
        np.ascontiguousarray(states["exposure_m"].T),
    )


@dataclass(frozen=True, slots=True)
class WearHistory:
    """Exposures since the anchor, shape (e, w, k): `seen` by us and `unseen`, extrapolated; the rest is (w, k).

    `per_day` is what a day ahead brings of each; `anchor` with `anchor_sd` in the item's unit; `factor` with its
    precision is the car's own; `since_ms`/`since_odometer_m` tell when that was, −1 where unknown.
    """

    seen: Floats
    unseen: Floats
    per_day: Floats
    unseen_km: Floats
    distance_km: Floats
    anchor: Floats
    anchor_sd: Floats
    is_known: Bools
    since_ms: Ints
    since_odometer_m: Ints
    factor: Floats
    factor_precision: Floats


def wear_history(states: States, items: WearItems, usage: Usage, at: Positions) -> WearHistory:
    """The history of `items` up to `at`, in cars whose states (shape (k,)) are given.

    Distance since the anchor that was not observed counts by what this car usually does per km; where even that
    distance is unknown, by the days between anchor and first sight at the car's pace.
    """
    set_ms = _own(states, items, "set_ms", np.int64)
    is_known = set_ms != UNKNOWN
    since_ms = np.where(is_known, set_ms, states["first_ms"])
    since_m = np.where(is_known, _own(states, items, "odometer_m", np.int64), states["first_odometer_m"])
    anchor = _own(states, items, "anchor", np.float64)
    seen, unseen, per_day, unseen_km, distance_km = _exposures(states, items, usage, at, since_ms, since_m)
    return WearHistory(
        seen=seen,
        unseen=unseen,
        per_day=per_day,
        unseen_km=unseen_km,
        distance_km=distance_km,
        anchor=np.where(items.has_floor, np.maximum(items.floor, anchor), anchor),
        anchor_sd=_own(states, items, "anchor_sd", np.float64),
        is_known=is_known,
        since_ms=since_ms,
        since_odometer_m=since_m,
        factor=_own(states, items, "factor", np.float64),
        factor_precision=_own(states, items, "factor_precision", np.float64),
    )


def _own(states: States, items: WearItems, field: str, dtype: Any) -> npt.NDArray[Any]:
    """A field of the items' states, shape (w, k)."""
    own = np.empty((len(items.ids), len(states)), dtype)
    for w, item in enumerate(items.ids):
        own[w] = states["items"][item][field]
    return own


def _exposures(
    states: States, items: WearItems, usage: Usage, at: Positions, since_ms: Ints, since_m: Ints
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Seen, unseen and per day, shape (e, w, k); km that nobody saw and km in all since the anchor, (w, k)."""
    base, base_m = _baselines(states, items)
    seen, unseen, per_day = (np.zeros(base.shape) for _ in range(3))
    most_unseen_km, total_km = np.zeros(since_ms.shape), np.zeros(since_ms.shape)
    elapsed_days = np.maximum(0.0, (at.time_ms - since_ms) / DAY_MS)
    is_read = (since_m != UNKNOWN) & (at.odometer_m != UNKNOWN)
    read_km = np.maximum(0.0, (at.odometer_m - since_m) / 1000)
    before_km = np.maximum(0, states["first_ms"] - since_ms) / DAY_MS * usage.km_per_day
    for e, (columns, is_summed, is_elapsed) in enumerate(
        zip(items.columns, items.is_summed, items.is_elapsed, strict=True)
    ):
        if is_elapsed.any():
            seen[e] = np.where(is_elapsed, elapsed_days, 0.0)
            per_day[e] = is_elapsed
        if is_summed.any():
            seen_km = np.maximum(0.0, at.exposure_m[columns] - base_m[e]) / 1000
            all_km = np.where(is_read, read_km, seen_km + before_km)
            unseen_km = np.maximum(0.0, all_km - seen_km)
            seen[e] = np.where(is_summed, np.maximum(0.0, at.exposure[columns] - base[e]), seen[e])
            unseen[e] = np.where(is_summed, unseen_km * usage.usual_per_km[columns], 0.0)
            per_day[e] = np.where(is_summed, usage.per_day[columns], per_day[e])
            most_unseen_km = np.where(is_summed, np.maximum(most_unseen_km, unseen_km), most_unseen_km)
            total_km = np.where(is_summed, all_km, total_km)
    return seen, unseen, per_day, most_unseen_km, total_km


def _baselines(states: States, items: WearItems) -> tuple[Floats, Floats]:
    """Lifetime sums and their metres as they stood at the anchor, shape (e, w, k)."""
    base = np.zeros((items.slots, len(items.ids), len(states)))
    base_m = np.zeros_like(base)
    for w, item in enumerate(items.ids):
        own = states["items"][item]
        for column, e in enumerate(np.flatnonzero(items.is_summed[:, w, 0]).tolist()):
            base[e, w] = own["exposure"][:, column]
            base_m[e, w] = own["exposure_m"][:, column]
    return base, base_m


@dataclass(frozen=True, slots=True)
class WearEstimate:
    """The models' numbers: `parts` worn per exposure, shape (e, w, k), their sum `worn`, what `remains`, its variance.

    `unseen_worn` is the part of `worn` that rests on extrapolation, `unseen_parts` per exposure; `fleet_worn` is
    without the car's factor. Nothing is held to what the item had yet (`models.wear_bound`): `remains` may be negative.
    """

    parts: Floats
    unseen_parts: Floats
    worn: Floats
    fleet_worn: Floats
    unseen_worn: Floats
    remains: Floats
    variance: Floats


def estimate_wear(
    history: WearHistory, items: WearItems, rates: WearRates, ahead_days: Floats | float = 0.0
) -> WearEstimate:
    """Wear up to `history`'s end plus `ahead_days` (shape (w, k)) at the car's pace.

    remains = anchor − f·β·x; variance = anchor² + var(f)·(β·x)² + f²·xᵀPx + (unseen_sd · f·β·x_unseen)².
    """
    f = history.factor
    x = history.seen + history.unseen + ahead_days * history.per_day
    cost = f * rates.rate
    parts, unseen_parts = cost * x, cost * history.unseen
    worn, unseen_worn = total(parts), total(unseen_parts)
    model_variance = np.zeros(f.shape)
    for i in range(items.slots):
        for j in range(i + 1):
            times = 1.0 if i == j else 2.0
            model_variance += times * rates.covariance[i, j] * x[i] * x[j]
    fleet_worn = worn / f
    own = items.unseen_sd * unseen_worn
    variance = history.anchor_sd**2 + fleet_worn**2 / history.factor_precision + f * f * model_variance + own * own
    return WearEstimate(parts, unseen_parts, worn, fleet_worn, unseen_worn, history.anchor - worn, variance)


def worn_per_day(history: WearHistory, rates: WearRates) -> Floats:
    """What a day ahead costs at the car's pace, shape (w, k)."""
    return total(history.factor * rates.rate * history.per_day)


def total(parts: Floats) -> Floats:
    """The sum over the slots, one after the other."""
    summed = np.zeros(parts.shape[1:])
    for part in parts:
        summed += part
    return summed
