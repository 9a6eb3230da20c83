"""What is wrong with an upload is said by its field; whatever comes in, nothing but our own errors come out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.catalogue_file import load_catalogue
from domain.errors import Forbidden, InvalidInput, PitcallError, TooLarge
from domain.telemetry import TelemetryUpload
from workflow.signal_names import SignalNames
from workflow.upload_codec import MAX_SAMPLES, MAX_UPLOAD_BYTES, decode_upload, without_position

SIGNALS = SignalNames(load_catalogue(Path(__file__).parents[3] / "pitcall" / "data" / "car.yaml"))
SPEED = "Vehicle.Speed"
ODOMETER = "Vehicle.TraveledDistance"
LATITUDE = "Vehicle.CurrentLocation.Latitude"


def upload(**changes: Any) -> dict[str, Any]:
    """An upload of two samples; a change of None leaves the field out."""
    whole = {
        "schema": 1,
        "vss": "6.0",
        "vehicle_id": "car-1",
        "boot_id": "boot-a",
        "seq": 17,
        "start_ms": 1_760_000_000_000,
        "offsets_ms": [0, 1000],
        "signals": {SPEED: [12.0, None], ODOMETER: [61_000_000, 61_000_003]},
        "origins": {SPEED: "recorded", ODOMETER: "simulated"},
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def decode(body: bytes | dict[str, Any]) -> TelemetryUpload:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode_upload(raw, vehicle_id="car-1", received_ms=1_760_000_009_000, names=SIGNALS)


def refusal(body: bytes | dict[str, Any]) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        decode(body)
    assert refused.value.fix
    return refused.value


def test_a_good_upload_is_read_as_it_was_written() -> None:
    read = decode(upload())
    assert str(read.id) == "car-1/boot-a/17"
    assert (read.start_ms, read.offsets_ms, read.received_ms) == (1_760_000_000_000, [0, 1000], 1_760_000_009_000)
    assert read.columns == {SPEED: [12.0, None], ODOMETER: [61_000_000.0, 61_000_003.0]}
    assert read.origins == {SPEED: "recorded", ODOMETER: "simulated"}


def test_the_car_need_not_name_itself_for_its_credential_does() -> None:
    assert decode(upload(vehicle_id=None)).id.vehicle_id == "car-1"


def test_a_car_that_names_another_car_is_refused() -> None:
    with pytest.raises(Forbidden, match="vehicle_id"):
        decode(upload(vehicle_id="car-2"))


def test_the_odometer_keeps_its_metres_to_the_end_of_uint32() -> None:
    read = decode(upload(signals={ODOMETER: [4_294_967_294, 4_294_967_295]}, origins={}))
    assert read.columns[ODOMETER] == [4_294_967_294, 4_294_967_295]


@pytest.mark.parametrize("body", [b"", b"nope", b"\xff\xfe\x00", b"[]", b"null", b'"upload"', b"\x00" * 100])
def test_what_is_no_json_object_is_refused_as_a_whole(body: bytes) -> None:
    assert refusal(body).field == "$"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"schema": 2}, "schema"),
        ({"schema": "one"}, "schema"),
        ({"vss": "3.1"}, "vss"),
        ({"boot_id": ""}, "boot_id"),
        ({"boot_id": "a" * 37}, "boot_id"),
        ({"boot_id": "a name"}, "boot_id"),
        ({"boot_id": "boot\n"}, "boot_id"),
        ({"boot_id": None}, "boot_id"),
        ({"seq": -1}, "seq"),
        ({"seq": 2**32}, "seq"),
        ({"seq": 10**40}, "seq"),
        ({"seq": 1.5}, "seq"),
        ({"seq": "17"}, "seq"),
        ({"start_ms": 1_760_000_000}, "start_ms"),
        ({"start_ms": 10**300}, "start_ms"),
        ({"offsets_ms": []}, "offsets_ms"),
        ({"offsets_ms": [0, 0]}, "offsets_ms"),
        ({"offsets_ms": [1000, 0]}, "offsets_ms"),
        ({"offsets_ms": [-1, 0]}, "offsets_ms[0]"),
        ({"offsets_ms": [0, 2**32]}, "offsets_ms[1]"),
        ({"offsets_ms": list(range(MAX_SAMPLES + 1))}, "offsets_ms"),
        ({"signals": {}}, "signals"),
        ({"signals": []}, "signals"),
        ({"signals": {SPEED: [1.0]}}, f"signals.{SPEED}"),
        ({"signals": {SPEED: [1.0, 2.0, 3.0]}}, f"signals.{SPEED}"),
        ({"signals": {SPEED: [1.0, "fast"]}}, f"signals.{SPEED}"),
        ({"signals": {SPEED: [1.0, True]}}, f"signals.{SPEED}"),
        ({"signals": {SPEED: [1.0, [2.0]]}}, f"signals.{SPEED}"),
        ({"signals": {ODOMETER: [1, 2], SPEED: 12.0}}, f"signals.{SPEED}"),
        ({"signals": {SPEED: [1.0, float("nan")]}}, f"signals.{SPEED}"),
        ({"signals": {SPEED: [1.0, float("inf")]}}, f"signals.{SPEED}"),
        ({"signals": {ODOMETER: [1, 2], SPEED: [1.0, float("-inf")]}}, f"signals.{SPEED}"),
        ({"signals": {SPEED: [1.0, 10**400]}}, f"signals.{SPEED}"),
        ({"signals": {"Vehicle.Mood": [1.0, 2.0]}, "origins": {}}, "signals.Vehicle.Mood"),
        ({"signals": {f"Vehicle.S{n}": [1.0, 2.0] for n in range(201)}}, "signals"),
        ({"origins": {SPEED: "guessed"}}, f"origins.{SPEED}"),
        ({"origins": {"Vehicle.Mood": "recorded"}}, "origins.Vehicle.Mood"),
        ({"owner": "somebody"}, "owner"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], field: str) -> None:
    assert refusal(upload(**changes)).field == field


def test_a_number_beyond_all_bounds_is_refused_by_the_name_of_its_signal() -> None:
    body = json.dumps(upload()).replace("12.0", "1e999").encode()
    assert refusal(body).field == f"signals.{SPEED}"


def test_who_sends_nan_is_told_to_send_null() -> None:
    assert "send null for a gap" in refusal(upload(signals={SPEED: [float("nan"), 1.0]})).fix


@pytest.mark.parametrize(
    "body",
    [b"[" * 500_000, b'{"signals":' + b'{"a":' * 150_000, b'{"signals": {"Vehicle.Speed": ' + b"[" * 500_000],
)
def test_deep_nesting_is_refused_like_anything_else(body: bytes) -> None:
    refusal(body)


def test_a_digit_string_of_thousands_is_refused_like_anything_else() -> None:
    refusal(json.dumps(upload()).replace("12.0", "9" * 10_000).encode())


def test_the_size_limit_is_exact_and_says_both_numbers() -> None:
    body = json.dumps(upload()).encode()
    decode(body + b" " * (MAX_UPLOAD_BYTES - len(body)))
    with pytest.raises(TooLarge, match=r"983,040 bytes, this one has 983,041"):
        decode(body + b" " * (MAX_UPLOAD_BYTES - len(body) + 1))


def test_an_hour_of_samples_is_taken() -> None:
    n = MAX_SAMPLES
    read = decode(upload(offsets_ms=list(range(n)), signals={SPEED: [1.0] * n}, origins={}))
    assert len(read.columns[SPEED]) == n


def test_positions_are_dropped_and_the_rest_is_taken() -> None:
    signals = {SPEED: [12.0, 13.0], LATITUDE: [48.137154, 48.137155]}
    whole = upload(signals=signals, origins={SPEED: "recorded", LATITUDE: "recorded"})
    assert set(decode(whole).columns) == {SPEED}
    kept = without_position(json.dumps(whole).encode())
    assert b"CurrentLocation" not in kept
    assert b"48.137" not in kept
    assert decode(kept) == decode(upload(signals={SPEED: [12.0, 13.0]}, origins={SPEED: "recorded"}))


@pytest.mark.parametrize(
    "spelling", ["Vehicle.\\u0043urrentLocation.Latitude", "\\u0056ehicle.CurrentLocation.Latitude"]
)
def test_a_position_in_other_letters_is_dropped_too(spelling: str) -> None:
    whole = upload(signals={SPEED: [12.0, 13.0], "POSITION": [48.137154, 48.137155]}, origins={})
    body = json.dumps(whole).replace("POSITION", spelling).encode()
    assert b"48.137" not in without_position(body)


def test_an_upload_without_positions_goes_into_the_log_as_it_came() -> None:
    body = json.dumps(upload(), indent=1).encode()
    assert without_position(body) is body


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
fields = ("schema", "vss", "vehicle_id", "boot_id", "seq", "start_ms", "offsets_ms", "signals", "origins")


def only_our_errors(body: bytes) -> None:
    try:
        read = decode(body)
    except PitcallError as error:
        assert str(error)
        assert isinstance(error, Forbidden) or (isinstance(error, InvalidInput) and error.field)
    else:
        for column in read.columns.values():
            assert len(column) == len(read.offsets_ms)
            assert all(value is None or abs(value) < float("inf") for value in column)
        without_position(body)


@settings(deadline=None, max_examples=300)
@given(body=st.binary(max_size=200) | anything.map(lambda value: json.dumps(value).encode()))
def test_of_arbitrary_bytes_only_our_own_errors_come(body: bytes) -> None:
    only_our_errors(body)


@settings(deadline=None, max_examples=300)
@given(field=st.sampled_from(fields), value=anything)
def test_of_an_upload_with_one_field_spoilt_only_our_own_errors_come(field: str, value: Any) -> None:
    only_our_errors(json.dumps(upload() | {field: value}).encode())


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [None, 1.0]])
def test_a_signal_whose_name_holds_a_nul_is_told_in_our_own_words(values: list[float | None]) -> None:
    # simdjson looks names up as C strings and finds none of them.
    only_our_errors(json.dumps(upload() | {"signals": {"Vehicle.Spe\x00ed": values}}).encode())


@settings(deadline=None, max_examples=300)
@given(column=st.lists(anything, min_size=2, max_size=2))
def test_of_a_spoilt_column_only_our_own_errors_come(column: list[Any]) -> None:
    only_our_errors(json.dumps(upload(signals={SPEED: column})).encode())


@settings(deadline=None, max_examples=200)
@given(cut=st.integers(0, 400), at=st.integers(0, 400), byte=st.binary(min_size=1, max_size=2))
def test_of_a_cut_or_altered_upload_only_our_own_errors_come(cut: int, at: int, byte: bytes) -> None:
    whole = json.dumps(upload()).encode()
    only_our_errors(whole[:cut])
    only_our_errors(whole[:at] + byte + whole[at + 1 :])
