"""Power trains, and which items of work each of them has.

Recuperation and masses are those of ordinary cars of their kind (M). A diesel burns about three quarters of what a
petrol engine does for the same drive and a full hybrid two thirds (M): the recorded drives are those of a petrol car.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators.braking import NO_RECUPERATION, Recuperation

FRONT_PADS, REAR_PADS = "front_brake_pads", "rear_brake_pads"
OIL, PLUGS, FILTER = "engine_oil", "spark_plugs", "cabin_filter"
TYRES, LEAK = "tyres", "tyre_leak"
BATTERY, COOLANT, PARTICULATE = "battery_12v", "coolant", "diesel_particulate_filter"
TRACTION, FLUID = "traction_battery", "brake_fluid"
CHECK, INSPECTION = "vehicle_check", "inspection"

WEAR = (FRONT_PADS, REAR_PADS, OIL, TYRES, FILTER, PLUGS, TRACTION)
HAZARDS = (LEAK, BATTERY, COOLANT, PARTICULATE)
CALENDAR = (FLUID, CHECK, INSPECTION)
ITEMS = (*WEAR, *HAZARDS, *CALENDAR)


@dataclass(frozen=True, slots=True)
class PowerTrain:
    """One kind of drive: its share of the fleet, mass in kg (low, high), recuperation, and fuel against petrol."""

    name: str
    share: float
    mass_kg: tuple[float, float]
    recuperation: Recuperation
    fuel: float
    far: float  # how much further such cars are driven: KBA 2023, 17,187 km for diesels, 9,580 km for petrol cars
    tyre_wear: float  # an electric machine's torque scrubs more (M)
    without: frozenset[str]

    def has(self, item: str) -> bool:
        return item not in self.without


POWER_TRAINS = (
    PowerTrain("petrol", 0.45, (1_150, 1_650), NO_RECUPERATION, 1.0, 0.85, 1.0, frozenset({PARTICULATE, TRACTION})),
    PowerTrain("diesel", 0.25, (1_350, 1_850), NO_RECUPERATION, 0.75, 1.5, 1.0, frozenset({PLUGS, TRACTION})),
    PowerTrain("hybrid", 0.15, (1_350, 1_800), Recuperation(22_000.0), 0.66, 1.05, 1.05, frozenset({PARTICULATE})),
    PowerTrain(
        *("electric", 0.15, (1_550, 2_150), Recuperation(55_000.0, has_engine_drag=False), 0.0, 1.1, 1.2),
        without=frozenset({OIL, PLUGS, PARTICULATE}),
    ),
)
