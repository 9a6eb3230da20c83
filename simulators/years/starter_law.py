"""12 V battery: it ages in the heat and dies in the cold.

Age: corrosion doubles with every 10 K (Arrhenius' rule of thumb), short trips and standing half charged sulphate it.
BCI (2010) found 55 months of life on average, 59 in the cool North and 47 in the warm South. Death: of the power it has
at 27 °C, 65 % is there at 0 °C and 40 % at −18 °C, while an engine asks for 155 % and 210 % (the table workshops print:
mackertautomotive.com). So a battery that has lost half of its margin starts an engine all summer and fails in the first
cold spell; ADAC counts its busiest days in frost, and batteries of five to six years most often. One in two hundred a
year fails without notice, of a broken cell (M). Cars without a starter motor have a smaller battery for computers: it
fails when it no longer holds its charge, and hardly minds the cold.
"""

from __future__ import annotations

import numpy as np

from simulators.wear_truth import OPEN_CIRCUIT_V
from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.demand import DayDemand
from simulators.years.parts import Parts
from simulators.years.powertrain import BATTERY

LIFE_DAYS = 64 * 30.44  # at the rated temperature, never short of charge
DOUBLING_K, RATED_C = 10.0, 15.0
SHORT_TRIP_DAYS = 0.15  # each short trip ages it as this many days do
POWER_C = np.array([-32.0, -18.0, 0.0, 27.0])
POWER_THERE = np.array([0.25, 0.40, 0.65, 1.0])
POWER_ASKED = np.array([3.5, 2.1, 1.55, 1.0])
MARGIN, MARGIN_SD = 12.0, 0.10  # a new battery gives twelve times what an engine asks for at 27 °C: enough for −30 °C
DRAIN_PER_DAY, CHARGED_PER_KM, CHARGED_MOST = 0.010, 0.008, 0.25
WINTER_DRAIN = 0.045
BROKEN_PER_DAY = 0.005 / 365.25
MAKE_SD, CAR_SD, DAY_SD = 0.16, 0.12, 0.06
CRANK_A, OHM = 260.0, 0.0055
COMPUTERS_NEED = 0.32


class StarterLaw(Parts):
    """`aged` is in lives (1 at about the end), `charge` 0 to 1, `failed` 1 from the morning it did not start."""

    item = BATTERY
    unit = "V"
    typical_days = 1_500.0
    state = ("aged", "charge", "rate", "margin", "waits", "failed")
    aged: Floats
    charge: Floats
    rate: Floats
    margin: Floats
    waits: Floats
    failed: Floats

    def __init__(self, has: Flags, dice: np.random.Generator, has_starter: Flags) -> None:
        super().__init__(has, dice)
        self.car_rate = self.scatter(CAR_SD, self.cars)
        self.has_starter = has_starter
        self._lowest_c = np.full(self.cars, 15.0)

    def fresh(self, cars: Whole) -> None:
        count = len(cars)
        self.aged[0, cars] = 0.0
        self.charge[0, cars] = 0.95
        self.rate[0, cars] = self.scatter(MAKE_SD, count)
        self.margin[0, cars] = MARGIN * self.scatter(MARGIN_SD, count)
        self.waits[0, cars] = self.dice.exponential(1.0, count)
        self.failed[0, cars] = 0.0

    def age(self, cars: Whole, days: Floats, share: Floats) -> None:
        self.aged[0, cars] = np.minimum(days / LIFE_DAYS, 0.9) * self.scatter(0.1, len(cars))

    def step(self, demand: DayDemand) -> None:
        # The engine bay is warmer than the air while the car drives, and in the sun.
        bay = demand.ambient_c + np.minimum(demand.minutes, 240.0) / 240.0 * 18.0
        heat = np.clip(2.0 ** ((bay - RATED_C) / DOUBLING_K), 0.3, 4.0)
        flat = 1.0 + 1.5 * np.clip(0.7 - self.charge, 0.0, 0.7)
        days = (0.65 + 0.35 * heat) * demand.is_built + SHORT_TRIP_DAYS * demand.short_trips
        self.aged += days / LIFE_DAYS * self.car_rate * self.shifted * flat * self.rate
        # A cold battery takes less charge, and a worn one no longer a full one.
        takes = np.clip(0.6 + 0.4 * (demand.ambient_c + 10.0) / 25.0, 0.4, 1.0)
        charged = np.minimum(demand.km * CHARGED_PER_KM, CHARGED_MOST) * takes
        # Heaters, lamps and fans of a cold day take what a short trip does not put back.
        heated = WINTER_DRAIN * np.clip((8.0 - demand.ambient_c) / 15.0, 0.0, 1.3) * np.minimum(demand.trips, 4.0)
        drain = (DRAIN_PER_DAY + 0.004 * demand.short_trips + heated) * demand.is_built
        full = 1.0 - 0.45 * np.clip(self.aged, 0.0, 1.4) ** 6
        np.clip(self.charge - drain + charged, 0.05, np.maximum(full, 0.1), out=self.charge)
        self.waits -= BROKEN_PER_DAY * (0.5 + np.clip(self.aged, 0.0, 1.5)) * demand.is_built
        self._lowest_c = demand.lowest_c
        self._try(demand)

    def _try(self, demand: DayDemand) -> None:
        """Whether it starts the engine this morning, if anybody tries."""
        tries = (demand.trips > 0) & self.has
        noise = np.exp(DAY_SD * self.dice.standard_normal(self.cars))
        there, asked = (np.interp(demand.lowest_c, POWER_C, table) for table in (POWER_THERE, POWER_ASKED))
        strength = self.strength()
        cranks = self.margin * strength * there * noise >= asked
        holds = strength * (0.85 + 0.15 * there) * noise >= COMPUTERS_NEED
        works = np.where(self.has_starter, cranks, holds) & (self.waits > 0.0)
        self.failed[tries & ~works] = 1.0

    def strength(self) -> Floats:
        """What is left of its power when new, at the same temperature; shape (ROWS, cars)."""
        aged = np.clip(self.aged, 0.0, 1.45)
        return np.maximum(1.0 - 0.55 * aged**1.5, 0.02) * (0.4 + 0.6 * self.charge**0.7)

    def used(self) -> Floats:
        return self.failed

    def stops(self) -> Flags:
        return self.has & (self.now(self.failed) > 0)

    def soundness(self, cars: Whole) -> Floats:
        """A tester loads it for some seconds and shows its strength."""
        return self.now(self.strength())[cars]

    def rest_v(self) -> Floats:
        """Voltage after standing overnight; shape (cars,). A broken cell shows only when it breaks."""
        charges, volts = zip(*OPEN_CIRCUIT_V, strict=True)
        resting: Floats = np.interp(self.now(self.charge), charges, volts)
        return resting - 0.08 * np.clip(self.now(self.aged), 0.0, 1.3) ** 2

    def crank_v(self) -> Floats:
        """Lowest voltage while the starter turns, at the day's lowest temperature; shape (cars,)."""
        there, asked = (np.interp(self._lowest_c, POWER_C, table) for table in (POWER_THERE, POWER_ASKED))
        ohm = OHM / np.maximum(self.now(self.strength()) * there, 0.05)
        cranking: Floats = np.maximum(self.rest_v() - CRANK_A * (0.7 + 0.3 * asked) * ohm * 0.9, 3.5)
        return cranking

    def measured(self, cars: Whole) -> Floats:
        return self.rest_v()[cars]
