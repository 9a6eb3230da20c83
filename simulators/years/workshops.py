"""Workshops: dealers and others, what they measure and with which error, and how much of it is ever reported.

A gauge read through a wheel is good to a quarter of a millimetre, and each dealer reads it a little differently (M). Of
a dealer's work 3 % is never entered and 5 % weeks late; of what is done elsewhere the owner enters three in ten (M).
"""

from __future__ import annotations

import numpy as np

from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.parts import Parts
from simulators.years.powertrain import (
    BATTERY,
    COOLANT,
    FILTER,
    FLUID,
    FRONT_PADS,
    LEAK,
    OIL,
    PARTICULATE,
    PLUGS,
    REAR_PADS,
    TRACTION,
    TYRES,
)

DEALERS = 40
# Standard deviation of one measurement in the item's unit; each dealer's own bias has three fifths of it.
ERRORS = {
    **{FRONT_PADS: 0.25, REAR_PADS: 0.3, TYRES: 0.3, OIL: 5.0, BATTERY: 0.05, COOLANT: 3.0, PARTICULATE: 5.0},
    **{TRACTION: 1.2, PLUGS: 9.0, FILTER: 10.0, FLUID: 0.2, LEAK: 5.0},
}
BIAS_SHARE = 0.6
# What is looked at on every visit even when nothing is due.
LOOKED_AT = (FRONT_PADS, REAR_PADS, TYRES, BATTERY, COOLANT, PARTICULATE, TRACTION)
STEPS = {FRONT_PADS: 0.1, REAR_PADS: 0.1, TYRES: 0.1, BATTERY: 0.01, FLUID: 0.1}
NEVER, LATE, LATE_DAYS = 0.03, 0.05, (10, 60)
ELSEWHERE_NEVER, ELSEWHERE_DAYS, ELSEWHERE_VALUE = 0.7, 40, 0.3
KNOWN_PAST = 0.8  # of the cars' histories before the start are known


class Workshops:
    """Which dealer a car goes to, and how that one measures."""

    def __init__(self, cars: int, dice: np.random.Generator) -> None:
        self._dice = dice
        self.dealer = dice.integers(0, DEALERS, cars)
        self._bias = {item: BIAS_SHARE * sd * dice.standard_normal(DEALERS) for item, sd in ERRORS.items()}
        self._diligence = dice.beta(8.0, 2.0, DEALERS)
        self.knows_past = dice.random(cars) < KNOWN_PAST

    def measure(self, parts: Parts, cars: Whole, is_elsewhere: Flags) -> Floats:
        """What the workshop reads on `cars`, NaN for what can't be measured; another workshop's gauges are worse."""
        true = parts.measured(cars)
        if parts.item not in ERRORS:
            return true
        noise = ERRORS[parts.item] * self._dice.standard_normal(len(cars)) * np.where(is_elsewhere, 1.5, 1.0)
        read = true + self._bias[parts.item][self.dealer[cars]] + noise
        step = STEPS.get(parts.item, 1.0)
        return np.maximum(np.round(read / step) * step, 0.0)

    def wants_to_replace(self, parts: Parts, cars: Whole, read: Floats) -> Flags:
        """Whether the workshop, by what it read and saw, says that `parts` must be done now; bool like `cars`."""
        item, luck = parts.item, self._dice.random(len(cars))
        if item in (FRONT_PADS, REAR_PADS):
            return read <= 4.5  # would not last until the next check
        if item == TYRES:
            return read <= 3.3
        if item in (OIL, FILTER, PLUGS):
            return read <= 8.0
        if item == BATTERY:
            # A tester loads it for some seconds and says how strong it is, give or take a tenth.
            return parts.soundness(cars) + 0.08 * (luck - 0.5) * 3.5 < 0.40
        if item in (COOLANT, LEAK):
            return (parts.soundness(cars) < 1.0) & (luck < 0.65)
        if item == PARTICULATE:
            return read >= 68.0
        if item == TRACTION:
            return read < 70.0
        return read >= 2.9 if item == FLUID else np.zeros(len(cars), dtype=bool)

    def writes_down(self, cars: Whole) -> Flags:
        """Whether a measurement that led to no work is entered."""
        return self._dice.random(len(cars)) < self._diligence[self.dealer[cars]]

    def known_after(self, is_elsewhere: Flags) -> tuple[Floats, Floats]:
        """After how many days each record is known, −1 for never, and whether its value is given with it."""
        count = len(is_elsewhere)
        throws = self._dice.random((3, count))
        late = self._dice.integers(*LATE_DAYS, count)
        dealer = np.where(throws[0] < NEVER, -1, np.where(throws[0] < NEVER + LATE, late, throws[1] < 0.4))
        other = np.where(throws[0] < ELSEWHERE_NEVER, -1, throws[1] * ELSEWHERE_DAYS).astype(np.int64)
        has_value = np.where(is_elsewhere, throws[2] < ELSEWHERE_VALUE, throws[2] < 0.96)
        return np.where(is_elsewhere, other, dealer).astype(np.int64), has_value
