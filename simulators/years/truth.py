"""Truth: when each part of each car reaches its limit if nobody intervenes. For the judge alone.

Nothing that is sent or reported refers to it, and it is only made when the run is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simulators.years.arrays import Whole

NO_PART = -1


@dataclass(frozen=True)
class PartLives:
    """All parts of one item, in order of installation; arrays of shape (parts,), in days since 1970, −1 for never.

    `limit_day` is when it reached its limit or failed, or would have, had it stayed in and the car been driven as it
    was; −1 if not until `Truth.followed_until`, or if it was lost from sight. `known_day` is when its installation was
    reported: the first parts of a car count as known.
    """

    car: Whole
    installed_day: Whole
    removed_day: Whole
    limit_day: Whole
    known_day: Whole

    def in_use(self, day: int, cars: int) -> Whole:
        """Which part each of `cars` cars has on the evening of a day: positions in these arrays, or NO_PART."""
        holds = (self.installed_day <= day) & ((self.removed_day < 0) | (self.removed_day > day))
        at = np.full(cars, NO_PART, dtype=np.int64)
        at[self.car[holds]] = np.flatnonzero(holds)
        return at


@dataclass(frozen=True)
class Truth:
    """The lives of all parts by item, and up to which day (exclusive) they were followed."""

    cars: int
    lives: Mapping[str, PartLives]
    followed_until: int

    def limit_day(self, item: str, day: int) -> Whole:
        """When the part that each car has on `day` reaches its limit, −1 for not known or no part; shape (cars,).

        Raises KeyError for an item that the fleet does not know.
        """
        lives = self.lives[item]
        at = lives.in_use(day, self.cars)
        return np.where(at >= 0, lives.limit_day[at], -1) if len(lives.car) else np.full(self.cars, -1)
