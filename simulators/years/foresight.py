"""Foresight: what somebody would say who knew the present of every part and driver exactly, but no future.

The yardstick for due dates: nobody can know today what is left of each part, and what it loses per day as its driver
drives now, better than the fleet itself does. What remains of the error is the future: weather, holidays, and habits
that change.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simulators.years.arrays import Floats, Whole
from simulators.years.driver import HABIT_DAYS
from simulators.years.world import World

SETTLES_DAYS = 60.0  # so many days of new habits outweigh the car's own past
ROUNDS = 8  # of the fixed point: habits last a time that depends on the date
FAR_DAYS = 36_500.0


class Foresight:
    """Due days by item and day, for the judge alone; to be told of every day from the fleet's first one on."""

    def __init__(self, world: World, items: Sequence[str]) -> None:
        self._world = world
        cars = world.count
        self._used = {item: world.parts[item].used()[0].copy() for item in items}
        self._row: dict[str, Whole] = {item: world.parts[item].row[0].copy() for item in items}
        self._lost = {item: np.zeros(cars) for item in items}  # of lives, since the first day
        self._lately = {item: np.zeros(cars) for item in items}  # the same since the driver's habits changed
        self._days = 0
        self._days_lately = np.zeros(cars)
        self._due: dict[str, dict[int, Floats]] = {item: {} for item in items}

    def note(self, day: int, *, says: bool = True) -> None:
        """A day was lived; with `says`, remember what would be said on its evening."""
        is_new = self._world.drivers.settled_today
        self._days += 1
        self._days_lately = np.where(is_new, 1.0, self._days_lately + 1.0)
        for item, before in self._used.items():
            parts = self._world.parts[item]
            used, row = parts.used()[0], parts.row[0]
            lost = np.where(row == self._row[item], np.maximum(used - before, 0.0), 0.0)
            self._lost[item] += lost
            self._lately[item] = np.where(is_new, lost, self._lately[item] + lost)
            self._used[item], self._row[item] = used.copy(), row.copy()
            if says:
                self._due[item][day] = day + self._days_left(item)

    def due_days(self, item: str, day: Whole, car: Whole) -> Floats:
        """What would have been said of the parts in use, shape (n,); KeyError for a day nothing was said on."""
        table = self._due[item]
        return np.array([table[one][whose] for one, whose in zip(day.tolist(), car.tolist(), strict=True)])

    def _days_left(self, item: str) -> Floats:
        usual = self._lost[item] / self._days
        own = (self._lately[item] + SETTLES_DAYS * usual) / (self._days_lately + SETTLES_DAYS)
        has = self._world.parts[item].has
        fleet = float(usual[has].mean()) if has.any() else 0.0
        left = np.maximum(1.0 - self._used[item], 0.0)
        days: Floats = left / np.maximum(own, 1.0 / FAR_DAYS)
        for _ in range(ROUNDS):
            # Habits last for an exponential time, and are anybody's after it.
            stays = -np.expm1(-days / HABIT_DAYS) / np.maximum(days / HABIT_DAYS, 1e-9)
            days = left / np.maximum(stays * own + (1.0 - stays) * fleet, 1.0 / FAR_DAYS)
        return days
