"""Spark plugs: the gap grows with every spark, hotter engines and cold starts eat it faster.

A four-stroke engine sparks every second revolution; the gap of an iridium plug is worn at 60,000 to 160,000 km (Škoda's
plan 60,000 km or 4 years, Mazda's 120,000 km). A wide gap needs more voltage, which erodes it faster: growth rises by a
third towards the end (M). Cold starts foul plugs (M). Worn plugs misfire now and then, and at last all the time (M).
"""

from __future__ import annotations

import numpy as np

from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.demand import DayDemand
from simulators.years.parts import Parts
from simulators.years.powertrain import PLUGS

REVOLUTIONS_M = 150.0  # about 80,000 km of this fleet's driving, cold starts and growth counted
WIDE_EXTRA = 0.35
START_SHARE = 1.0 / 20_000.0
MAKE_SD, CAR_SD = 0.10, 0.12
DEAD = 1.3


class PlugLaw(Parts):
    """`worn` runs from 0 to 1; `rate` is the set's."""

    item = PLUGS
    unit = "%"
    typical_days = 1_800.0
    is_by_distance = True
    state = ("worn", "rate")
    worn: Floats
    rate: Floats

    def __init__(self, has: Flags, dice: np.random.Generator) -> None:
        super().__init__(has, dice)
        self.car_rate = self.scatter(CAR_SD, self.cars)

    def fresh(self, cars: Whole) -> None:
        self.worn[0, cars] = 0.0
        self.rate[0, cars] = self.scatter(MAKE_SD, len(cars))

    def age(self, cars: Whole, days: Floats, share: Floats) -> None:
        self.worn[0, cars] = share * self.scatter(0.1, len(cars))

    def step(self, demand: DayDemand) -> None:
        frost = np.clip((5.0 - demand.lowest_c) / 10.0, 0.0, 2.5)
        starts = demand.trips * START_SHARE * (1.0 + frost)
        today = (demand.revolutions_m / REVOLUTIONS_M + starts) * self.car_rate * self.shifted * self.has
        self.worn += today * self.rate * (1.0 + WIDE_EXTRA * np.clip(self.worn, 0.0, 1.2) ** 2)

    def used(self) -> Floats:
        return self.worn

    def misfires(self) -> Floats:
        """The chance that a misfire is noticed today; shape (cars,)."""
        return np.where(
            self.has & (self.worn[0] > 0.85), 0.004 * np.exp(9.0 * (np.minimum(self.worn[0], 1.4) - 1.0)), 0.0
        )

    def stops(self) -> Flags:
        return self.has & (self.now(self.worn) >= DEAD)

    def measured(self, cars: Whole) -> Floats:
        return np.maximum(0.0, 100.0 * (1.0 - self.now(self.worn)[cars]))
