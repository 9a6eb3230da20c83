"""Drivers: how often somebody goes to town, to work and far away, on which of the recorded drives, and how hard.

The recorded drives are of three kinds: town (about 10 km), commute (30 to 60 km) and far (70 to 105 km). Rates are
chosen so that the fleet drives what is driven: KBA 2023 counted 12,320 km a car and year in Germany, 17,187 km for
diesels, 9,580 km for petrol cars, and young cars more. That habits change every three years or so is (M).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simulators.drive import Drive
from simulators.years.arrays import Counts, Floats, Whole
from simulators.years.climate import DAYS_OF_YEAR

TOWN_KM, COMMUTE_KM = 20.0, 65.0  # a drive up to this length is of that kind
MOST_TRIPS = (5, 2, 2)  # of a kind in one day
COMMUTERS = 0.35
HABIT_DAYS = 1_100.0  # mean time between two changes of habit: another job, another home, another driver
HOLIDAY_EVERY_DAYS, HOLIDAY_DAYS = 170.0, 14
STYLE_SD = 0.10
FAST_CHARGES_PER_KM = 1 / 180.0


def is_workday(day: int) -> bool:
    """Whether a day since 1970 is Monday to Friday; day 0 was a Thursday."""
    return (day + 3) % 7 < 5


class Drivers:
    """The habits of each car's driver, hidden, and what they drive on a day."""

    def __init__(self, drives: Sequence[Drive], far: Floats, dice: np.random.Generator) -> None:
        """`far`: how much further a car of its power train is driven, shape (cars,)."""
        self._dice = dice
        self._far = far
        km = np.array([drive.distance_m for drive in drives]) / 1000
        kinds = np.where(km <= TOWN_KM, 0, np.where(km <= COMMUTE_KM, 1, 2))
        # A pool of somebody's own may lack a kind: then any drive serves for it.
        self._of_kind = [
            np.flatnonzero(kinds == kind) if (kinds == kind).any() else np.arange(len(km)) for kind in (0, 1, 2)
        ]
        self._drives = len(km)
        cars = len(far)
        self.rates = np.zeros((3, cars))  # town trips a day, chance of a day at work, far trips a day
        self.style = np.ones(cars)  # brakes harder or softer than the recorded drives do, at the same speeds
        self.fast_share = np.zeros(cars)
        self._routes = [np.zeros((cars, len(pool))) for pool in self._of_kind]
        self._away_left = np.zeros(cars, dtype=np.int64)
        self._is_parked = np.zeros(cars, dtype=bool)
        self.settled_today = np.zeros(cars, dtype=bool)  # whose habits changed today
        self._settle(np.arange(cars))

    def _settle(self, cars: Whole) -> None:
        """New habits for `cars`."""
        dice, count = self._dice, len(cars)
        far = self._far[cars]
        self.rates[0, cars] = 0.95 * np.minimum(np.exp(0.6 * dice.standard_normal(count)), 3.0)
        commutes = dice.random(count) < np.clip(COMMUTERS * far, 0.0, 0.8)
        share = dice.uniform(0.15, 0.8, count)
        self.rates[1, cars] = np.where(commutes, share, 0.02)
        self.rates[2, cars] = 0.05 * far * np.exp(0.8 * dice.standard_normal(count))
        self.style[cars] = np.exp(STYLE_SD * dice.standard_normal(count))
        self.fast_share[cars] = dice.beta(0.8, 2.4, count)
        for kind, pool in enumerate(self._of_kind):
            # Everybody has favourite routes: few of the pool get most of the weight.
            weights = dice.gamma(0.4, 1.0, (count, len(pool))) + 1e-3
            self._routes[kind][cars] = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)

    def of_day(self, day: int) -> Counts:
        """How often each drive of the pool is driven on a day since 1970, uint8 of shape (cars, drives)."""
        dice, cars = self._dice, len(self._far)
        self._change_habits()
        summer = np.cos(2 * np.pi * (day % DAYS_OF_YEAR - 196.0) / DAYS_OF_YEAR)
        workday = is_workday(day)
        town = dice.poisson(self.rates[0] * (1.0 if workday else 0.9) * (1.0 - 0.08 * summer))
        works = 2 * (dice.random(cars) < self.rates[1] * (1.35 if workday else 0.1))
        is_away = self._away_left > 0
        far_rate = self.rates[2] * (0.7 if workday else 1.8) * (1.0 + 0.35 * summer)
        far = dice.poisson(np.where(is_away, 0.35, far_rate))
        stands = is_away & self._is_parked
        counts = np.zeros((cars, self._drives), dtype=np.uint8)
        for kind, trips in enumerate((town, np.where(is_away, 0, works), far)):
            wanted = np.where(stands, 0, np.minimum(trips, MOST_TRIPS[kind]))
            self._choose(kind, wanted, counts)
        return counts

    def _change_habits(self) -> None:
        dice, cars = self._dice, len(self._far)
        self._away_left = np.maximum(self._away_left - 1, 0)
        leaves = dice.random(cars) < 1.0 / HOLIDAY_EVERY_DAYS
        goes = leaves & (self._away_left == 0)
        self._away_left[goes] = HOLIDAY_DAYS
        self._is_parked = np.where(goes, dice.random(cars) < 0.5, self._is_parked)
        self.settled_today = dice.random(cars) < 1.0 / HABIT_DAYS
        changed = np.flatnonzero(self.settled_today)
        if len(changed):
            self._settle(changed)

    def _choose(self, kind: int, wanted: Whole, counts: Counts) -> None:
        for trip in range(MOST_TRIPS[kind]):
            throw = self._dice.random(len(wanted))
            cars = np.flatnonzero(wanted > trip)
            at = (throw[cars, None] > self._routes[kind][cars, :-1]).sum(axis=1)
            counts[cars, self._of_kind[kind][at]] += 1

    def fast_charges(self, km: Floats) -> Floats:
        """How often each car charged at a fast charger on a day of `km`, shape (cars,)."""
        return self._dice.poisson(self.fast_share * km * FAST_CHARGES_PER_KM).astype(np.float64)
