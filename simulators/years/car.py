"""Car: what is stamped on a car of the fleet, and so known to everybody."""

from __future__ import annotations

from dataclasses import dataclass

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Car:
    """`built_day` counts days since 1970, `mass_kg` is the mass in running order."""

    vehicle_id: str
    powertrain: str
    mass_kg: float
    built_day: int

    @property
    def built_ms(self) -> int:
        return self.built_day * DAY_MS
