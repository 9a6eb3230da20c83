"""Shift: from a day on, a population of cars wears or fails differently. It is what drift looks like in a fleet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.years.arrays import Flags, Whole
from simulators.years.powertrain import BATTERY, FRONT_PADS

POPULATION_DAYS = 3 * 365


@dataclass(frozen=True, slots=True)
class Shift:
    """Cars built in [`built_from`, `built_until`) use up `item` `factor` times as fast from `from_day` on."""

    item: str
    from_day: int
    built_from: int
    built_until: int
    factor: float
    cause: str

    def population(self, built_day: Whole) -> Flags:
        """Which cars it concerns, bool of shape (cars,)."""
        return (built_day >= self.built_from) & (built_day < self.built_until)


def drawn_shifts(dice: np.random.Generator, start_day: int) -> tuple[Shift, ...]:
    """Two shifts in the second year after `start_day`: a batch of pads that is too soft, and software that drains."""
    shifts = []
    for item, factor, cause in (
        (FRONT_PADS, 1.5, "a supplier's softer friction material"),
        (BATTERY, 1.8, "an update that keeps a computer awake, until the recall"),
    ):
        built_from = start_day - int(dice.integers(POPULATION_DAYS, 2 * POPULATION_DAYS))
        from_day = start_day + int(dice.integers(400, 700))
        shifts.append(Shift(item, from_day, built_from, built_from + POPULATION_DAYS, factor, cause))
    return tuple(shifts)
