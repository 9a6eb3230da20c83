"""No prediction uses anything from its future, through the real agents over the embedded log.

Two fleets live the same until a moment, and nothing alike afterwards: other drives, and more of them, other services.
Around that moment their uploads reach the worker late and all at once, so that its blocks hold both sides of it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.clocks import SettableClock
from domain.service_record import ServiceOutcome, ServiceRecord
from models.prediction_row import PredictionLayout
from models.vehicle_state import DAY_MS
from pitcall.node import WORKER, Node
from pitcall.settings import Settings
from streams.producer import NewRecord, record_producer
from streams.topic_scan import scan
from streams.topics import PREDICTIONS, SERVICE_RECORDS, TELEMETRY_UPLOADS
from workflow.messages import encode

START_MS = 1_760_000_000_000 // DAY_MS * DAY_MS
CARS = ("p", "q", "r", "s", "t")
LIVE_DAYS, MOMENT_DAY, LAST_DAY = 4, 7, 12  # what is late begins, the moment, the end
MOMENT_MS = START_MS + MOMENT_DAY * DAY_MS


def odometer_m(day: float) -> float:
    return 60_000_000 + 80_000 * day


def upload(car: str, day: int, part: int, rnd: random.Random, *, wild: bool) -> NewRecord:
    """A drive of some minutes; a wild one is as unlike the others as a car can be."""
    start_ms = START_MS + day * DAY_MS + (7 + 9 * part) * 3_600_000
    n, step_s = (700, 1) if wild else (500, 3)
    top = rnd.uniform(90, 180) if wild else rnd.uniform(50, 70)
    speed = [abs(np.sin(k / (5 if wild else 14))) * top for k in range(n)]
    body: dict[str, Any] = {
        "schema": 1,
        "boot_id": f"day-{day}-{'w' if wild else 'c'}",
        "seq": part,
        "start_ms": start_ms,
        "offsets_ms": [k * step_s * 1000 for k in range(n)],
        "signals": {
            "Vehicle.Speed": speed,
            "Vehicle.TraveledDistance": (odometer_m(day) + 25_000 * part + np.cumsum(speed) * step_s / 3.6).tolist(),
            "Vehicle.Powertrain.CombustionEngine.Speed": [0.0, 900.0, *[5_000.0 if wild else 1_800.0] * (n - 2)],
            "Vehicle.Powertrain.CombustionEngine.MAF": [120.0 if wild else 11.0] * n,
            "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature": [125.0 if wild else 90.0] * n,
            "Vehicle.LowVoltageBattery.CurrentVoltage": [
                10.9 if wild else 12.5,
                6.0 if wild else 10.1,
                *[14.2] * (n - 2),
            ],
            "Vehicle.Exterior.AirTemperature": [-25.0 if wild else 12.0] * n,
        },
    }
    received_ms = start_ms + 3_600_000
    headers = (("received-ms", str(received_ms).encode()), ("attributes", b'{"built_ms":1600000000000}'))
    return NewRecord(TELEMETRY_UPLOADS, car.encode(), json.dumps(body).encode(), received_ms, headers=headers)


def service(car: str, item: str, outcome: ServiceOutcome, day: float, value: float | None = None) -> NewRecord:
    """What a workshop found on a day."""
    at_ms = START_MS + round(day * DAY_MS)
    unit = {"front_brake_pads": "mm", "engine_oil": "%", "battery_12v": "V"}.get(item, "")
    found = ServiceRecord(f"{car}-{item}-{day}-{value}", car, item, outcome, at_ms, round(odometer_m(day)), value, unit)
    return NewRecord(SERVICE_RECORDS, car.encode(), encode(found), max(at_ms, START_MS))


@dataclass
class Days:
    """What happens to a fleet, in the order in which it reaches the log."""

    wild: bool

    def uploads(self, first: int, last: int) -> list[NewRecord]:
        """The drives of these days, car by car; after the moment as wild as `wild` says."""
        found = []
        for car in CARS:
            for day in range(first, last):
                is_wild = self.wild and day >= MOMENT_DAY
                rnd = random.Random(f"{car}{day}")
                found += [upload(car, day, part, rnd, wild=is_wild) for part in range(3 if is_wild else 2)]
        return found

    def services_at(self, day: int) -> list[NewRecord]:
        """What was found before the moment: new parts first, then measurements that teach the fleet."""
        if day == 0:
            items = ("front_brake_pads", "engine_oil", "battery_12v", "brake_fluid")
            return [service(car, item, ServiceOutcome.REPLACED, -20) for car in CARS for item in items]
        if day == 2:
            # One car's: labels of two reach the learner in either order, which is no look ahead but shows in the bits.
            return [service(CARS[0], "front_brake_pads", ServiceOutcome.MEASURED, 1.95, 11.2)]
        return []

    def services_after(self) -> list[NewRecord]:
        """What was found after it."""
        if not self.wild:
            return [service(CARS[0], "front_brake_pads", ServiceOutcome.MEASURED, LAST_DAY - 2, 11.0)]
        return [
            *(service(car, "front_brake_pads", ServiceOutcome.MEASURED, LAST_DAY - 2, 3.4) for car in CARS),
            *(service(car, "engine_oil", ServiceOutcome.REPLACED, MOMENT_DAY + 1, 70.0) for car in CARS),
            *(service(car, "battery_12v", ServiceOutcome.FAILED, LAST_DAY - 2, 10.0) for car in CARS[1:]),
        ]


async def send(broker_url: str, records: Sequence[NewRecord]) -> None:
    async with record_producer(broker_url) as producer:
        await producer.send_many(records)


def a_worker(folder: Path) -> Node:
    settings = Settings(data_dir=folder)
    clock = SettableClock(START_MS + LAST_DAY * DAY_MS)
    return Node(settings, frozenset({WORKER}), clock=clock, is_lock_step=True)


async def rows_of(folder: Path, days: Days) -> tuple[PredictionLayout, list[tuple[bytes, bytes]]]:
    """All rows that a fleet's days give, with the cars they are of."""
    async with a_worker(folder) as node:
        for day in range(LIVE_DAYS):
            await node.producer.send_many(days.services_at(day))
            await node.settle()
            await node.producer.send_many(days.uploads(day, day + 1))
            await node.settle()
        assert node.worker is not None and node.worker.predictor.version("front_brake_pads") == 1
        broker_url = node.broker_url
    await send(broker_url, days.uploads(LIVE_DAYS, LAST_DAY))  # a worker that is away finds them all at once
    async with a_worker(folder) as node:
        await node.settle()
        await node.producer.send_many(days.services_after())
        await node.settle()
        assert node.worker is not None
        rows = [(r.key or b"", r.value or b"") async for _, r in scan(broker_url, PREDICTIONS)]
        return node.worker.predictor.rows, rows


async def test_no_prediction_changes_whatever_happens_after_it(tmp_path: Path) -> None:
    layout, calm = await rows_of(tmp_path / "calm", Days(wild=False))
    _, wild = await rows_of(tmp_path / "wild", Days(wild=True))

    def split(rows: list[tuple[bytes, bytes]]) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
        events = layout.from_bytes([value for _, value in rows])["event_ms"].tolist()
        before = [row for row, event_ms in zip(rows, events, strict=True) if event_ms < MOMENT_MS]
        return before, [row for row, event_ms in zip(rows, events, strict=True) if event_ms >= MOMENT_MS]

    (before, after), (before_wild, after_wild) = split(calm), split(wild)
    late = layout.from_bytes([value for _, value in before])["event_ms"] >= START_MS + LIVE_DAYS * DAY_MS
    assert before == before_wild
    assert late.sum() >= 2 * len(CARS), "there is something that could have looked ahead"
    assert not set(after) & set(after_wild) and len(after_wild) > len(CARS), "and what came after was another world"


@pytest.mark.parametrize("day", [0, MOMENT_DAY])
def test_the_two_worlds_part_at_the_moment_and_not_before(day: int) -> None:
    calm, wild = (Days(is_wild).uploads(day, day + 1) for is_wild in (False, True))
    assert (calm == wild) is (day < MOMENT_DAY)
