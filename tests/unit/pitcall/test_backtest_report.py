"""report.json has the keys its page documents, and both files are written whole."""

import json
import re
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest

import domain.judgement
import domain.ledger
from domain.errors import Unavailable
from pitcall.backtest_report import report_json, write_report
from tests.support.made_up_judgement import made_up_judgement

PAGE = Path(__file__).parents[3] / "docs" / "backtest-report.md"


def test_both_files_are_there_and_the_json_is_strict(tmp_path: Path) -> None:
    judgement = made_up_judgement()
    json_path, html_path = write_report(judgement, tmp_path / "new" / "folder")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    report = json.loads(json_path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert report["schema"] == 1
    assert [item["item"] for item in report["items"]] == ["battery_12v", "brake_pads_front", "dpf", "inspection"]
    battery = judgement.items[0].hazards[0]
    assert report["items"][0]["hazards"][0]["average_precision"] == battery.average_precision
    assert report["items"][2]["hazards"][0]["average_precision"] is None
    assert html_path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert sorted(path.name for path in json_path.parent.iterdir()) == ["report.html", "report.json"]


def test_a_second_report_takes_the_place_of_the_first(tmp_path: Path) -> None:
    judgement = made_up_judgement()
    write_report(judgement, tmp_path)
    json_path, html_path = write_report(replace(judgement, name="Another"), tmp_path)
    assert json.loads(json_path.read_text())["name"] == "Another"
    assert "Another" in html_path.read_text(encoding="utf-8")


def test_numbers_that_are_none_are_null() -> None:
    assert report_json(replace(made_up_judgement(), micro_f1=float("nan")))["micro_f1"] is None


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Unavailable, match="taken"):
        write_report(made_up_judgement(), tmp_path / "taken")


def test_every_key_of_the_report_is_documented() -> None:
    documented = set(re.findall(r"`([a-z0-9_]+)`", PAGE.read_text(encoding="utf-8")))
    named = [*vars(domain.judgement).values(), *vars(domain.ledger).values()]
    values = [
        value for value in named if is_dataclass(value) and value.__module__ in ("domain.judgement", "domain.ledger")
    ]
    keys = {field.name for value in values if value.__name__ != "LedgerEntry" for field in fields(value)}
    assert len(keys) > 80
    assert sorted(keys - documented) == []
