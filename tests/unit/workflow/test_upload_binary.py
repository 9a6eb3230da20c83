"""The binary encoding says what the JSON says, refuses what it refuses, and lets nothing but our own errors out."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.msgpack import Ext

from adapters.catalogue_file import load_catalogue
from domain.catalogue import UnitScale
from domain.errors import Forbidden, InvalidInput, PitcallError, TooLarge
from domain.telemetry import TelemetryUpload, UploadId
from workflow.signal_names import SignalNames
from workflow.upload_codec import (
    MAX_SAMPLES,
    MAX_UPLOAD_BYTES,
    decode_upload,
    encode_binary,
    without_position,
)
from workflow.upload_column import Column, scaled

CATALOGUE = load_catalogue(Path(__file__).parents[3] / "pitcall" / "data" / "car.yaml")
SIGNALS = SignalNames(CATALOGUE)
ANALOGUE = sorted(CATALOGUE.signals.keys() - {"Vehicle.TraveledDistance"})
SPEED, ODOMETER, LATITUDE = "Vehicle.Speed", "Vehicle.TraveledDistance", "Vehicle.CurrentLocation.Latitude"
RECEIVED = 1_760_000_009_000


def floats(*values: float) -> Ext:
    return Ext(1, struct.pack(f"<{len(values)}f", *values))


def whole(*values: int) -> Ext:
    return Ext(2, struct.pack(f"<{len(values)}I", *values))


def plain(**changes: Any) -> dict[str, Any]:
    """An upload of two samples; a change of None leaves the field out."""
    fields = {
        "schema": 1,
        "vss": "6.0",
        "vehicle_id": "car-1",
        "boot_id": "boot-a",
        "seq": 17,
        "start_ms": 1_760_000_000_000,
        "offsets_ms": whole(0, 1000),
        "signals": {SPEED: floats(12.0, math.nan), ODOMETER: whole(61_000_000, 61_000_003)},
        "origins": {SPEED: "recorded", ODOMETER: "simulated"},
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def packed(**changes: Any) -> bytes:
    return msgspec.msgpack.encode(plain(**changes))


def decode(body: bytes) -> TelemetryUpload:
    return decode_upload(body, vehicle_id="car-1", received_ms=RECEIVED, names=SIGNALS)


def refusal(body: bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        decode(body)
    assert refused.value.fix
    return refused.value


def test_it_says_what_the_json_says() -> None:
    as_json = {
        **plain(),
        "offsets_ms": [0, 1000],
        "signals": {SPEED: [12.0, None], ODOMETER: [61_000_000, 61_000_003]},
    }
    assert decode(packed()) == decode(json.dumps(as_json).encode())


@pytest.mark.parametrize("bits", [0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF, 0x7FFFFFFF])
def test_every_nan_is_a_gap_whatever_its_bits(bits: int) -> None:
    column = Ext(1, struct.pack("<fI", 12.0, bits))
    assert list(decode(packed(signals={SPEED: column}, origins={})).columns[SPEED]) == [12.0, None]


def test_the_odometer_keeps_its_metres_and_its_gaps() -> None:
    read = decode(packed(signals={ODOMETER: whole(4_294_967_294, 4_294_967_295)}, origins={}))
    assert list(read.columns[ODOMETER]) == [4_294_967_294, None]


def test_numpy_takes_a_column_whole_with_nan_for_a_gap() -> None:
    read = decode(packed())
    table = np.array([read.columns[SPEED], read.columns[ODOMETER]], dtype=np.float64)
    assert table.tolist()[1] == [61_000_000.0, 61_000_003.0]
    assert table[0, 0] == 12.0
    assert math.isnan(table[0, 1])


def test_a_gap_may_be_any_nan_one_that_signals_too() -> None:
    values = np.array([0x7F80_0001, 0x3F80_0000], dtype=np.uint32).view(np.float32)
    column = Column(values)
    assert list(column) == [None, 1.0]
    assert np.array_equal(np.asarray(column, dtype=np.float64), [np.nan, 1.0], equal_nan=True)
    assert np.array_equal(scaled(values, UnitScale(2.0, 1.0)), [np.nan, 3.0], equal_nan=True)


def test_a_column_is_a_sequence_like_any_other() -> None:
    column = decode(packed()).columns[SPEED]
    assert (column[0], column[1], len(column)) == (12.0, None, 2)
    assert column[:1] == [12.0]
    assert column == [12.0, None]
    assert column != [12.0, 13.0]
    assert column != "12"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"schema": 2}, "schema"),
        ({"vss": "3.1"}, "vss"),
        ({"boot_id": "a name"}, "boot_id"),
        ({"boot_id": None}, "boot_id"),
        ({"seq": -1}, "seq"),
        ({"seq": 2**32}, "seq"),
        ({"seq": 1.5}, "seq"),
        ({"start_ms": 1_760_000_000}, "start_ms"),
        ({"offsets_ms": [0, 1000]}, "offsets_ms"),
        ({"offsets_ms": b"\x00" * 8}, "offsets_ms"),
        ({"offsets_ms": floats(0, 1000)}, "offsets_ms"),
        ({"offsets_ms": whole()}, "offsets_ms"),
        ({"offsets_ms": whole(0, 0)}, "offsets_ms"),
        ({"offsets_ms": whole(1000, 0)}, "offsets_ms"),
        ({"offsets_ms": Ext(2, b"\x00" * 7)}, "offsets_ms"),
        ({"offsets_ms": whole(*range(MAX_SAMPLES + 1))}, "offsets_ms"),
        ({"signals": {}}, "signals"),
        ({"signals": {SPEED: floats(1.0)}}, f"signals.{SPEED}"),
        ({"signals": {SPEED: Ext(1, b"\x00" * 9)}}, f"signals.{SPEED}"),
        ({"signals": {SPEED: Ext(3, b"\x00" * 8)}}, f"signals.{SPEED}"),
        ({"signals": {SPEED: Ext(-1, b"\x00" * 8)}}, f"signals.{SPEED}"),
        ({"signals": {SPEED: floats(1.0, math.inf)}}, f"signals.{SPEED}"),
        ({"signals": {ANALOGUE[0]: floats(1, 2), SPEED: floats(-math.inf, math.nan)}}, f"signals.{SPEED}"),
        ({"signals": {ODOMETER: floats(61e6, 61e6)}}, f"signals.{ODOMETER}"),
        ({"signals": {"Vehicle.Mood": floats(1.0, 2.0)}}, "signals.Vehicle.Mood"),
        ({"signals": {SPEED: [1.0, 2.0]}}, "signals[...]"),
        ({"signals": {f"Vehicle.S{n}": floats(1.0, 2.0) for n in range(201)}}, "signals"),
        ({"origins": {SPEED: "guessed"}}, f"origins.{SPEED}"),
        ({"owner": "somebody"}, "owner"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], field: str) -> None:
    assert refusal(packed(**({"origins": {}} | changes))).field == field


def test_a_car_that_names_another_car_is_refused() -> None:
    with pytest.raises(Forbidden, match="vehicle_id"):
        decode(packed(vehicle_id="car-2"))


def test_the_size_limit_holds_here_too() -> None:
    with pytest.raises(TooLarge):
        decode(packed(boot_id="a" * MAX_UPLOAD_BYTES))


@pytest.mark.parametrize("name", ["x" * 900_000, "ü" * 400_000])
def test_an_error_never_repeats_all_of_what_was_sent(name: str) -> None:
    for body in (packed(**{name: 1}), json.dumps({name: 1}, ensure_ascii=False).encode()):
        refused = refusal(body)
        assert len(str(refused)) < 500
        assert len(refused.field) < 500
    for changes in ({"vss": name}, {"origins": {SPEED: name}}, {"signals": {name: floats(1, 2)}, "origins": {}}):
        refused = refusal(packed(**changes))
        assert len(str(refused)) + len(refused.field) < 500


def test_positions_are_dropped_and_the_rest_is_taken() -> None:
    signals = {SPEED: floats(12.0, 13.0), LATITUDE: floats(48.137154, 48.137155)}
    body = packed(signals=signals, origins={SPEED: "recorded", LATITUDE: "recorded"})
    assert set(decode(body).columns) == {SPEED}
    kept = without_position(body)
    assert b"CurrentLocation" not in kept
    assert decode(kept) == decode(packed(signals={SPEED: floats(12.0, 13.0)}, origins={SPEED: "recorded"}))


def test_an_upload_without_positions_goes_into_the_log_as_it_came() -> None:
    body = packed()
    assert without_position(body) is body


def test_of_a_batch_each_upload_names_its_car() -> None:
    read = decode_upload(packed(vehicle_id="car-7"), vehicle_id=None, received_ms=RECEIVED, names=SIGNALS)
    assert read.id == UploadId("car-7", "boot-a", 17)
    with pytest.raises(InvalidInput) as refused:
        decode_upload(packed(vehicle_id=None), vehicle_id=None, received_ms=RECEIVED, names=SIGNALS)
    assert refused.value.field == "vehicle_id"


analogue = st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False)
metres = st.none() | st.integers(0, 2**32 - 2)


@st.composite
def uploads(draw: st.DrawFn) -> TelemetryUpload:
    offsets = sorted(draw(st.sets(st.integers(0, 2**32 - 1), min_size=1, max_size=8)))
    columns: dict[str, Any] = {}
    for path in draw(st.lists(st.sampled_from([*ANALOGUE, ODOMETER]), min_size=1, unique=True)):
        values = metres if path == ODOMETER else analogue
        columns[path] = draw(st.lists(values, min_size=len(offsets), max_size=len(offsets)))
    return TelemetryUpload(
        id=UploadId(
            "car-1", draw(st.from_regex(r"[A-Za-z0-9-]{1,36}", fullmatch=True)), draw(st.integers(0, 2**32 - 1))
        ),
        start_ms=draw(st.integers(946_684_800_000, 4_102_444_800_000)),
        offsets_ms=offsets,
        columns=columns,
        received_ms=RECEIVED,
        origins={path: "simulated" for path in columns if draw(st.booleans())},
    )


@settings(deadline=None, max_examples=200)
@given(upload=uploads())
def test_what_was_encoded_is_read_again_and_json_says_the_same(upload: TelemetryUpload) -> None:
    read = decode(encode_binary(upload))
    assert read == upload
    as_json = msgspec.json.encode(
        {
            "schema": 1,
            "boot_id": upload.id.boot_id,
            "seq": upload.id.seq,
            "start_ms": upload.start_ms,
            "offsets_ms": upload.offsets_ms,
            "signals": upload.columns,
            "origins": upload.origins,
        }
    )
    assert decode(as_json) == read
    assert encode_binary(read) == encode_binary(upload)


@pytest.mark.parametrize(
    ("path", "value"),
    [(SPEED, 1e39), (SPEED, -1e308), (SPEED, math.inf), (ODOMETER, -1), (ODOMETER, 2**32 - 1), (ODOMETER, math.inf)],
)
def test_what_does_not_fit_the_wire_is_not_encoded(path: str, value: float) -> None:
    upload = TelemetryUpload(UploadId("car-1", "b", 0), 1_760_000_000_000, [0], {path: [value]}, RECEIVED)
    with pytest.raises(InvalidInput) as refused:
        encode_binary(upload)
    assert refused.value.field == f"signals.{path}"


def only_our_errors(body: bytes) -> None:
    try:
        read = decode(body)
    except PitcallError as error:
        assert isinstance(error, Forbidden) or (isinstance(error, InvalidInput) and error.field and error.fix)
    else:
        for column in read.columns.values():
            assert len(column) == len(read.offsets_ms)
            assert all(value is None or abs(value) < math.inf for value in column)
        without_position(body)


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=12)
    | st.builds(Ext, st.integers(-128, 127), st.binary(max_size=12)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=400)
@given(head=st.integers(0x80, 0xFF), rest=st.binary(max_size=100))
def test_of_arbitrary_bytes_only_our_own_errors_come(head: int, rest: bytes) -> None:
    only_our_errors(bytes([head]) + rest)


@settings(deadline=None, max_examples=400)
@given(field=st.sampled_from(sorted(plain())), value=anything)
def test_of_an_upload_with_one_field_spoilt_only_our_own_errors_come(field: str, value: Any) -> None:
    only_our_errors(msgspec.msgpack.encode(plain() | {field: value}))


@settings(deadline=None, max_examples=400)
@given(cut=st.integers(0, 400), at=st.integers(0, 400), byte=st.binary(min_size=1, max_size=2))
def test_of_a_cut_or_altered_upload_only_our_own_errors_come(cut: int, at: int, byte: bytes) -> None:
    body = packed()
    only_our_errors(body[:cut])
    only_our_errors(body[:at] + byte + body[at + 1 :])


@pytest.mark.parametrize("body", [b"\xdf\xff\xff\xff\xff", b"\x81" * 900_000, b"\x91" * 900_000, b"\xc1", b"\x80"])
def test_huge_promises_and_deep_nesting_are_refused(body: bytes) -> None:
    refusal(body)
