"""One fleet that ran for two years, shared by the tests that only look at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from simulators.drive import Drive
from simulators.years.car_days import CarDays
from simulators.years.fleet_years import FleetYears
from simulators.years.reported_service import ReportedService
from simulators.years.shift import Shift
from simulators.years.truth import PartLives

START_DAY = 20_089  # 1 January 2025
CARS, DAYS = 500, 730
# From the third month on the front pads of every car built in a span of three years wear twice as fast.
SHIFT = Shift("front_brake_pads", START_DAY + 60, START_DAY - 1_900, START_DAY - 800, 2.0, "for the tests")


@dataclass(frozen=True)
class RunFleet:
    """A finished fleet with all it sent and reported."""

    fleet: FleetYears
    chunks: list[tuple[CarDays, list[ReportedService]]]

    @property
    def services(self) -> list[ReportedService]:
        return [service for _, known in self.chunks for service in known]

    def together(self, field: str) -> np.ndarray:
        """A field of all CarDays, one after another."""
        return np.concatenate([getattr(days, field) for days, _ in self.chunks])

    def reading(self, channel: str) -> np.ndarray:
        return np.concatenate([days.readings[channel] for days, _ in self.chunks])

    def km_per_day(self) -> np.ndarray:
        """By the odometers that were sent, NaN for a car that was never heard of."""
        odometer = self.together("odometer_m")
        heard = np.isfinite(odometer)
        driven = np.where(heard, odometer, -np.inf).max(axis=0) - np.where(heard, odometer, np.inf).min(axis=0)
        days = len(odometer) - 1 - np.argmax(heard[::-1], axis=0) - np.argmax(heard, axis=0)
        return np.where(heard.sum(axis=0) > 1, driven / 1000 / np.maximum(days, 1), np.nan)

    def lives_days(self, item: str, of: np.ndarray | None = None) -> np.ndarray:
        """From installation to the limit, of the parts put in before the start; one not reached counts as for ever."""
        lives: PartLives = self.fleet.truth.lives[item]
        early = (lives.installed_day < START_DAY) & (lives.installed_day >= START_DAY - 730)
        early &= True if of is None else of[lives.car]
        return np.where(lives.limit_day < 0, 10**6, lives.limit_day - lives.installed_day)[early]

    def is_of(self, *powertrains: str) -> np.ndarray:
        return np.array([car.powertrain in powertrains for car in self.fleet.cars])


@pytest.fixture(scope="session")
def ran(drives: list[Drive]) -> RunFleet:
    fleet = FleetYears(20_251_127, CARS, DAYS, START_DAY, drives=drives, shifts=(SHIFT,))
    return RunFleet(fleet, list(fleet.chunks()))
