"""Coolant: leaks that begin with age, grow, and end in an overheated engine.

Hoses, radiators and water pumps begin to leak with a hazard that rises with age and with warming up and cooling down: a
hundredth of all cars a year at three years, a twenty-fifth at eight (M). A leak grows by about one and a half per cent
a day. Under 45 % of the level between the marks an engine overheats (M). Electric cars have less to leak (M).
"""

from __future__ import annotations

import numpy as np

from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.demand import DayDemand
from simulators.years.parts import Parts
from simulators.years.powertrain import COOLANT

FAILS_PCT, LOW_PCT = 45.0, 65.0
FIRST_PCT_PER_DAY, FIRST_SD = 0.10, 0.6
GROWTH_PER_DAY, GROWTH_SD = 0.014, 0.4
HAZARD_PER_DAY = 0.0125 / 365.25
SEEPS_PCT_PER_DAY = 0.006
TRACES_PCT = 6.0


class CoolantLaw(Parts):
    """`years` is the age of what may leak, `waits` the hazard it still stands, `lost` % since then, never filled up.

    `level_pct` (cars,) is what is in the car, with what its owner filled up.
    """

    item = COOLANT
    unit = "%"
    typical_days = 5_000.0
    is_for_life = True
    state = ("years", "waits", "rate", "growth", "lost")
    years: Floats
    waits: Floats
    rate: Floats
    growth: Floats
    lost: Floats

    def __init__(self, has: Flags, dice: np.random.Generator, built_days_ago: Floats, is_electric: Flags) -> None:
        super().__init__(has, dice)
        self._first_years = np.maximum(built_days_ago, 0.0) / 365.25
        self.car_rate = np.where(is_electric, 0.4, 1.0) * self.scatter(0.3, self.cars)
        self.level_pct = dice.uniform(88.0, 100.0, self.cars)

    def fresh(self, cars: Whole) -> None:
        count = len(cars)
        self.years[0, cars] = 0.0
        self.waits[0, cars] = self.dice.exponential(1.0, count)
        self.rate[0, cars] = FIRST_PCT_PER_DAY * np.exp(FIRST_SD * self.dice.standard_normal(count))
        self.growth[0, cars] = GROWTH_PER_DAY * np.exp(GROWTH_SD * self.dice.standard_normal(count))
        self.lost[0, cars] = 0.0
        self.level_pct[cars] = 100.0

    def age(self, cars: Whole, days: Floats, share: Floats) -> None:
        self.years[0, cars] = self._first_years[cars]

    def step(self, demand: DayDemand) -> None:
        self.years += demand.is_built / 365.25
        cycles = 0.6 + 0.2 * demand.trips + 0.02 * np.clip(demand.ambient_c - 20.0, 0.0, 15.0)
        self.waits -= (
            HAZARD_PER_DAY * (self.years / 3.0) ** 1.3 * cycles * self.car_rate * self.shifted * demand.is_built
        )
        leaks = self.waits < 0.0
        driven = 0.3 + np.minimum(demand.minutes, 120.0) / 60.0
        today = np.where(leaks, self.rate, 0.0) * driven
        self.lost += today
        self.rate *= np.where(leaks, 1.0 + self.growth, 1.0)
        np.minimum(self.rate, 20.0, out=self.rate)
        self.level_pct = np.maximum(self.level_pct - today[0] - SEEPS_PCT_PER_DAY * demand.is_built, 0.0)

    def fill(self, cars: Whole) -> None:
        """The owner fills up, and the leak goes on unseen."""
        self.level_pct[cars] = self.dice.uniform(85.0, 100.0, len(cars))

    def is_low(self) -> Flags:
        return self.level_pct < LOW_PCT

    def soundness(self, cars: Whole) -> Floats:
        """0 where there are traces for a workshop to see."""
        return np.where(self.now(self.lost)[cars] > TRACES_PCT, 0.0, 1.0)

    def used(self) -> Floats:
        return self.lost / (100.0 - FAILS_PCT)

    def stops(self) -> Flags:
        return (self.now(self.waits) < 0.0) & (self.level_pct <= FAILS_PCT)

    def measured(self, cars: Whole) -> Floats:
        return self.level_pct[cars]
