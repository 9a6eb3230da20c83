"""The named functions of signals that sum up what wears a car; each is a plain integral, so that sums commute.

Every function gets one or many uploads, samples along the last axis, and returns the amount per stretch between
neighbouring samples, with NaN where its signals have a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from domain.telemetry import VehicleAttributes

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CarColumns:
    """What exposures must know of the car of each upload, shape (m, 1)."""

    mass_kg: Floats
    is_diesel: npt.NDArray[np.bool_]
    is_hybrid: npt.NDArray[np.bool_]
    is_electric: npt.NDArray[np.bool_]


def car_columns(attributes: Sequence[VehicleAttributes]) -> CarColumns:
    """The attributes of the cars of a block of uploads, in columns."""
    kinds = np.array([own.powertrain for own in attributes])[:, None]
    mass_kg = np.array([own.mass_kg for own in attributes], dtype=np.float64)[:, None]
    return CarColumns(mass_kg, kinds == "diesel", kinds == "hybrid", kinds == "electric")


# What one function came to for a block of uploads, for another of the same block to go on from.
Done = dict[str, Floats]
Exposure = Callable[[Mapping[str, Floats], Floats, Mapping[str, float], CarColumns, Done], Floats]

GRAVITY_M_S2 = 9.81
WALKING_M_S = 3.0
DAY_S = 86_400.0
_FARTHEST_KM = 4_000.0  # that anything drives in a day


def most_per_day(catalogue: Catalogue, name: str) -> float:
    """More of an exposure than anything gathers in a day, in its own unit.

    All minutes of a day, or what 4,000 km typically bring; of an integral of which nothing is typical what its signal's
    range allows, where it has one.
    """
    spec = catalogue.exposures[name]
    if spec.function in ("time_above", "time_below"):
        return 1_440.0
    if spec.typical_per_km > 0:
        return _FARTHEST_KM * spec.typical_per_km
    if spec.function == "integral":
        signal = catalogue.signals[spec.signals["signal"]]
        most = max(abs(signal.minimum), abs(signal.maximum)) * DAY_S / abs(spec.parameters["per_seconds"] or 1.0)
        return most if 0.0 < most < 1e30 else _FARTHEST_KM
    return _FARTHEST_KM


def brake_energy(
    columns: Mapping[str, Floats], dt: Floats, parameters: Mapping[str, float], cars: CarColumns, done: Done
) -> Floats:
    """Work one axle's brakes did in each stretch, MJ: what slowed the car beyond rolling and air resistance.

    F = −λ·m·a − m·g·c_r − ρ/2·c_d·A·v² while F > 0 (the road-load equation; a coast-down measures the last two terms,
    U.S. EPA, "The Vehicle Road Load Problem", 1978). The slope of the road and the drag of the engine are not known
    and stay in; a regression on measured wear takes up what they add on average. A hybrid or electric car takes up to
    its recuperation's power back before the brakes do anything.
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
    power = np.maximum(force, 0.0) * mean
    recovered = np.where(cars.is_electric, parameters["electric_recuperation_w"], 0.0)
    recovered = np.where(cars.is_hybrid, parameters["hybrid_recuperation_w"], recovered)
    # An electric machine gives no torque worth having at walking pace: the last metres are braked by friction.
    power = np.maximum(0.0, power - np.where(mean > WALKING_M_S, recovered, 0.0))
    return power * dt, mean


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
