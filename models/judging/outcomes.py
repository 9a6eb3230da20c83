"""Outcomes: what became true after each decision, from the services that followed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.errors import InvalidInput
from models.judging.services import NONE, ItemServices, require_same_length

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LifeClock = Callable[[Ints, Ints], Floats]
"""How far a vehicle (n,) had come at a moment (n,), in the item's unit of life: an odometer, an hour meter, or time.
NaN where it isn't known."""

UNIT_MS = {
    "s": 1_000,
    "min": 60_000,
    "h": 3_600_000,
    "hour": 3_600_000,
    "day": 86_400_000,
    "d": 86_400_000,
    "week": 604_800_000,
}


def time_clock(unit: str) -> LifeClock:
    """The clock of a life that is counted in time.

    >>> time_clock("day")(np.array([1]), np.array([172_800_000])).tolist()
    [2.0]
    """
    per = UNIT_MS.get(unit.removesuffix("s") if len(unit) > 1 else unit)
    if per is None:
        known = ", ".join(UNIT_MS)
        raise InvalidInput(
            f"{unit!r} is no unit of time", field="unit", fix=f"use one of {known}, or give the readings of a meter"
        )
    return lambda _vehicle, time_ms: time_ms / per


def meter_clock(vehicle: Ints, time_ms: Ints, reading: Floats) -> LifeClock:
    """The clock of a life that a meter counts (an odometer, cycles), from its readings, each array of shape (m,).

    Between two readings of a vehicle it runs evenly; before the first and after the last nothing is known (NaN).
    Readings that are NaN are left out.

    >>> km = meter_clock(np.array([5, 5]), np.array([0, 100]), np.array([10.0, 20.0]))
    >>> km(np.array([5, 5, 6]), np.array([25, 101, 25])).tolist()
    [12.5, nan, nan]
    """
    require_same_length("readings", {"vehicle": len(vehicle), "time_ms": len(time_ms), "reading": len(reading)})
    is_read = np.isfinite(reading)
    order = np.lexsort((time_ms[is_read], vehicle[is_read]))
    whose, when, what = vehicle[is_read][order], time_ms[is_read][order], reading[is_read][order]
    codes = np.zeros(len(whose), dtype=np.int8)
    readings = ItemServices(whose, when, codes, what)

    def read(asked_vehicle: Ints, asked_ms: Ints) -> Floats:
        before = readings.before(asked_vehicle, asked_ms)
        is_known = before != NONE
        low = np.where(is_known, before, 0)
        if not len(whose):
            return np.full(asked_vehicle.shape, np.nan)
        is_exact = is_known & (when[low] == asked_ms)
        high = np.minimum(low + 1, len(whose) - 1)
        is_between = is_known & (high > low) & (whose[high] == asked_vehicle)
        gap = np.where(is_between, when[high] - when[low], 1)
        share = (asked_ms - when[low]) / np.where(gap > 0, gap, 1)
        between = what[low] + share * (what[high] - what[low])
        return np.where(is_exact, what[low], np.where(is_between, between, np.nan))

    return read


def failed_within(
    services: ItemServices, vehicle: Ints, time_ms: Ints, horizon_ms: int, until_ms: int | Ints
) -> Floats:
    """Whether the item failed within (t, t + H] of each decision: 1, 0, or NaN where that isn't known; shape (n,).

    It is 0 once the horizon has passed without a failure; a replacement without one counts as none. It isn't known
    when the vehicle was followed only until `until_ms` (one moment for all, or shape (n,)) and the horizon ends later.

    >>> services = ItemServices.of([1], [50], ["failed"])
    >>> vehicle, time_ms = np.array([1, 1, 1, 1]), np.array([10, 45, 60, 95])
    >>> failed_within(services, vehicle, time_ms, 10, until_ms=100).tolist()
    [0.0, 1.0, 0.0, nan]
    """
    _require_decisions(vehicle, time_ms, until_ms)
    if horizon_ms <= 0:
        raise InvalidInput("a horizon of no time holds nothing", field="horizon_ms", fix="give a positive duration")
    failures = services.only(services.is_failure)
    next_ms = failures.times(failures.after(vehicle, time_ms))
    is_failed = (next_ms != NONE) & (next_ms - time_ms <= horizon_ms)
    is_passed = time_ms + horizon_ms <= until_ms
    return np.where(is_failed, 1.0, np.where(is_passed, 0.0, np.nan))


@dataclass(frozen=True, slots=True)
class LifeLeft:
    """What was truly left at each decision, each of shape (n,).

    `remaining` is NaN where no failure ended the life: there `at_least` is what it had left for sure. `failed_ms` is
    when it failed (NONE: not known), `followed_ms` until when the life is known to have lasted.
    """

    remaining: Floats
    at_least: Floats
    failed_ms: Ints
    followed_ms: Ints

    @property
    def is_known(self) -> Bools:
        """Where a failure ended the life, and how far away it was could be read, shape (n,)."""
        return np.isfinite(self.remaining)


def life_left(services: ItemServices, vehicle: Ints, time_ms: Ints, clock: LifeClock, until_ms: int | Ints) -> LifeLeft:
    """What was left until the next failure, in the unit of `clock`; censored by a replacement and by the end.

    Only a `failed` is the truth. Replaced while still good, or not seen to its end, the life lasted at least so long.
    A failure and a replacement at the same moment are a failure.

    >>> services = ItemServices.of([1, 1], [3 * 86_400_000, 5 * 86_400_000], ["failed", "replaced"])
    >>> at = np.array([0, 4]) * 86_400_000
    >>> left = life_left(services, np.array([1, 1]), at, time_clock("day"), until_ms=9 * 86_400_000)
    >>> left.remaining.tolist(), left.at_least.tolist()
    ([3.0, nan], [3.0, 1.0])
    """
    _require_decisions(vehicle, time_ms, until_ms)
    failures, renewals = services.only(services.is_failure), services.only(services.renews)
    next_failed = failures.times(failures.after(vehicle, time_ms))
    next_renewed = renewals.times(renewals.after(vehicle, time_ms))
    is_failed = (next_failed != NONE) & (next_failed == next_renewed)
    ends = np.where(next_renewed != NONE, next_renewed, np.maximum(until_ms, time_ms))
    lasted = clock(vehicle, ends) - clock(vehicle, time_ms)
    return LifeLeft(
        remaining=np.where(is_failed, lasted, np.nan),
        at_least=lasted,
        failed_ms=np.where(is_failed, next_failed, NONE),
        followed_ms=ends,
    )


def _require_decisions(vehicle: Ints, time_ms: Ints, until_ms: int | Ints) -> None:
    columns = {"vehicle": len(vehicle), "time_ms": len(time_ms)}
    if not isinstance(until_ms, int):
        columns["until_ms"] = len(until_ms)
    require_same_length("decisions", columns)
