"""The vehicles agent: what it writes and sends is the same to the bit wherever a block begins."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.catalogue_file import load_catalogue
from domain.catalogue import Catalogue
from domain.service_record import ServiceOutcome, ServiceRecord, TrainingExample
from domain.telemetry import VehicleAttributes
from models.fold import VehicleFold
from models.prediction_row import IS_TOLD, PredictionLayout
from models.predictor import Predictor
from models.vehicle_state import DAY_MS, StateLayout
from models.words import cause_of
from streams.agents.vehicles import WITHDRAWN, VehiclesAgent
from streams.block import Block, Record
from streams.producer import NewRecord, RecordProducer
from streams.table import BlockTable
from streams.topics import (
    DOMAIN_EVENTS,
    PREDICTIONS,
    SERVICE_RECORDS,
    TELEMETRY_REJECTS,
    TELEMETRY_UPLOADS,
    TRAINING_EXAMPLES,
)
from workflow.messages import decode, encode

START_MS = 1_760_000_000_000
CATALOGUE = Path(__file__).parents[3] / "pitcall" / "data" / "car.yaml"


class MemoryTable:
    """The part of a block table that the agent uses, in memory."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.writes = 0

    def get(self, partition: int, key: bytes) -> bytes | None:
        return self.values.get(key)

    def get_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        return [self.values.get(key) for key in keys]

    def term(self, partition: int) -> int:
        return 0

    async def write_block(self, partition: int, entries: Mapping[bytes, bytes | None], term: int) -> None:
        self.writes += 1
        self.values |= {key: value for key, value in entries.items() if value is not None}


class MemoryProducer(RecordProducer):
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[NewRecord] = []

    async def start(self) -> None: ...
    async def stop(self) -> None: ...

    async def send_many(self, records: Sequence[NewRecord]) -> list[tuple[int, int]]:
        self.sent += records
        return [(0, 0)] * len(records)


class Bench:
    """An agent with its table and producer."""

    def __init__(self, catalogue: Catalogue, *, predict_always: bool = False) -> None:
        layout = StateLayout(catalogue)
        self.table, self.producer = MemoryTable(), MemoryProducer()
        self.agent = VehiclesAgent(
            cast(BlockTable, self.table),
            self.producer,
            catalogue,
            layout,
            VehicleFold(catalogue, layout),
            Predictor(catalogue, b"a key of tests, nothing else...."),
            predict_always=predict_always,
        )

    async def take(self, records: Sequence[Record], topic: str = TELEMETRY_UPLOADS) -> None:
        await self.agent.handle([Block(topic, 0, records)])

    def sent(self, topic: str) -> list[NewRecord]:
        return [record for record in self.producer.sent if record.topic == topic]


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue(CATALOGUE)


def upload(offset: int, car: str, seq: int, *, boot: str = "b", minute: int | None = None, **changes: Any) -> Record:
    """Upload `seq` of a car that drives a minute with each, as it stands in the topic."""
    start_ms = START_MS + 60_000 * (seq if minute is None else minute)
    body = {
        "schema": 1,
        "boot_id": boot,
        "seq": seq,
        "start_ms": start_ms,
        "offsets_ms": list(range(0, 60_000, 3_000)),
        "signals": {
            "Vehicle.Speed": [50.0 + (k * 7 + seq) % 11 for k in range(20)],
            "Vehicle.TraveledDistance": [20_000_000.0 + seq * 900 + 45 * k for k in range(20)],
            "Vehicle.Powertrain.CombustionEngine.Speed": [0.0, 900.0, *[1800.5] * 18],
            "Vehicle.LowVoltageBattery.CurrentVoltage": [12.41, 9.9, *[14.2] * 18],
        },
    } | changes
    headers = (("received-ms", str(start_ms + 60_000).encode()), ("attributes", b'{"built_ms":1600000000000}'))
    return Record(offset, car.encode(), json.dumps(body).encode(), start_ms + 60_000, headers)


def mixed(seed: int, n: int = 40) -> list[Record]:
    """Uploads of four cars with repeats, new boots and some that can't be read or used."""
    rnd = random.Random(seed)
    records: list[Record] = []
    for offset in range(n):
        car, seq = rnd.choice("pqrs"), rnd.randrange(14)
        changes = rnd.choice([{}] * 8 + [{"schema": 2}, {"signals": {"Vehicle.Speed": [None] * 20}}])
        records.append(upload(offset, car, seq, boot=rnd.choice("ab"), minute=seq + 30 * rnd.randrange(5), **changes))
    return records


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 100_000), cuts=st.sets(st.integers(1, 39)), predict_always=st.booleans())
async def test_states_and_messages_do_not_depend_on_where_blocks_begin(
    catalogue: Catalogue, seed: int, cuts: set[int], predict_always: bool
) -> None:
    one_by_one, in_blocks = (Bench(catalogue, predict_always=predict_always) for _ in range(2))
    records = mixed(seed)
    for record in records:
        await one_by_one.take([record])
    for first, last in pairwise([0, *sorted(cuts), len(records)]):
        await in_blocks.take(records[first:last])
    assert in_blocks.table.values == one_by_one.table.values
    assert in_blocks.producer.sent == one_by_one.producer.sent
    assert in_blocks.table.writes <= len(cuts) + 1


async def test_one_upload_that_cannot_be_read_does_not_hold_up_the_others(catalogue: Catalogue) -> None:
    bench = Bench(catalogue)
    await bench.take(
        [upload(0, "p", 0), Record(1, b"q", b"no JSON", START_MS), upload(2, "r", 0, vss="0"), upload(3, "s", 0)]
    )
    assert sorted(bench.table.values) == [b"p", b"s"]
    assert [record.key for record in bench.sent(TELEMETRY_REJECTS)] == [b"q", b"r"]
    assert {record.key for record in bench.sent(PREDICTIONS)} == {b"p", b"s"}


async def test_a_block_that_comes_again_changes_and_sends_nothing(catalogue: Catalogue) -> None:
    bench = Bench(catalogue)
    records = [upload(k, "pq"[k % 2], k // 2) for k in range(8)]
    await bench.take(records)
    before, sent, writes = dict(bench.table.values), len(bench.producer.sent), bench.table.writes
    await bench.take(records[2:6])
    assert (bench.table.values, len(bench.producer.sent), bench.table.writes) == (before, sent, writes)


async def test_what_was_received_before_a_withdrawal_does_not_bring_a_car_back(catalogue: Catalogue) -> None:
    bench = Bench(catalogue)
    await bench.take([upload(0, "p", 0)])
    data = {"purpose": "prediction", "time_ms": START_MS + 600_000}
    event = json.dumps({"type": "pitcall.consent-withdrawn.v1", "data": data}).encode()
    await bench.take([Record(0, b"p", event, START_MS)], DOMAIN_EVENTS)
    assert bench.table.values[b"p"].startswith(WITHDRAWN)
    await bench.take([upload(1, "p", 1), upload(2, "q", 1)])
    assert bench.table.values[b"p"].startswith(WITHDRAWN) and not bench.table.values[b"q"].startswith(WITHDRAWN)
    await bench.take([upload(3, "p", 2), upload(4, "p", 3, minute=900), upload(5, "p", 4, minute=901)])
    layout = StateLayout(catalogue)
    (boot,) = layout.uploads(layout.from_bytes(bench.table.values[b"p"]))
    assert (boot.first_seq, boot.last_seq) == (3, 4)


async def test_after_a_new_consent_a_withdrawal_that_comes_again_drops_nothing_and_nothing_older_counts(
    catalogue: Catalogue,
) -> None:
    bench = Bench(catalogue)
    event = json.dumps(
        {"type": "pitcall.consent-withdrawn.v1", "data": {"purpose": "prediction", "time_ms": START_MS + 600_000}}
    ).encode()
    withdrawal = Record(0, b"p", event, START_MS)
    before, after = [upload(0, "p", 0)], [upload(k, "p", k, minute=900 + k) for k in (1, 2)]
    await bench.take(before)
    await bench.take([withdrawal], DOMAIN_EVENTS)
    await bench.take(after)
    # As after a kill before the commit: the uploads come first.
    known = dict(bench.table.values)
    await bench.take(after)
    await bench.take([withdrawal], DOMAIN_EVENTS)
    # Sent again, as rejects are: of a boot that the state knows nothing of, but from before the withdrawal.
    await bench.take([upload(9, "p", 5, boot="old", minute=5)])
    late = ServiceRecord("r1", "p", "engine_oil", ServiceOutcome.REPLACED, START_MS + 300_000, 20_003_000)
    await bench.take([Record(0, b"p", encode(late), START_MS)], SERVICE_RECORDS)
    assert bench.table.values == known
    again = json.dumps(
        {"type": "pitcall.consent-withdrawn.v1", "data": {"purpose": "prediction", "time_ms": START_MS + 10**8}}
    ).encode()
    await bench.take([Record(1, b"p", again, START_MS)], DOMAIN_EVENTS)
    assert bench.table.values[b"p"].startswith(WITHDRAWN)


async def test_several_services_of_a_car_in_a_block_all_count(catalogue: Catalogue) -> None:
    bench = Bench(catalogue)
    await bench.take([upload(k, "p", k) for k in range(3)])
    services = [
        ServiceRecord(f"r{k}", "p", item, ServiceOutcome.REPLACED, START_MS + 3_600_000, 20_003_000)
        for k, item in enumerate(("front_brake_pads", "engine_oil"))
    ]
    records = [Record(k, b"p", encode(service), START_MS) for k, service in enumerate(services)]
    await bench.take(records, SERVICE_RECORDS)
    state = StateLayout(catalogue).from_bytes(bench.table.values[b"p"])
    assert int(state["items"]["front_brake_pads"]["set_ms"]) == START_MS + 3_600_000
    assert int(state["items"]["engine_oil"]["set_ms"]) == START_MS + 3_600_000
    before = dict(bench.table.values)
    await bench.take(records, SERVICE_RECORDS)
    assert bench.table.values == before


async def test_a_service_settles_the_moments_the_car_has_kept_and_what_comes_again_does_not(
    catalogue: Catalogue,
) -> None:
    bench, layout = Bench(catalogue), StateLayout(catalogue)
    state = layout.empty(catalogue, VehicleAttributes(powertrain="petrol"))
    day = START_MS // DAY_MS
    state["kept"]["day"], state["kept"]["kept_value"] = [0, 0, 0, day - 80, day - 5], 0
    bench.table.values[b"car-0"] = state.tobytes()
    found = ServiceRecord("r-1", "car-0", "battery_12v", ServiceOutcome.FAILED, START_MS, 20_000_000)
    record = Record(3, b"car-0", encode(found), START_MS)
    await bench.take([record], SERVICE_RECORDS)
    await bench.take([record], SERVICE_RECORDS)
    examples = [decode(taught.value or b"", TrainingExample) for taught in bench.sent(TRAINING_EXAMPLES)]
    told = {(e.item, (e.made_ms or 0) // DAY_MS, e.target) for e in examples}
    assert told == {
        ("battery_12v", day - 80, 0.0),
        ("battery_12v", day - 5, 1.0),
        ("tyre_leak", day - 80, 0.0),
        ("coolant", day - 80, 0.0),
    }
    assert len(examples) == len(told)


def reopened(offset: int, car: str) -> Record:
    event = json.dumps({"type": "pitcall.need-reopened.v1", "data": {"item": "front_brake_pads"}}).encode()
    return Record(offset, car.encode(), event, START_MS)


def told(catalogue: Catalogue, record: NewRecord) -> set[str]:
    """The items that a message tells of."""
    layout = PredictionLayout(catalogue)
    marks = layout.column(layout.from_bytes([record.value or b""]), "flags")[0] & IS_TOLD
    return {item for item, mark in zip(layout.items, marks.tolist(), strict=True) if mark}


async def test_a_message_is_sent_when_there_is_something_to_tell_and_in_benches_always(catalogue: Catalogue) -> None:
    plain, always = Bench(catalogue), Bench(catalogue, predict_always=True)
    for bench in (plain, always):
        await bench.take([upload(k, "p", k, minute=k) for k in range(4)])
    first, *rest = plain.sent(PREDICTIONS)
    assert told(catalogue, first) == set(catalogue.items_of("petrol")) and len(rest) < 3
    assert len(always.sent(PREDICTIONS)) == 4
    assert {len(record.value or b"") for record in always.sent(PREDICTIONS)} == {PredictionLayout(catalogue).size}


async def test_a_visit_that_fell_through_makes_the_next_prediction_told_once(catalogue: Catalogue) -> None:
    bench = Bench(catalogue, predict_always=True)
    await bench.take([upload(0, "p", 0), upload(1, "p", 1)])
    before = dict(bench.table.values)
    await bench.take([reopened(7, "p"), reopened(8, "stranger")], DOMAIN_EVENTS)
    assert bench.table.values != before and set(bench.table.values) == {b"p"}
    await bench.take([upload(2, "p", 2)])
    assert told(catalogue, bench.sent(PREDICTIONS)[-1]) == set(catalogue.items_of("petrol"))
    kept = dict(bench.table.values)
    await bench.take([reopened(7, "p")], DOMAIN_EVENTS)
    assert bench.table.values == kept, "the state has this event already"


async def test_a_withdrawal_outlives_a_visit_that_fell_through(catalogue: Catalogue) -> None:
    bench = Bench(catalogue)
    await bench.take([upload(0, "p", 0)])
    data = {"purpose": "prediction", "time_ms": START_MS + 600_000}
    withdrawn = json.dumps({"type": "pitcall.consent-withdrawn.v1", "data": data}).encode()
    await bench.take([Record(0, b"p", withdrawn, START_MS), reopened(1, "p")], DOMAIN_EVENTS)
    await bench.take([reopened(2, "p")], DOMAIN_EVENTS)
    assert bench.table.values[b"p"].startswith(WITHDRAWN)


async def test_a_service_record_is_told_under_a_cause_of_its_own(catalogue: Catalogue) -> None:
    bench = Bench(catalogue)
    await bench.take([upload(0, "p", 0)])
    service = ServiceRecord("r", "p", "front_brake_pads", ServiceOutcome.REPLACED, START_MS + 3_600_000, 20_003_000)
    await bench.take([Record(5, b"p", encode(service), START_MS)], SERVICE_RECORDS)
    layout = PredictionLayout(catalogue)
    rows = layout.from_bytes([record.value or b"" for record in bench.sent(PREDICTIONS)])
    assert [cause_of(row, "p") for row in rows] == ["p/b/0", "p/b/0/service-records-5"]
    assert "front_brake_pads" in told(catalogue, bench.sent(PREDICTIONS)[-1])


@pytest.mark.parametrize("key", [None, b"", b"a\0b", b"a\nb", b"\xff", b"k" * 65])
async def test_what_is_no_cars_id_is_no_car(catalogue: Catalogue, key: bytes | None) -> None:
    bench = Bench(catalogue)
    await bench.take([upload(0, "p", 0)._replace(key=key), upload(1, "q", 0)])
    assert sorted(bench.table.values) == [b"q"]
    (reject,) = [sent for sent in bench.producer.sent if sent.topic == TELEMETRY_REJECTS]
    assert reject.key == (key or b"")
