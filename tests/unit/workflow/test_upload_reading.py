"""Many uploads read at once: each as if it had come alone, whatever its neighbours are, and by one set of rules."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.catalogue_file import load_catalogue
from domain.errors import PitcallError
from domain.telemetry import TelemetryUpload, UploadId
from workflow import upload_json
from workflow.signal_names import SignalNames
from workflow.upload_codec import decode_upload, encode_binary, upload_of
from workflow.upload_reading import Arrival, Reading, read_uploads

SIGNALS = SignalNames(load_catalogue(Path(__file__).parents[3] / "pitcall" / "data" / "car.yaml"))
SPEED, ODOMETER = "Vehicle.Speed", "Vehicle.TraveledDistance"
TEMPERATURE, LATITUDE = "Vehicle.Exterior.AirTemperature", "Vehicle.CurrentLocation.Latitude"
START_MS = 1_760_000_000_000
ODD: tuple[Any, ...] = (
    None, True, 0, -0.0, 2**53 + 1, 2**63, 2**64, 10**40, 1e308, 5e-324, "x", [], {}, [1.0], [[1.0], 2.0], "[", "NaN",
)  # fmt: skip


def whole(draw: random.Random) -> TelemetryUpload:
    n = draw.choice([1, 2, 3, 17, 60])
    columns: dict[str, list[float | None]] = {
        path: [draw.choice([draw.uniform(0, 90), 12.5]) for _ in range(n)] for path in (SPEED, TEMPERATURE)
    }
    columns[ODOMETER] = [6e7 + k for k in range(n)]
    if draw.random() < 0.3:
        columns[SPEED][draw.randrange(n)] = None
    if draw.random() < 0.2:
        columns[LATITUDE] = [48.1] * n
    car = f"car-{draw.randrange(3)}"
    return TelemetryUpload(UploadId(car, "boot-a", draw.randrange(99)), START_MS, list(range(n)), columns, START_MS)


def as_json(upload: TelemetryUpload) -> dict[str, Any]:
    return {
        "schema": 1,
        "vehicle_id": upload.id.vehicle_id,
        "boot_id": upload.id.boot_id,
        "seq": upload.id.seq,
        "start_ms": upload.start_ms,
        "offsets_ms": list(upload.offsets_ms),
        "signals": {path: list(column) for path, column in upload.columns.items()},
    }


def body_of(draw: random.Random) -> bytes:
    """An upload in one of the encodings, whole or with something wrong."""
    upload, kind = whole(draw), draw.randrange(8)
    fields = as_json(upload)
    if kind == 0:
        fields["signals"][draw.choice([SPEED, ODOMETER])][-1] = draw.choice(ODD)
    if kind == 1:
        fields["signals"][draw.choice([SPEED, "Vehicle.Mood", "a [ in a name"])] = draw.choice(ODD)
    if kind == 2:
        fields["offsets_ms"][-1] = draw.choice([0, *ODD])
    body = json.dumps(fields).encode() if kind < 3 or draw.random() < 0.5 else encode_binary(upload)
    if kind == 3:
        return body[: draw.randrange(len(body))]
    if kind == 4:
        at = draw.randrange(len(body))
        return body[:at] + draw.randbytes(draw.randrange(1, 4)) + body[at + draw.randrange(3) :]
    if kind == 5 and body[:1] == b"{":
        return body.replace(b'"signals": {', b'"signals": {"' + SPEED.encode() + b'": [1.0], ')
    return body


def said(reading: Reading, count: int) -> list[Any]:
    """What became of each arrival, in plain values."""
    uploads = {place: upload_of(reading.block, row) for row, place in enumerate(reading.places)}
    return [
        (
            upload.id,
            upload.start_ms,
            list(upload.offsets_ms),
            {path: np.asarray(column, dtype=np.float64).tobytes() for path, column in upload.columns.items()},
        )
        if (upload := uploads.get(place)) is not None
        else (type(reading.refused[place]), str(reading.refused[place]))
        for place in range(count)
    ]


def arrivals(bodies: list[bytes]) -> list[Arrival]:
    return [Arrival(None, body, START_MS) for body in bodies]


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 1_000_000))
def test_each_upload_of_a_block_is_read_as_if_it_had_come_alone(seed: int) -> None:
    draw = random.Random(seed)
    bodies = [body_of(draw) for _ in range(12)]
    together = said(read_uploads(arrivals(bodies), SIGNALS), len(bodies))
    assert together == [said(read_uploads(arrivals([body]), SIGNALS), 1)[0] for body in bodies]


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 1_000_000))
def test_the_quick_way_through_json_never_says_anything_else_than_the_typed_decoder(seed: int) -> None:
    draw = random.Random(seed)
    bodies = [body for body in (body_of(draw) for _ in range(20)) if body[:1] < b"\x80"]
    quickly = said(read_uploads(arrivals(bodies), SIGNALS), len(bodies))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upload_json, "_plain_columns", lambda head: {})
        assert said(read_uploads(arrivals(bodies), SIGNALS), len(bodies)) == quickly


def test_plain_uploads_do_go_the_quick_way() -> None:
    draw = random.Random(1)
    upload = whole(draw)
    columns = {SPEED: [1.0, 2.0], ODOMETER: [6e7, 6e7]}
    body = json.dumps(as_json(upload) | {"offsets_ms": [0, 1], "signals": columns}).encode()
    found = upload_json._plain_columns(upload_json.read_json_head(body))
    assert {path: np.frombuffer(values).tolist() for path, values in found.items()} == columns


@pytest.mark.parametrize("seed", range(5))
def test_a_broken_upload_spoils_none_of_its_neighbours(seed: int) -> None:
    draw = random.Random(seed)
    good = [encode_binary(whole(draw)) for _ in range(20)]
    broken = [b"\x80", b"{", b"", good[0][:-3], good[1][:100] + b"\xff" * 50 + good[1][150:]]
    mixed = [*good, *broken]
    draw.shuffle(mixed)
    reading = read_uploads(arrivals(mixed), SIGNALS)
    assert {mixed[place] for place in reading.places} >= set(good)
    for place, error in reading.refused.items():
        with pytest.raises(PitcallError) as alone:
            decode_upload(mixed[place], vehicle_id=None, received_ms=START_MS, names=SIGNALS)
        assert str(alone.value) == str(error)
