"""WearHistory: what one wear item went through since its anchor, the last time its state was known."""

from __future__ import annotations

from dataclasses import dataclass

from domain.catalogue import ELAPSED_DAYS, Catalogue, ItemSpec, WearSpec
from models.fleet_model import FleetModel
from models.recursive_least_squares import RecursiveLeastSquares
from models.usage import Usage
from models.vehicle_state import DAY_MS, UNKNOWN, Record


@dataclass(frozen=True, slots=True)
class Position:
    """A point in a car's life: time, odometer (m, −1 unknown), lifetime sums per exposure and their distance (m)."""

    time_ms: int
    odometer_m: int
    exposure: tuple[float, ...]
    exposure_m: tuple[float, ...]


def newest_position(state: Record) -> Position:
    """Where the car stands at its newest event."""
    return Position(
        int(state["last_ms"]),
        int(state["odometer_m"]),
        tuple(state["exposure"].tolist()),
        tuple(state["exposure_m"].tolist()),
    )


@dataclass(frozen=True, slots=True)
class WearHistory:
    """Exposures since the anchor in the order of the item's rates: `seen` by us and `unseen`, extrapolated.

    `per_day` is what a day ahead brings of each; `anchor` with `anchor_sd` in the item's unit; `factor` with its
    precision is the car's own; `since_ms`/`since_odometer_m` tell when that was, −1 where unknown.
    """

    names: tuple[str, ...]
    seen: tuple[float, ...]
    unseen: tuple[float, ...]
    per_day: tuple[float, ...]
    unseen_km: float
    distance_km: float
    anchor: float
    anchor_sd: float
    is_known: bool
    since_ms: int
    since_odometer_m: int
    factor: float
    factor_precision: float

    @property
    def exposures(self) -> tuple[float, ...]:
        return tuple(s + u for s, u in zip(self.seen, self.unseen, strict=True))


def wear_history(
    state: Record, catalogue: Catalogue, item: ItemSpec, wear: WearSpec, usage: Usage, at: Position
) -> WearHistory:
    """The history of `item` up to `at`.

    Distance since the anchor that was not observed counts by what this car usually does per km; where even that
    distance is unknown, by the days between anchor and first sight at the car's pace.
    """
    own = state["items"][item.id]
    is_known = int(own["set_ms"]) != UNKNOWN
    since_ms = int(own["set_ms"]) if is_known else int(state["first_ms"])
    since_m = int(own["odometer_m"]) if is_known else int(state["first_odometer_m"])
    base, base_m = own["exposure"].tolist(), own["exposure_m"].tolist()
    seen, unseen, per_day = [], [], []
    summed = list(catalogue.summed_exposures)
    k = 0
    most_unseen = total_km = 0.0
    for name in wear.rates:
        if catalogue.exposures[name].function == ELAPSED_DAYS:
            seen.append(max(0.0, (at.time_ms - since_ms) / DAY_MS))
            unseen.append(0.0)
            per_day.append(1.0)
            continue
        column = summed.index(name)
        seen_km = max(0.0, at.exposure_m[column] - base_m[k]) / 1000
        total_km = _distance_km(state, usage, at, since_ms, since_m, seen_km)
        unseen_km = max(0.0, total_km - seen_km)
        most_unseen = max(most_unseen, unseen_km)
        seen.append(max(0.0, at.exposure[column] - base[k]))
        unseen.append(unseen_km * usage.usual_per_km[column])
        per_day.append(usage.km_per_day * usage.recent_per_km[column])
        k += 1
    return WearHistory(
        names=tuple(wear.rates),
        seen=tuple(seen),
        unseen=tuple(unseen),
        per_day=tuple(per_day),
        unseen_km=most_unseen,
        distance_km=total_km,
        anchor=float(own["anchor"]) if wear.floor is None else max(wear.floor, float(own["anchor"])),
        anchor_sd=float(own["anchor_sd"]),
        is_known=is_known,
        since_ms=since_ms,
        since_odometer_m=since_m,
        factor=float(own["factor"]),
        factor_precision=float(own["factor_precision"]),
    )


def _distance_km(state: Record, usage: Usage, at: Position, since_ms: int, since_m: int, seen_km: float) -> float:
    if since_m != UNKNOWN and at.odometer_m != UNKNOWN:
        return max(0.0, (at.odometer_m - since_m) / 1000)
    before_ms = max(0, int(state["first_ms"]) - since_ms)
    return seen_km + before_ms / DAY_MS * usage.km_per_day


@dataclass(frozen=True, slots=True)
class WearEstimate:
    """The model's numbers: `parts` worn per exposure by this car, their sum `worn`, what `remains`, its variance.

    `unseen_worn` is the part of `worn` that rests on extrapolation, `unseen_parts` per exposure; `fleet_worn` is
    without the car's factor. Nothing is held to what the item had yet (`models.wear_bound`): `remains` may be negative.
    """

    parts: tuple[float, ...]
    unseen_parts: tuple[float, ...]
    worn: float
    fleet_worn: float
    unseen_worn: float
    remains: float
    variance: float


def estimate_wear(history: WearHistory, model: FleetModel, wear: WearSpec, ahead_days: float = 0.0) -> WearEstimate:
    """Wear up to `history`'s end plus `ahead_days` at the car's pace.

    remains = anchor − f·β·x; variance = anchor² + var(f)·(β·x)² + f²·xᵀPx + (unseen_sd · f·β·x_unseen)².
    """
    estimator = model.wear
    if not isinstance(estimator, RecursiveLeastSquares):
        raise TypeError(f"{model.item.id} is no wear item")
    rates, covariance, f = estimator.coefficients, estimator.covariance, history.factor
    x = [s + u + ahead_days * d for s, u, d in zip(history.seen, history.unseen, history.per_day, strict=True)]
    parts = tuple(f * rate * amount for rate, amount in zip(rates, x, strict=True))
    unseen_parts = tuple(f * rate * amount for rate, amount in zip(rates, history.unseen, strict=True))
    worn, unseen_worn = sum(parts), sum(unseen_parts)
    k = range(len(x))
    model_variance = sum(x[i] * x[j] * covariance[i][j] for i in k for j in k)
    fleet_worn = worn / f
    variance = (
        history.anchor_sd**2
        + fleet_worn**2 / history.factor_precision
        + f * f * model_variance
        + (wear.unseen_sd * unseen_worn) ** 2
    )
    return WearEstimate(parts, unseen_parts, worn, fleet_worn, unseen_worn, history.anchor - worn, variance)
