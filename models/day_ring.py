"""DayRing: what each of the last days brought, small enough to keep for every car.

It tells where a car stood when a service record that comes late was made, and how the car was used of late. Amounts
are counted in steps, so that they add up to the same whatever the order; what is left of a step is rounded up or down
by a number that follows from the upload itself, so that many small amounts come out right on average.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from models.exposures import most_per_day
from models.vehicle_state import DAY_MS, DAYS, UNKNOWN, Entries, States

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

OBSERVED_STEP_M = 64.0
_MOST = 65_535
_GOLDEN = np.uint64(2_654_435_769)  # 2³² over the golden ratio: successive multiples spread evenly (Knuth 6.4)


@dataclass(frozen=True, slots=True)
class DayColumns:
    """The days of k cars: `number` (days since 1970, −1 where nothing was seen) and metres; (k, DAYS), in no order."""

    number: Ints
    odometer_m: Floats
    observed_m: Floats


def day_quanta(catalogue: Catalogue) -> Floats:
    """What one step of a day's sums stands for, per summed exposure: 65,535 are more than a car can gather."""
    return np.array([most_per_day(catalogue, name) / _MOST for name in catalogue.summed_exposures])


def day_columns(states: States) -> DayColumns:
    """The days of the states. The newest day is always there."""
    days = states["days"]
    last_ms = states["last_ms"][:, None]
    newest = last_ms // DAY_MS
    age = newest % DAYS - np.arange(DAYS)
    numbers = newest - np.where(age < 0, age + DAYS, age)
    is_seen = (days["odometer_m"] > 0) | (days["observed"] > 0) | (numbers == newest)
    for column in range(days["exposure"].shape[-1]):
        is_seen |= days["exposure"][:, :, column] > 0
    return DayColumns(
        np.where(is_seen & (last_ms != UNKNOWN), numbers, UNKNOWN),
        days["odometer_m"].astype(np.float64),
        days["observed"] * OBSERVED_STEP_M,
    )


def day_exposures(states: States, quanta: Floats) -> Floats:
    """What the days brought of each exposure, in its own unit, (k, DAYS, E); `quanta` as of `day_quanta`."""
    exposures: Floats = states["days"]["exposure"] * quanta
    return exposures


def exposure_within(states: States, quanta: Floats, is_within: Bools) -> Floats:
    """Sums of each exposure over chosen days (k, DAYS), shape (E, k); of whole steps, so the same in any order."""
    steps = np.ascontiguousarray(states["days"]["exposure"].transpose(2, 0, 1))
    steps *= is_within
    sums: Floats = steps.sum(axis=-1, dtype=np.uint32) * quanta[:, None]
    return sums


def advance(states: States, cars: Ints, end_ms: Ints) -> None:
    """Make room for uploads that end then; to be called before the levels move."""
    last_ms = states["last_ms"][cars]
    newest, coming = last_ms // DAY_MS, end_ms // DAY_MS
    passed = np.where(last_ms == UNKNOWN, 0, np.clip(coming - newest, 0, DAYS))
    for step in range(1, int(passed.max(initial=0)) + 1):
        some = np.flatnonzero(passed >= step)
        states["days"][cars[some], (coming[some] - step + 1) % DAYS] = 0


def add_sums(
    states: States, cars: Ints, entries: Entries, observed_m: Floats, exposure: Floats, quanta: Floats
) -> None:
    """Add what uploads saw to the day they end on; to be called after `advance`."""
    numbers, fits = _fitting(states, cars, entries)
    cars, numbers, entries = cars[fits], numbers[fits], entries[fits]
    days, slots = states["days"], numbers % DAYS
    mixed = entries["seq"].astype(np.uint64) * _GOLDEN + entries["boot_tag"]
    part = (mixed & np.uint64(0xFFFF_FFFF)) / 2.0**32
    for name, amount in (
        ("observed", np.floor(observed_m[fits] / OBSERVED_STEP_M + part)),
        ("exposure", np.floor(exposure[fits] / quanta + part[:, None])),
    ):
        kept = days[name][cars, slots]
        # What came down again, as the integral of a current may, is not told apart from nothing here.
        days[name][cars, slots] = np.clip(kept + amount, 0, _MOST).astype(np.uint16)


def add_to_day(states: States, car: int, column: int, at_ms: int, amount: float, quanta: Floats) -> None:
    """Add to one exposure of one car on the day of `at_ms`; what is newer than all uploads counts on the newest day."""
    last_ms = int(states["last_ms"][car])
    number = min(at_ms, last_ms) // DAY_MS
    if last_ms != UNKNOWN and number > last_ms // DAY_MS - DAYS:
        kept = states["days"]["exposure"][car, number % DAYS, column]
        added = min(_MOST, int(kept) + round(amount / quanta[column]))
        states["days"]["exposure"][car, number % DAYS, column] = added


def add_distance(states: States, cars: Ints, entries: Entries, rise_m: Ints) -> None:
    """Add what the odometer rose with these uploads (negative: take it off again) to the days they end on."""
    numbers, fits = _fitting(states, cars, entries)
    cars, slots = cars[fits], numbers[fits] % DAYS
    kept = states["days"]["odometer_m"][cars, slots].astype(np.int64)
    states["days"]["odometer_m"][cars, slots] = (kept + rise_m[fits]).astype(np.uint32)


def _fitting(states: States, cars: Ints, entries: Entries) -> tuple[Ints, Ints]:
    """The day each upload ends on, and which of them are not older than the ring."""
    end_ms = entries["start_ms"] + entries["span_ms"]
    numbers = end_ms // DAY_MS
    newest = np.maximum(states["last_ms"][cars], end_ms) // DAY_MS
    return numbers, np.flatnonzero(numbers > newest - DAYS)
