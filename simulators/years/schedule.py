"""The fixed schedule: what a maker's booklet says, which owners follow by default and predictions are compared with."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.years.powertrain import (
    BATTERY,
    CHECK,
    COOLANT,
    FILTER,
    FLUID,
    FRONT_PADS,
    INSPECTION,
    ITEMS,
    LEAK,
    OIL,
    PARTICULATE,
    PLUGS,
    POWER_TRAINS,
    REAR_PADS,
    TRACTION,
    TYRES,
)


@dataclass(frozen=True, slots=True)
class FixedInterval:
    """Due after `days` or `km`, whichever comes first; None where the booklet names no such limit."""

    days: int | None
    km: float | None
    source: str


_RECUPERATES = "owners of hybrids report 100,000 to 200,000 miles on one set (safebraking.com)"
_PADS = FixedInterval(5 * 365, 40_000.0, "China's norm: 5 years or 30,000 to 50,000 km")
_INTERVALS: dict[str, FixedInterval | None] = {
    FRONT_PADS: _PADS,
    REAR_PADS: FixedInterval(5 * 365, 60_000.0, "one and a half times the front axle's (M)"),
    OIL: FixedInterval(365, 15_000.0, "Volkswagen's fixed interval, 15,000 km or a year (vwmanual.ru)"),
    TYRES: FixedInterval(6 * 365, 50_000.0, "50,000 to 80,000 km (a Passat's plan); six years (NHTSA, by autoily.com)"),
    FILTER: FixedInterval(2 * 365, 30_000.0, "Škoda: 2 years or 30,000 km; Hyundai the same"),
    PLUGS: FixedInterval(4 * 365, 60_000.0, "Škoda: 4 years or 60,000 km"),
    TRACTION: FixedInterval(8 * 365, 160_000.0, "the usual warranty (M)"),
    LEAK: None,
    BATTERY: FixedInterval(5 * 365, None, "ADAC: expect it to fail in winter after about five years"),
    COOLANT: FixedInterval(10 * 365, 200_000.0, "Mazda MX-5 (2017): 10 years or 200,000 km"),
    PARTICULATE: FixedInterval(None, 160_000.0, "at least 100,000 miles (jvsengineer.co.uk)"),
    FLUID: FixedInterval(730, None, "24 months: BMW and many more"),
    CHECK: FixedInterval(365, 30_000.0, "Škoda: every 30,000 km or a year"),
    INSPECTION: FixedInterval(731, None, "24 months in Germany, Sweden, Spain and China, the first one later (M)"),
}
_RECUPERATING = {
    FRONT_PADS: FixedInterval(8 * 365, 120_000.0, _RECUPERATES),
    REAR_PADS: FixedInterval(8 * 365, 160_000.0, _RECUPERATES),
}
# What every owner has done when it is due, and what only those do who go by the book; the rest is looked at.
BY_ALL = (OIL, FILTER, PLUGS, FLUID, CHECK, INSPECTION)
BY_THE_BOOK = (FRONT_PADS, REAR_PADS, BATTERY)


def fixed_schedule(item: str, powertrain: str) -> FixedInterval | None:
    """The interval of an item for a power train; None where there is no schedule, or no such item in such a car.

    Raises ValueError for an item or a power train that the fleet does not know.
    """
    kinds = {kind.name: kind for kind in POWER_TRAINS}
    if item not in ITEMS:
        raise ValueError(f"item {item!r} is none of {', '.join(ITEMS)}")
    if powertrain not in kinds:
        raise ValueError(f"powertrain {powertrain!r} is none of {', '.join(kinds)}")
    if not kinds[powertrain].has(item):
        return None
    if kinds[powertrain].recuperation.power_w > 0 and item in _RECUPERATING:
        return _RECUPERATING[item]
    return _INTERVALS[item]
