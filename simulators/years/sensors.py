"""Sensors: what cars read of themselves, with noise and steps, in those that have the sensor, until the sensor fails.

A sensor sticks, drifts or falls silent with a chance of some 4 % a year (M), and one in two hundred broken ones is
mended a day, at some visit. Which share of cars has which sensor is (M); all cars sold in the EU since November 2014
monitor their tyres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simulators.years.arrays import Flags, Floats

STUCK, DRIFTING, SILENT = 1, 2, 3
FAILS_PER_DAY = 0.04 / 365.25
MENDED_PER_DAY = 1 / 200.0
SPIKES = 0.0004
DRIFT_SIGMAS_PER_DAY = 0.15


@dataclass(frozen=True, slots=True)
class Channel:
    """One reading a day: the share of cars that have it, its noise, the step it is sent in, its VSS name, its top."""

    name: str
    share: float
    noise: float
    step: float
    signal: str
    most: float = np.inf


_WHEEL = "Vehicle.Chassis.Axle.Row{row}.Wheel.{side}.{what}"
_WHEELS = [(name, row, side) for row, name in ((1, "front"), (2, "rear")) for side in ("Left", "Right")]
TYRE_CHANNELS = tuple(f"tyre_pressure_{name}_{side.lower()}_kpa" for name, _, side in _WHEELS)
CHANNELS = (
    Channel("front_pad_wear_pct", 0.35, 1.5, 1.0, _WHEEL.format(row=1, side="Left", what="Brake.PadWear"), 100.0),
    Channel("rear_pad_wear_pct", 0.35, 1.5, 1.0, _WHEEL.format(row=2, side="Left", what="Brake.PadWear"), 100.0),
    Channel("rest_voltage_v", 0.9, 0.04, 0.01, "Vehicle.LowVoltageBattery.CurrentVoltage"),
    Channel("crank_voltage_v", 0.85, 0.15, 0.01, "Vehicle.LowVoltageBattery.CurrentVoltage"),
    *(
        Channel(channel, 0.75, 2.5, 1.0, _WHEEL.format(row=row, side=side, what="Tire.Pressure"))
        for channel, (_, row, side) in zip(TYRE_CHANNELS, _WHEELS, strict=True)
    ),
    Channel("soot_load_pct", 0.85, 3.0, 1.0, "Vehicle.Powertrain.CombustionEngine.DieselParticulateFilter.SootLoad"),
    Channel(
        "filter_pressure_kpa",
        0.85,
        0.25,
        0.1,
        "Vehicle.Powertrain.CombustionEngine.DieselParticulateFilter.DeltaPressure",
    ),
    Channel("coolant_level_pct", 0.45, 2.0, 1.0, "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Level", 100.0),
    Channel("state_of_health_pct", 0.9, 0.6, 0.5, "Vehicle.Powertrain.TractionBattery.StateOfHealth", 100.0),
)
# Sensors that a maker fits together.
_TOGETHER = {"rear_pad_wear_pct": "front_pad_wear_pct", "filter_pressure_kpa": "soot_load_pct"}
_TOGETHER |= dict.fromkeys(TYRE_CHANNELS[1:], TYRE_CHANNELS[0])


class Sensors:
    """All channels of all cars, and which of them are broken since when."""

    def __init__(self, has: Mapping[str, Flags], dice: np.random.Generator) -> None:
        """`has`: for each channel the cars that can have it at all, bool of shape (cars,)."""
        self._dice = dice
        throws = {channel.name: dice.random(len(has[channel.name])) for channel in CHANNELS}
        self.fitted = {
            channel.name: has[channel.name] & (throws[_TOGETHER.get(channel.name, channel.name)] < channel.share)
            for channel in CHANNELS
        }
        self.fault = {channel.name: np.zeros(len(has[channel.name]), dtype=np.int64) for channel in CHANNELS}
        self._last = {channel.name: np.full(len(has[channel.name]), np.nan) for channel in CHANNELS}
        self._offset = {channel.name: np.zeros(len(has[channel.name])) for channel in CHANNELS}
        self._slope = {channel.name: np.zeros(len(has[channel.name])) for channel in CHANNELS}

    def read(self, true: Mapping[str, Floats]) -> dict[str, Floats]:
        """What each channel shows today of the `true` values, NaN where there is nothing; shape (cars,) each."""
        return {channel.name: self._read(channel, true[channel.name]) for channel in CHANNELS}

    def _read(self, channel: Channel, true: Floats) -> Floats:
        name, dice, cars = channel.name, self._dice, len(true)
        throws = dice.random((3, cars))
        noise = channel.noise * dice.standard_normal(cars)
        self._break(channel, throws)
        fault, last = self.fault[name], self._last[name]
        self._offset[name] = np.where(fault == DRIFTING, self._offset[name] + self._slope[name], 0.0)
        value = np.round((true + noise + self._offset[name]) / channel.step) * channel.step
        # A loose plug or a bit that fell over: a value from anywhere, once.
        value = np.where(throws[2] < SPIKES, value * (0.3 + 1.4 * throws[1]), value)
        value = np.where(fault == STUCK, last, value)
        value = np.clip(value, 0.0, channel.most)
        self._last[name] = np.where(fault == STUCK, last, value)
        return np.where(self.fitted[name] & (fault != SILENT), value, np.nan)

    def _break(self, channel: Channel, throws: Floats) -> None:
        fault = self.fault[channel.name]
        breaks = (fault == 0) & (throws[0] < FAILS_PER_DAY)
        mends = (fault > 0) & (throws[0] > 1.0 - MENDED_PER_DAY)
        fault[breaks] = 1 + (throws[1][breaks] * 3).astype(np.int64)
        fault[mends] = 0
        slope = DRIFT_SIGMAS_PER_DAY * channel.noise * np.where(throws[2] < 0.5, -1.0, 1.0)
        self._slope[channel.name] = np.where(breaks, slope, self._slope[channel.name])


class Connection:
    """Whether a car that drove is heard of: single days are lost, some cars drop out for weeks, some for good (M)."""

    LOST, DROPS_PER_DAY, MEAN_OUTAGE_DAYS, LEAVES_PER_DAY = 0.02, 1 / 220.0, 7.0, 0.02 / 365.25

    def __init__(self, cars: int, dice: np.random.Generator) -> None:
        self._dice = dice
        self._out = np.zeros(cars, dtype=np.int64)

    def of_day(self) -> Flags:
        """Which cars have a connection today, bool of shape (cars,)."""
        dice, cars = self._dice, len(self._out)
        throws = dice.random((3, cars))
        length = dice.geometric(1 / self.MEAN_OUTAGE_DAYS, cars)
        self._out = np.maximum(self._out - 1, 0)
        self._out = np.where((self._out == 0) & (throws[0] < self.DROPS_PER_DAY), length, self._out)
        self._out = np.where(throws[1] < self.LEAVES_PER_DAY, 100_000, self._out)
        is_lost: Flags = throws[2] < self.LOST
        is_out: Flags = self._out > 0
        return ~is_out & ~is_lost
