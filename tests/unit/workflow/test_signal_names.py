"""Cars speak several versions and units; what reaches the fold has the catalogue's names and units."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.msgpack import Ext

from adapters.catalogue_file import load_catalogue
from domain.catalogue_reader import InvalidCatalogue
from domain.errors import InvalidInput
from domain.telemetry import TelemetryUpload
from workflow.signal_names import SignalNames
from workflow.upload_codec import decode_upload, without_position

FILE = Path(__file__).parents[3] / "pitcall" / "data" / "car.yaml"
NAMES = SignalNames(load_catalogue(FILE))
SPEED, ODOMETER, LATITUDE = "Vehicle.Speed", "Vehicle.TraveledDistance", "Vehicle.CurrentLocation.Latitude"
COOLANT = "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature"
TYRE = "Vehicle.Chassis.Axle.Row1.Wheel.Left.Tire.Pressure"


def upload(signals: dict[str, Any], **fields: Any) -> dict[str, Any]:
    head = {"schema": 1, "boot_id": "boot-a", "seq": 1, "start_ms": 1_760_000_000_000, "offsets_ms": [0, 1000]}
    return head | {"signals": signals} | fields


def read(body: bytes) -> TelemetryUpload:
    return decode_upload(body, vehicle_id="car-1", received_ms=1_760_000_002_000, names=NAMES)


def in_json(signals: dict[str, Any], **fields: Any) -> TelemetryUpload:
    return read(json.dumps(upload(signals, **fields)).encode())


def in_binary(signals: dict[str, Any], **fields: Any) -> TelemetryUpload:
    typed = {path: Ext(1, struct.pack("<2f", *values)) for path, values in signals.items()}
    return read(msgspec.msgpack.encode(upload(typed, offsets_ms=Ext(2, struct.pack("<2I", 0, 1000)), **fields)))


BOTH = pytest.mark.parametrize("sent", [in_json, in_binary], ids=["json", "binary"])


@BOTH
@pytest.mark.parametrize("vss", ["4.0", "5.0", "5.1"])
def test_before_6_the_odometer_is_in_kilometres_and_names_were_others(sent: Any, vss: str) -> None:
    signals = {ODOMETER: [61_000.5, 61_000.5], "Vehicle.Powertrain.CombustionEngine.ECT": [88.0, 89.0]}
    found = sent(signals, vss=vss, origins={"Vehicle.Powertrain.CombustionEngine.ECT": "simulated"})
    assert found.columns == {ODOMETER: [61_000_500.0, 61_000_500.0], COOLANT: [88.0, 89.0]}
    assert found.origins == {COOLANT: "simulated"}


@BOTH
def test_units_of_single_signals_are_converted(sent: Any) -> None:
    signals = {TYRE: [32.0, 33.0], COOLANT: [212.0, 32.0], SPEED: [10.0, 20.0]}
    found = sent(signals, units={TYRE: "psi", COOLANT: "Fahrenheit", SPEED: "m/s"})
    assert list(found.columns[TYRE]) == pytest.approx([220.6322, 227.5270], abs=1e-3)
    assert list(found.columns[COOLANT]) == pytest.approx([100.0, 0.0], abs=1e-9)
    assert list(found.columns[SPEED]) == [36.0, 72.0]


@BOTH
def test_gaps_stay_gaps_whatever_the_unit(sent: Any) -> None:
    values = [10.0, None if sent is in_json else float("nan")]
    assert list(sent({SPEED: values}, units={SPEED: "mph"}).columns[SPEED]) == [pytest.approx(16.09344), None]


def test_an_odometer_in_whole_kilometres_may_be_typed_as_such() -> None:
    body = upload(
        {ODOMETER: Ext(2, struct.pack("<2I", 61_000, 2**32 - 1))}, offsets_ms=Ext(2, struct.pack("<2I", 0, 9))
    )
    found = read(msgspec.msgpack.encode(body | {"units": {ODOMETER: "km"}}))
    assert list(found.columns[ODOMETER]) == [61_000_000.0, None]


@BOTH
@pytest.mark.parametrize(
    ("signals", "fields", "field", "fix"),
    [
        ({SPEED: [1.0, 2.0]}, {"vss": "3.1"}, "vss", "4.0, 5.0, 5.1, 6.0"),
        ({SPEED: [1.0, 2.0]}, {"units": {SPEED: "furlongs"}}, f"units.{SPEED}", "one of km/h, m/s, mph"),
        ({SPEED: [1.0, 2.0]}, {"units": {TYRE: "bar"}}, f"units.{TYRE}", "leave it out"),
        ({"Vehicle.OBD.Speed": [1.0, 2.0]}, {}, "signals.Vehicle.OBD.Speed", "leave it out"),
        ({SPEED: [1.0, 2.0], "Vehicle.OBD.Speed": [1.0, 2.0]}, {"vss": "5.0"}, "signals.Vehicle.OBD.Speed", "one name"),
    ],
)
def test_what_nobody_can_tell_the_meaning_of_is_refused_with_what_is_known(
    sent: Any, signals: dict[str, Any], fields: dict[str, Any], field: str, fix: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        sent(signals, **fields)
    assert refused.value.field == field
    assert fix in (refused.value.fix or "")


def test_units_and_codes_outlive_the_removal_of_positions() -> None:
    signals = {SPEED: [1.0, 2.0], LATITUDE: [48.0, 48.0]}
    more = {"units": {SPEED: "mph", LATITUDE: "degrees"}, "codes": {"added": ["P0420"]}}
    stripped = without_position(json.dumps(upload(signals, **more)).encode())
    assert LATITUDE.encode() not in stripped
    assert list(read(stripped).columns[SPEED]) == pytest.approx([1.609344, 3.218688])
    assert msgspec.json.decode(stripped)["codes"]["added"] == ["P0420"]


def test_mistakes_in_the_file_are_told_with_file_line_and_field(tmp_path: Path) -> None:
    text = FILE.read_text().replace("{Vehicle.TraveledDistance: km}", "{Vehicle.TraveledDistance: leagues}")
    text = text.replace("unit: km/h, min: 0", "unit: 5, min: 0")
    path = tmp_path / "fleet.yaml"
    path.write_text(text)
    with pytest.raises(InvalidCatalogue) as refused:
        load_catalogue(path)
    lines = text.splitlines()
    told = [where.split(": ") for where, _ in refused.value.mistakes]
    assert {"signals.Vehicle.Speed.unit", "versions.5.1.units.Vehicle.TraveledDistance"} <= {field for _, field in told}
    for place, field in told:
        name, line = place.split(":")
        assert name == "fleet.yaml"
        if field == "signals.Vehicle.Speed.unit":
            assert "Vehicle.Speed: {unit: 5" in lines[int(line) - 1]
        if field == "versions.5.1.units.Vehicle.TraveledDistance":
            assert "leagues" in lines[int(line) - 1]
    assert any("leagues" in wrong for _, wrong in refused.value.mistakes)


def test_a_name_that_is_no_name_is_refused_and_not_remembered() -> None:
    with pytest.raises(InvalidInput, match="unknown signal"):
        in_json({SPEED: [1.0, 2.0], "Vehicle.CurrentLocation." + "x" * 500_000: [1.0, 2.0]})


def test_a_value_that_is_too_large_in_the_catalogues_unit_stays_finite() -> None:
    found = in_json({ODOMETER: [1.7e308, 2.0]}, units={ODOMETER: "km"})
    assert np.isfinite(np.asarray(found.columns[ODOMETER], dtype=np.float64)).all()
