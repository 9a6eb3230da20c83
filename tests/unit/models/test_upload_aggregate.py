"""What an upload says of its signals, whatever is in its columns."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalogue_file import load_catalogue
from domain.errors import InvalidInput
from domain.signal_history import LARGEST, MAX_POINTS, SignalAggregate, SpanGrid
from domain.telemetry import RECORDED, SIMULATED, TelemetryUpload, UploadId, VehicleAttributes
from models.upload_aggregate import UploadAggregator
from models.upload_block import UploadBlock
from tests.unit.models.conftest import CATALOGUE as CATALOGUE_FILE
from tests.unit.models.conftest import SPEED, START_MS, VOLTAGE


@pytest.fixture(scope="module")
def aggregator() -> UploadAggregator:
    return UploadAggregator(load_catalogue(CATALOGUE_FILE))


def upload(columns: dict[str, Any], n: int, origins: dict[str, str] | None = None) -> UploadBlock:
    one = TelemetryUpload(
        UploadId("car-1", "boot-1", 1), START_MS, range(0, n * 1000, 1000), columns, START_MS, origins or {}
    )
    return UploadBlock.of([one], [VehicleAttributes()])


def test_gaps_and_impossible_values_count_for_nothing(aggregator: UploadAggregator) -> None:
    columns = {SPEED: [None, 10.0, 20.0, 351.0, -1.0], VOLTAGE: [12.5] * 5}
    assert aggregator.aggregate(upload(columns, 5, {VOLTAGE: SIMULATED})) == [
        SignalAggregate("car-1", SPEED, START_MS, START_MS + 4000, 2, 15.0, 10.0, 20.0, RECORDED),
        SignalAggregate("car-1", VOLTAGE, START_MS, START_MS + 4000, 5, 12.5, 12.5, 12.5, SIMULATED),
    ]


def test_a_signal_without_a_value_and_one_nobody_knows_have_no_aggregate(aggregator: UploadAggregator) -> None:
    columns = {SPEED: [None, float("nan")], VOLTAGE: [99.0, -99.0], "Vehicle.Unknown": [1.0, 2.0]}
    assert aggregator.aggregate(upload(columns, 2)) == []


def test_a_signalling_nan_in_a_makers_bytes_counts_for_nothing(aggregator: UploadAggregator) -> None:
    block = upload({SPEED: [10.0, 20.0]}, 2)
    signalling = np.frombuffer(b"\x01\x00\x80\x7f" + np.float32(20.0).tobytes(), dtype="<f4").reshape(1, 2)
    (table,) = block.tables
    odd = replace(block, tables=[replace(table, columns={SPEED: signalling})])
    assert [(one.count, one.mean) for one in aggregator.aggregate(odd)] == [(1, 20.0)]


def test_many_uploads_have_theirs_in_their_order_as_each_by_itself(aggregator: UploadAggregator) -> None:
    sent = [
        TelemetryUpload(UploadId("car-1", "boot-1", seq), START_MS + seq, range(n), columns, START_MS)
        for seq, (n, columns) in enumerate(
            [
                (2, {SPEED: [1.0, 2.0]}),
                (3, {VOLTAGE: [12.0, None, 12.5]}),
                (2, {SPEED: [3.0, None], VOLTAGE: [12.0, 12.1]}),
                (2, {SPEED: [5.0, 6.0]}),
            ]
        )
    ]
    together = aggregator.aggregate(UploadBlock.of(sent, [VehicleAttributes()] * len(sent)))
    alone = [a for one in sent for a in aggregator.aggregate(UploadBlock.of([one], [VehicleAttributes()]))]
    assert together == alone
    assert [aggregate.start_ms - START_MS for aggregate in together] == [0, 1, 2, 2, 3]


def test_a_clock_that_is_wrong_gives_way_to_the_receipt(aggregator: UploadAggregator) -> None:
    one = TelemetryUpload(UploadId("car-1", "boot-1", 1), 1_000_000_000_000, [0, 5000], {SPEED: [1.0, 2.0]}, START_MS)
    (found,) = aggregator.aggregate(UploadBlock.of([one], [VehicleAttributes()]))
    assert (found.start_ms, found.end_ms) == (START_MS - 5000, START_MS)


@given(
    st.lists(
        st.one_of(st.none(), st.floats(), st.floats(0, 350), st.sampled_from([1e308, -1e308, 5e-324, -0.0])),
        min_size=1,
        max_size=50,
    )
)
def test_only_finite_values_in_order_come_out_whatever_goes_in(
    aggregator: UploadAggregator, values: list[float | None]
) -> None:
    plausible = [value for value in values if value is not None and 0 <= value <= 350]
    found = aggregator.aggregate(upload({SPEED: values}, len(values)))
    assert len(found) == bool(plausible)
    for aggregate in found:
        assert aggregate.count == len(plausible)
        assert (aggregate.minimum, aggregate.maximum) == (min(plausible), max(plausible))
        assert aggregate.mean == pytest.approx(sum(plausible) / len(plausible), rel=1e-12, abs=1e-300)


@given(st.floats(), st.floats(), st.floats())
def test_an_aggregate_cannot_be_made_of_what_is_not_finite_or_out_of_order(
    minimum: float, mean: float, maximum: float
) -> None:
    try:
        made = SignalAggregate("car-1", SPEED, 0, 0, 1, mean, minimum, maximum)
    except InvalidInput as refusal:
        assert refusal.field == SPEED
    else:
        assert -LARGEST <= made.minimum <= made.mean <= made.maximum <= LARGEST


@pytest.mark.parametrize(
    "wrong",
    [
        {"vehicle_id": ""},
        {"vehicle_id": "two\nlines"},
        {"signal": "back\\slash"},
        {"count": 0},
        {"end_ms": -1},
        {"origin": "guessed"},
    ],
)
def test_an_aggregate_of_nothing_is_refused(wrong: dict[str, Any]) -> None:
    right = {"vehicle_id": "car-1", "signal": SPEED, "start_ms": 0, "end_ms": 0, "count": 1}
    figures = {"mean": 1.0, "minimum": 1.0, "maximum": 1.0}
    SignalAggregate(**right, **figures)
    with pytest.raises(InvalidInput):
        SignalAggregate(**{**right, **figures, **wrong})


@given(st.integers(-(10**13), 10**13), st.integers(1, 10**12), st.integers(1, MAX_POINTS), st.data())
def test_every_instant_of_a_span_is_in_exactly_one_part(
    from_ms: int, length_ms: int, points: int, data: st.DataObject
) -> None:
    grid = SpanGrid(from_ms, from_ms + length_ms, points)
    instant = from_ms + data.draw(st.integers(0, length_ms - 1))
    part = (instant - from_ms) // grid.width_ms
    point = grid.point(part, count=3, total=3 * 0.1, minimum=0.1, maximum=0.1, simulated=0)
    assert 0 <= part < points
    assert point.start_ms <= instant < point.end_ms <= from_ms + length_ms
    assert point.mean == 0.1
