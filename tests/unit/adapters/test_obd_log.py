"""OBD-II logs as apps write them become VSS signals in the catalogue's units; what can't be told is said, not guessed.

The headers are those that Torque, Car Scanner and OBD Fusion write; the readings are made up.
"""

from __future__ import annotations

import doctest
import os
from pathlib import Path

import numpy as np
import pytest

from adapters import obd_names
from adapters.catalogue_file import load_catalogue
from adapters.obd_log import read_obd_log, units_of
from adapters.obd_names import NAMES, pid_column
from domain.errors import InvalidInput
from domain.iso_time import HOUR_MS, moment_ms

CAR = Path(__file__).parents[3] / "pitcall" / "data" / "car.yaml"
SPEED, RPM = "Vehicle.Speed", "Vehicle.Powertrain.CombustionEngine.Speed"
COOLANT = "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature"
VOLTAGE = "Vehicle.LowVoltageBattery.CurrentVoltage"
MANIFOLD, AIR = "Vehicle.Powertrain.CombustionEngine.MAP", "Vehicle.Powertrain.CombustionEngine.MAF"


def written(folder: Path, text: str, name: str = "log.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def test_signals_and_units_are_those_of_the_cars_catalogue() -> None:
    signals = load_catalogue(CAR).signals
    assert {path: unit for path, unit, _ in NAMES.values()} == {
        path: signals[path].unit for path, _, _ in NAMES.values()
    }


@pytest.mark.parametrize(
    ("header", "signal", "value", "expected"),
    [
        ("Speed (OBD)(km/h)", SPEED, 50, 50),
        ("Speed (OBD)(mph)", SPEED, 50, 80.4672),
        ("Vehicle speed [km/h]", SPEED, 50, 50),
        (" Vehicle speed (MPH)", SPEED, 50, 80.4672),
        ("Engine RPM(rpm)", RPM, 900, 900),
        ("Engine RPM (1/min)", RPM, 900, 900),
        ("RPM", RPM, 900, 900),
        ("Engine Coolant Temperature(°C)", COOLANT, 90, 90),
        ("Engine Coolant Temperature(Â°C)", COOLANT, 90, 90),
        ("Engine Coolant Temperature(°F)", COOLANT, 212, 100),
        ("Coolant temperature (℃)", COOLANT, 90, None),
        ("Mass Air Flow Rate(g/s)", AIR, 12, 12),
        ("MAF air flow rate (kg/h)", AIR, 36, 10),
        ("Mass air flow (lb/min)", AIR, 60, 453.59237),
        ("Intake Manifold Pressure(psi)", MANIFOLD, 14.5, 99.974),
        ("Intake manifold absolute pressure (kPa)", MANIFOLD, 99, 99),
        ("Intake Manifold Pressure(bar)", MANIFOLD, 1, 100),
        ("Intake Manifold Pressure", MANIFOLD, 99, 99),
        ("Throttle Position(Manifold)(%)", "Vehicle.Powertrain.CombustionEngine.TPS", 18, 18),
        ("Ambient air temp(°C)", "Vehicle.Exterior.AirTemperature", -3, -3),
        ("Voltage (Control Module)(V)", VOLTAGE, 14.1, 14.1),
        ("OBD Module Voltage (V)", VOLTAGE, 14.1, 14.1),
        ("Odometer(km)", "Vehicle.TraveledDistance", 12.5, 12500),
        ("Odometer (miles)", "Vehicle.TraveledDistance", 1, 1609.344),
    ],
)
def test_a_header_tells_signal_and_unit(
    tmp_path: Path, header: str, signal: str, value: float, expected: float | None
) -> None:
    log = read_obd_log(written(tmp_path, f"time,{header}\n2024-01-01T00:00:00Z,{value}\n"))
    assert list(log.columns) == [signal]
    np.testing.assert_allclose(log.columns[signal], [value if expected is None else expected], rtol=1e-4)
    assert units_of(log)[signal] == load_catalogue(CAR).signals[signal].unit


TORQUE = """\
GPS Time, Device Time, Longitude, Latitude,GPS Speed (Meters/second), Altitude,Engine RPM(rpm),Speed (OBD)(km/h),Fuel Level(%)
Sun Oct 05 14:22:01 GMT+02:00 2025,05-Oct-2025 14:22:01.100,9.9,53.5,10,12,2100,36,-
Sun Oct 05 14:22:01 GMT+02:00 2025,05-Oct-2025 14:22:01.600,9.9,53.5,10,12,-,37,50
GPS Time, Device Time, Longitude, Latitude,GPS Speed (Meters/second), Altitude,Engine RPM(rpm),Speed (OBD)(km/h),Fuel Level(%)
-,05-Okt-2025 14:30:00.000,9.9,53.5,10,12,800,0,50
"""  # noqa: E501


def test_a_torque_log_takes_its_zone_from_the_gps_and_leaves_positions_unread(tmp_path: Path) -> None:
    log = read_obd_log(written(tmp_path, TORQUE, "trackLog.csv"))
    start = moment_ms("2025-10-05T12:22:01.100Z")
    assert (log.name, log.start_ms) == ("trackLog", start)
    assert (log.time_ms - start).tolist() == [0, 500, 478_900]
    assert set(log.columns) == {RPM, SPEED}
    np.testing.assert_array_equal(log.columns[RPM], [2100, np.nan, 800])
    assert log.unknown_columns == ("Fuel Level(%)",)
    assert any("4 column(s) of position and GPS were not read" in note for note in log.notes)
    assert any("zone of the device's clock" in note for note in log.notes)
    assert "53.5" not in repr(log) and "9.9" not in repr(log)


def test_a_zone_that_is_given_counts_before_the_one_found(tmp_path: Path) -> None:
    log = read_obd_log(written(tmp_path, TORQUE), zone="America/New_York")
    assert log.start_ms == moment_ms("2025-10-05T18:22:01.100Z")


def test_an_obd_fusion_log_begins_where_it_says_above_its_header(tmp_path: Path) -> None:
    text = (
        "# StartTime = 03/27/2026 06:54:01.3973 PM\nTime (sec),Engine RPM (RPM),Vehicle speed (MPH)\n"
        "4.406,1074,2.5\n4.906,1100,3\n"
    )
    log = read_obd_log(written(tmp_path, text), zone="Europe/Berlin")
    assert log.start_ms == moment_ms("2026-03-27T18:54:01.397+01:00")
    assert (log.time_ms - log.start_ms).tolist() == [0, 500]
    assert read_obd_log(written(tmp_path, text)).notes[-1].startswith("the log's start has no zone")


LONG = """\
"SECONDS";"PID";"VALUE";"UNITS";"LATITUDE";"LONGTITUDE";
"86399.5";"Engine RPM";"750,5";"rpm";"53.1";"10.7";
"86399.5";"Vehicle speed";"0";"km/h";"53.1";"10.7";
"0.5";"Engine RPM";"800";"rpm";"53.1";"10.7";
"0.7";"Speed (GPS)";"1";"km/h";"53.1";"10.7";
"1.5";"Engine coolant temperature";"194";"°F";"53.1";"10.7";
"1.5";"Calculated engine load";"30";"%";"53.1";"10.7";
"""


def test_a_car_scanner_log_with_a_row_per_reading_is_turned_also_past_midnight(tmp_path: Path) -> None:
    log = read_obd_log(written(tmp_path, LONG, "2025-05-12 23-59-59.csv"), zone="Europe/Berlin")
    assert log.start_ms == moment_ms("2025-05-12T23:59:59+02:00")
    assert (log.time_ms - log.start_ms).tolist() == [0, 1000, 2000]
    np.testing.assert_array_equal(log.columns[RPM], [750.5, 800, np.nan])
    np.testing.assert_array_equal(log.columns[SPEED], [0, np.nan, np.nan])
    np.testing.assert_allclose(log.columns[COOLANT], [np.nan, np.nan, 90])
    assert log.unknown_columns == ("Calculated engine load",)


@pytest.mark.parametrize(
    ("times", "start", "zone"),
    [
        (["2024-01-01T00:00:00Z", "2024-01-01T00:00:02Z"], "2024-01-01T00:00:00Z", None),
        (["2024-07-01 00:00:00", "2024-07-01 00:00:02"], "2024-07-01T00:00:00+02:00", "Europe/Berlin"),
        (["07/01/2024 12:00:00 AM", "07/01/2024 12:00:02 AM"], "2024-07-01T00:00:00Z", "UTC"),
        (["31.12.2024 01:02:03", "31.12.2024 01:02:05"], "2024-12-31T01:02:03Z", "UTC"),
        (["Sun Oct 05 14:22:01 PDT 2025", "Sun Oct 05 14:22:03 PDT 2025"], "2025-10-05T21:22:01Z", None),
        (["1700000000", "1700000002"], "2023-11-14T22:13:20Z", None),
        (["1700000000000", "1700000002000"], "2023-11-14T22:13:20Z", None),
    ],
)
def test_times_are_read_in_the_ways_that_apps_write_them(
    tmp_path: Path, times: list[str], start: str, zone: str | None
) -> None:
    text = "Timestamp,Engine RPM\n" + "".join(f"{time},900\n" for time in times)
    log = read_obd_log(written(tmp_path, text), zone)
    assert log.time_ms.tolist() == [moment_ms(start), moment_ms(start) + 2000]


@pytest.mark.parametrize(
    ("header", "times"),
    [("time (s)", "10 12"), ("Time (ms)", "10 2010"), ("seconds", "0 2"), ("Time", "21:36:00.5 21:36:02.5")],
)
def test_seconds_since_the_start_count_from_the_files_name_or_its_end(tmp_path: Path, header: str, times: str) -> None:
    text = f"{header},Engine RPM\n" + "".join(f"{time},900\n" for time in times.split())
    named = read_obd_log(written(tmp_path, text, "2025-05-12 21-36-00.csv"), zone="UTC")
    start = moment_ms("2025-05-12T21:36:00Z")
    assert named.time_ms.tolist() == [start, start + 2000]
    path = written(tmp_path, text, "trip.csv")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    unnamed = read_obd_log(path)
    assert unnamed.time_ms.tolist() == [1_699_999_998_000, 1_700_000_000_000]
    assert any("does not say when it began" in note for note in unnamed.notes)


def test_date_and_time_may_stand_in_two_columns(tmp_path: Path) -> None:
    text = "Date;Time;Engine RPM (rpm)\n31.12.2024;23:59:59;900,5\n01.01.2025;00:00:00;901\n"
    log = read_obd_log(written(tmp_path, text), zone="UTC")
    assert log.time_ms.tolist() == [moment_ms("2024-12-31T23:59:59Z"), moment_ms("2025-01-01")]
    assert log.columns[RPM].tolist() == [900.5, 901]


def test_rows_whose_time_is_missing_or_does_not_rise_are_left_out_and_counted(tmp_path: Path) -> None:
    times = ["00:00", "00:01", "00:01", "00:00", "", "00:02"]
    rows = [f"2024-01-01T00:{time}Z,{n}\n" if time else f",{n}\n" for n, time in enumerate(times)]
    log = read_obd_log(written(tmp_path, "time,Engine RPM (rpm)\n" + "".join(rows)))
    assert log.columns[RPM].tolist() == [0, 1, 5]
    assert log.notes == ("3 row(s) whose time is missing or does not rise were left out",)


def test_the_better_known_of_two_columns_for_a_signal_is_taken(tmp_path: Path) -> None:
    header = "time,Voltage (OBD Adapter)(V),Voltage (Control Module)(V)"
    log = read_obd_log(written(tmp_path, f"{header}\n2024-01-01T00:00:00Z,12.0,14.0\n"))
    assert log.columns[VOLTAGE].tolist() == [14.0]
    assert log.notes == (f"{VOLTAGE} is there more than once; the best-known name was taken",)


def test_an_old_encoding_does_no_harm(tmp_path: Path) -> None:
    text = "time,Engine Coolant Temperature(°C)\n2024-01-01T00:00:00Z,90\n"
    assert read_obd_log(written(tmp_path, text, encoding="cp1252")).columns[COOLANT].tolist() == [90]


def test_a_unit_that_cannot_be_converted_is_said_and_left_out(tmp_path: Path) -> None:
    header = "time,Engine RPM(rpm),Speed (OBD)(g/s)"
    log = read_obd_log(written(tmp_path, f"{header}\n2024-01-01T00:00:00Z,900,1\n"))
    assert log.unknown_columns == ("Speed (OBD)(g/s)",)
    assert log.notes == ("Speed (OBD)(g/s) was left out: g/s is no unit of Vehicle.Speed that is known here",)


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ("", "log.csv", "no line of column names with a time"),
        ("Engine RPM,Speed\n900,1\n", "log.csv", "no line of column names with a time"),
        ("time,Fuel Level(%)\n2024-01-01T00:00:00Z,50\n", "log.csv", "none of its columns is a reading"),
        ("time,Engine RPM\nlater,900\n", "time", "has no time that could be read"),
        ("time,Engine RPM\n", "time", "has no time that could be read"),
        ("Device Time,Engine RPM\n05-Oct-2025 14:22:01,900\n", "Device Time", "have no zone; say where the clock"),
        ("time,Engine RPM\n99-Oct-2025 14:22:01,900\n", "time", "has no time that could be read"),
    ],
)
def test_a_log_that_cannot_be_used_is_refused_with_column_and_fix(
    tmp_path: Path, text: str, field: str, said: str
) -> None:
    with pytest.raises(InvalidInput, match=r"log\.csv") as caught:
        read_obd_log(written(tmp_path, text))
    assert caught.value.field == field and said in str(caught.value) and caught.value.fix


def test_a_file_or_a_zone_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="can't read"):
        read_obd_log(tmp_path / "none.csv")
    with pytest.raises(InvalidInput, match="no time zone Mars") as caught:
        read_obd_log(written(tmp_path, TORQUE), zone="Mars/Olympus")
    assert caught.value.field == "zone"


def test_a_summers_clock_and_a_winters_are_an_hour_apart(tmp_path: Path) -> None:
    starts = []
    for day in ("2024-01-15", "2024-07-15"):
        text = f"time,Engine RPM\n{day} 12:00:00,900\n"
        starts.append(read_obd_log(written(tmp_path, text), zone="Europe/Berlin").start_ms - moment_ms(day))
    assert starts == [11 * HOUR_MS, 10 * HOUR_MS]


def test_headers_without_a_unit_keep_their_brackets_in_the_name() -> None:
    assert (pid_column("Speed (OBD)").name, pid_column("Speed (OBD)").signal) == ("speed obd", SPEED)
    assert pid_column("Speed (GPS)(km/h)").is_position and not pid_column("Speed (GPS)").signal


def test_the_examples_in_the_documentation_hold() -> None:
    found = doctest.testmod(obd_names)
    assert found.attempted and not found.failed
