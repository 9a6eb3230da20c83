"""report.json has the keys its page documents, and both files are written whole."""

import json
import re
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import domain.judgement
import domain.ledger
from domain.errors import Unavailable
from domain.judgement import Judgement
from models.judging.judge import Decisions, judge_hazard, judge_wear
from models.judging.outcomes import time_clock
from models.judging.services import ItemServices
from models.judging.wear_scores import Windows
from pitcall.backtest_report import report_json, write_report
from tests.support.made_up_judgement import made_up_judgement
from tests.support.moments import NOW
from web.judgement_page import judgement_page

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


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_whatever_a_history_holds_there_is_a_report_without_numbers_that_are_none(seed: int) -> None:
    """Few or no decisions, services at their very moments, probabilities and remaining lives of any size or missing."""
    rng = np.random.default_rng(seed)
    vehicles, n, m, hours = int(rng.integers(1, 5)), int(rng.integers(0, 60)), int(rng.integers(0, 12)), 3_600_000
    span = int(rng.choice([5, 100, 3000, 30_000]))
    vehicle, time_ms = rng.integers(0, vehicles, n), NOW + rng.integers(0, span, n) * hours
    served = rng.choice(["failed", "replaced", "ok", "measured"], m).tolist()
    services = ItemServices.of(rng.integers(0, vehicles, m), NOW + rng.integers(0, span + 50, m) * hours, served)
    decisions = Decisions(vehicle, time_ms, NOW + span * hours)
    scale = 10.0 ** rng.integers(-9, 6)
    is_missing = rng.random(n) < rng.choice([0.0, 0.5, 1.0])
    p = np.where(is_missing, np.nan, np.minimum(1.0, rng.random(n) * scale))
    said = np.where(is_missing, np.nan, rng.choice([rng.normal(0, scale, n), np.full(n, -3.0)]))

    def moments(off: float) -> np.ndarray:
        at = time_ms + (np.nan_to_num(np.clip(said, -1e3, 1e5)) + off) * hours
        return np.where(rng.random(n) < 0.1, -1, at.astype(np.int64))

    windows = Windows(moments(-5), moments(0), moments(5))
    horizon = int(rng.choice([1, 24, 720])) * hours
    hazard = judge_hazard("h", "H", decisions, services, p[:, None], [horizon], action_probability=0.5)
    wear = judge_wear("w", "W", decisions, services, said, windows, time_clock("h"), unit="h", action_remaining=10.0)
    judged = Judgement("x", NOW, NOW + span * hours, vehicles, n, m, (), (hazard.judgement, wear.judgement))
    json.dumps(report_json(judged), allow_nan=False)
    page = re.sub(r"<style>.*?</style>", "", judgement_page(judged), flags=re.DOTALL)
    assert re.findall(r"\b(?:nan|inf|None(?! of the))\b", page) == []
