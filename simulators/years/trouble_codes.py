"""Trouble codes that appear: from what wears, and now and then from nothing at all. The numbers are SAE J2012's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from simulators.years.arrays import Floats

MISFIRE, SOOT, LOW_VOLTAGE, LOW_COOLANT, WEAK_PACK = "P0300", "P2463", "P0562", "P2560", "P0A7F"
# The chance that a code is set on a day on which its cause is there.
SETS = {SOOT: 0.15, LOW_VOLTAGE: 0.05, LOW_COOLANT: 0.25, WEAK_PACK: 0.02}
FALSE_PER_DAY = 1 / 1_500.0
FALSE = ("P0171", "P0420", "U0100", "P0128", MISFIRE, LOW_VOLTAGE)


class TroubleCodes:
    """One set of dice for the codes of all cars."""

    def __init__(self, dice: np.random.Generator) -> None:
        self._dice = dice

    def of_day(self, causes: Mapping[str, Floats], misfires: Floats) -> list[tuple[int, str]]:
        """Cars and codes that appear today. `causes`: bool per code, `misfires`: a chance; each of shape (cars,)."""
        cars = len(misfires)
        throws = self._dice.random((len(SETS) + 2, cars))
        which = self._dice.integers(0, len(FALSE), cars)
        appeared = [(int(car), MISFIRE) for car in np.flatnonzero(throws[0] < misfires)]
        for throw, (code, chance) in zip(throws[1:-1], SETS.items(), strict=True):
            appeared += [(int(car), code) for car in np.flatnonzero(causes[code] & (throw < chance))]
        appeared += [(int(car), FALSE[which[car]]) for car in np.flatnonzero(throws[-1] < FALSE_PER_DAY)]
        return sorted(set(appeared))
