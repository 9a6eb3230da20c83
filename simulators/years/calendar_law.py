"""What is due by the calendar: brake fluid by the water it took up, the vehicle check, the statutory inspection.

Brake fluid is at about 2 % of water after a year and 3 % after 18 months in a bad case (markmartinsauto.com), slower in
DOT 4; it is renewed above 3 %. Damp places are faster. The check is due every 365 days or 30,000 km (Škoda's plan);
when inspections are due is the law of the place (`Climate.inspections_days`).
"""

from __future__ import annotations

import numpy as np

from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.demand import DayDemand
from simulators.years.parts import Parts
from simulators.years.powertrain import CHECK, FLUID, INSPECTION

NEW_WATER_PCT, LIMIT_WATER_PCT, FULL_WATER_PCT = 0.2, 3.0, 7.5
WATER_PER_DAY = 0.246 / 365.25  # of what it can still take up: 3 % after 24 months in Hamburg
CHECK_DAYS, CHECK_KM = 365.0, 30_000.0


class FluidLaw(Parts):
    """`water_pct` runs to what the fluid can hold; `rate` is the fill's."""

    item = FLUID
    unit = "%"
    typical_days = 700.0
    state = ("water_pct", "rate")
    water_pct: Floats
    rate: Floats

    def __init__(self, has: Flags, dice: np.random.Generator, humidity: Floats) -> None:
        super().__init__(has, dice)
        self.car_rate = humidity * self.scatter(0.08, self.cars)

    def fresh(self, cars: Whole) -> None:
        self.water_pct[0, cars] = NEW_WATER_PCT
        self.rate[0, cars] = self.scatter(0.06, len(cars))

    def age(self, cars: Whole, days: Floats, share: Floats) -> None:
        taken = 1.0 - np.exp(-WATER_PER_DAY * days * self.car_rate[cars])
        self.water_pct[0, cars] += (FULL_WATER_PCT - NEW_WATER_PCT) * taken

    def step(self, demand: DayDemand) -> None:
        warm = np.exp(0.012 * (demand.ambient_c - 10.0))
        today = WATER_PER_DAY * warm * self.car_rate * self.shifted * demand.is_built
        self.water_pct += today * self.rate * (FULL_WATER_PCT - self.water_pct)

    def used(self) -> Floats:
        return (self.water_pct - NEW_WATER_PCT) / (LIMIT_WATER_PCT - NEW_WATER_PCT)

    def measured(self, cars: Whole) -> Floats:
        return self.now(self.water_pct)[cars]


class DateLaw(Parts):
    """An interval of days, and of kilometres if there is one; the first may be longer."""

    unit = ""
    state = ("days", "km", "interval")
    days: Floats
    km: Floats
    interval: Floats

    def __init__(
        self,
        has: Flags,
        dice: np.random.Generator,
        item: str,
        intervals_days: tuple[Floats, Floats],
        km: float | None = None,
    ) -> None:
        """`intervals_days`: the first interval of each car and every later one, each of shape (cars,)."""
        super().__init__(has, dice)
        self.item = item
        self.typical_days = float(np.min(intervals_days))
        self._first, self._later = intervals_days
        self._limit_km = km
        self._is_first = np.ones(self.cars, dtype=bool)
        self.interval[:] = self._first

    def fresh(self, cars: Whole) -> None:
        self.days[0, cars] = 0.0
        self.km[0, cars] = 0.0
        self.interval[0, cars] = np.where(self._is_first[cars], self._first[cars], self._later[cars])
        self._is_first[cars] = False

    def age(self, cars: Whole, days: Floats, share: Floats) -> None:
        self.interval[0, cars] = np.where(self.is_original[cars], self._first[cars], self._later[cars])
        self.days[0, cars] = days

    def step(self, demand: DayDemand) -> None:
        self.days += demand.is_built
        self.km += demand.km

    def used(self) -> Floats:
        by_days = self.days / self.interval
        return by_days if self._limit_km is None else np.maximum(by_days, self.km / self._limit_km)

    def measured(self, cars: Whole) -> Floats:
        return np.full(len(cars), np.nan)


def check_law(has: Flags, dice: np.random.Generator) -> DateLaw:
    days = np.full(len(has), CHECK_DAYS)
    return DateLaw(has, dice, CHECK, (days, days), CHECK_KM)


def inspection_law(has: Flags, dice: np.random.Generator, intervals_days: tuple[Floats, Floats]) -> DateLaw:
    return DateLaw(has, dice, INSPECTION, intervals_days)
