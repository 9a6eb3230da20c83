"""Tyres: tread by distance and speed, weight, heat and hand.

8 mm new, 3 mm is when replacing is advised, 1.6 mm is the law. Heat softens rubber: hot dry weather can double the wear
of cold wet weather (falkentyre.in), 1.6 % per kelvin here. Wear grows a little more than the weight, a style of driving
moves it more than the tyre's make does (btmauk.com), and deep tread squirms: worn tyres wear slower (M). A set lasts
about 45,000 km (M; 50,000 to 80,000 km in a Passat's plan). All-season tyres: sets are not swapped.
"""

from __future__ import annotations

import numpy as np

from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.demand import DayDemand
from simulators.years.parts import Parts
from simulators.years.powertrain import TYRES

NEW_MM, LIMIT_MM, LEGAL_MM = 8.0, 3.0, 1.6
MM_PER_KM = 1.15e-4
HEAT_PER_K = 0.016
MAKE_SD, CAR_SD, DAY_SD = 0.12, 0.12, 0.10


class TyreLaw(Parts):
    """The thinner axle's tread, `left_mm`; `rate` is the make's."""

    item = TYRES
    unit = "mm"
    typical_days = 1_200.0
    is_by_distance = True
    state = ("left_mm", "rate")
    left_mm: Floats
    rate: Floats

    def __init__(self, has: Flags, dice: np.random.Generator, mass_kg: Floats) -> None:
        super().__init__(has, dice)
        self.left_mm[:] = NEW_MM
        self.style = np.ones(self.cars)  # the fleet sets it to its drivers' own
        self.car_rate = self.scatter(CAR_SD, self.cars) * (mass_kg / 1_500.0) ** 1.1

    def fresh(self, cars: Whole) -> None:
        self.left_mm[0, cars] = NEW_MM
        self.rate[0, cars] = self.scatter(MAKE_SD, len(cars))

    def age(self, cars: Whole, days: Floats, share: Floats) -> None:
        self.left_mm[0, cars] = NEW_MM - (NEW_MM - LIMIT_MM) * share * self.scatter(0.1, len(cars))

    def step(self, demand: DayDemand) -> None:
        heat = np.exp(HEAT_PER_K * (demand.ambient_c - 15.0))
        noise = np.exp(DAY_SD * self.dice.standard_normal(self.cars))
        today = demand.tyre_km * MM_PER_KM * heat * self.car_rate * self.style**1.5 * self.shifted * noise
        squirm = 0.75 + 0.40 * np.clip((self.left_mm - LIMIT_MM) / (NEW_MM - LIMIT_MM), 0.0, 1.0)
        np.maximum(self.left_mm - today * self.rate * squirm, 0.0, out=self.left_mm)

    def used(self) -> Floats:
        return (NEW_MM - self.left_mm) / (NEW_MM - LIMIT_MM)

    def measured(self, cars: Whole) -> Floats:
        return self.now(self.left_mm)[cars]
