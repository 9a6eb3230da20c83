"""CarDays: what the cars of the fleet sent in a stretch of days, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class TroubleCode:
    """A trouble code that appeared in a car (index into the fleet's cars) on a day since 1970."""

    day: int
    car: int
    code: str


@dataclass(frozen=True)
class CarDays:
    """A stretch of `days` (d,), in days since 1970, of n cars.

    `sent` (d, n) says on which days a car was heard of: it drove and had a connection. Everything else of a car on any
    other day is 0 or NaN. `trips` (d, n, drives), uint8, counts how often each drive of the pool was driven, so that
    what a car saw of a day is the sum of those drives' signals. `odometer_m` (d, n) is what the instrument shows in the
    evening; the distance of days that were not sent shows in the next one. `ambient_mean_c` and `ambient_min_c` (d, n)
    are the car's own thermometer. `fast_charges` (d, n) counts. `readings` (d, n), by the name of the channel
    (`simulators.years.sensors`), are NaN in a car that has no such sensor.
    """

    days: np.ndarray
    sent: np.ndarray
    trips: np.ndarray
    odometer_m: np.ndarray
    ambient_mean_c: np.ndarray
    ambient_min_c: np.ndarray
    fast_charges: np.ndarray
    readings: Mapping[str, np.ndarray]
    codes: tuple[TroubleCode, ...]
