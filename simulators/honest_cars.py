"""Honest cars of a trial: what they upload in four days, and what a workshop finds on the fifth, by own laws."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from domain.service_record import ServiceOutcome, ServiceRecord

DAY_MS = 86_400_000
SAMPLES, STEP_S = 480, 3
PADS, BATTERY = "front_brake_pads", "battery_12v"
NEW_MM = 12.0
MM_PER_MJ = 0.0045  # more than a catalogue would expect
FRONT_SHARE, MASS_KG = 0.7, 1400.0


@dataclass(frozen=True, slots=True)
class HonestCar:
    """One car: how fast it drives in town, how far since its pads were new, and how well its battery is."""

    vehicle_id: str
    top_kmh: float
    since_km: float
    pad_factor: float
    rest_v: float
    dip_v: float
    is_failing: bool
    start_ms: int

    def uploads(self) -> Iterator[dict[str, Any]]:
        """Four days' drives, as bodies of uploads."""
        for day in range(4):
            yield drive(
                self.start_ms + day * DAY_MS, f"day-{day}", self.odometer_m(day), self.top_kmh, self.rest_v, self.dip_v
            )

    def odometer_m(self, day: float) -> float:
        return 60_000_000.0 + 40_000.0 * day

    def fitted(self) -> ServiceRecord:
        """When its pads were new."""
        at_ms = self.start_ms - round(self.since_km / 40.0 * DAY_MS)
        odometer_m = round(self.odometer_m(0) - 1000 * self.since_km)
        return ServiceRecord(
            f"{self.vehicle_id}-new", self.vehicle_id, PADS, ServiceOutcome.REPLACED, at_ms, odometer_m
        )

    def found(self) -> tuple[ServiceRecord, ServiceRecord]:
        """What the workshop finds on the fifth day: pads by the gauge, and whether the battery fails its test."""
        at_ms, odometer_m = self.start_ms + 4 * DAY_MS, round(self.odometer_m(4))
        speed_ms = self.top_kmh / 3.6
        # A stop from top speed every cycle of 48 samples, less what air and tyres do of it.
        mj_per_stop = 0.5 * MASS_KG * speed_ms**2 * FRONT_SHARE / 1e6 * 0.9
        km_per_stop = 48 * STEP_S * speed_ms * 0.72 / 1000
        worn = MM_PER_MJ * mj_per_stop / km_per_stop * self.since_km * self.pad_factor
        value = round(max(0.5, NEW_MM - worn), 1)
        outcome = ServiceOutcome.FAILED if self.is_failing else ServiceOutcome.OK
        own = self.vehicle_id
        return (
            ServiceRecord(f"{own}-p", own, PADS, ServiceOutcome.REPLACED, at_ms, odometer_m, value, "mm"),
            ServiceRecord(f"{own}-b", own, BATTERY, outcome, at_ms, odometer_m),
        )


def honest_fleet(cars: int, seed: int, start_ms: int) -> list[HonestCar]:
    """So many cars, each unlike the others."""
    rnd = random.Random(seed)
    fleet = []
    for n in range(cars):
        rest_v, dip_v = rnd.uniform(11.8, 12.7), rnd.uniform(8.6, 10.6)
        log_odds = -1.5 + 1.4 * (12.4 - rest_v) / 0.2 + 1.0 * (9.6 - dip_v) / 0.5
        fleet.append(
            HonestCar(
                vehicle_id=f"honest-{n}",
                top_kmh=rnd.uniform(45.0, 75.0),
                since_km=rnd.uniform(8_000.0, 20_000.0),
                pad_factor=math.exp(rnd.gauss(0.0, 0.12)),
                rest_v=rest_v,
                dip_v=dip_v,
                is_failing=rnd.random() < 1.0 / (1.0 + math.exp(-log_odds)),
                start_ms=start_ms,
            )
        )
    return fleet


def drive(start_ms: int, boot: str, odometer_m: float, top_kmh: float, rest_v: float, dip_v: float) -> dict[str, Any]:
    """Half an hour of stop and go, from a cold start."""
    cycle = [top_kmh * k / 12 for k in range(12)] + [top_kmh] * 31 + [top_kmh * (1 - k / 5) for k in range(5)]
    speed = [cycle[k % len(cycle)] for k in range(SAMPLES)]
    metres, at = [], odometer_m
    for kmh in speed:
        metres.append(at)
        at += kmh / 3.6 * STEP_S
    return {
        "schema": 1,
        "boot_id": boot,
        "seq": 0,
        "start_ms": start_ms,
        "offsets_ms": [1000 * STEP_S * k for k in range(SAMPLES)],
        "signals": {
            "Vehicle.Speed": speed,
            "Vehicle.TraveledDistance": metres,
            "Vehicle.Powertrain.CombustionEngine.Speed": [0.0, 900.0, *[1800.0] * (SAMPLES - 2)],
            "Vehicle.LowVoltageBattery.CurrentVoltage": [rest_v, dip_v, *[14.2] * (SAMPLES - 2)],
        },
    }
