"""Blocks: an upload's sums, a car's state and its predictions are the same to the bit wherever a block begins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalogue import Catalogue
from domain.telemetry import TelemetryUpload, UploadId, VehicleAttributes
from models.block_samples import width_of
from models.upload_summary import Summariser, SummaryBlock
from tests.unit.models.conftest import START_MS

CARS = [VehicleAttributes("petrol", 1400.0, 0), VehicleAttributes("diesel", 1900.0, 1_600_000_000_000)]
VALUES = st.one_of(
    st.none(), st.floats(0, 200), st.floats(0, 14), st.sampled_from([0.0, 1e9, -5.0, 900.0, 12.5, 1e308])
)


@st.composite
def uploads(draw: st.DrawFn, catalogue: Catalogue, vehicle: str = "car-1") -> TelemetryUpload:
    """Any upload of any signals, with gaps, junk, bad lengths and times that do not rise."""
    n = draw(st.sampled_from([1, 2, 7, 16, 17, 40]))
    paths = draw(st.lists(st.sampled_from(sorted(catalogue.signals)), max_size=6, unique=True))
    lengths = st.sampled_from([n, n, n, n, n, n, n, n + 1])
    columns: dict[str, Any] = {path: draw(_column(draw(lengths))) for path in paths}
    offsets = np.cumsum(draw(st.lists(st.sampled_from([1000, 1000, 4000, 20_000]), min_size=n, max_size=n))).tolist()
    if draw(st.integers(0, 19)) == 0:
        offsets = offsets[:-1] + offsets[-2:-1]
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
    whole = summariser.summarise_block(sent, attributes)
    for i, upload in enumerate(sent):
        assert row_bytes(summariser.summarise_block([upload], [attributes[i]]), 0) == row_bytes(whole, i)


@given(n=st.integers(1, 3600))
def test_the_width_of_a_row_follows_from_its_own_samples_alone(n: int) -> None:
    assert n <= width_of(n) < n + (16 if n <= 128 else 128)
    assert width_of(width_of(n)) == width_of(n)


def test_columns_that_are_arrays_already_give_the_same_sums(catalogue: Catalogue) -> None:
    columns: dict[str, Any] = {"Vehicle.Speed": [10.0, None, 30.5, 20.0]}
    one = TelemetryUpload(UploadId("car-1", "a", 0), START_MS, [0, 1000, 2000, 3000], columns, START_MS)
    arrays = {"Vehicle.Speed": np.array([10.0, np.nan, 30.5, 20.0], dtype=np.float32)}
    other = replace(one, offsets_ms=np.arange(0, 4000, 1000, dtype=np.uint32), columns=arrays)  # type: ignore[arg-type]
    block = Summariser(catalogue).summarise_block([one, other], CARS[:1] * 2)
    assert row_bytes(block, 0) == row_bytes(block, 1)
