"""A whole item judged: the figures belong together, and say nothing where nothing is known."""

import doctest
import importlib
import pkgutil
from typing import Any

import numpy as np
import pytest

import domain.judgement
import models.judging
from domain.errors import InvalidInput
from models.judging.judge import Aims, Decisions, judge_hazard, judge_wear
from models.judging.lives import lives_of
from models.judging.misses import FALSE_ALARM, TOO_EARLY, TOO_LATE, UNANNOUNCED, worst_hazard_misses
from models.judging.outcomes import failed_within, time_clock
from models.judging.ranking import confusion_at
from models.judging.services import NONE, ItemServices
from models.judging.wear_scores import Windows

DAY = 86_400_000
NOTHING = ItemServices.of([], [], [])
MODULES = [f"models.judging.{module.name}" for module in pkgutil.iter_modules(models.judging.__path__)]


def every_day(vehicles: int, days: int, until: int) -> Decisions:
    time_ms = np.tile(np.arange(days, dtype=np.int64) * DAY, vehicles)
    return Decisions(np.repeat(np.arange(vehicles, dtype=np.int64), days), time_ms, until * DAY)


def hazard(decisions: Decisions, services: ItemServices, p: np.ndarray, *horizons: int) -> Any:
    named = {"action_probability": 0.5, "aims": Aims(alerts_per_failure=1.0)}
    return judge_hazard("battery", "Battery", decisions, services, p, [h * DAY for h in horizons], **named)  # type: ignore[arg-type]


def test_a_hazard_that_is_foreseen_perfectly_scores_so() -> None:
    decisions = every_day(4, 60, until=60)
    services = ItemServices.of([0, 1, 2], [40 * DAY, 50 * DAY, 55 * DAY], ["failed", "failed", "replaced"])
    labels = np.stack(
        [failed_within(services, decisions.vehicle, decisions.time_ms, h * DAY, 60 * DAY) for h in (10, 30)], axis=1
    )
    judged = hazard(decisions, services, np.nan_to_num(labels), 10, 30)
    for figures, column, ahead in zip(judged.judgement.hazards, labels.T, (5, 14), strict=True):
        assert figures.rows + figures.unknown == 240
        assert figures.unknown == int(np.isnan(column).sum())
        assert (figures.positives, figures.failures) == (int((column == 1).sum()), 2)
        assert (figures.average_precision, figures.roc_auc, figures.f1_at_action) == (1.0, 1.0, 1.0)
        assert (figures.brier, figures.calibration_error) == (0.0, 0.0)
        assert figures.catches.ahead_ms == ahead * DAY
        assert (figures.catches.caught, figures.catches.alerts) == (2, 2)
    known = labels[:, 0][~np.isnan(labels[:, 0])]
    assert judged.at_action == confusion_at(known, known, 0.5)
    assert (judged.judgement.failures, judged.judgement.replacements, judged.judgement.vehicles) == (2, 1, 4)
    assert judged.judgement.cost.at_action.on_the_road == 0


def test_an_item_that_never_failed_has_no_scores_and_says_so() -> None:
    decisions = every_day(2, 20, until=40)
    judged = hazard(decisions, NOTHING, np.full((40, 1), 0.1), 10)
    (figures,) = judged.judgement.hazards
    assert (figures.failures, figures.average_precision, figures.roc_auc, figures.catches) == (0, None, None, None)
    assert figures.base_rate == 0.0
    assert figures.brier == pytest.approx(0.01)
    assert judged.judgement.failures == 0


def test_a_horizon_that_never_passed_has_no_rows() -> None:
    judged = hazard(every_day(2, 5, until=5), NOTHING, np.full((10, 1), 0.1), 10)
    (figures,) = judged.judgement.hazards
    assert (figures.rows, figures.unknown, figures.base_rate, figures.brier) == (0, 10, None, None)


def test_decisions_without_a_probability_are_left_out() -> None:
    decisions = every_day(1, 10, until=40)
    p = np.where(np.arange(10) < 4, np.nan, 0.2)[:, None]
    (figures,) = hazard(decisions, NOTHING, p, 5).judgement.hazards
    assert (figures.rows, figures.unknown) == (6, 0)


def test_each_vehicle_is_followed_until_its_own_end() -> None:
    decisions = every_day(2, 10, until=0)
    until = np.repeat(np.array([12, 40], dtype=np.int64) * DAY, 10)
    own = Decisions(decisions.vehicle, decisions.time_ms, until)
    (figures,) = hazard(own, NOTHING, np.full((20, 1), 0.2), 10).judgement.hazards
    assert figures.rows == 3 + 10


@pytest.mark.parametrize(
    ("p", "horizons", "field"),
    [
        (np.full((4, 2), 0.1), [5], "p"),
        (np.full((3, 1), 0.1), [5], "p"),
        (np.full(4, 0.1), [5], "p"),
        (np.full((4, 1), 1.1), [5], "p"),
        (np.full((4, 0), 0.1), [], "p"),
    ],
)
def test_probabilities_that_are_none_are_refused(p: np.ndarray, horizons: list[int], field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        hazard(every_day(1, 4, until=9), NOTHING, p, *horizons)
    assert raised.value.field == field


def test_decisions_of_different_length_are_refused() -> None:
    with pytest.raises(InvalidInput, match="until_ms 1"):
        Decisions(np.array([1, 2]), np.array([1, 2]), np.array([9]))


def test_the_worst_misses_of_a_hazard_are_the_quietest_failures_and_the_loudest_alarms() -> None:
    services = ItemServices.of([0, 1], [10, 10], ["failed", "failed"])
    vehicle, time_ms = np.repeat(np.arange(4), 3), np.tile(np.array([0, 5, 8]), 4)
    p = np.array([0.0, 0.1, 0.3, 0.0, 0.6, 0.2, 0.9, 0.1, 0.1, 0.2, 0.4, 0.4])
    lives = lives_of(services, vehicle, time_ms, 100)
    label = failed_within(services, vehicle, time_ms, 5, 100)
    worst = worst_hazard_misses(lives, p[lives.order], 5, label[lives.order], most=4)
    assert [(miss.row, miss.kind, miss.truth_ms) for miss in worst] == [
        (2, UNANNOUNCED, 10), (4, UNANNOUNCED, 10), (6, FALSE_ALARM, NONE), (10, FALSE_ALARM, NONE),
    ]  # fmt: skip
    assert [miss.row for miss in worst_hazard_misses(lives, p[lives.order], 5, label[lives.order], most=2)] == [2, 6]


def wear(decisions: Decisions, services: ItemServices, said: np.ndarray, half: float) -> Any:
    def moment(days: np.ndarray) -> np.ndarray:
        return decisions.time_ms + (days * DAY).astype(np.int64)

    windows = Windows(moment(said - half), moment(said), moment(said + half))
    return judge_wear(
        "pads", "Pads", decisions, services, said, windows, time_clock("day"), unit="day", action_remaining=5.0
    )


def test_a_wear_item_that_is_said_four_days_too_long_scores_so() -> None:
    decisions = every_day(3, 30, until=60)
    services = ItemServices.of([0, 1], [40 * DAY, 20 * DAY], ["failed", "replaced"])
    said = 44.0 - decisions.time_ms / DAY
    for half, held in ((5.0, 1.0), (3.0, 0.0)):
        judged = wear(decisions, services, said, half)
        figures = judged.judgement.wear
        assert (figures.rows, figures.failures, figures.vehicles) == (30, 1, 1)
        assert (figures.rmse, figures.mae, figures.bias) == pytest.approx((4.0, 4.0, 4.0))
        assert figures.coverage.value == held
        assert figures.mean_width_days == pytest.approx(2 * half)
        assert sum(b.rows for b in figures.notice) == sum(p.coverage.rows for p in figures.periods) == 30
        # Vehicle 1 was replaced on day 20 and its new part seen to day 60, as vehicle 2's was: past day 44 + half.
        assert (figures.censored, figures.censored_past_latest) == (60, 40)
        assert [miss.kind for miss in judged.worst] == ([] if held else [TOO_EARLY])
    assert (judged.judgement.failures, judged.judgement.replacements) == (1, 1)
    assert judged.judgement.cost.acts_below


def test_what_outlives_its_window_is_a_miss_too() -> None:
    decisions = every_day(1, 3, until=60)
    judged = wear(decisions, ItemServices.of([0], [40 * DAY], ["failed"]), np.array([10.0, 20.0, 30.0]), 2.0)
    assert [(miss.row, miss.kind, miss.truth_ms) for miss in judged.worst] == [(0, TOO_LATE, 40 * DAY)]
    assert judged.judgement.wear.bias < 0


def test_a_wear_item_that_never_failed_has_no_errors() -> None:
    judged = wear(every_day(2, 5, until=9), NOTHING, np.full(10, 50.0), 3.0)
    figures = judged.judgement.wear
    assert (figures.rows, figures.rmse, figures.coverage, figures.periods, figures.notice) == (0, None, None, (), ())
    assert figures.censored == 10


def test_the_order_of_the_rows_changes_nothing() -> None:
    rng = np.random.default_rng(4)
    decisions = every_day(6, 50, until=70)
    at, outcomes = [30 * DAY, 35 * DAY, 10 * DAY, 45 * DAY], ["failed", "failed", "replaced", "failed"]
    services = ItemServices.of([0, 1, 2, 2], at, outcomes)
    p, shuffled = rng.random((300, 1)), rng.permutation(300)
    again = Decisions(decisions.vehicle[shuffled], decisions.time_ms[shuffled], decisions.until_ms)
    one, other = hazard(decisions, services, p, 10), hazard(again, services, p[shuffled], 10)
    assert one.judgement == other.judgement
    assert one.at_action == other.at_action
    assert [miss.row for miss in one.worst] == [int(shuffled[miss.row]) for miss in other.worst]


@pytest.mark.parametrize("name", [*MODULES, domain.judgement.__name__, "web.chart"])
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples_in_the_docstrings() -> None:
    attempted = [doctest.testmod(importlib.import_module(name)).attempted for name in MODULES]
    assert sum(attempted) > 25
