"""Parts: one item of all cars, the parts in use and those taken out, each followed to the day its limit is reached.

What was taken out early goes on wearing on paper, by the real driving of its car: so the judge knows when the limit
would have been reached had nobody intervened, which no workshop ever learns.
"""

from __future__ import annotations

import numpy as np

from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.demand import DayDemand

ROWS = 4  # the part in use, and up to three that were taken out before their limit
NOT_YET = -1


class PartLedger:
    """Every part that was ever in a car, in order of its installation; days since 1970, −1 where not (yet) known."""

    def __init__(self) -> None:
        self.size = 0
        self._columns = np.full((5, 1_024), NOT_YET, dtype=np.int64)

    def add(self, cars: Whole, installed_day: Whole) -> Whole:
        """Book one new part for each of `cars`; returns their rows."""
        rows = np.arange(self.size, self.size + len(cars))
        self.size += len(cars)
        while self.size > self._columns.shape[1]:
            self._columns = np.concatenate((self._columns, np.full_like(self._columns, NOT_YET)), axis=1)
        self._columns[0, rows] = cars
        self._columns[1, rows] = installed_day
        return rows

    @property
    def car(self) -> Whole:
        return self._columns[0, : self.size]

    @property
    def installed_day(self) -> Whole:
        return self._columns[1, : self.size]

    @property
    def removed_day(self) -> Whole:
        return self._columns[2, : self.size]

    @property
    def limit_day(self) -> Whole:
        return self._columns[3, : self.size]

    @property
    def known_day(self) -> Whole:
        """When its installation was reported, or −1 for never; a car's first parts are as old as the car."""
        return self._columns[4, : self.size]


class Parts:
    """The base of every law. A law names its arrays of state in `state`, each of shape (ROWS, cars); row 0 is in use.

    `typical_days` is about how long a part lives, from which the first parts of old cars get their age; less where
    somebody drives more, if it `is_by_distance`.
    """

    item = ""
    unit = ""
    typical_days = 1_000.0
    is_by_distance = False
    is_for_life = False  # the first one is as old as the car
    state: tuple[str, ...] = ()

    def __init__(self, has: Flags, dice: np.random.Generator) -> None:
        """`has`: which cars have this item, bool of shape (cars,)."""
        self.has = has
        self.dice = dice
        self.cars = len(has)
        self.ledger = PartLedger()
        self.row = np.full((ROWS, self.cars), NOT_YET, dtype=np.int64)
        self.limit_day = np.full((ROWS, self.cars), NOT_YET, dtype=np.int64)
        # A car's own rate, from what no signal tells: build, calipers, garage, roads.
        self.car_rate = np.ones(self.cars)
        # What a shift of a population does from some day on (`simulators.years.shift`).
        self.shifted = np.ones(self.cars)
        self.is_original = np.zeros(self.cars, dtype=bool)
        for name in self.state:
            setattr(self, name, np.zeros((ROWS, self.cars)))

    # What a law says ------------------------------------------------------------------------------------------------

    def fresh(self, cars: Whole) -> None:
        """Put new parts into row 0 of `cars`."""
        raise NotImplementedError

    def age(self, cars: Whole, days: Floats, share: Floats) -> None:
        """Let the parts in row 0 of `cars` be about `days` old at the beginning, which is a `share` of a usual life."""
        raise NotImplementedError

    def step(self, demand: DayDemand) -> None:
        """One day for all rows."""
        raise NotImplementedError

    def used(self) -> Floats:
        """How much of each part's life is gone, 1 at its limit; shape (ROWS, cars)."""
        raise NotImplementedError

    def stops(self) -> Flags:
        """Which cars this item stops on the road today, or drives to a workshop at once; shape (cars,)."""
        return np.zeros(self.cars, dtype=bool)

    def measured(self, cars: Whole) -> Floats:
        """What a perfect gauge would read on `cars`, in `unit`."""
        raise NotImplementedError

    def soundness(self, cars: Whole) -> Floats:
        """What a closer look finds, 1 for a sound part; the share of a life that is left unless a law knows better."""
        return np.clip(1.0 - self.now(self.used())[cars], 0.0, 1.0)

    # What is the same for all ---------------------------------------------------------------------------------------

    def begin(self, first_day: Whole, car_age_days: Floats, pace: Floats) -> None:
        """Fit the first parts: new ones in a car that is new on its `first_day`, older ones in old cars.

        `pace` is how much each car is driven against the fleet's middle. Arrays of shape (cars,).
        """
        cars = np.flatnonzero(self.has)
        life = self.typical_days / (pace if self.is_by_distance else np.ones(self.cars))
        days = np.minimum(self.dice.random(self.cars) * 0.93 * life, car_age_days)
        days = np.floor(car_age_days if self.is_for_life else days)
        self.is_original = days >= np.floor(car_age_days)
        self.fresh(cars)
        old = cars[days[cars] > 0]
        self.age(old, days[old], days[old] / life[old])
        self.row[0, cars] = self.ledger.add(cars, first_day[cars] - days[cars].astype(np.int64))
        self.ledger.known_day[self.row[0, cars[self.is_original[cars]]]] = first_day[cars[self.is_original[cars]]]

    def replace(self, cars: Whole, day: int) -> None:
        """New parts for `cars`; those taken out are followed on paper until they reach their limit."""
        self.ledger.removed_day[self.row[0, cars]] = day
        is_waiting = (self.row[1:, cars] >= 0) & (self.limit_day[1:, cars] < 0)
        # The place of one that is settled, or else of the one taken out first.
        place = 1 + np.argmin(np.where(is_waiting, self.row[1:, cars] + 1, 0), axis=0)
        for name in (*self.state, "row", "limit_day"):
            array = getattr(self, name)
            array[place, cars] = array[0, cars]
        self.limit_day[0, cars] = NOT_YET
        self.row[0, cars] = self.ledger.add(cars, np.full(len(cars), day))
        self.fresh(cars)

    def note_limits(self, day: int) -> None:
        """Write down what reached its limit today."""
        rows, cars = np.nonzero((self.row >= 0) & (self.limit_day < 0) & (self.used() >= 1.0))
        self.limit_day[rows, cars] = day
        self.ledger.limit_day[self.row[rows, cars]] = day

    @staticmethod
    def now(state: Floats) -> Floats:
        """Of the parts in use; shape (cars,)."""
        in_use: Floats = state[0]
        return in_use

    def scatter(self, sigma: float, count: int) -> Floats:
        """Log-normal factors around 1, cut at two and a half sigmas."""
        return np.exp(sigma * np.clip(self.dice.standard_normal(count), -2.5, 2.5))
