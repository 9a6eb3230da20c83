"""SentChunk: the one place where the world is read for sending. It copies numbers into arrays and keeps none of it."""

from __future__ import annotations

import numpy as np

from simulators.years.car_days import CarDays, TroubleCode
from simulators.years.demand import DayDemand
from simulators.years.sensors import CHANNELS
from simulators.years.telltales import Telltales

THERMOMETER_SD = 0.5


class SentChunk:
    """Gathers what cars send on `days`, day by day."""

    def __init__(self, days: range, telltales: Telltales) -> None:
        self.days = days
        self._telltales = telltales
        world = telltales.world
        shape = (len(days), world.count)
        self._sent = np.zeros(shape, dtype=bool)
        self._trips = np.zeros((*shape, len(world.drives)), dtype=np.uint8)
        self._odometer_m = np.full(shape, np.nan)
        self._mean, self._low = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
        self._fast = np.zeros(shape, dtype=np.uint8)
        self._readings = {channel.name: np.full(shape, np.nan, np.float32) for channel in CHANNELS}
        self._codes: list[TroubleCode] = []

    def add(self, day: int, demand: DayDemand) -> None:
        """What is sent in the evening of `day`, which is one of `days`."""
        at, tell = day - self.days[0], self._telltales
        sent = tell.connection.of_day() & (demand.trips > 0)
        self._sent[at] = sent
        self._trips[at, sent] = tell.world.counts[sent]
        self._odometer_m[at, sent] = np.floor(tell.world.odometer_km[sent] * 1000.0)
        for column, true in ((self._mean, demand.ambient_c), (self._low, demand.lowest_c)):
            shown = np.round(true + THERMOMETER_SD * tell.dice.standard_normal(len(sent)), 1)
            column[at, sent] = shown[sent]
        self._fast[at, sent] = demand.fast_charges[sent]
        for name, shown in tell.readings().items():
            self._readings[name][at, sent] = shown[sent]
        self._codes += [TroubleCode(day, car, code) for car, code in tell.codes() if sent[car]]

    def car_days(self) -> CarDays:
        """All of it."""
        return CarDays(
            np.arange(self.days[0], self.days[-1] + 1),
            self._sent,
            self._trips,
            self._odometer_m,
            self._mean,
            self._low,
            self._fast,
            self._readings,
            tuple(self._codes),
        )
