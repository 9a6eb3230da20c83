"""Traction battery: it loses fast at first, then slowly, and some cells drop at a knee.

Geotab's fleet of 22,700 cars lost 2.3 % a year; 1.5 % where hardly ever fast-charged and 3.0 % where often, 0.4 % more
in hot places and up to 0.8 % more where driven far. Loss is not linear: the first per cents go quickly (films grow with
the square root of time), and some packs fall steeply past a knee (M). The limit is 70 %, the usual warranty's (M).
"""

from __future__ import annotations

import numpy as np

from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.demand import DayDemand
from simulators.years.parts import Parts
from simulators.years.powertrain import TRACTION

LIMIT_PCT = 70.0
PCT_PER_YEAR = 1.2
FILM_EXTRA, FILM_PCT = 1.6, 3.0
FAST_PCT = 0.0085  # a fast charge; 100 to 150 of them a year are "often"
KM_PCT = 1.6e-5
HOT_EXTRA_PER_K = 0.035
KNEE_SHARE, KNEE_FACTOR = 0.15, 3.0
PACK_SD = 0.30


class TractionLaw(Parts):
    """`lost_pct` of capacity; `rate` and `knee_pct` are the pack's."""

    item = TRACTION
    unit = "%"
    typical_days = 5_000.0
    is_for_life = True
    state = ("lost_pct", "rate", "knee_pct")
    lost_pct: Floats
    rate: Floats
    knee_pct: Floats

    def __init__(self, has: Flags, dice: np.random.Generator, age_days: Floats) -> None:
        super().__init__(has, dice)
        self._age_days = np.maximum(age_days, 0.0)

    def fresh(self, cars: Whole) -> None:
        count = len(cars)
        self.lost_pct[0, cars] = 0.0
        self.rate[0, cars] = self.scatter(PACK_SD, count)
        has_knee = self.dice.random(count) < KNEE_SHARE
        self.knee_pct[0, cars] = np.where(has_knee, self.dice.uniform(10.0, 22.0, count), 100.0)

    def age(self, cars: Whole, days: Floats, share: Floats) -> None:
        """A pack is as old as its car; its loss so far is that of an ordinary life."""
        years = self._age_days[cars] / 365.25
        self.lost_pct[0, cars] = (2.0 * years + 2.0 * (1 - np.exp(-years))) * self.rate[0, cars]

    def step(self, demand: DayDemand) -> None:
        hot = 1.0 + HOT_EXTRA_PER_K * np.clip(demand.ambient_c - 15.0, -10.0, 20.0)
        calendar = PCT_PER_YEAR / 365.25 * hot * demand.is_built
        worked = (demand.fast_charges * FAST_PCT + demand.km * KM_PCT) * (1.0 + 0.3 * (demand.ambient_c < 0.0))
        film = 1.0 + FILM_EXTRA * np.exp(-self.lost_pct / FILM_PCT)
        knee = np.where(self.lost_pct > self.knee_pct, KNEE_FACTOR, 1.0)
        self.lost_pct += (calendar * film + worked) * self.shifted * self.has * self.rate * knee

    def used(self) -> Floats:
        return self.lost_pct / (100.0 - LIMIT_PCT)

    def health_pct(self) -> Floats:
        return 100.0 - self.now(self.lost_pct)

    def measured(self, cars: Whole) -> Floats:
        return self.health_pct()[cars]
