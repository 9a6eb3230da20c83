"""NaN, infinity and 1e308 in uploads, headers and service records: states stay finite, and models learn nothing of it.

The whole way is gone: bytes in the topic, fold, prediction, label, learner. One NaN would stay in a model for ever.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.catalogue_file import load_catalogue
from domain.errors import InvalidInput
from domain.service_record import TrainingExample
from models.learner import Learner
from models.vehicle_state import StateLayout
from streams.block import Record
from streams.topics import PREDICTIONS, SERVICE_RECORDS, TELEMETRY_REJECTS, TRAINING_EXAMPLES
from tests.unit.streams.test_vehicles_agent import START_MS, Bench, upload
from workflow.messages import decode

CATALOGUE = load_catalogue(Path(__file__).parents[2] / "pitcall" / "data" / "car.yaml")
LAYOUT = StateLayout(CATALOGUE)
KEY = b"a key of tests, nothing else...."
SIGNALS = ("Vehicle.Speed", "Vehicle.TraveledDistance", "Vehicle.LowVoltageBattery.CurrentVoltage")
SAMPLES, DRIVEN = 20, 60
DAY_MS = 86_400_000
NASTY = (math.nan, math.inf, -math.inf, 1e308, -1e308, 1.7e308, 5e-324, -0.0, 3.5e38, 2.0**63)
floats = st.one_of(st.sampled_from(NASTY), st.floats(allow_nan=True, allow_infinity=True, width=64))
columns = st.dictionaries(
    st.sampled_from(SIGNALS), st.lists(st.one_of(st.none(), floats), min_size=SAMPLES, max_size=SAMPLES), min_size=1
)
services = st.fixed_dictionaries(
    {
        "item": st.sampled_from(sorted(CATALOGUE.items)),
        "outcome": st.sampled_from(["measured", "measured", "failed", "replaced", "ok"]),
        "value": st.one_of(floats, st.floats(0.1, 12.5)),
        "odometer_m": st.one_of(st.just(20_060_000), st.integers(-(2**63), 2**63 - 1)),
    }
)
NEW_PARTS = [
    {"item": item, "outcome": "replaced", "value": 3.0, "odometer_m": 19_990_000, "performed_ms": START_MS - DAY_MS}
    for item in ("front_brake_pads", "engine_oil", "battery_12v")
]


def with_header(record: Record, mass_kg: float) -> Record:
    """The upload of a car that says it weighs so much."""
    headers = dict(record.headers) | {"attributes": json.dumps({"mass_kg": mass_kg}).encode()}
    return record._replace(headers=tuple(headers.items()))


def service(offset: int, fields: dict[str, Any]) -> Record:
    """A service record as its topic has it; JSON's own encoder writes NaN and Infinity too."""
    whole = {"record_id": f"r-{offset}", "vehicle_id": "p", "performed_ms": START_MS + 10**8 + offset} | fields
    return Record(offset, b"p", json.dumps(whole).encode(), START_MS)


async def offer(bench: Bench, records: list[Record], topic: str) -> int:
    """Hand records over one by one; how many the agent refused, as the worker then makes dead letters of."""
    refused = 0
    for record in records:
        try:
            await bench.take([record], topic)
        except (InvalidInput, ValueError):
            refused += 1
    return refused


def numbers_of(state: Any) -> dict[str, Any]:
    """The sums of a state by name."""
    return {name: state[name] for name in ("observed_m", "exposure", "exposure_m", "odometer_m")}


@settings(max_examples=40, deadline=None)
@given(
    hostile=st.lists(columns, min_size=1, max_size=6),
    mass_kg=floats,
    visits=st.lists(services, max_size=4),
)
async def test_numbers_that_are_none_reach_no_state_and_no_model(
    hostile: list[dict[str, list[float | None]]], mass_kg: float, visits: list[dict[str, Any]]
) -> None:
    bench = Bench(CATALOGUE)
    predictor = bench.agent._predictor
    digest = predictor.digest()
    assert await offer(bench, [service(n, fields) for n, fields in enumerate(NEW_PARTS)], SERVICE_RECORDS) == 0
    await bench.take([upload(n, "p", n) for n in range(DRIVEN)])
    uploads = [upload(DRIVEN + n, "p", DRIVEN + n, signals=signals) for n, signals in enumerate(hostile)]
    uploads.append(with_header(upload(100, "p", 100), mass_kg))
    for record in uploads:
        await bench.take([record])
    await offer(bench, [service(10 + n, fields) for n, fields in enumerate(visits)], SERVICE_RECORDS)
    await bench.take([upload(101, "p", 101)])
    for name, value in numbers_of(LAYOUT.from_bytes(bench.table.values[b"p"])).items():
        assert np.isfinite(value).all(), name
    unreadable = sum(any(_is_no_number(column) for column in signals.values()) for signals in hostile)
    assert len(bench.sent(TELEMETRY_REJECTS)) >= unreadable
    assert all(record.value for record in bench.sent(PREDICTIONS))
    assert predictor.digest() == digest
    learn_all(bench)


def _is_no_number(column: list[float | None]) -> bool:
    return any(value is not None and not math.isfinite(value) for value in column)


async def test_the_control_an_honest_measurement_on_this_way_does_teach() -> None:
    bench = Bench(CATALOGUE)
    await offer(bench, [service(n, fields) for n, fields in enumerate(NEW_PARTS)], SERVICE_RECORDS)
    await bench.take([upload(n, "p", n) for n in range(DRIVEN)])
    honest = {"item": "front_brake_pads", "outcome": "measured", "value": 11.5, "odometer_m": 20_060_000}
    assert await offer(bench, [service(10, honest)], SERVICE_RECORDS) == 0
    assert learn_all(bench) == 1


def learn_all(bench: Bench) -> int:
    """Teach what became labels: one that is refused changes nothing, and others leave every number finite; how many."""
    learner = Learner(CATALOGUE, KEY)
    for record in bench.sent(TRAINING_EXAMPLES):
        example = decode(record.value or b"", TrainingExample)
        before = learner.digest()
        try:
            learner.learn(example)
        except InvalidInput:
            assert learner.digest() == before
    for item in CATALOGUE.items:
        assert_finite(learner.model(item).content(), item)
    return sum(learner.versions().values())


def assert_finite(content: Any, where: str) -> None:
    """No number of a model's content, however deep, is NaN or infinite."""
    if isinstance(content, float):
        assert math.isfinite(content), where
    elif isinstance(content, np.ndarray):
        assert np.isfinite(content).all(), where
    elif isinstance(content, dict):
        for name, value in content.items():
            assert_finite(value, f"{where}.{name}")
    elif isinstance(content, list | tuple):
        for value in content:
            assert_finite(value, where)
