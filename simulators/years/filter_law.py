"""Cabin filter: what the blower draws through it, by the place's dust, pollen in spring, and how full it is.

Škoda and Hyundai change it every 30,000 km or 2 years; a filter is full when it holds back twice the air (M). Dust is
that of the place; from April to June pollen adds a half; a fuller filter passes less air, so that it fills slower (M).
"""

from __future__ import annotations

import numpy as np

from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.climate import DAYS_OF_YEAR
from simulators.years.demand import DayDemand
from simulators.years.parts import Parts
from simulators.years.powertrain import FILTER

MINUTES = 42_000.0  # 700 hours of blower, about 30,000 km at 45 km/h
POLLEN_EXTRA = 0.5
FULL_LESS = 0.35
STANDING_PER_DAY = 0.1 / 730.0
MAKE_SD, CAR_SD = 0.12, 0.18  # gravel roads, woods, windows


class FilterLaw(Parts):
    """`full` runs from 0 to 1; `rate` is the make's."""

    item = FILTER
    unit = "%"
    typical_days = 650.0
    is_by_distance = True
    state = ("full", "rate")
    full: Floats
    rate: Floats

    def __init__(self, has: Flags, dice: np.random.Generator, dust: Floats) -> None:
        super().__init__(has, dice)
        self.car_rate = self.scatter(CAR_SD, self.cars) * dust

    def fresh(self, cars: Whole) -> None:
        self.full[0, cars] = 0.0
        self.rate[0, cars] = self.scatter(MAKE_SD, len(cars))

    def age(self, cars: Whole, days: Floats, share: Floats) -> None:
        self.full[0, cars] = share * self.scatter(0.1, len(cars))

    def step(self, demand: DayDemand) -> None:
        of_year = demand.day % DAYS_OF_YEAR
        pollen = 1.0 + (POLLEN_EXTRA if 90 <= of_year < 181 else 0.0)
        blown = demand.minutes / MINUTES * pollen * (1.0 + 0.015 * np.clip(demand.ambient_c - 20.0, 0.0, 15.0))
        today = (blown * 1.15 + STANDING_PER_DAY * demand.is_built) * self.car_rate * self.shifted
        self.full += today * self.rate * (1.0 - FULL_LESS * np.clip(self.full, 0.0, 1.0))

    def used(self) -> Floats:
        return self.full

    def measured(self, cars: Whole) -> Floats:
        return np.maximum(0.0, 100.0 * (1.0 - self.now(self.full)[cars]))
