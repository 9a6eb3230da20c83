"""Engine oil: a budget of fuel, drained faster cold, and faster the older the oil is.

BMW counts fuel, not distance, at most 30,000 km or 24 months. Fuel burnt cold ends in the oil in part, the more the
colder the air (M). Spent additives let acids work faster, so that ageing accelerates: two fifths more at the end (M).
A diesel's soot is in its smaller budget per litre burnt (M). The recorded drives burn 11.8 l/100 km, so the budget is
in their litres: about 30,000 km of quiet long drives, little more than a third of that in town.
"""

from __future__ import annotations

import numpy as np

from simulators.wear_truth import COLD_OIL_EXTRA
from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.demand import DayDemand
from simulators.years.parts import Parts
from simulators.years.powertrain import OIL

BUDGET_L = 4_800.0
COLD_EXTRA = COLD_OIL_EXTRA
COLD_GROWTH_K = 25.0  # colder by this much, and e times as much ends in the oil
AGE_SHARE_PER_DAY = 0.22 / 730.0
SPENT_EXTRA = 0.4
FILL_SD, CAR_SD = 0.06, 0.10


class OilLaw(Parts):
    """`gone` runs from 0 to 1; `rate` is the quality of what was filled in."""

    item = OIL
    unit = "%"
    typical_days = 520.0
    is_by_distance = True
    state = ("gone", "rate")
    gone: Floats
    rate: Floats

    def __init__(self, has: Flags, dice: np.random.Generator, fuel_against_petrol: Floats) -> None:
        super().__init__(has, dice)
        self.car_rate = self.scatter(CAR_SD, self.cars)
        # A litre of budget is a litre of what this power train burns instead of a petrol engine's.
        self._budget_l = BUDGET_L * np.maximum(fuel_against_petrol, 0.1)

    def fresh(self, cars: Whole) -> None:
        self.gone[0, cars] = 0.0
        self.rate[0, cars] = self.scatter(FILL_SD, len(cars))

    def age(self, cars: Whole, days: Floats, share: Floats) -> None:
        self.gone[0, cars] = share * self.scatter(0.1, len(cars))

    def step(self, demand: DayDemand) -> None:
        cold = COLD_EXTRA * np.exp(np.clip((15.0 - demand.ambient_c) / COLD_GROWTH_K, -0.5, 1.6))
        share = (demand.fuel_l + cold * demand.cold_fuel_l) / self._budget_l
        today = (share + AGE_SHARE_PER_DAY * demand.is_built) * self.car_rate * self.shifted * self.has
        self.gone += today * self.rate * (1.0 + SPENT_EXTRA * np.clip(self.gone, 0.0, 1.0))

    def used(self) -> Floats:
        return self.gone

    def measured(self, cars: Whole) -> Floats:
        return np.maximum(0.0, 100.0 * (1.0 - self.now(self.gone)[cars]))
