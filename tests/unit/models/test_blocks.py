"""Blocks: an upload's sums, a car's state and its predictions are the same to the bit wherever a block begins."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalogue import Catalogue
from domain.errors import InvalidInput
from domain.telemetry import TelemetryUpload, UploadId, VehicleAttributes
from models.block_samples import width_of
from models.fold import VehicleFold
from models.upload_block import UploadBlock
from models.upload_summary import Summariser, SummaryBlock
from models.vehicle_state import DAY_MS, RING, StateLayout
from tests.unit.models.conftest import AMBIENT, ODOMETER, RPM, SPEED, START_MS, VOLTAGE
from tests.unit.models.fold_one_by_one import FoldOneByOne

CARS = [VehicleAttributes("petrol", 1400.0, 0), VehicleAttributes("diesel", 1900.0, 1_600_000_000_000)]
NAMES = ("car-1", "car-2", "car-3")
VALUES = st.one_of(
    st.none(), st.floats(0, 200), st.floats(0, 14), st.sampled_from([0.0, 1e9, -5.0, 900.0, 12.5, 1e308])
)


@st.composite
def uploads(draw: st.DrawFn, catalogue: Catalogue, vehicle: str = "car-1") -> TelemetryUpload:
    """Any upload of any signals, with gaps and impossible values."""
    n = draw(st.sampled_from([1, 2, 7, 16, 17, 40]))
    paths = draw(st.lists(st.sampled_from(sorted(catalogue.signals)), max_size=6, unique=True))
    columns: dict[str, Any] = {path: draw(_column(n)) for path in paths}
    offsets = np.cumsum(draw(st.lists(st.sampled_from([1000, 1000, 4000, 20_000]), min_size=n, max_size=n))).tolist()
    start_ms = START_MS + draw(st.integers(0, 3000)) * 60_000
    upload_id = UploadId(vehicle, draw(st.sampled_from("abcdef")), draw(st.sampled_from([0, 1, 2, 3, 40, 70, 4_000_000_000])))  # fmt: skip # noqa: E501
    return TelemetryUpload(upload_id, start_ms, offsets, columns, start_ms)


def _column(n: int) -> st.SearchStrategy[list[float | None]]:
    smooth = st.tuples(st.floats(0, 130), st.floats(-3, 3)).map(
        lambda line: [max(0.0, line[0] + k * line[1]) for k in range(n)]
    )
    return st.one_of(smooth, st.lists(VALUES, min_size=n, max_size=n))


def row_bytes(block: SummaryBlock, i: int) -> tuple[Any, ...]:
    """All of a row, to the bit."""
    fields = [name for name in block.__slots__ if name != "reasons"]
    return block.reasons[i], *(getattr(block, name)[i].tobytes() for name in fields)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_summary_is_the_same_to_the_bit_whatever_else_is_in_the_block(
    catalogue: Catalogue, data: st.DataObject
) -> None:
    sent = data.draw(st.lists(uploads(catalogue), min_size=1, max_size=12))
    attributes = [CARS[i % 2] for i in range(len(sent))]
    summariser = Summariser(catalogue)
    whole = summariser.summarise_block(UploadBlock.of(sent, attributes))
    for i, upload in enumerate(sent):
        alone = summariser.summarise_block(UploadBlock.of([upload], [attributes[i]]))
        assert row_bytes(alone, 0) == row_bytes(whole, i)


@given(n=st.integers(1, 3600))
def test_the_width_of_a_row_follows_from_its_own_samples_alone(n: int) -> None:
    assert n <= width_of(n) < n + (16 if n <= 128 else 128)
    assert width_of(width_of(n)) == width_of(n)


def fleet(seed: int, n: int = 90) -> list[TelemetryUpload]:
    """Uploads of three cars over some days: boots, rests, jumps that stay or not, repeats, late ones and junk."""
    rnd = random.Random(seed)
    clock, shift, boot = dict.fromkeys(NAMES, START_MS), dict.fromkeys(NAMES, 0.0), dict.fromkeys(NAMES, 0)
    sent: list[TelemetryUpload] = []
    for seq in range(n):
        car = rnd.choice(NAMES)
        clock[car] += rnd.choice([5_000, 60_000, 60_000, 7_200_000])
        if rnd.random() < 0.2:
            boot[car] += 1
        if rnd.random() < 0.06:
            clock[car] += rnd.choice([DAY_MS, 40 * DAY_MS])
        if rnd.random() < 0.1:
            shift[car] = rnd.choice([0.0, 7_000_000.0, -500_000.0])
        if sent and rnd.random() < 0.15:
            sent.append(rnd.choice(sent))
            continue
        odometer_m = 60_000_000.0 + (clock[car] - START_MS) // 1_000 + shift[car]
        columns: dict[str, Any] = {
            SPEED: [rnd.uniform(0, 130) for _ in range(4)],
            ODOMETER: [odometer_m + 20 * k for k in range(4)],
            RPM: rnd.choice([[0.0, 0.0, 0.0, 250.0], [0.0, 0.0, 0.0, 900.0], [900.0] * 4]),
            VOLTAGE: [12.5, rnd.uniform(12.0, 12.8), 12.6, rnd.uniform(9, 11)],
            AMBIENT: [rnd.uniform(-10, 30)] * 4,
        }
        for path in [path for path in columns if rnd.random() < 0.1]:
            columns[path] = rnd.choice([[None] * 4, [1e9, 3.0, None, 4.0]])
        leap = rnd.choice([0, 0, 0, 0, 0, 0, 70, 4_000_000_000])
        upload_id = UploadId(car, f"boot-{boot[car]}", seq + leap)
        sent.append(TelemetryUpload(upload_id, clock[car], [0, 1000, 2000, 3000], columns, clock[car]))
    for _ in range(rnd.choice([0, 5, 30])):
        i, j = rnd.randrange(n), rnd.randrange(n)
        sent[i], sent[j] = sent[j], sent[i]
    return sent


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000), cuts=st.sets(st.integers(1, 89)))
def test_any_split_into_blocks_gives_to_the_bit_the_states_that_one_by_one_gives(
    catalogue: Catalogue, layout: StateLayout, fold: VehicleFold, seed: int, cuts: set[int]
) -> None:
    sent = fleet(seed)
    states = layout.block(catalogue, [None] * 3, [0, 0, 7])
    for one in states:
        one["items"]["front_brake_pads"]["set_ms"] = START_MS + DAY_MS  # what comes from before it counts as worn out
    plainly = states.copy()
    expected = []
    by_hand = [FoldOneByOne(catalogue, layout) for _ in NAMES]
    for i, upload in enumerate(sent):
        car = NAMES.index(upload.id.vehicle_id)
        expected.append(by_hand[car].fold(plainly[car], upload, CARS[car % 2], i))
    found: dict[int, str] = {}
    for first, last in pairwise([0, *sorted(cuts), len(sent)]):
        part = sent[first:last]
        cars = [NAMES.index(upload.id.vehicle_id) for upload in part]
        block = UploadBlock.of(part, [CARS[car % 2] for car in cars])
        for one_round in fold.fold_block(states, cars, block, list(range(first, last))):
            assert len(set(one_round.cars.tolist())) == len(one_round.cars)
            for row, outcome in zip(one_round.rows.tolist(), one_round.outcomes, strict=True):
                found[first + row] = outcome.result.value
    assert [found[i] for i in range(len(sent))] == expected
    for car in range(3):
        for name in layout.dtype.names or ():
            if name != "ring":  # the other one keeps all uploads instead
                assert states[name][car].tobytes() == plainly[name][car].tobytes(), name


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_uploads_that_come_late_within_the_bound_and_twice_give_to_the_bit_the_state_of_the_sorted_ones(
    catalogue: Catalogue, layout: StateLayout, fold: VehicleFold, seed: int
) -> None:
    rnd = random.Random(seed)
    ordered = in_order(seed)
    # Each may be overtaken by as many as the ring holds: sorting by place plus noise moves none further.
    shaken = sorted(range(len(ordered)), key=lambda i: i + rnd.uniform(0, RING))
    mixed = [ordered[i] for i in shaken]
    for _ in range(10):
        i = rnd.randrange(len(mixed))
        mixed.insert(rnd.randint(i, min(len(mixed), i + 20)), mixed[i])
    one, other = layout.empty(catalogue, CARS[0]), layout.empty(catalogue, CARS[0])
    assert {outcome.result.value for outcome in fold.fold(one, ordered, CARS[0])} == {"folded"}
    results = [outcome.result.value for outcome in fold.fold(other, mixed, CARS[0])]
    assert results.count("folded") == len(ordered) and results.count("duplicate") == 10
    for name in layout.dtype.names or ():
        # Which place a boot has follows the order of arrival, what is said of it does not.
        a, b = (np.sort(state[name]) if name == "boots" else state[name] for state in (one, other))
        assert a.tobytes() == b.tobytes(), name


def test_what_comes_after_more_newer_ones_than_the_ring_holds_is_rejected_with_the_reason(
    catalogue: Catalogue, layout: StateLayout, fold: VehicleFold
) -> None:
    ordered = in_order(3)[: RING + 3]
    state = layout.empty(catalogue, CARS[0])
    fold.fold(state, [ordered[0], *ordered[2:]], CARS[0])
    before = state.tobytes()
    (outcome,) = fold.fold(state, [ordered[1]], CARS[0])
    assert outcome.result.value == "rejected" and outcome.reason == "it came after more than 6 newer uploads of its car"
    assert state.tobytes() == before


def in_order(seed: int) -> list[TelemetryUpload]:
    """Forty uploads of one car in the order of events: few boots, odometers that jump and come back, rests."""
    rnd = random.Random(seed)
    sent: list[TelemetryUpload] = []
    clock, shift, boot = START_MS, 0.0, 0
    for seq in range(40):
        clock += rnd.choice([5_000, 60_000, 60_000, 7_200_000, 30_000_000])
        boot += seq in (11, 25)
        if rnd.random() < 0.15:
            shift = rnd.choice([0.0, 7_000_000.0])
        odometer_m = 60_000_000.0 + (clock - START_MS) // 1_000 + shift
        columns: dict[str, Any] = {
            SPEED: [rnd.uniform(0, 130) for _ in range(4)],
            ODOMETER: [odometer_m + 20 * k for k in range(4)],
            RPM: rnd.choice([[0.0, 0.0, 0.0, 250.0], [0.0, 0.0, 0.0, 900.0], [900.0] * 4]),
            VOLTAGE: [12.5, rnd.uniform(12.0, 12.8), 12.6, rnd.uniform(9, 11)],
            AMBIENT: [rnd.uniform(-10, 30)] * 4,
        }
        upload_id = UploadId("car-1", f"boot-{boot}", seq)
        sent.append(TelemetryUpload(upload_id, clock, [0, 1000, 2000, 3000], columns, clock + 3000))
    return sent


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_when_a_prediction_is_due_is_the_same_for_one_car_and_for_many(
    catalogue: Catalogue, layout: StateLayout, fold: VehicleFold, seed: int
) -> None:
    states = layout.block(catalogue, [None] * 3, [0] * 3)
    sent = fleet(seed)
    cars = [NAMES.index(upload.id.vehicle_id) for upload in sent]
    for one_round in fold.fold_block(states, cars, UploadBlock.of(sent, [CARS[0]] * len(sent))):
        due = fold.are_predictions_due(states, one_round.cars)
        assert due.tolist() == [fold.is_prediction_due(states[car]) for car in one_round.cars.tolist()]
        many, alone = states.copy(), states.copy()
        fold.mark_many_predicted(many, one_round.cars[due])
        for car in one_round.cars[due].tolist():
            fold.mark_predicted(alone[car])
        assert many.tobytes() == alone.tobytes()
        states[:] = many


def test_a_block_of_states_comes_from_their_bytes_and_is_empty_where_there_are_none(
    catalogue: Catalogue, layout: StateLayout, fold: VehicleFold
) -> None:
    known = layout.empty(catalogue, CARS[1])
    fold.fold(known, [TelemetryUpload(UploadId("a", "b", 3), START_MS, [0], {SPEED: [3.0]}, START_MS)], CARS[1])
    states = layout.block(catalogue, [None, layout.to_bytes(known)], [42, 0])
    assert states[1].tobytes() == known.tobytes()
    assert states[0].tobytes() == layout.empty(catalogue, VehicleAttributes(built_ms=42)).tobytes()
    for damaged in (b"too short", bytes(layout.size)):
        with pytest.raises(InvalidInput):
            layout.block(catalogue, [damaged], [0])
