"""`pitcall backtest --obd`: logs in, two files out; a wrong option or log ends it with what to do about it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pitcall.command_line import main
from pitcall.own_car_report import SCHEMA
from tests.support.obd_logs import drive_csv, written

DOCS = Path(__file__).parents[3] / "docs" / "backtest.md"
STARTS = ("2024-05-01T08:00:00+02:00", "2024-05-01T18:00:00+02:00", "2024-05-02T08:00:00+02:00")


def strict(text: str) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    found: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return found


def run(*arguments: object) -> int:
    return main(["backtest", *map(str, arguments)])


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three drives, the second one appended to the first's file with its header anew, and one of them once more."""
    folder = tmp_path_factory.mktemp("logs")
    both = drive_csv(STARTS[0]) + drive_csv(STARTS[1])
    return [
        written(folder, drive_csv(STARTS[2]), "c.csv"),
        written(folder, both, "ab.csv"),
        written(folder, drive_csv(STARTS[1]), "b again.csv"),
    ]


@pytest.fixture(scope="module")
def report(logs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("report") / "new"
    assert run("--obd", *logs, "--out", out, "--built", "2019-05-01", "--service", "engine_oil=2024-01-31@61000") == 0
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "report.json"]
    assert (out / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    return strict((out / "report.json").read_text(encoding="utf-8"))


def test_the_report_says_what_was_read_and_what_counts_twice(report: dict[str, Any]) -> None:
    assert (report["schema"], report["kind"]) == (SCHEMA, "own-car")
    assert [(file["name"], file["rows"], file["kept"]) for file in report["files"]] == [
        ("c.csv", 600, 600), ("ab.csv", 1200, 1200), ("b again.csv", 600, 0)
    ]  # fmt: skip
    assert report["driving"]["drives"] == 3
    assert report["driving"]["samples"] == 1800
    assert report["odometer_m"] is None


def test_the_report_says_per_item_on_what_it_rests(report: dict[str, Any]) -> None:
    items = {item["item"]: item for item in report["items"]}
    assert items["battery_12v"]["basis"] == "known"  # three starts, each an hour or more after the last drive
    assert set(items["battery_12v"]["prediction"]["probability"]) == {"P7D", "P30D", "P90D"}
    assert items["brake_fluid"]["basis"] == "nothing" and items["brake_fluid"]["prediction"] is None
    assert items["engine_oil"]["prediction"]["window"]["coverage"] == 0.9
    trends = {trend["name"]: trend for trend in report["trends"]}
    assert trends["rest_voltage"]["value"] == 12.5 and trends["rest_voltage"]["count"] == 3


def test_every_key_of_the_report_is_documented(report: dict[str, Any]) -> None:
    section = DOCS.read_text(encoding="utf-8").partition("## Your own car's logs")[2].partition("\n## ")[0]
    documented = set(re.findall(r"`(\w+)`", section))
    assert set(report) <= documented
    for key in ("files", "items"):
        assert set(report[key][0]) - {"name", "start_ms", "end_ms", "item", "advice"} <= documented


def test_figures_are_one_object_on_standard_output(logs: list[Path], tmp_path: Path, capsys: Any) -> None:
    assert run("--obd", logs[0], "--out", tmp_path, "--json") == 0
    figures = strict(capsys.readouterr().out)
    assert (figures["files"], figures["drives"], figures["kept"]) == (1, 1, 600)
    assert figures["report"] == str(tmp_path / "report.html")
    assert set(figures["items"].values()) <= {"known", "guess", "nothing"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "there is neither a case nor a log (name a folder, or logs after --obd)"),
        (["CASE", "--obd", "LOG"], "there is both a case and a log"),
        (["CASE", "--odometer-km", "12"], "--odometer-km goes with --obd only"),
        (["--obd", "LOG", "--odometer-km", "-3"], "--odometer-km: no car has driven that (give kilometres)"),
        (["--obd", "LOG", "--mass-kg", "14"], "a car weighs 300 to 60,000 kg"),
        (["--obd", "LOG", "--built", "May 2019"], "--built: 'May 2019' is no day (write it as 2019-05-01)"),
        (["--obd", "LOG", "--built", "2124-05-01"], "--built: 2124-05-01 is still to come"),
        (["--obd", "LOG", "--service", "tea=2024-05-31"], "there is no item 'tea' (name one of front_brake_pads, "),
        (
            ["--obd", "LOG", "--service", "engine_oil"],
            "--service engine_oil: '' is no day (write it as engine_oil=2024",
        ),
        (["--obd", "LOG", "--service", "engine_oil=2024-05-31@much"], "'much' is no odometer reading"),
        (["--obd", "LOG", "--service", "engine_oil=2024-05-31@61", "--odometer-km", "60"], "more than --odometer-km"),
        (["--obd", "LOG", "--service", "engine_oil=2014-05-31", "--built", "2019-05-01"], "that was before --built"),
        (["--obd", "LOG", "--time-zone", "Mars"], "there is no time zone Mars (name one such as Europe/Berlin or UTC)"),
    ],
)
def test_an_option_that_cannot_be_is_refused_with_the_fix(
    options: list[str], said: str, logs: list[Path], tmp_path: Path, capsys: Any
) -> None:
    given = [str(logs[0]) if option == "LOG" else option for option in options]
    assert run(*given, "--out", tmp_path / "out") == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_bad_logs_among_good_ones_end_it_with_all_mistakes_and_no_report(
    logs: list[Path], tmp_path: Path, capsys: Any
) -> None:
    empty, picture = written(tmp_path, "", "empty.csv"), tmp_path / "car.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    assert run("--obd", empty, logs[0], picture, "--out", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "2 of the logs can't be used:\n  empty.csv: it is empty; " in said and "\n  car.png: it is no text; " in said
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(logs: list[Path], tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "taken").write_text("a file")
    assert run("--obd", logs[0], "--out", tmp_path / "taken") == 1
    assert "taken" in capsys.readouterr().err


def test_a_car_that_was_built_after_its_log_is_refused(logs: list[Path], tmp_path: Path, capsys: Any) -> None:
    assert run("--obd", logs[0], "--built", "2025-05-01", "--out", tmp_path / "out") == 1
    assert "--built: the oldest log is of 2024-05-02, before the car was built (correct it" in capsys.readouterr().err
