"""DayDemand: what a day's drives ask of each car, as sums over the recorded drives.

Braking and its pad wear are `simulators.braking`, fuel is that of `simulators.wear_truth`: one rule for the demo's cars
and for these. Tyres wear by distance and speed: EMEP/CORINAIR's speed correction for tyre particles, 1.39 up to
40 km/h, falling linearly to 0.90 above 90 km/h.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulators.braking import FRONT, NO_RECUPERATION, REAR, brake_demand
from simulators.drive import COOLANT, ENGINE_SPEED, Drive
from simulators.wear_truth import COLD_OIL_EXTRA, OIL_BUDGET_L, SHORT_TRIP_M, trip_demand
from simulators.years.arrays import Counts, Floats, Whole
from simulators.years.powertrain import POWER_TRAINS, PowerTrain

# Braking is not quite linear in mass; between these two it is taken to be.
LIGHT_KG, HEAVY_KG = 1_150.0, 2_150.0
# What a filter's regeneration needs: a warm engine above this speed for this long (AA: ten minutes above 40 mph; M).
REGENERATION_KMH, REGENERATION_MINUTES, WARM_C = 60.0, 12.0, 75.0

COLUMNS = (
    "km",
    "minutes",
    "trips",
    "short_trips",
    "fuel_l",
    "cold_fuel_l",
    "revolutions_m",
    "tyre_km",
    "regenerations",
)
PADS = ("front_mm", "front_cold_mm", "rear_mm", "rear_cold_mm")


@dataclass(frozen=True, slots=True)
class DayDemand:
    """One day of all cars, each array of shape (cars,); all demands are zero for a car that stands or is not built yet.

    `front_mm` and `rear_mm` are the pad a car of factor 1 wears; `ambient_c` and `lowest_c` the air where it is.
    """

    day: int
    is_built: Floats
    ambient_c: Floats
    lowest_c: Floats
    km: Floats
    minutes: Floats
    trips: Floats
    short_trips: Floats
    fuel_l: Floats
    cold_fuel_l: Floats
    revolutions_m: Floats
    tyre_km: Floats
    regenerations: Floats
    front_mm: Floats
    rear_mm: Floats
    fast_charges: Floats


class DriveDemands:
    """What each drive of a pool asks, per power train: matrices of shape (drives, columns)."""

    def __init__(self, drives: Sequence[Drive], power_train: Whole, mass_kg: Floats) -> None:
        self._cars = [np.flatnonzero(power_train == at) for at in range(len(POWER_TRAINS))]
        self._heavy = ((mass_kg - LIGHT_KG) / (HEAVY_KG - LIGHT_KG))[:, None]
        self._plain = [np.array([_plain(drive, kind) for drive in drives]) for kind in POWER_TRAINS]
        self._light = [np.array([_pads(drive, kind, LIGHT_KG) for drive in drives]) for kind in POWER_TRAINS]
        self._more = [
            np.array([_pads(drive, kind, HEAVY_KG) for drive in drives]) - light
            for kind, light in zip(POWER_TRAINS, self._light, strict=True)
        ]

    def of_day(self, counts: Counts) -> tuple[Floats, Floats]:
        """Sums for `counts` (cars, drives): columns as in COLUMNS (cars, 9), and pads as in PADS (cars, 4)."""
        plain = np.zeros((len(counts), len(COLUMNS)))
        pads = np.zeros((len(counts), len(PADS)))
        for kind, cars in enumerate(self._cars):
            driven = counts[cars].astype(np.float64)
            plain[cars] = driven @ self._plain[kind]
            pads[cars] = driven @ self._light[kind] + self._heavy[cars] * (driven @ self._more[kind])
        return plain, pads


def is_short(drive: Drive) -> bool:
    """Whether a battery is not recharged and an engine hardly warm by the end of it."""
    return drive.distance_m < SHORT_TRIP_M


def _plain(drive: Drive, kind: PowerTrain) -> tuple[float, ...]:
    asked = trip_demand(drive, LIGHT_KG)
    seconds, kmh = drive.steps_s, drive.speed_m_s[1:] * 3.6
    cold_l = max(0.0, asked.oil_share * OIL_BUDGET_L - asked.fuel_l) / COLD_OIL_EXTRA
    has_engine = kind.fuel > 0
    revolutions = float((drive.held(ENGINE_SPEED)[1:] * seconds).sum()) / 60 / 1e6 if has_engine else 0.0
    warm = drive.held(COOLANT)[1:] > WARM_C
    fast_minutes = float(seconds[warm & (kmh > REGENERATION_KMH)].sum()) / 60
    correction = np.clip(1.78 - 0.00974 * kmh, 0.902, 1.39)
    tyre_km = float((correction * drive.speed_m_s[1:] * seconds).sum()) / 1000
    return (
        drive.distance_m / 1000,
        float(seconds.sum()) / 60,
        1.0,
        float(is_short(drive)),
        asked.fuel_l * kind.fuel,
        cold_l * kind.fuel,
        revolutions,
        tyre_km * kind.tyre_wear,
        float(has_engine and fast_minutes >= REGENERATION_MINUTES),
    )


def _pads(drive: Drive, kind: PowerTrain, mass_kg: float) -> tuple[float, ...]:
    """With recuperation and without it, as when the traction battery is too cold to take the energy."""
    return tuple(
        brake_demand(drive, mass_kg, axle, recuperation).pad_mm
        for axle in (FRONT, REAR)
        for recuperation in (kind.recuperation, NO_RECUPERATION)
    )
