"""What is wrong with a case is told all at once, each with its file and the row a person finds it in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from adapters.case_folder import CaseFolder
from domain.backtest_case import InvalidCase
from tests.support.case_files import CATALOGUE, SERVICES, SETTINGS, TELEMETRY, write_case, write_table

Mistake = tuple[str, int | None, str]


def found(folder: Path) -> list[Mistake]:
    with pytest.raises(InvalidCase) as caught:
        CaseFolder(folder)
    assert caught.value.count == len(caught.value.mistakes)
    return [(mistake.file, mistake.row, mistake.wrong) for mistake in caught.value.mistakes]


def only(folder: Path) -> Mistake:
    (mistake,) = found(folder)
    return mistake


def service(**changed: Any) -> list[dict[str, Any]]:
    return [dict(SERVICES[0]), {**SERVICES[0], **changed}]


def reading(**changed: Any) -> list[dict[str, Any]]:
    return [*map(dict, TELEMETRY), {**TELEMETRY[0], "time": "2024-01-05T00:00:00Z", **changed}]


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"item": "lid"}, "the catalogue has no item lid; it has seal, bearing"),
        ({"item": ""}, "item is empty"),
        ({"outcome": "broken"}, "outcome broken must be one of failed, measured, ok, replaced"),
        ({"outcome": None}, "outcome is empty"),
        ({"outcome": "measured"}, "the outcome is measured, but there is no value"),
        ({"outcome": "measured", "value": "nan"}, "the outcome is measured, but there is no value"),
        ({"outcome": "measured", "value": "two"}, "value two is no number; write it as 1.5 or 2e-3, or leave it empty"),
        ({"value": "1,5"}, "value 1,5 is no number; write it as 1.5 or 2e-3, or leave it empty"),
        (
            {"item": "bearing", "value": 2, "unit": "inch"},
            "bearing is measured in mm, not in inch; convertible are cm, K",
        ),
        ({"known_time": "2023-05-31T23:59:59Z"}, "known_time is before time"),
        ({"known_time": "yesterday"}, "known_time yesterday must be an ISO 8601 time with its zone, such as 2024-03-01T06:00:00Z"),  # noqa: E501
        ({"time": "2023-06-01T00:00:00"}, "time 2023-06-01T00:00:00 has no zone; end it with Z for UTC, or with an offset such as +02:00"),  # noqa: E501
        ({"time": "2023-06-01"}, "time 2023-06-01 is a date without a time; write the time with its zone too, such as 2024-03-01T06:00:00Z"),  # noqa: E501
        ({"time": "2023-06-31T00:00:00Z"}, "time 2023-06-31T00:00:00Z must be an ISO 8601 time with its zone, such as 2024-03-01T06:00:00Z"),  # noqa: E501
        ({"time": "1969-12-31T23:59:59.999Z"}, "time 1969-12-31T23:59:59.999Z does not lie between 1970 and 2200"),
        ({"time": "9999-01-01T00:00:00Z"}, "time 9999-01-01T00:00:00Z does not lie between 1970 and 2200"),
        ({"time": None}, "time is empty"),
        ({"vehicle_id": " "}, "vehicle_id is empty"),
    ],
)  # fmt: skip
def test_each_mistake_of_a_service_is_told_with_its_line(tmp_path: Path, changed: dict[str, Any], wrong: str) -> None:
    assert only(write_case(tmp_path, services=service(**changed))) == ("services.csv", 3, wrong)


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"pressure": "high"}, "pressure high is no number; write it as 1.5 or 2e-3, or leave it empty"),
        ({"time": "2024-01-05 00:00:00"}, "time 2024-01-05 00:00:00 has no zone; end it with Z for UTC, or with an offset such as +02:00"),  # noqa: E501
        ({"time": "1704412800"}, "time 1704412800 must be an ISO 8601 time with its zone, such as 2024-03-01T06:00:00Z"),  # noqa: E501
        ({"time": ""}, "time is empty"),
        ({"vehicle_id": None}, "vehicle_id is empty"),
        ({"time": TELEMETRY[0]["time"]}, "another row of vehicle p1 has the same time; each of a vehicle's rows needs its own"),  # noqa: E501
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_each_mistake_of_telemetry_is_told_with_its_line(
    tmp_path: Path, changed: dict[str, Any], wrong: str, ending: str
) -> None:
    folder = write_case(tmp_path, telemetry=reading(**changed), ending=ending)
    assert only(folder) == (f"telemetry{ending}", 5, wrong)


def test_rows_of_parquet_are_counted_from_one(tmp_path: Path) -> None:
    twice = [*TELEMETRY, {**TELEMETRY[2], "vehicle_id": "p1"}]
    file, row, wrong = only(write_case(tmp_path, telemetry=twice, ending=".parquet"))
    assert (file, row) == ("telemetry.parquet", 4) and "same time" in wrong


def test_lines_are_those_a_person_counts_also_behind_empty_and_broken_ones(tmp_path: Path) -> None:
    write_case(tmp_path)
    lines = ["vehicle_id,time,pressure,load", "", "p1,2024-01-01T00:00:00Z,1,1", "p1,2024-01-01T01:00:00Z,1", "",
             "p1,2024-01-01T02:00:00Z,x,1", "p1,2024-01-01T00:00:00Z,1,1"]  # fmt: skip
    (tmp_path / "telemetry.csv").write_text("\n".join(lines))
    assert [(row, wrong.split(";")[0]) for _, row, wrong in found(tmp_path)] == [
        (4, "has 3 cells where the header has 4"),
        (6, "pressure x is no number"),
        (7, "another row of vehicle p1 has the same time"),
    ]


def test_unknown_codes_and_attributes_and_vehicles_are_told(tmp_path: Path) -> None:
    folder = write_case(
        tmp_path,
        events=[
            {"vehicle_id": "p1", "time": "2024-01-01T00:00:00Z", "code": "error1"},
            {"vehicle_id": "p9", "time": "2024-01-01T00:00:00Z", "code": "error9"},
        ],
        vehicles=[{"vehicle_id": "p1", "colour": "red"}, {"vehicle_id": "p2"}, {"vehicle_id": "p1"}],
    )
    assert set(found(folder)) == {
        (
            "vehicles.csv",
            None,
            "has the column colour, which is not known; name it under attributes of the catalogue, or leave it out",
        ),
        ("vehicles.csv", 4, "vehicle p1 is there twice"),
        ("events.csv", 3, "vehicle p9 is not in the list of vehicles"),
        ("events.csv", 3, "the catalogue has no event error9"),
    }


def test_a_number_attribute_that_is_none_is_told(tmp_path: Path) -> None:
    catalogue = CATALOGUE.replace("{unit: years}", "{type: number}")
    folder = write_case(tmp_path, catalogue=catalogue, vehicles=[{"vehicle_id": "p2", "age": 1}, {"vehicle_id": "p1", "age": "old"}])  # fmt: skip  # noqa: E501
    assert only(folder)[:2] == ("vehicles.csv", 3)


def test_a_vehicle_that_is_not_in_the_list_is_told_once_per_file(tmp_path: Path) -> None:
    folder = write_case(tmp_path, vehicles=[{"vehicle_id": "p2"}])
    assert [(file, row) for file, row, _ in found(folder)] == [("services.csv", 2), ("telemetry.csv", 2)]


@pytest.mark.parametrize(
    ("before", "after", "line", "field"),
    [
        ("every: PT3H", "every: 3h", 3, "decide.every"),
        ("every: PT3H", "every: PT0S", 3, "decide.every"),
        ("every: PT3H, ", "", 3, "decide.every"),
        ("from: 2024-01-02", "from: 2024-02-01", 3, "decide.to"),
        ("from: 2024-01-02", "from: 2024-01-02T00:00:00", 3, "decide.from"),
        ("from: 2024-01-02", "from: soon", 3, "decide.from"),
        ("stale_after", "stale_afer", 3, "decide.stale_afer"),
        ("P2D", "2", 3, "decide.stale_after"),
        ("name: pumps", "name: [a]", 2, "name"),
        ("name: pumps", "title: pumps", 2, "title"),
    ],
)
def test_each_mistake_of_the_settings_is_told_with_its_line(
    tmp_path: Path, before: str, after: str, line: int, field: str
) -> None:
    folder = write_case(tmp_path, settings=SETTINGS.replace(before, after))
    file, row, wrong = only(folder)
    assert (file, row) == ("case.yaml", line) and wrong.startswith(f"{field}: ")


@pytest.mark.parametrize("text", ["decide: [", "name: x", "[1]", "", "decide: {from: 2024-13-45}"])
def test_settings_that_are_no_settings_are_told(tmp_path: Path, text: str) -> None:
    assert {file for file, _, _ in found(write_case(tmp_path, settings=text))} == {"case.yaml"}


def test_mistakes_of_the_catalogue_come_with_those_of_the_data(tmp_path: Path) -> None:
    catalogue = CATALOGUE.replace("PT24H", "24H")
    told = found(write_case(tmp_path, catalogue=catalogue, services=service(time="now"), telemetry=reading(time="now")))
    assert [(file, row) for file, row, _ in told] == [("catalogue.yaml", 9), ("services.csv", 3), ("telemetry.csv", 5)]


def test_columns_that_lack_or_are_not_known_are_told(tmp_path: Path) -> None:
    telemetry = [{"vehicle_id": "p1", "zeit": "2024-01-01T00:00:00Z", "pressure": "x"}]
    services = [{"vehicle_id": "p1", "time": "2024-01-01", "item": "lid", "mileage": 3}]
    assert [mistake[1:] for mistake in found(write_case(tmp_path, telemetry=telemetry, services=services))] == [
        (None, "lacks the column outcome"),
        (None, "has the column mileage, which is not known"),
        (2, "time 2024-01-01 is a date without a time; write the time with its zone too, such as 2024-03-01T06:00:00Z"),
        (2, "the catalogue has no item lid; it has seal, bearing"),
        (None, "lacks the column time"),
        (None, "lacks the column load"),
        (None, "has the column zeit, which is not known; name it under signals of the catalogue, or leave it out"),
        (2, "pressure x is no number; write it as 1.5 or 2e-3, or leave it empty"),
    ]


def test_files_that_are_missing_twice_there_or_empty_are_told(tmp_path: Path) -> None:
    folder = write_case(tmp_path, events=[{"vehicle_id": "p1", "time": "2024-01-01T00:00:00Z", "code": "error1"}])
    (folder / "case.yaml").unlink()
    (folder / "services.csv").unlink()
    write_table(folder / "events.parquet", [{"vehicle_id": "p1", "time": "2024-01-01T00:00:00Z", "code": "error1"}])
    (folder / "telemetry.csv").write_text("vehicle_id,time,pressure,load\n")
    told = {file: wrong for file, _, wrong in found(folder)}
    assert set(told) == {"case.yaml", "services.parquet", "events.parquet", "telemetry.csv"}
    assert told["services.parquet"] == "is missing; services.csv or services.csv.gz would do as well"
    assert told["events.parquet"] == "stands beside events.csv: leave the one that counts"
    assert told["telemetry.csv"] == "has no rows"
    (folder / "telemetry.csv").write_text("")
    assert "can't be read" in {file: wrong for file, _, wrong in found(folder)}["telemetry.csv"]
    assert only(tmp_path / "nowhere")[2] == "there is no such folder"


@pytest.mark.parametrize(
    ("column", "array", "wrong"),
    [
        ("time", pa.array([0, 1], pa.timestamp("ms")), "have no zone"),
        ("time", pa.array([0, 1]), "must be timestamps with a time zone"),
        ("time", pa.array([0, 1], pa.date32()), "must be timestamps with a time zone"),
        ("vehicle_id", pa.array([[1], [2]]), "must be texts"),
        ("load", pa.array([0, 1], pa.timestamp("ms")), "must be numbers"),
    ],
)
def test_a_parquet_column_of_the_wrong_type_is_told_once(
    tmp_path: Path, column: str, array: pa.Array, wrong: str
) -> None:
    write_case(tmp_path)
    (tmp_path / "telemetry.csv").unlink()
    columns = {
        "vehicle_id": pa.array(["p1", "p1"]),
        "time": pa.array([0, 1], pa.timestamp("ms", "UTC")),
        "pressure": pa.array([1.0, 2.0]),
        "load": pa.array([1.0, 2.0]),
    }
    pa.parquet.write_table(pa.table({**columns, column: array}), tmp_path / "telemetry.parquet")
    file, row, said = only(tmp_path)
    assert (file, row) == ("telemetry.parquet", None) and wrong in said and column in said


def test_files_that_are_damaged_are_told(tmp_path: Path) -> None:
    write_case(tmp_path, ending=".csv.gz")
    (tmp_path / "services.csv.gz").write_bytes(b"no gzip")
    whole = (tmp_path / "telemetry.csv.gz").read_bytes()
    (tmp_path / "telemetry.csv.gz").write_bytes(whole[:-12])
    (tmp_path / "vehicles.parquet").write_bytes(b"PAR1 not really")
    (tmp_path / "events.csv").write_bytes(b"vehicle_id,time,code\np1,2024-01-01T00:00:00Z,\xff\n")
    told = found(tmp_path)
    assert {file for file, _, _ in told} == {
        "services.csv.gz", "telemetry.csv.gz", "vehicles.parquet", "events.csv",
    }  # fmt: skip
    assert all("can't be read" in wrong for _, _, wrong in told), told


def test_very_many_mistakes_are_counted_shown_in_part_and_hide_no_other_file(tmp_path: Path) -> None:
    telemetry = [{**TELEMETRY[0], "time": f"2024-01-01T00:00:00.{n:04}"} for n in range(3000)]
    folder = write_case(tmp_path, telemetry=telemetry, services=service(item="lid"))
    with pytest.raises(InvalidCase) as caught:
        CaseFolder(folder)
    assert caught.value.count == 3001
    assert len(caught.value.mistakes) == 1001
    lines = str(caught.value).split("\n")
    assert lines[0] == "the case has 3001 mistakes:"
    assert lines[1] == "  services.csv:3: the catalogue has no item lid; it has seal, bearing"
    assert lines[2].startswith("  telemetry.csv:2: time 2024-01-01T00:00:00.0000 has no zone")
    assert lines[-1] == "  and 2951 more" and len(lines) == 52


def test_a_catalogue_that_is_missing_or_predicts_nothing_is_told(tmp_path: Path) -> None:
    folder = write_case(tmp_path, catalogue=CATALOGUE.split("items:")[0], services=[dict(SERVICES[0], item="")])
    assert ("catalogue.yaml", None, "items: name at least one, or there is nothing to predict") in found(folder)
    (folder / "catalogue.yaml").unlink()
    told = found(folder)
    assert [(file, row) for file, row, _ in told] == [("catalogue.yaml", None), ("services.csv", 2)]
    assert "can't read the catalogue" in told[0][2]


def test_parquet_texts_of_other_types_are_texts(tmp_path: Path) -> None:
    write_case(tmp_path)
    (tmp_path / "telemetry.csv").unlink()
    columns = {
        "vehicle_id": pa.array([1.0, None]),
        "time": pa.array([0, 1], pa.timestamp("ms", "UTC")),
        "pressure": pa.array([1.0, 2.0]),
        "load": pa.array([1.0, 2.0]),
    }
    pa.parquet.write_table(pa.table(columns), tmp_path / "telemetry.parquet")
    assert only(tmp_path) == ("telemetry.parquet", 2, "vehicle_id is empty")
