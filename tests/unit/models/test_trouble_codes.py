"""Trouble codes: reports in any order, more than once, as changes or as the whole, come to the same."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.msgpack import Ext

from domain.catalogue import Catalogue
from domain.errors import InvalidInput
from domain.telemetry import VehicleAttributes
from models.fold import VehicleFold
from models.trouble_codes import fold_codes, pack_code, stored_codes, unpack_code
from models.upload_block import CodeReport
from models.vehicle_state import CODES, CODES_LOST, Record, StateLayout
from tests.unit.models.conftest import START_MS
from workflow.signal_names import SignalNames
from workflow.upload_codec import decode_upload
from workflow.upload_reading import Arrival, read_uploads

CODE = st.from_regex(r"\A[PCBU][0-3][0-9A-F]{3}(-[0-9A-F]{2})?\Z")


@given(code=CODE)
def test_a_code_comes_back_as_it_was(code: str) -> None:
    assert unpack_code(pack_code(code)) == code
    assert 0 <= pack_code(code) < 2**25


@pytest.fixture
def empty(catalogue: Catalogue, layout: StateLayout) -> Record:
    return layout.empty(catalogue, VehicleAttributes())


def test_codes_come_and_go(empty: Record) -> None:
    fold_codes(empty, CodeReport(0, ("P0420", "P0301-1A"), ()), 1_000_000)
    fold_codes(empty, CodeReport(0, (), ("P0420",)), 2_000_000)
    assert stored_codes(empty) == ("P0301-1A",)


def test_the_whole_list_ends_what_is_not_in_it(empty: Record) -> None:
    fold_codes(empty, CodeReport(0, ("P0420", "P0301"), ()), 1_000_000)
    fold_codes(empty, CodeReport(0, ("P0301", "U0100"), (), is_whole=True), 2_000_000)
    assert stored_codes(empty) == ("P0301", "U0100")


def test_a_report_older_than_what_is_known_is_no_news(empty: Record) -> None:
    fold_codes(empty, CodeReport(0, (), ("P0420",)), 2_000_000)
    fold_codes(empty, CodeReport(0, ("P0420",), ()), 1_000_000)
    assert stored_codes(empty) == ()


@given(seed=st.integers(0, 10_000))
def test_the_order_of_arrival_does_not_matter(catalogue: Catalogue, layout: StateLayout, seed: int) -> None:
    chance = random.Random(seed)
    codes = ["P0420", "P0301", "U0100", "C1234-11", "B2000"]
    reports = [
        (CodeReport(0, tuple(sorted(chance.sample(codes, 2))), ()), 1_000_000 * (k + 1))
        if chance.random() < 0.5
        else (CodeReport(0, (), (chance.choice(codes),)), 1_000_000 * (k + 1))
        for k in range(12)
    ]
    mixed = reports * 2
    chance.shuffle(mixed)
    one, other = (layout.empty(catalogue, VehicleAttributes()) for _ in range(2))
    for report, at_ms in reports:
        fold_codes(one, report, at_ms)
    for report, at_ms in mixed:
        fold_codes(other, report, at_ms)
    assert stored_codes(one) == stored_codes(other)


def test_more_codes_than_places_are_told(empty: Record, layout: StateLayout) -> None:
    for k in range(CODES + 1):
        assert not layout.flags(empty) & CODES_LOST
        fold_codes(empty, CodeReport(0, (f"P010{k}",), ()), 1_000_000 * (k + 1))
    assert layout.flags(empty) & CODES_LOST
    assert stored_codes(empty) == tuple(f"P010{k}" for k in range(1, CODES + 1))


def upload(codes: Any, seq: int) -> dict[str, Any]:
    return {
        "schema": 1,
        "boot_id": "boot-a",
        "seq": seq,
        "start_ms": START_MS + seq * 60_000,
        "offsets_ms": [0, 1000],
        "signals": {"Vehicle.Speed": [1.0, 2.0]},
        "codes": codes,
    }


def as_binary(body: dict[str, Any]) -> bytes:
    offsets, (path, values) = body["offsets_ms"], next(iter(body["signals"].items()))
    typed = {"offsets_ms": Ext(2, struct.pack("<2I", *offsets)), "signals": {path: Ext(1, struct.pack("<2f", *values))}}
    return msgspec.msgpack.encode(body | typed)


@pytest.mark.parametrize("encoded", [msgspec.json.encode, as_binary], ids=["json", "binary"])
def test_codes_of_uploads_reach_the_state(
    catalogue: Catalogue, layout: StateLayout, fold: VehicleFold, encoded: Callable[[Any], bytes]
) -> None:
    sent = [upload({"added": ["P0420", "P0301-1A"]}, 0), upload({"removed": ["P0420"]}, 1), upload(None, 2)]
    states = layout.block(catalogue, [None], [0])
    for body in (*sent, upload({"stored": ["U0100"]}, 3)):
        reading = read_uploads([Arrival("car-1", encoded(body), START_MS + 240_000)], SignalNames(catalogue))
        assert not reading.refused
        for _ in fold.fold_block(states, [0], reading.block):
            pass
        if body["seq"] == 2:
            assert stored_codes(states[0]) == ("P0301-1A",)
    assert stored_codes(states[0]) == ("U0100",)


@pytest.mark.parametrize(
    ("codes", "field"),
    [
        ({"added": ["P0420", "0420"]}, "codes.added[1]"),
        ({"removed": ["p0420"]}, "codes.removed[0]"),
        ({"stored": ["P04200"]}, "codes.stored[0]"),
        ({"stored": ["P0420-1"]}, "codes.stored[0]"),
        ({"added": ["P0420\n"]}, "codes.added[0]"),
        ({"added": ["P0420"] * 65}, "codes.added"),
        ({"added": ["P0420"], "removed": ["P0420"]}, "codes"),
        ({"added": ["P0420"], "stored": []}, "codes"),
        ({"added": "P0420"}, "codes.added"),
        ({"cleared": []}, "codes.cleared"),
    ],
)
def test_what_is_wrong_with_codes_is_said_by_its_field(catalogue: Catalogue, codes: Any, field: str) -> None:
    for body in (msgspec.json.encode(upload(codes, 0)), as_binary(upload(codes, 0))):
        with pytest.raises(InvalidInput) as refused:
            decode_upload(body, vehicle_id="car-1", received_ms=START_MS, names=SignalNames(catalogue))
        assert (refused.value.field, bool(refused.value.fix)) == (field, True)
