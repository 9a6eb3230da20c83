"""ReportedService: what a workshop or an owner wrote down about one item, errors and all, and when it was known."""

from __future__ import annotations

from dataclasses import dataclass

from domain.service_record import ServiceOutcome

DEALER, OWNER, ELSEWHERE = "dealer", "owner", "elsewhere"


@dataclass(frozen=True, slots=True)
class ReportedService:
    """`car` is the index into the fleet's cars; days are days since 1970; `value` was measured before the work."""

    car: int
    vehicle_id: str
    item: str
    outcome: ServiceOutcome
    performed_day: int
    known_day: int
    odometer_m: int
    value: float | None
    unit: str
    source: str
