"""What a car sends is what was recorded, to the last bit, and says of each signal where it came from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.drive import ENGINE_SPEED, ODOMETER, SPEED, TYRE_PRESSURE, VOLTAGE, Drive, load_drives
from simulators.trip import Trip, Upload, UploadWriter, battery_codes

DRIVES = load_drives()
ADDED = {ODOMETER, VOLTAGE, TYRE_PRESSURE}


def trip(drive: Drive, odometer_m: float = 61_234_567.8) -> Trip:
    return Trip("boot-1", drive, 1_757_900_000_000, odometer_m, 12.51, 10.62, 231.4)


def parsed(uploads: list[Upload]) -> list[dict[str, Any]]:
    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is not JSON")

    return [json.loads(upload.body, parse_constant=refuse) for upload in uploads]


@pytest.mark.parametrize("drive", DRIVES, ids=lambda drive: drive.name)
def test_a_trip_comes_from_a_recorded_drive_bit_by_bit(drive: Drive) -> None:
    _, *parts = parsed(UploadWriter().uploads(trip(drive)))
    for signal, column in drive.columns.items():
        sent = [np.nan if v is None else v for part in parts for v in part["signals"][signal]]
        assert np.array_equal(np.array(sent, np.float32), column, equal_nan=True)
    times = [part["start_ms"] + offset for part in parts for offset in part["offsets_ms"]]
    assert times == (1_757_900_000_000 + drive.offsets_ms).tolist()


@pytest.mark.parametrize("drive", DRIVES[:6], ids=lambda drive: drive.name)
def test_every_signal_tells_its_origin(drive: Drive) -> None:
    wake, *parts = parsed(UploadWriter().uploads(trip(drive)))
    assert set(wake["origins"].values()) == {"simulated"}
    for body in (wake, *parts):
        assert set(body["origins"]) == set(body["signals"])
    for part in parts:
        assert {s for s, origin in part["origins"].items() if origin == "simulated"} == ADDED
        assert {s for s, origin in part["origins"].items() if origin == "recorded"} == set(drive.columns)


@given(number=st.integers(0, len(DRIVES) - 1), samples=st.integers(1, 3_600), length=st.integers(1, 400))
@settings(max_examples=60, deadline=None)
def test_chunks_of_any_size_are_whole_in_order_and_within_bounds(number: int, samples: int, length: int) -> None:
    whole = DRIVES[number]
    columns = {signal: column[:length] for signal, column in whole.columns.items()}
    drive = replace(whole, offsets_ms=whole.offsets_ms[:length], columns=columns)
    uploads = UploadWriter(samples).uploads(trip(drive))
    assert [upload.seq for upload in uploads] == list(range(len(uploads)))
    assert [upload.ready_ms for upload in uploads] == sorted(upload.ready_ms for upload in uploads)
    _, *parts = parsed(uploads)
    assert sum(len(part["offsets_ms"]) for part in parts) == length
    for upload, part in zip(uploads[1:], parts, strict=True):
        assert part["offsets_ms"][0] == 0
        assert part["offsets_ms"] == sorted(set(part["offsets_ms"]))
        assert upload.samples == len(part["offsets_ms"]) <= samples
        assert {len(column) for column in part["signals"].values()} == {upload.samples}
        assert len(upload.body) <= 983_040


def test_an_upload_of_the_largest_size_is_within_a_mebibyte() -> None:
    longest = max(DRIVES, key=len)
    assert max(len(u.body) for u in UploadWriter(3_600).uploads(trip(longest))) < 983_040


def test_no_upload_holds_more_than_3600_samples() -> None:
    with pytest.raises(ValueError, match="3,600"):
        UploadWriter(3_601)


def test_the_odometer_goes_on_from_the_trip_before_in_whole_metres() -> None:
    bodies = parsed(UploadWriter().uploads(trip(DRIVES[0])))
    readings = [reading for body in bodies for reading in body["signals"][ODOMETER]]
    assert readings[0] == 61_234_567
    assert readings == sorted(readings)
    assert readings[-1] - readings[0] == pytest.approx(DRIVES[0].distance_m, abs=1)


def test_a_car_that_never_brakes_says_that_its_speed_is_not_the_recorded_one() -> None:
    wake, *parts = parsed(UploadWriter(speed_is_constant=True).uploads(trip(DRIVES[0])))
    assert SPEED not in wake["signals"]
    assert {part["origins"][SPEED] for part in parts} == {"simulated"}
    assert len({speed for part in parts for speed in part["signals"][SPEED]}) == 1


@pytest.mark.parametrize("drive", DRIVES, ids=lambda drive: drive.name)
def test_the_battery_shows_its_rest_before_and_its_dip_at_the_one_cold_start(drive: Drive) -> None:
    bodies = parsed(UploadWriter().uploads(trip(drive)))
    volts = [v for body in bodies for v in body["signals"][VOLTAGE]]
    turns = [r for body in bodies for r in body["signals"][ENGINE_SPEED]]
    assert volts[:5] == [12.51] * 5
    assert volts.count(10.62) == 1
    first_turn = next(i for i, r in enumerate(turns) if r is not None and r >= 400)
    assert 0 < first_turn - volts.index(10.62) <= 1


def test_without_an_engine_speed_the_battery_is_taken_to_be_charged() -> None:
    drive = Drive("x", 0, np.arange(3) * 1000, {SPEED: np.zeros(3, np.float32)})
    assert battery_codes(drive).tolist() == [0, 0, 0]
