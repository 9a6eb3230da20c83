"""OBD-II logs as apps write them become VSS signals in the catalogue's units; what can't be told is said, not guessed.

The headers are those that Torque, Car Scanner and OBD Fusion write; the readings are made up.
"""

from __future__ import annotations

import doctest
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from adapters import obd_names
from adapters.obd_log import ObdLog
from adapters.obd_names import NAMES, pid_column
from domain.car_log import ColumnUse, InvalidLogs
from domain.iso_time import HOUR_MS, moment_ms
from tests.support.obd_logs import (
    AIR,
    COOLANT,
    MANIFOLD,
    NOW_MS,
    RPM,
    SIGNALS,
    SPEED,
    TORQUE,
    VOLTAGE,
    read_log,
    written,
)


def test_signals_and_units_are_those_of_the_cars_catalogue() -> None:
    known = {path: unit for path, unit, _ in NAMES.values() if path in SIGNALS}
    assert known == {path: SIGNALS[path].unit for path in known}
    assert len(known) >= 9


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
    log = read_log(written(tmp_path, f"time,{header}\n2024-01-01T00:00:00Z,{value}\n"))
    assert list(log.columns) == [signal]
    np.testing.assert_allclose(log.columns[signal], [value if expected is None else expected], rtol=1e-4)
    assert [column.own_unit for column in log.file.columns if column.signal] == [SIGNALS[signal].unit]


def test_a_torque_log_takes_its_zone_from_the_gps_and_leaves_positions_unread(tmp_path: Path) -> None:
    log = read_log(written(tmp_path, TORQUE, "trackLog.csv"))
    start = moment_ms("2025-10-05T12:22:01.100Z")
    assert (log.file.name, log.start_ms) == ("trackLog.csv", start)
    assert (log.time_ms - start).tolist() == [0, 500, 478_900]
    assert set(log.columns) == {RPM, SPEED}
    np.testing.assert_array_equal(log.columns[RPM], [2100, np.nan, 800])
    uses = {column.name: column.use for column in log.file.columns}
    assert uses["Fuel Level(%)"] is ColumnUse.UNKNOWN
    assert [name for name, use in uses.items() if use is ColumnUse.POSITION] == [
        "Longitude",
        "Latitude",
        "GPS Speed (Meters/second)",
        "Altitude",
    ]
    assert any("zone of the device's clock" in note for note in log.file.notes)
    assert any("the column names stand 2 times" in note for note in log.file.notes)
    assert "53.5" not in repr(log) and "9.9" not in repr(log)


def test_a_zone_that_is_given_counts_before_the_one_found(tmp_path: Path) -> None:
    log = read_log(written(tmp_path, TORQUE), zone="America/New_York")
    assert log.start_ms == moment_ms("2025-10-05T18:22:01.100Z")


def test_an_obd_fusion_log_begins_where_it_says_above_its_header(tmp_path: Path) -> None:
    text = (
        "# StartTime = 03/27/2026 06:54:01.3973 PM\nTime (sec),Engine RPM (RPM),Vehicle speed (MPH)\n"
        "4.406,1074,2.5\n4.906,1100,3\n"
    )
    log = read_log(written(tmp_path, text), zone="Europe/Berlin")
    assert log.start_ms == moment_ms("2026-03-27T18:54:01.397+01:00")
    assert (log.time_ms - log.start_ms).tolist() == [0, 500]
    assert read_log(written(tmp_path, text)).file.notes[-1].startswith("the log's start has no zone")


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
    log = read_log(written(tmp_path, LONG, "2025-05-12 23-59-59.csv"), zone="Europe/Berlin")
    assert log.start_ms == moment_ms("2025-05-12T23:59:59+02:00")
    assert (log.time_ms - log.start_ms).tolist() == [0, 1000, 2000]
    np.testing.assert_array_equal(log.columns[RPM], [750.5, 800, np.nan])
    np.testing.assert_array_equal(log.columns[SPEED], [0, np.nan, np.nan])
    np.testing.assert_allclose(log.columns[COOLANT], [np.nan, np.nan, 90])
    uses = {column.name: column.use for column in log.file.columns}
    assert uses["Calculated engine load"] is ColumnUse.UNKNOWN and uses["Speed (GPS)"] is ColumnUse.POSITION


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
    log = read_log(written(tmp_path, text), zone)
    assert log.time_ms.tolist() == [moment_ms(start), moment_ms(start) + 2000]


@pytest.mark.parametrize(
    ("header", "times"),
    [("time (s)", "10 12"), ("Time (ms)", "10 2010"), ("seconds", "0 2"), ("Time", "21:36:00.5 21:36:02.5")],
)
def test_seconds_since_the_start_count_from_the_files_name_or_its_end(tmp_path: Path, header: str, times: str) -> None:
    text = f"{header},Engine RPM\n" + "".join(f"{time},900\n" for time in times.split())
    named = read_log(written(tmp_path, text, "2025-05-12 21-36-00.csv"), zone="UTC")
    start = moment_ms("2025-05-12T21:36:00Z")
    assert named.time_ms.tolist() == [start, start + 2000]
    path = written(tmp_path, text, "trip.csv")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    unnamed = read_log(path)
    assert unnamed.time_ms.tolist() == [1_699_999_998_000, 1_700_000_000_000]
    assert any("does not say when it began" in note for note in unnamed.file.notes)


def test_dates_with_slashes_have_the_month_first_unless_that_cannot_be_and_either_is_said(tmp_path: Path) -> None:
    for days, start, first in (
        (("05/04/2026", "05/12/2026"), "2026-05-04", "month"),
        (("05/04/2026", "13/04/2026"), "2026-04-05", "day"),
    ):
        text = "Time,Engine RPM\n" + "".join(f"{day} 00:00:00,900\n" for day in days)
        log = read_log(written(tmp_path, text), "UTC")
        assert log.start_ms == moment_ms(start)
        assert log.file.notes == (f"dates with slashes were read with the {first} first",)


def test_date_and_time_may_stand_in_two_columns(tmp_path: Path) -> None:
    text = "Date;Time;Engine RPM (rpm)\n31.12.2024;23:59:59;900,5\n01.01.2025;00:00:00;901\n"
    log = read_log(written(tmp_path, text), zone="UTC")
    assert log.time_ms.tolist() == [moment_ms("2024-12-31T23:59:59Z"), moment_ms("2025-01-01")]
    assert log.columns[RPM].tolist() == [900.5, 901]


def test_rows_without_a_time_a_reading_or_a_possible_time_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [
        "2024-01-01T00:00:00Z,0", ",1", "yesterday,2", "2024-01-01T00:00:03Z,-", "1970-01-01T00:00:00Z,4",
        "2027-01-01T00:00:00Z,5", "2024-01-01T00:00:06Z,6",
    ]  # fmt: skip
    log = read_log(written(tmp_path, "time,Engine RPM (rpm)\n" + "\n".join(rows)))
    assert log.columns[RPM].tolist() == [0, 6]
    assert log.dropped == {
        "the time is missing or can't be read": 2,
        "the time can't be right": 2,
        "no reading that is used here stands in it": 1,
    }
    assert [one.first_row for one in log.file.dropped] == [3, 6, 5]
    assert (log.file.rows, log.file.kept) == (7, 2)


def test_the_better_known_of_two_columns_for_a_signal_is_taken(tmp_path: Path) -> None:
    header = "time,Voltage (OBD Adapter)(V),Voltage (Control Module)(V)"
    log = read_log(written(tmp_path, f"{header}\n2024-01-01T00:00:00Z,12.0,14.0\n"))
    assert log.columns[VOLTAGE].tolist() == [14.0]
    assert [column.use for column in log.file.columns[1:]] == [ColumnUse.SECOND, ColumnUse.READ]


def test_a_column_that_the_car_never_answers_gives_way_to_one_that_has_values(tmp_path: Path) -> None:
    header = "time,Voltage (OBD Adapter)(V),Voltage (Control Module)(V)"
    log = read_log(written(tmp_path, f"{header}\n2024-01-01T00:00:00Z,12.0,-\n2024-01-01T00:00:01Z,12.1,-\n"))
    assert log.columns[VOLTAGE].tolist() == [12.0, 12.1]


def test_cells_that_are_no_number_or_cannot_be_are_counted_with_their_row(tmp_path: Path) -> None:
    cells = ["900", "n/a", "NaN", "∞", "broken", "99999", "-5", "--", "1000"]
    rows = [f"2024-01-01T00:00:0{n}Z,{cell},1" for n, cell in enumerate(cells)]
    log = read_log(written(tmp_path, "time,Engine RPM,Speed\n" + "\n".join(rows)))
    (rpm,) = [column for column in log.file.columns if column.signal == RPM]
    assert (rpm.readings, rpm.not_numbers, rpm.implausible, rpm.first_bad_row) == (2, 1, 2, 6)


@pytest.mark.parametrize(
    ("text", "rpm"),
    [
        ("Time;Engine RPM (rpm)\n{};900,5\n", 900.5),
        ("Time\tEngine RPM (rpm)\n{}\t900,5\n", 900.5),
        ('Time,Engine RPM (rpm)\n{},"900,5"\n', 900.5),
        ('Time,Engine RPM (rpm)\n{},"1,900"\n', 1900),
        ("sep=;\nTime;Engine RPM (rpm)\n{};900\n", 900),
        ("\ufeffTime,Engine RPM (rpm)\n{},900\n", 900),
        ("Time,Engine RPM (rpm),Engine Load\n{},900\n", 900),
        ("Time,Engine RPM (rpm),\r\n{},900,\r\n", 900),
    ],
)
def test_cells_are_told_apart_whatever_stands_between_them(tmp_path: Path, text: str, rpm: float) -> None:
    log = read_log(written(tmp_path, text.format("2024-01-01T00:00:00Z")))
    assert log.columns[RPM].tolist() == [rpm]


def test_a_spreadsheets_unicode_text_is_read_too(tmp_path: Path) -> None:
    text = "Time\tEngine RPM (rpm)\n2024-01-01T00:00:00Z\t900\n"
    assert read_log(written(tmp_path, text, encoding="utf-16")).columns[RPM].tolist() == [900]


def test_a_row_that_decimal_commas_have_made_longer_is_never_misread(tmp_path: Path) -> None:
    rows = ["2024-01-01T00:00:00Z,900,12", "2024-01-01T00:00:01Z,900,5,12", "2024-01-01T00:00:02Z,901,13"]
    log = read_log(written(tmp_path, "time,Engine RPM,Speed\n" + "\n".join(rows)))
    assert log.columns[SPEED].tolist() == [12, 13]
    assert log.dropped == {"it has more cells than there are columns": 1}
    with pytest.raises(InvalidLogs, match=r"log\.csv:2: it has more cells .* points as decimal marks"):
        read_log(written(tmp_path, "time,Engine RPM,Speed\n" + "\n".join(rows[1:2])))


def test_a_log_in_parquet_is_read_as_its_csv_is(tmp_path: Path) -> None:
    table = pa.table(
        {
            "ts": np.array(["2017-07-05T07:16:00", "2017-07-05T07:16:01"], "datetime64[ms]"),
            "speed_kmh": pa.array([12.5, None], pa.float32()),
            "maf_g_s": [3.0, float("nan")],
            "rpm": [900.0, 901.0],
        }
    )
    pa.parquet.write_table(table, tmp_path / "log.parquet")
    log = read_log(tmp_path / "log.parquet", "Europe/Berlin")
    assert log.time_ms.tolist() == [moment_ms("2017-07-05T07:16:00+02:00"), moment_ms("2017-07-05T07:16:01+02:00")]
    np.testing.assert_array_equal(log.columns[SPEED], [12.5, np.nan])
    np.testing.assert_array_equal(log.columns[AIR], [3, np.nan])


def test_trouble_codes_are_taken_when_they_appear(tmp_path: Path) -> None:
    cells = ["", "P0420", "P0420 P0171", "", "U0100;P0420", "none"]
    rows = [f"2024-01-01T00:00:0{n}Z,900,{cell}" for n, cell in enumerate(cells)]
    log = ObdLog(written(tmp_path, "time,Engine RPM,DTCs\n" + "\n".join(rows)), SIGNALS, None, NOW_MS)
    codes = [code for block in log.rows() for code in block.codes]
    start = moment_ms("2024-01-01")
    assert codes == [(start + 1000, "P0420"), (start + 2000, "P0171"), (start + 4000, "U0100")]


def test_a_count_that_begins_anew_is_left_out_for_nothing_says_when_that_was(tmp_path: Path) -> None:
    header = "Elapsed time (s),Engine RPM\n"
    text = header + "".join(f"{n},900\n" for n in range(100)) + header + "0,950\n1,950\n"
    log = read_log(written(tmp_path, text, "2025-05-12 21-36-00.csv"), "UTC")
    assert len(log.time_ms) == 100 and 950 not in log.columns[RPM]
    assert any("begins anew in row 103" in note for note in log.file.notes)


def test_the_day_of_a_clock_time_may_stand_in_the_name(tmp_path: Path) -> None:
    text = "Time,Vehicle Speed Sensor [km/h]\n07:16:27.338,12\n07:16:28.338,13\n"
    log = read_log(written(tmp_path, text, "2017-07-05_Seat_Leon_RT_S_Stau.csv"), "Europe/Berlin")
    assert log.start_ms == moment_ms("2017-07-05T07:16:27.338+02:00")


def test_a_long_log_is_read_a_block_at_a_time(tmp_path: Path) -> None:
    text = "time,Engine RPM\n" + "".join(f"{1_700_000_000 + n},900\n" for n in range(20_000))
    log = ObdLog(written(tmp_path, text), SIGNALS, None, NOW_MS)
    assert [len(block.time_ms) for block in log.rows()] == [8192, 8192, 3616]


def test_what_is_meant_by_a_name_that_is_nearly_known_is_asked(tmp_path: Path) -> None:
    log = read_log(written(tmp_path, "time,Engine RPM,Vehicle Speeed (km/h)\n2024-01-01T00:00:00Z,900,1\n"))
    assert log.file.columns[-1].hint == "if it is “vehicle speed”, call the column so"


def test_a_unit_that_is_not_told_is_said_to_be_assumed(tmp_path: Path) -> None:
    log = read_log(written(tmp_path, "time,Vehicle speed\n2024-01-01T00:00:00Z,50\n"))
    assert log.file.columns[-1].hint == "it tells no unit; it was taken as the usual one, km/h"


def test_an_old_encoding_does_no_harm(tmp_path: Path) -> None:
    text = "time,Engine Coolant Temperature(°C)\n2024-01-01T00:00:00Z,90\n"
    assert read_log(written(tmp_path, text, encoding="cp1252")).columns[COOLANT].tolist() == [90]


def test_a_unit_that_cannot_be_converted_is_said_and_left_out(tmp_path: Path) -> None:
    header = "time,Engine RPM(rpm),Speed (OBD)(g/s)"
    log = read_log(written(tmp_path, f"{header}\n2024-01-01T00:00:00Z,900,1\n"))
    column = log.file.columns[-1]
    assert (column.name, column.use) == ("Speed (OBD)(g/s)", ColumnUse.WRONG_UNIT)
    assert column.hint.startswith("g/s is no unit of Vehicle.Speed that is known here")


def test_a_summers_clock_and_a_winters_are_an_hour_apart(tmp_path: Path) -> None:
    starts = []
    for day in ("2024-01-15", "2024-07-15"):
        text = f"time,Engine RPM\n{day} 12:00:00,900\n"
        starts.append(read_log(written(tmp_path, text), zone="Europe/Berlin").start_ms - moment_ms(day))
    assert starts == [11 * HOUR_MS, 10 * HOUR_MS]


def test_headers_without_a_unit_keep_their_brackets_in_the_name() -> None:
    assert (pid_column("Speed (OBD)").name, pid_column("Speed (OBD)").signal) == ("speed obd", SPEED)
    assert pid_column("Speed (GPS)(km/h)").is_position and not pid_column("Speed (GPS)").signal


def test_the_examples_in_the_documentation_hold() -> None:
    found = doctest.testmod(obd_names)
    assert found.attempted and not found.failed
