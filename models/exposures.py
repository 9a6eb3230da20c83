"""The named functions of signals that sum up what wears a car; each is a plain integral, so that sums commute.

Every function gets one or many uploads, samples along the last axis, and returns the amount per stretch between
neighbouring samples, with NaN where its signals have a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.telemetry import VehicleAttributes

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CarColumns:
    """What exposures must know of the car of each upload, shape (m, 1)."""

    mass_kg: Floats
    is_diesel: npt.NDArray[np.bool_]
    is_electric: npt.NDArray[np.bool_]


def car_columns(attributes: Sequence[VehicleAttributes]) -> CarColumns:
    """The attributes of the cars of a block of uploads, in columns."""
    return CarColumns(
        np.array([own.mass_kg for own in attributes], dtype=np.float64)[:, None],
        np.array([own.powertrain == "diesel" for own in attributes], dtype=np.bool_)[:, None],
        np.array([own.powertrain == "electric" for own in attributes], dtype=np.bool_)[:, None],
    )


# What one function came to for a block of uploads, for another of the same block to go on from.
Done = dict[str, Floats]
Exposure = Callable[[Mapping[str, Floats], Floats, Mapping[str, float], CarColumns, Done], Floats]

GRAVITY_M_S2 = 9.81


def brake_energy(
    columns: Mapping[str, Floats], dt: Floats, parameters: Mapping[str, float], cars: CarColumns, done: Done
) -> Floats:
    """Work one axle's brakes did in each stretch, MJ: what slowed the car beyond rolling and air resistance.

    F = −λ·m·a − m·g·c_r − ρ/2·c_d·A·v² while F > 0 (the road-load equation; a coast-down measures the last two terms,
    U.S. EPA, "The Vehicle Road Load Problem", 1978). The slope of the road and the drag of the engine are not known
    and stay in; a regression on measured wear takes up what they add on average.
    """
    physics = {name: value for name, value in parameters.items() if name not in ("from_kmh", "below_kmh", "share")}
    work, mean = f"braking work {physics}", "mean speed"
    if work not in done:
        done[work], done[mean] = _braking_work(columns["speed"] / 3.6, dt, parameters, cars)
    kmh = done[mean] * 3.6
    is_within = (kmh >= parameters["from_kmh"]) & (kmh < parameters["below_kmh"])
    # A speed that is not known keeps its NaN.
    return np.where(is_within | np.isnan(kmh), done[work] * (parameters["share"] * 1e-6), 0.0)


def _braking_work(
    speed: Floats, dt: Floats, parameters: Mapping[str, float], cars: CarColumns
) -> tuple[Floats, Floats]:
    """Joules that the brakes took in each stretch, and its mean speed (m/s)."""
    mean = (speed[..., 1:] + speed[..., :-1]) / 2
    slowing = (speed[..., :-1] - speed[..., 1:]) / dt
    mass = cars.mass_kg
    drag = parameters["air_density_kg_m3"] / 2 * parameters["drag_area_m2"]
    force = parameters["rotating_mass"] * mass * slowing
    force -= mass * GRAVITY_M_S2 * parameters["rolling_resistance"] + drag * mean * mean
    return np.maximum(force, 0.0) * mean * dt, mean


def fuel(
    columns: Mapping[str, Floats], dt: Floats, parameters: Mapping[str, float], cars: CarColumns, done: Done
) -> Floats:
    """Fuel burnt in each stretch, litres: air mass over the air-fuel ratio of the engine's kind.

    A petrol engine holds the stoichiometric ratio; a diesel runs lean, so that its figure is a proportion only.
    """
    air = columns["air_mass"]
    petrol = parameters["air_fuel_ratio"] * parameters["fuel_g_per_l"]
    diesel = parameters["diesel_air_fuel_ratio"] * parameters["diesel_g_per_l"]
    return (air[..., 1:] + air[..., :-1]) / 2 * dt / np.where(cars.is_diesel, diesel, petrol)


def rises_through(
    columns: Mapping[str, Floats], dt: Floats, parameters: Mapping[str, float], cars: CarColumns, done: Done
) -> Floats:
    """1 for each stretch in which the signal rises through `level`, e.g. an engine warming up."""
    signal = columns["signal"]
    before, after = signal[..., :-1], signal[..., 1:]
    rises = ((before < parameters["level"]) & (after >= parameters["level"])).astype(np.float64)
    rises[np.isnan(after) | np.isnan(before)] = np.nan
    return rises


def time_above(
    columns: Mapping[str, Floats], dt: Floats, parameters: Mapping[str, float], cars: CarColumns, done: Done
) -> Floats:
    """Minutes of each stretch with the signal above `level` at its end."""
    ends = columns["signal"][..., 1:]
    minutes = np.where(ends > parameters["level"], dt / 60, 0.0)
    minutes[np.isnan(ends)] = np.nan
    return minutes


def time_below(
    columns: Mapping[str, Floats], dt: Floats, parameters: Mapping[str, float], cars: CarColumns, done: Done
) -> Floats:
    """Minutes of each stretch with the signal below `level` at its end."""
    ends = columns["signal"][..., 1:]
    minutes = np.where(ends < parameters["level"], dt / 60, 0.0)
    minutes[np.isnan(ends)] = np.nan
    return minutes


def integral(
    columns: Mapping[str, Floats], dt: Floats, parameters: Mapping[str, float], cars: CarColumns, done: Done
) -> Floats:
    """The signal integrated over each stretch by the trapezoid rule, per `per_seconds` (3600: kW become kWh)."""
    signal = columns["signal"]
    return (signal[..., 1:] + signal[..., :-1]) / 2 * dt / parameters["per_seconds"]


FUNCTIONS: Mapping[str, Exposure] = {
    "brake_energy": brake_energy,
    "fuel": fuel,
    "rises_through": rises_through,
    "time_above": time_above,
    "time_below": time_below,
    "integral": integral,
}
