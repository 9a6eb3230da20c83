"""Diesel particulate filter: soot that long drives burn and short ones do not, and ash that nothing burns.

At about 45 % of its load the engine begins to burn the soot off, which takes a warm engine and ten minutes or more
above 40 mph; from about 75 % on only a workshop can (AA, as quoted by honestjohn.co.uk and mooremotors.co.uk). Cold
engines make more soot (M). Ash from oil takes room that soot no longer has, nearly half of it after 250,000 km (filters
last at least 100,000 miles, jvsengineer.co.uk). Injectors and sensors fail, and then three times the soot comes (M).
"""

from __future__ import annotations

import numpy as np

from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.demand import DayDemand
from simulators.years.parts import Parts
from simulators.years.powertrain import PARTICULATE

BURNS_FROM, FULL = 45.0, 75.0
SOOT_PER_L = 0.24  # from 10 to 45 % in about 1,000 km, or half that in town
COLD_FACTOR = 3.0
ASH_PER_KM = 1.0 / 250_000.0
ASH_TAKES = 0.45
BROKEN_PER_DAY, BROKEN_SOOT = 0.04 / 365.25, 3.0
STOPS_AT = 95.0


class ParticulateLaw(Parts):
    """`soot` is in % of a new filter's load; `waits` the hazard the injection still stands; `ash` (cars,) 0 to 1."""

    item = PARTICULATE
    unit = "%"
    typical_days = 3_000.0
    is_for_life = True
    state = ("soot", "waits", "burns", "fullest")
    soot: Floats
    waits: Floats
    burns: Floats
    fullest: Floats

    def __init__(self, has: Flags, dice: np.random.Generator, odometer_km: Floats) -> None:
        super().__init__(has, dice)
        self.car_rate = self.scatter(0.25, self.cars)
        self.ash = np.clip(odometer_km * ASH_PER_KM * self.scatter(0.2, self.cars), 0.0, 0.9)

    def fresh(self, cars: Whole) -> None:
        """The workshop burnt it free and mended what kept it from burning; a filter full of ash is a new one."""
        count = len(cars)
        self.ash[cars] = np.where(self.ash[cars] > 0.8, 0.0, self.ash[cars])
        self.soot[0, cars] = self.dice.uniform(5.0, 15.0, count)
        self.waits[0, cars] = self.dice.exponential(1.0, count)
        self.burns[0, cars] = self.dice.uniform(0.6, 1.0, count)
        self.fullest[0, cars] = 0.0

    def age(self, cars: Whole, days: Floats, share: Floats) -> None:
        self.soot[0, cars] = self.dice.uniform(5.0, 45.0, len(cars))

    def step(self, demand: DayDemand) -> None:
        self.ash += demand.km * ASH_PER_KM * self.has
        self.waits -= BROKEN_PER_DAY * demand.is_built
        broken = np.where(self.waits < 0.0, BROKEN_SOOT, 1.0)
        cold = 1.0 + np.clip((10.0 - demand.ambient_c) / 30.0, 0.0, 1.0)
        made = (
            (demand.fuel_l + COLD_FACTOR * cold * demand.cold_fuel_l)
            * SOOT_PER_L
            * self.car_rate
            * self.shifted
            * self.has
        )
        self.soot += made * broken
        luck = self.dice.random((2, self.cars))
        # A long drive burns most of it; one through town now and then gets half way before it is parked.
        long_enough = (demand.regenerations > 0) & (luck[0] < np.where(self.waits < 0.0, 0.25, 0.8) * self.burns)
        half_way = luck[1] < 1.0 - (1.0 - 0.18 * self.burns) ** (demand.trips - demand.regenerations)
        wanted = (self.load_pct() >= BURNS_FROM) & (self.load_pct() < FULL)
        self.soot = np.where(wanted & long_enough, 8.0, np.where(wanted & half_way, self.soot * 0.7, self.soot))
        np.maximum(self.fullest, self.load_pct(), out=self.fullest)

    def load_pct(self) -> Floats:
        """Soot against the room that ash leaves; shape (ROWS, cars)."""
        return self.soot / (1.0 - ASH_TAKES * np.minimum(self.ash, 1.0))

    def pressure_kpa(self) -> Floats:
        """Differential pressure at a reference flow; shape (cars,). It rises faster than the load."""
        load = np.minimum(self.now(self.load_pct()), 130.0) / 100.0
        return 0.9 + 2.2 * load + 3.0 * load**2 + 2.0 * self.ash

    def used(self) -> Floats:
        return self.fullest / FULL

    def stops(self) -> Flags:
        return self.has & (self.now(self.load_pct()) >= STOPS_AT)

    def measured(self, cars: Whole) -> Floats:
        return np.minimum(self.now(self.load_pct())[cars], 100.0)
