"""The fleet is judged by its truth after the replay: the small form of `pitcall evaluate fleet`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from adapters.catalogue_file import load_catalogue
from models.day_sums import day_dtype
from models.judging.cost_curve import Costs
from models.judging.wear_scores import Windows
from models.vehicle_state import DAY_MS
from pitcall.fleet_costs import LongRun, long_run
from pitcall.fleet_evaluation import START_DAY, FleetFigures, evaluate_fleet, with_learnt_hazards
from pitcall.fleet_history import FleetHistory
from pitcall.fleet_judge import NEVER, Calls, WearSaid, calls_of, judge_needs, judge_wear_truth
from pitcall.fleet_table import fleet_result, fleet_table
from simulators.drive import load_drives
from simulators.years.fleet_years import FleetYears
from simulators.years.truth import PartLives, Truth
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
    silence = calls_of(fleet, "tyres", said(0), np.zeros(CARS, dtype=np.bool_))
    never = judge_needs(fleet, "tyres", silence)
    assert never.raised == 0 and never.short == never.reached


def test_who_knows_the_present_is_hardly_surprised_within_weeks() -> None:
    fleet = FleetYears(SEED, 2 * CARS, 2 * DAYS, START_DAY, beyond_days=0)
    with pytest.raises(RuntimeError, match="last chunk"):
        _ = fleet.foresight
    for _ in fleet.chunks():
        pass
    off: list[float] = []
    for item in ("tyres", "cabin_filter", "front_brake_pads"):
        lives = fleet.truth.lives[item]
        day = lives.limit_day - 20
        in_use = (lives.installed_day <= day) & ((lives.removed_day < 0) | (lives.removed_day > day))
        near = in_use & (day >= START_DAY)
        off += (fleet.foresight.due_days(item, day[near], lives.car[near]) - lives.limit_day[near]).tolist()
    assert len(off) > 10 and np.abs(off).mean() < 10
    with pytest.raises(KeyError):
        fleet.foresight.due_days("tyres", np.array([START_DAY - 1]), np.array([0]))


COSTS = Costs(on_the_road=300.0, planned=100.0, lead_ms=10 * DAY_MS)


def lives_of_ten(*, removed_day: int = -1) -> FleetYears:
    """Ten parts of ten cars, installed on the first day of 1,095, that reach their limits after 500 to 950 days."""
    limit = START_DAY + np.arange(500, 1000, 50)
    ten = np.arange(10)
    installed, removed = np.full(10, START_DAY), np.full(10, -1 if removed_day < 0 else START_DAY + removed_day)
    lives = PartLives(ten, installed, removed, limit, installed)
    truth = Truth(10, {"tyres": lives}, START_DAY + 2_000)
    return cast(FleetYears, SimpleNamespace(truth=truth, start_day=START_DAY, days=1_095))


def test_in_the_long_run_costs_are_paid_over_the_time_that_was_served() -> None:
    seen = np.full(10, START_DAY)
    just_in_time = Calls(START_DAY + np.arange(500, 1000, 50) - 11, seen)
    cost = long_run(lives_of_ten(), "tyres", just_in_time, COSTS)
    mean_life = 725.0
    assert cost.never == pytest.approx(300.0 / mean_life * 365.25)
    assert cost.truth == pytest.approx(100.0 / mean_life * 365.25)
    assert cost.ours == pytest.approx(100.0 / (mean_life - 1) * 365.25)
    assert cost.workshops == cost.never, "where no workshop renews anything"
    # By age: at 500 days nobody has failed yet but the first, whose last day it is.
    assert cost.truth and cost.schedule and cost.never
    assert cost.truth < cost.schedule < cost.never
    too_late = Calls(START_DAY + np.arange(500, 1000, 50) - 9, seen)
    assert long_run(lives_of_ten(), "tyres", too_late, COSTS).ours == pytest.approx(cost.never)


def test_workshops_that_renew_early_spare_nobody_else_a_failure() -> None:
    silence = Calls(np.full(10, NEVER), np.full(10, START_DAY))
    cost = long_run(lives_of_ten(removed_day=400), "tyres", silence, COSTS)
    assert cost.workshops == cost.ours == pytest.approx(100.0 / 400 * 365.25)
    assert cost.never == pytest.approx(300.0 / 725 * 365.25)
    unseen = Calls(np.full(10, NEVER), np.full(10, NEVER))
    assert long_run(lives_of_ten(), "tyres", unseen, COSTS) == LongRun(None, None, None, None, None)
