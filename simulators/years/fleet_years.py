"""FleetYears: so many cars over so many days, one step per day, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from simulators.drive import Drive, load_drives
from simulators.years.car import Car
from simulators.years.car_days import CarDays
from simulators.years.foresight import Foresight
from simulators.years.garage import Garage
from simulators.years.powertrain import WEAR
from simulators.years.reported_service import ReportedService
from simulators.years.sent_chunk import SentChunk
from simulators.years.shift import Shift, drawn_shifts
from simulators.years.telltales import Telltales
from simulators.years.truth import PartLives, Truth
from simulators.years.world import World

# Years lived before the start, so that cars, parts and habits are mixed as in life; and after it, for the judge.
BEFORE_DAYS, BEYOND_DAYS = 730, 730
CHUNK_DAYS = 28


class FleetYears:
    """`cars` cars for `days` days from `start_day` (days since 1970) on.

    `chunks` gives what is sent and reported, in order of time, once; after it `truth` tells the judge the rest, with
    the parts followed `beyond_days` further. Raises ValueError for numbers that make no fleet.
    """

    def __init__(
        self,
        seed: int,
        cars: int,
        days: int,
        start_day: int,
        *,
        drives: Sequence[Drive] | None = None,
        shifts: Sequence[Shift] | None = None,
        before_days: int = BEFORE_DAYS,
        beyond_days: int = BEYOND_DAYS,
    ) -> None:
        """`drives`: another pool than the shipped one. `shifts`: other drift than the seed's own; () for none.

        With fewer `before_days` the fleet is less mixed at the start, and its histories are shorter.
        """
        numbers = {"cars": (cars, 1), "days": (days, 1), "seed": (seed, 0)}
        numbers |= {"before_days": (before_days, 0), "beyond_days": (beyond_days, 0)}
        for name, (value, least) in numbers.items():
            if value < least:
                raise ValueError(f"{name} is at least {least}, not {value}")
        self.drives: tuple[Drive, ...] = tuple(drives if drives is not None else load_drives())
        if not self.drives:
            raise ValueError("drives is empty: give at least one recorded drive")
        self.start_day, self.days = start_day, days
        self._beyond_days = beyond_days
        sources = iter(np.random.SeedSequence(seed).spawn(32))
        dices = iter(np.random.default_rng(source) for source in sources)
        drawn = drawn_shifts(next(dices), start_day)
        self.shifts: tuple[Shift, ...] = drawn if shifts is None else tuple(shifts)
        first_day = start_day - before_days
        self._world = World(self.drives, cars, first_day, start_day, self.shifts, dices)
        self._telltales = Telltales(self._world)
        self._garage = Garage(self._telltales, start_day, dices)
        self.cars: tuple[Car, ...] = self._world.cars
        self._first_day = first_day
        self._truth: Truth | None = None
        self._foresight = Foresight(self._world, WEAR)
        self._has_run = False

    def chunks(self) -> Iterator[tuple[CarDays, list[ReportedService]]]:
        """What was sent and what became known, some weeks at a time. Raises RuntimeError when asked for again."""
        if self._has_run:
            raise RuntimeError("a FleetYears runs once: make another one with the same seed")
        self._has_run = True
        for day in range(self._first_day, self.start_day):
            self._garage.step(day, self._world.step(day))
            self._foresight.note(day, says=False)
        end = self.start_day + self.days
        for begin in range(self.start_day, end, CHUNK_DAYS):
            chunk = SentChunk(range(begin, min(begin + CHUNK_DAYS, end)), self._telltales)
            for day in chunk.days:
                demand = self._world.step(day)
                chunk.add(day, demand)
                self._garage.step(day, demand)
                self._foresight.note(day)
            yield chunk.car_days(), self._garage.known_until(chunk.days[-1])
        for day in range(end, end + self._beyond_days):
            self._world.step(day)
        self._truth = self._written_truth(end + self._beyond_days)

    @property
    def truth(self) -> Truth:
        """For the judge, after the last chunk. Raises RuntimeError before."""
        if self._truth is None:
            raise RuntimeError("the truth is known when the last chunk has been read")
        return self._truth

    @property
    def foresight(self) -> Foresight:
        """For the judge too, after the last chunk. Raises RuntimeError before."""
        if self._truth is None:
            raise RuntimeError("what could be known is told when the last chunk has been read")
        return self._foresight

    def _written_truth(self, until: int) -> Truth:
        lives = {}
        for item, parts in self._world.parts.items():
            book = parts.ledger
            columns = (book.car, book.installed_day, book.removed_day, book.limit_day, book.known_day)
            lives[item] = PartLives(*(column.copy() for column in columns))
        return Truth(len(self.cars), lives, until)
