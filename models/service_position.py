"""Where a car stood at the time of a service record, from the ring of days: records often arrive late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.day_ring import Floats, day_columns, day_exposures
from models.odometer import SLACK_M, farthest_m
from models.vehicle_state import DAY_MS, IMPLAUSIBLE_RECORD, UNKNOWN, Record
from models.wear_history import Positions


@dataclass(frozen=True, slots=True)
class Position:
    """A point in one car's life: time, odometer (m, −1 unknown), lifetime sums per exposure and their distance (m)."""

    time_ms: int
    odometer_m: int
    exposure: tuple[float, ...]
    exposure_m: tuple[float, ...]

    def as_block(self) -> Positions:
        """The position as that of a block of one car."""
        return Positions(
            np.array([self.time_ms], dtype=np.int64),
            np.array([self.odometer_m], dtype=np.int64),
            np.array(self.exposure, dtype=np.float64)[:, None],
            np.array(self.exposure_m, dtype=np.float64)[:, None],
        )


@dataclass(frozen=True, slots=True)
class _Day:
    """One day of the ring: its number since 1970, the metres of it and what was gathered."""

    number: int
    odometer_m: float
    observed_m: float
    exposure: tuple[float, ...]


def position_at(state: Record, quanta: Floats, time_ms: int, odometer_m: int) -> Position:
    """Lifetime sums and odometer at `time_ms`, when a workshop noted `odometer_m` (≤ 0: it did not).

    `quanta`: of the days. A noted odometer that contradicts what the car itself reported is flagged and not used;
    before the car was first seen it can only be checked against the first reading, and is unknown then.
    """
    first_ms, last_ms = int(state["first_ms"]), int(state["last_ms"])
    if first_ms == UNKNOWN or time_ms < first_ms:
        return _before_first(state, time_ms, odometer_m)
    if time_ms >= last_ms:
        return _after_last(state, time_ms, odometer_m)
    return _between(state, _days(state, quanta), time_ms, odometer_m)


def _before_first(state: Record, time_ms: int, odometer_m: int) -> Position:
    nothing = (0.0,) * len(state["exposure"])
    first_m = int(state["first_odometer_m"])
    if odometer_m <= 0:
        return Position(time_ms, UNKNOWN, nothing, nothing)
    if first_m != UNKNOWN and odometer_m > first_m + SLACK_M:
        _flag(state)
        return Position(time_ms, UNKNOWN, nothing, nothing)
    return Position(time_ms, odometer_m, nothing, nothing)


def _after_last(state: Record, time_ms: int, odometer_m: int) -> Position:
    newest = _newest_position(state)
    known = newest.odometer_m
    ahead = farthest_m((time_ms - newest.time_ms) / 1000)
    if odometer_m > 0 and (known == UNKNOWN or known - SLACK_M <= odometer_m <= known + ahead):
        return Position(time_ms, max(odometer_m, known), newest.exposure, newest.exposure_m)
    if odometer_m > 0:
        _flag(state)
    return Position(time_ms, known, newest.exposure, newest.exposure_m)


def _between(state: Record, days: Sequence[_Day], time_ms: int, odometer_m: int) -> Position:
    """Take what later days added off the newest sums, and a part of the day itself, by odometer or else by the hour."""
    newest, number = _newest_position(state), time_ms // DAY_MS
    if number < days[-1].number:
        return _before_ring(state, days, time_ms, odometer_m)
    exposure, exposure_m = list(newest.exposure), list(newest.exposure_m)
    total_m = float(state["observed_m"])
    reached = float(newest.odometer_m)
    for day in days:
        if day.number < number:
            break
        share = 1.0
        if day.number == number:
            share = 1.0 - time_ms % DAY_MS / DAY_MS
            gone = day.odometer_m
            if odometer_m > 0 and gone > 0 and reached - gone - SLACK_M <= odometer_m <= reached + SLACK_M:
                share = min(max((reached - odometer_m) / gone, 0.0), 1.0)
        reached -= share * day.odometer_m
        for i, amount in enumerate(day.exposure):
            covered = newest.exposure_m[i] / total_m if total_m > 0 else 0.0
            exposure[i] = max(0.0, exposure[i] - share * amount)
            exposure_m[i] = max(0.0, exposure_m[i] - share * covered * day.observed_m)
    return Position(time_ms, _agreed(state, odometer_m, reached), tuple(exposure), tuple(exposure_m))


def _before_ring(state: Record, days: Sequence[_Day], time_ms: int, odometer_m: int) -> Position:
    """Between the first sight and the ring's oldest day: in proportion to the time."""
    newest, first_ms = _newest_position(state), int(state["first_ms"])
    oldest_ms = days[-1].number * DAY_MS
    start = _between(state, days, max(oldest_ms, first_ms), 0)
    share = min(1.0, (time_ms - first_ms) / max(1, oldest_ms - first_ms))
    first_m = int(state["first_odometer_m"])
    reached = first_m + share * (start.odometer_m - first_m) if newest.odometer_m != UNKNOWN else float(UNKNOWN)
    return Position(
        time_ms,
        _agreed(state, odometer_m, reached),
        tuple(share * amount for amount in start.exposure),
        tuple(share * metres for metres in start.exposure_m),
    )


def _newest_position(state: Record) -> Position:
    return Position(
        int(state["last_ms"]),
        int(state["odometer_m"]),
        tuple(state["exposure"].tolist()),
        tuple(state["exposure_m"].tolist()),
    )


def _days(state: Record, quanta: Floats) -> list[_Day]:
    """The days that the ring holds, newest first."""
    states = np.array([state], dtype=state.dtype)
    ring = day_columns(states)
    days = [
        _Day(number, odometer_m, observed_m, tuple(exposure))
        for number, odometer_m, observed_m, exposure in zip(
            ring.number[0].tolist(),
            ring.odometer_m[0].tolist(),
            ring.observed_m[0].tolist(),
            day_exposures(states, quanta)[0].tolist(),
            strict=True,
        )
        if number != UNKNOWN
    ]
    return sorted(days, key=lambda day: -day.number)


def _agreed(state: Record, noted_m: int, reached: float) -> int:
    """The workshop's odometer when it lies within a day's drive of ours, else ours."""
    if int(state["odometer_m"]) == UNKNOWN:
        return noted_m if noted_m > 0 else UNKNOWN
    if noted_m > 0 and abs(noted_m - reached) <= 500_000.0:
        return noted_m
    if noted_m > 0:
        _flag(state)
    return round(reached)


def _flag(state: Record) -> None:
    state["flags"] = int(state["flags"]) | IMPLAUSIBLE_RECORD
