"""The fleet is judged by its truth after the replay: the small form of `pitcall evaluate fleet`."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.catalogue_file import load_catalogue
from models.day_sums import day_dtype
from models.judging.wear_scores import Windows
from models.vehicle_state import DAY_MS
from pitcall.fleet_evaluation import START_DAY, FleetFigures, evaluate_fleet, with_learnt_hazards
from pitcall.fleet_history import FleetHistory
from pitcall.fleet_judge import WearSaid, judge_needs, judge_wear_truth
from pitcall.fleet_table import fleet_result, fleet_table
from simulators.drive import load_drives
from simulators.years.fleet_years import FleetYears
from tests.unit.models.conftest import CATALOGUE

CARS, DAYS, SEED = 30, 200, 11
CAR = load_catalogue(CATALOGUE)
DRIVES = sorted(load_drives(), key=len)[:6]


def small_fleet() -> FleetYears:
    return FleetYears(SEED, CARS, DAYS, START_DAY, drives=DRIVES, beyond_days=1_200)


@pytest.fixture(scope="module")
def figures() -> FleetFigures:
    (own,) = evaluate_fleet(CAR, seeds=[SEED], cars=CARS, days=DAYS)
    return own


def test_every_item_that_is_learnt_is_judged(figures: FleetFigures) -> None:
    learnt = {item for item, spec in with_learnt_hazards(CAR).items.items() if spec.calendar is None}
    assert figures.wear.keys() | figures.hazards.keys() == learnt
    worn_out = [one for item, one in figures.wear.items() if item != "traction_battery"]  # none of which ends so soon
    assert all(one.decisions > 0 and 0.0 <= one.coverage <= 1.0 for one in worn_out)
    assert figures.wear["engine_oil"].ratio < 1.0, "a car's own use says more than a booklet"
    assert {item.item for item in figures.judgement.items} == learnt


def test_one_seed_gives_one_outcome(figures: FleetFigures) -> None:
    (again,) = evaluate_fleet(CAR, seeds=[SEED], cars=CARS, days=DAYS)
    assert repr(again) == repr(figures)


def test_the_table_says_every_item_and_whether_its_goals_are_reached(figures: FleetFigures) -> None:
    result = fleet_result([figures], ["report.html"])
    lines = fleet_table(result)
    assert all(item in lines for item in (*figures.wear, *figures.hazards))
    assert result["wear"]["tyres"]["ratio_reached"] is (result["wear"]["tyres"]["ratio"] <= 0.35)
    assert "LightGBM not run" in lines


def test_days_of_the_fleet_are_the_sums_of_its_drives() -> None:
    fleet = small_fleet()
    span = next(FleetHistory(fleet, CAR).spans())
    assert span.values.dtype == day_dtype(CAR)
    again = small_fleet()
    days, _ = next(again.chunks())
    day, car = np.nonzero(days.sent)
    assert span.vehicle.tolist() == car.tolist()
    metres = np.array([drive.distance_m for drive in DRIVES])
    np.testing.assert_allclose(span.values["observed_m"], (days.trips[day, car] * metres).sum(axis=1), rtol=0.02)


def test_a_prophet_makes_no_error_and_is_never_late() -> None:
    """The judge itself: who says the true day is right, and who says it a month early is a month off."""
    fleet = small_fleet()
    for _ in fleet.chunks():
        pass
    day = np.full(CARS, START_DAY + 100)
    car = np.arange(CARS)
    true_day = fleet.truth.limit_day("tyres", START_DAY + 100)

    def said(shift: int) -> WearSaid:
        due = np.where(true_day >= 0, (true_day + shift) * DAY_MS, -1)
        return WearSaid(car, day, Windows(due - DAY_MS, due, due + DAY_MS), np.full(CARS, 30.0))

    right, judged = judge_wear_truth(fleet, "tyres", said(0))
    assert judged.any() and right.error_days == 0.0 and right.coverage == 1.0
    early, _ = judge_wear_truth(fleet, "tyres", said(-30), peer_day=true_day.astype(np.float64))
    assert early.error_days == 30.0 and early.coverage == 0.0 and early.peer_days == (30.0, 0.0)
    never = judge_needs(fleet, "tyres", said(0), np.zeros(CARS, dtype=np.bool_))
    assert never.raised == 0 and never.short == never.reached
