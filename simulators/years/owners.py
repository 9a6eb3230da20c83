"""Owners: when they go to a workshop. By the booklet, some weeks late; when a lamp lights; or when the car stands.

How late, how many go by the book for pads and batteries too, and how many go elsewhere is (M).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.powertrain import ITEMS, POWER_TRAINS
from simulators.years.schedule import BY_ALL, BY_THE_BOOK, fixed_schedule

DELAY_DAYS, DELAY_SD = 21.0, 0.8
BOOKISH = 0.35
ALMOST = 0.90  # what is due soon is done at the same visit
NO_VISIT = np.iinfo(np.int64).max
# The chance that somebody reacts on a day with this lamp on.
REACTIONS = {"pads": 0.10, "pressure": 0.20, "coolant": 0.12, "filter": 0.08, "battery": 0.004, "misfire": 0.10}


class Owners:
    """Each owner's ways, what they know of past work, and the visit that they plan."""

    def __init__(self, power_train: Whole, intervals: Mapping[str, Floats], dice: np.random.Generator) -> None:
        """`intervals`: days, shape (cars,), for items whose interval is the place's and not the booklet's."""
        self._dice = dice
        cars = len(power_train)
        self.delay_days = DELAY_DAYS * np.exp(DELAY_SD * dice.standard_normal(cars))
        self.is_bookish = dice.random(cars) < BOOKISH
        self.elsewhere = np.where(dice.random(cars) < 0.35, dice.uniform(0.2, 0.9, cars), 0.05)
        self.heeds = dice.uniform(0.4, 1.3, cars)
        self.planned = np.full(cars, NO_VISIT)
        self.last_day = {item: np.zeros(cars) for item in ITEMS}
        self.last_km = {item: np.zeros(cars) for item in ITEMS}
        self._days: dict[str, Floats] = {}
        self._km: dict[str, Floats] = {}
        for item in ITEMS:
            rules = [fixed_schedule(item, kind.name) for kind in POWER_TRAINS]
            days = np.array([np.inf if rule is None or rule.days is None else rule.days for rule in rules])
            km = np.array([np.inf if rule is None or rule.km is None else rule.km for rule in rules])
            self._days[item] = intervals.get(item, days[power_train])
            self._km[item] = km[power_train]

    def share_of_interval(self, item: str, day: int, odometer_km: Floats) -> Floats:
        """How much of the booklet's interval is over, 1 when due; shape (cars,)."""
        by_days = (day - self.last_day[item]) / self._days[item]
        return np.maximum(by_days, (odometer_km - self.last_km[item]) / self._km[item])

    def is_due(self, item: str, day: int, odometer_km: Floats, share: float = 1.0) -> Flags:
        """Whether an owner wants `item` done by the booklet, once `share` of the interval is over; shape (cars,)."""
        if item in BY_ALL:
            return self.share_of_interval(item, day, odometer_km) >= share
        if item in BY_THE_BOOK:
            return self.is_bookish & (self.share_of_interval(item, day, odometer_km) >= share)
        return np.zeros(len(self.planned), dtype=bool)

    def visits(self, day: int, odometer_km: Floats, is_built: Flags, lamps: Mapping[str, Floats]) -> Flags:
        """Which cars stand in a workshop today, bool of shape (cars,)."""
        free = is_built & (self.planned == NO_VISIT)
        due = np.zeros(len(free), dtype=bool)
        for item in (*BY_ALL, *BY_THE_BOOK):
            due |= self.is_due(item, day, odometer_km)
        plans = np.flatnonzero(free & due)
        later = self.delay_days[plans] * self._dice.uniform(0.3, 1.7, len(plans))
        self.planned[plans] = day + np.minimum(later, 150.0).astype(np.int64)
        throws = self._dice.random((len(REACTIONS), len(free)))
        reacts = np.zeros(len(free), dtype=bool)
        for throw, (lamp, chance) in zip(throws, REACTIONS.items(), strict=True):
            reacts |= lamps[lamp] & (throw < chance * self.heeds)
        return is_built & ((self.planned <= day) | reacts)

    def was_done(self, item: str, cars: Whole, day: int, odometer_km: Floats) -> None:
        """`item` of `cars` is as new."""
        self.last_day[item][cars] = day
        self.last_km[item][cars] = odometer_km[cars]
