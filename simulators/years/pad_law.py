"""Brake pads: `simulators.braking` for the driving, and what it leaves out.

The demo's compound lasts 40,000 km on the mean of the recorded drives; this fleet drives more in town, so two thirds of
that wear put its median at what is usual, 30,000 to 60,000 km.

- A pad that is nearly gone stores less heat and wears faster: a fifth at the end (M; that wear climbs with temperature
  is measured by every maker of pads, e.g. several times more at 400 than at 100 °C, brakeandfrontend.com).
- Road salt and wet grit in frost wear a seventh more (M).
- A traction battery takes little energy when it is cold, so friction brakes more: from +5 °C on, half at −15 °C (M).
- Brakes that are hardly used rust, and the rust grinds: a few thousandths of a millimetre a day (M), which is what ends
  the pads of electric cars, together with time. Prius owners report 100,000 to 200,000 miles (safebraking.com).
- Batches of pads differ by 10 %, cars by 12 %, and how hard a driver brakes between two samples is the driver's own.
"""

from __future__ import annotations

import numpy as np

from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.demand import DayDemand
from simulators.years.parts import Parts
from simulators.years.powertrain import FRONT_PADS, REAR_PADS

LIMIT_MM = 3.0  # replace at about 3 mm; the UK's MOT limit is 1.5 mm
METAL_MM = 1.5
THIN_EXTRA, SALT_EXTRA = 0.2, 0.14
RUST_MM_PER_DAY = 0.0008
COMPOUND = 0.65
BATCH_SD, CAR_SD, DAY_SD = 0.10, 0.12, 0.15


class PadLaw(Parts):
    """Pads of one axle; `left_mm` is the friction material, `rate` the batch's."""

    unit = "mm"
    typical_days = 1_150.0
    is_by_distance = True
    state = ("left_mm", "rate")
    left_mm: Floats
    rate: Floats

    def __init__(self, has: Flags, dice: np.random.Generator, *, is_front: bool) -> None:
        super().__init__(has, dice)
        self.item = FRONT_PADS if is_front else REAR_PADS
        self.new_mm = 12.0 if is_front else 11.0  # (M)
        self._is_front = is_front
        self.car_rate = self.scatter(CAR_SD, self.cars)
        self.left_mm[:] = self.new_mm

    def fresh(self, cars: Whole) -> None:
        self.left_mm[0, cars] = self.new_mm
        self.rate[0, cars] = self.scatter(BATCH_SD, len(cars))

    def age(self, cars: Whole, days: Floats, share: Floats) -> None:
        share = share * self.scatter(0.1, len(cars))
        self.left_mm[0, cars] = self.new_mm - (self.new_mm - LIMIT_MM) * share

    def step(self, demand: DayDemand) -> None:
        asked = demand.front_mm if self._is_front else demand.rear_mm
        salt = 1.0 + SALT_EXTRA * np.clip((3.0 - demand.ambient_c) / 4.0, 0.0, 1.0)
        today = (
            COMPOUND
            * asked
            * self.car_rate
            * self.shifted
            * salt
            * np.exp(DAY_SD * self.dice.standard_normal(self.cars))
        )
        rust = RUST_MM_PER_DAY * salt * demand.is_built
        thin = 1.0 + THIN_EXTRA * np.clip(self.used(), 0.0, 1.0) ** 2
        np.maximum(self.left_mm - (today * self.rate * thin + rust), 0.0, out=self.left_mm)

    def used(self) -> Floats:
        return (self.new_mm - self.left_mm) / (self.new_mm - LIMIT_MM)

    def stops(self) -> Flags:
        """The back plates grind on the discs."""
        return self.has & (self.now(self.left_mm) <= METAL_MM)

    def measured(self, cars: Whole) -> Floats:
        return self.now(self.left_mm)[cars]
