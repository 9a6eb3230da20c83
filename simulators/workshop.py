"""Workshop: where the hidden truth is measured. By no other way does it reach the system under test."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simulators.car import SimulatedCar
from simulators.parts_truth import CABIN_FILTER, CHECK, INSPECTION, PLUGS, REAR_PADS, TYRES
from simulators.wear_truth import BATTERY, FLUID, OIL, PADS

PAD_ERROR_MM, OIL_ERROR_PCT, VOLT_ERROR, WATER_ERROR_PCT = 0.15, 2.0, 0.03, 0.1
TYRE_LEAK, COOLANT = "tyre_leak", "coolant"
LIFE_ERROR_PCT = 6.0  # of a filter or a gap, judged by eye
REPLACE_PADS_BELOW_MM = 4.5  # what would not last until the next inspection is replaced at this one
REPLACE_BATTERY_FROM = 0.9
REPLACE_TYRES_BELOW_MM = 3.6
PRICES_MINOR = {PADS: 28_900, OIL: 15_900, BATTERY: 21_900, FLUID: 8_900}
PRICES_MINOR |= {
    REAR_PADS: 25_900,
    TYRES: 52_000,
    CABIN_FILTER: 5_900,
    PLUGS: 13_900,
    CHECK: 11_900,
    INSPECTION: 13_900,
}
INSPECTION_MINOR = 3_900


@dataclass(frozen=True, slots=True)
class Finding:
    """What the workshop writes down for one item; `value`: as measured before the work, None if not."""

    item: str
    outcome: str
    value: float | None
    unit: str

    def record(self) -> dict[str, Any]:
        return {"item": self.item, "outcome": self.outcome, "value": self.value, "unit": self.unit}


@dataclass(frozen=True, slots=True)
class Visit:
    """One completed job sheet."""

    car: int
    odometer_m: int
    findings: tuple[Finding, ...]
    invoice_minor: int

    def state(self) -> dict[str, Any]:
        records = [finding.record() for finding in self.findings]
        return {
            "car": self.car,
            "odometer_m": self.odometer_m,
            "findings": records,
            "invoice_minor": self.invoice_minor,
        }

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Visit:
        findings = tuple(Finding(**record) for record in state["findings"])
        return cls(state["car"], state["odometer_m"], findings, state["invoice_minor"])


class Workshop:
    """Measures and renews cars. A job, known by its proposal id, is done once, however often it is asked for.

    `cars` are the fleet's, in order of their index. Each is known by the vehicle id the system gave it (`admit`): as in
    life, the dealer knows the car when it stands in the yard.
    """

    def __init__(self, cars: Sequence[SimulatedCar], seed: int) -> None:
        self._cars = cars
        self._seed = seed
        self._index_of: dict[str, int] = {}
        self._visits: dict[str, Visit] = {}
        self._most_pressing = max(cars, key=_pressing).identity.index if cars else -1

    def admit(self, vehicle_id: str, car: int) -> None:
        """The car with this index goes by `vehicle_id`."""
        self._index_of[vehicle_id] = car

    def knows(self, vehicle_id: str) -> bool:
        """Whether it is one of this fleet's cars; what comes from elsewhere can't be measured here."""
        return vehicle_id in self._index_of

    def odometer_m(self, vehicle_id: str) -> int:
        """What the car's instrument shows as it comes in."""
        return int(self._cars[self._index_of[vehicle_id]].odometer_m)

    def most_pressing(self) -> int:
        """Index of the car that had, at the start, the least life left of something other than the battery.

        The battery is left out since it gives only short and uncertain notice of its end. It stays the same car
        whatever is done to it later, and after a restart.
        """
        return self._most_pressing

    def work(self, proposal_id: str, vehicle_id: str, items: Sequence[str], now_ms: int) -> Visit:
        """Measure `items` and replace what needs it; the visit already written down if it was done before."""
        if proposal_id not in self._visits:
            car = self._cars[self._index_of[vehicle_id]]
            car.age_until(now_ms)
            # Seeded by car and number of its visit, not by the proposal's random id: one seed, one outcome.
            number = sum(visit.car == car.identity.index for visit in self._visits.values())
            dice = random.Random(f"{self._seed}/workshop/{car.identity.index}/{number}")
            findings = tuple(inspect(car, item, now_ms, dice) for item in sorted(set(items)))
            invoice = INSPECTION_MINOR
            for finding in findings:
                if finding.outcome in ("replaced", "failed"):
                    car.truth.renew(finding.item, now_ms)
                    invoice += PRICES_MINOR[finding.item]
            self._visits[proposal_id] = Visit(car.identity.index, int(car.odometer_m), findings, invoice)
        return self._visits[proposal_id]

    def state(self) -> dict[str, Any]:
        return {
            "index_of": self._index_of,
            "visits": {proposal: visit.state() for proposal, visit in self._visits.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._index_of = dict(state["index_of"])
        self._visits = {proposal: Visit.restored(visit) for proposal, visit in state["visits"].items()}


def _pressing(car: SimulatedCar) -> float:
    return max(car.truth.used_share(item, car.planned_until_ms) for item in (PADS, OIL, FLUID))


def _thickness(item: str, found: float, replace_below_mm: float) -> Finding:
    found = max(0.0, found)
    return Finding(item, "replaced" if found <= replace_below_mm else "measured", round(found, 1), "mm")


def inspect(car: SimulatedCar, item: str, now_ms: int, dice: random.Random) -> Finding:
    """One item as measured, with the error of the instrument, and what is done about it."""
    truth = car.truth
    if item == PADS:
        return _thickness(item, truth.pad_mm + dice.gauss(0.0, PAD_ERROR_MM), REPLACE_PADS_BELOW_MM)
    if item == REAR_PADS:
        return _thickness(item, truth.parts.rear_pad_mm() + dice.gauss(0.0, PAD_ERROR_MM), REPLACE_PADS_BELOW_MM)
    if item == TYRES:
        return _thickness(item, truth.parts.tread_mm() + dice.gauss(0.0, PAD_ERROR_MM), REPLACE_TYRES_BELOW_MM)
    if item in (CABIN_FILTER, PLUGS):
        left = 100.0 * (1.0 - truth.parts.used[item]) + dice.gauss(0.0, LIFE_ERROR_PCT)
        return Finding(item, "replaced", round(min(100.0, max(0.0, left)), 0), "%")
    if item in (CHECK, INSPECTION):
        return Finding(item, "replaced", None, "")
    if item in (TYRE_LEAK, COOLANT):
        return Finding(item, "ok", None, "")  # in the play nothing leaks
    if item == OIL:
        left = 100.0 * truth.oil_left(now_ms) + dice.gauss(0.0, OIL_ERROR_PCT)
        return Finding(item, "replaced", round(min(100.0, max(0.0, left)), 0), "%")
    if item == BATTERY:
        volts = truth.rest_v + dice.gauss(0.0, VOLT_ERROR)
        if truth.is_due(BATTERY, now_ms):
            outcome = "failed"
        else:
            outcome = "replaced" if truth.battery_used >= REPLACE_BATTERY_FROM else "ok"
        return Finding(item, outcome, round(volts, 2), "V")
    if item == FLUID:
        water = max(0.0, truth.water_pct(now_ms) + dice.gauss(0.0, WATER_ERROR_PCT))
        return Finding(item, "replaced", round(water, 1), "%")
    raise ValueError(f"the workshop does not know the item {item}")
