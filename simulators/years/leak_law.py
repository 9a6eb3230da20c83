"""Tyre leaks: punctures as a hazard of distance, most of them slow, and the pressure one reads.

In five years about 40 % of European drivers had one or two punctures (Nokian survey, tyretradenews.co.uk): one in
sixteen years on good tread here, twice that on thin tread (M). Three in four are slow, 0.5 to 1.2 psi a day for the
middle ones; a sound tyre loses about 1 psi a month (blountweb.com); pressure follows the temperature (Gay-Lussac). At
80 % a monitoring system must warn (UN R141); below 150 kPa a tyre can no longer be driven on (M).
"""

from __future__ import annotations

import numpy as np

from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.demand import DayDemand
from simulators.years.parts import Parts
from simulators.years.powertrain import LEAK

PSI_KPA = 6.895
NOMINAL_KPA, WARN_SHARE, FLAT_KPA = 240.0, 0.8, 150.0
PER_KM = 0.062 / 13_000.0
THIN_TREAD_MM, THIN_FACTOR = 4.0, 2.0
SLOW_SHARE = 0.75
SLOW_KPA_PER_DAY, SLOW_SD = 0.75 * PSI_KPA, 0.55
SOUND_KPA_PER_DAY = PSI_KPA / 30.4
PUMPED_EVERY_DAYS = 75.0


class LeakLaw(Parts):
    """`waits` is how much hazard a set still stands, `rate` its leak in kPa a day once it has one, `lost` what it lost.

    `lost` is without any pumping up: the truth. `deficit_kpa` (4, cars) is what the wheels of the car really lack.
    """

    item = LEAK
    unit = "kPa"
    typical_days = 5_000.0
    is_for_life = True
    state = ("waits", "rate", "lost", "leaks")
    waits: Floats
    rate: Floats
    lost: Floats
    leaks: Floats

    def __init__(self, has: Flags, dice: np.random.Generator) -> None:
        super().__init__(has, dice)
        self.tread_mm = np.full(self.cars, 8.0)  # the fleet sets it to its tyres' own
        self.deficit_kpa = dice.uniform(0.0, 14.0, (4, self.cars))
        self.wheel = dice.integers(0, 4, self.cars)
        self._kelvin = np.full(self.cars, 288.0)

    def fresh(self, cars: Whole) -> None:
        count = len(cars)
        self.waits[0, cars] = self.dice.exponential(1.0, count)
        slow = SLOW_KPA_PER_DAY * np.exp(SLOW_SD * self.dice.standard_normal(count))
        self.rate[0, cars] = np.where(self.dice.random(count) < SLOW_SHARE, slow, 400.0)
        self.lost[0, cars] = 0.0
        self.leaks[0, cars] = 0.0
        self.wheel[cars] = self.dice.integers(0, 4, count)
        self.deficit_kpa[:, cars] = self.dice.uniform(0.0, 6.0, (4, count))

    def age(self, cars: Whole, days: Floats, share: Floats) -> None:
        """A set that has not leaked yet knows nothing of its age."""

    def step(self, demand: DayDemand) -> None:
        hazard = demand.km * PER_KM * np.where(self.tread_mm < THIN_TREAD_MM, THIN_FACTOR, 1.0) * self.shifted
        self.waits -= hazard
        self.leaks[self.waits < 0.0] = 1.0
        # A tyre that is emptier leaks slower.
        self.lost += self.leaks * self.rate * np.clip(1.0 - self.lost / (NOMINAL_KPA + 100.0), 0.0, 1.0)
        leaking = self.leaks[0] * self.rate[0]
        self.deficit_kpa += SOUND_KPA_PER_DAY * demand.is_built
        cars = np.flatnonzero(leaking)
        full = np.clip(1.0 - self.deficit_kpa[self.wheel[cars], cars] / (NOMINAL_KPA + 100.0), 0.0, 1.0)
        self.deficit_kpa[self.wheel[cars], cars] += leaking[cars] * full
        np.minimum(self.deficit_kpa, NOMINAL_KPA, out=self.deficit_kpa)
        self._kelvin = demand.ambient_c + 273.15
        self.pump(np.flatnonzero(self.dice.random(self.cars) < 1.0 / PUMPED_EVERY_DAYS))

    def pump(self, cars: Whole) -> None:
        """Somebody fills up the tyres, and a slow leak is hidden for a while."""
        self.deficit_kpa[:, cars] = self.dice.uniform(-4.0, 6.0, (4, len(cars)))

    def pressure_kpa(self) -> Floats:
        """Gauge pressure of each wheel at the day's mean temperature, cold; shape (4, cars)."""
        absolute = (NOMINAL_KPA - self.deficit_kpa + 101.3) * self._kelvin / 288.15
        gauge: Floats = np.maximum(absolute - 101.3, 0.0)
        return gauge

    def warns(self) -> Flags:
        """Where a monitoring system lights its lamp."""
        return np.asarray((self.pressure_kpa() < WARN_SHARE * NOMINAL_KPA).any(axis=0), dtype=np.bool_)

    def used(self) -> Floats:
        return self.lost / (NOMINAL_KPA - FLAT_KPA)

    def stops(self) -> Flags:
        emptiest: Floats = self.deficit_kpa.max(axis=0)
        return (self.now(self.leaks) > 0) & (emptiest >= NOMINAL_KPA - FLAT_KPA)

    def measured(self, cars: Whole) -> Floats:
        lowest: Floats = self.pressure_kpa()[:, cars].min(axis=0)
        return lowest

    def soundness(self, cars: Whole) -> Floats:
        """0 where there is a leak for a workshop to find."""
        return 1.0 - self.now(self.leaks)[cars]
