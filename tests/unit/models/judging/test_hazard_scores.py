"""Scores of probabilities, held against counting pairs, thresholds and alerts one by one."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from models.judging.early_catches import early_catches
from models.judging.lives import Lives, lives_of
from models.judging.ranking import Confusion, average_precision, best_f1, confusion_at, micro_f1, roc_auc
from models.judging.reliability import (
    brier_score,
    calibration_error,
    equal_mass_bins,
    reliability_points,
    share_of,
    wilson,
)
from models.judging.services import ItemServices
from tests.unit.models.judging.fleets import UNTIL, Fleet, fleets

# Few distinct probabilities, so that ties are common.
said = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])
scored = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), said), min_size=1, max_size=30)


def columns(rows: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([y for y, _ in rows]), np.array([p for _, p in rows])


def counted(rows: list[tuple[float, float]], threshold: float) -> tuple[int, int, int]:
    hits = sum(y == 1 and p >= threshold for y, p in rows)
    false_alarms = sum(y == 0 and p >= threshold for y, p in rows)
    return hits, false_alarms, sum(y == 1 and p < threshold for y, p in rows)


@given(scored)
def test_roc_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[float, float]]) -> None:
    failed, others = [p for y, p in rows if y == 1], [p for y, p in rows if y == 0]
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in product(failed, others)]
    auc = roc_auc(*columns(rows))
    assert auc == pytest.approx(sum(pairs) / len(pairs)) if pairs else auc is None


@given(scored)
def test_average_precision_adds_precision_where_recall_grows(rows: list[tuple[float, float]]) -> None:
    total, before, area = sum(y for y, _ in rows), 0, 0.0
    for threshold in sorted({p for _, p in rows}, reverse=True):
        hits, false_alarms, _ = counted(rows, threshold)
        area += (hits - before) * hits / (hits + false_alarms)
        before = hits
    found = average_precision(*columns(rows))
    assert found == pytest.approx(area / total) if total else found is None


@given(scored, said)
def test_counts_and_f1_are_those_of_counting(rows: list[tuple[float, float]], threshold: float) -> None:
    counts = confusion_at(*columns(rows), threshold)
    assert (counts.hits, counts.false_alarms, counts.missed) == counted(rows, threshold)
    best = best_f1(*columns(rows))
    f1s = [confusion_at(*columns(rows), p).f1 for _, p in rows]
    if best is None:
        assert not any(y for y, _ in rows)
    else:
        assert best[0] == pytest.approx(max(f1 for f1 in f1s if f1 is not None))
        assert confusion_at(*columns(rows), best[1]).f1 == pytest.approx(best[0])


def test_nothing_failed_is_no_score_of_zero() -> None:
    y, p = np.zeros(3), np.array([0.1, 0.2, 0.3])
    counts = confusion_at(y, p, 0.5)
    assert (average_precision(y, p), roc_auc(y, p), best_f1(y, p)) == (None, None, None)
    assert (counts.precision, counts.recall, counts.f1, micro_f1([counts]), micro_f1([])) == (None,) * 5


def test_nothing_decided_is_no_score_of_zero() -> None:
    y = p = np.zeros(0)
    assert (average_precision(y, p), roc_auc(y, p), best_f1(y, p)) == (None, None, None)
    assert (brier_score(y, p), calibration_error(y, p), share_of(y == 1, y.astype(np.int64))) == (None, None, None)
    assert reliability_points(y, p, y.astype(np.int64)) == ()


def test_micro_f1_is_the_f1_of_all_items_decisions_together() -> None:
    items = [[(1.0, 0.9), (0.0, 0.8)], [(1.0, 0.1), (1.0, 0.7), (0.0, 0.2)]]
    together = confusion_at(*columns(items[0] + items[1]), 0.5).f1
    assert micro_f1(confusion_at(*columns(rows), 0.5) for rows in items) == together
    assert Confusion(2, 1, 1).precision == Confusion(2, 1, 1).recall == 2 / 3


@given(scored, st.integers(1, 12))
def test_bins_keep_equal_values_together_in_their_order(rows: list[tuple[float, float]], bins: int) -> None:
    _, p = columns(rows)
    at = equal_mass_bins(p, bins)
    assert at.max() < bins
    assert set(at.tolist()) == set(range(at.max() + 1))
    for (p1, b1), (p2, b2) in product(zip(p, at, strict=True), repeat=2):
        assert (b1 == b2) if p1 == p2 else (b1 <= b2) if p1 < p2 else True


def test_bins_of_distinct_values_hold_equally_many() -> None:
    p = np.random.default_rng(3).permutation(np.linspace(0, 1, 103))
    sizes = np.bincount(equal_mass_bins(p, 10))
    assert len(sizes) == 10
    assert sizes.max() - sizes.min() <= 1


@given(scored)
def test_calibration_error_is_the_mean_gap_of_the_bins(rows: list[tuple[float, float]]) -> None:
    y, p = columns(rows)
    at = equal_mass_bins(p, 4)
    gaps = [abs(p[at == b].mean() - y[at == b].mean()) * (at == b).mean() for b in set(at.tolist())]
    assert calibration_error(y, p, 4) == pytest.approx(sum(gaps))
    assert brier_score(y, p) == pytest.approx(sum((b - a) ** 2 for a, b in rows) / len(rows))


def test_probabilities_that_come_true_as_often_as_said_have_little_error() -> None:
    rng = np.random.default_rng(5)
    p = rng.beta(1, 20, 60_000)
    y = (rng.random(60_000) < p).astype(np.float64)
    error, worse = calibration_error(y, p), calibration_error(y, np.minimum(1.0, 2 * p))
    assert error is not None and worse is not None
    assert error < 0.004 < 0.04 < worse
    points = reliability_points(y, p, np.arange(60_000))
    assert sum(point.came_true.low <= point.said <= point.came_true.high for point in points) >= 8


def test_an_interval_of_independent_rows_is_wilsons() -> None:
    is_so = np.arange(200) < 30
    share = share_of(is_so, np.arange(200))
    assert share is not None
    # Wilson's score interval, solved from (value − p)² = z² p (1 − p) / n.
    z2 = 1.959963984540054**2
    a, b, c = 1 + z2 / 200, -(2 * 0.15 + z2 / 200), 0.15**2
    roots = sorted([(-b - math.sqrt(b * b - 4 * a * c)) / (2 * a), (-b + math.sqrt(b * b - 4 * a * c)) / (2 * a)])
    assert (share.low, share.high) == pytest.approx(tuple(roots))


def test_a_vehicle_that_tells_the_same_a_hundred_times_counts_once() -> None:
    stories = np.array([True] * 8 + [False] * 12)
    once, often = share_of(stories, np.arange(20)), share_of(np.repeat(stories, 100), np.repeat(np.arange(20), 100))
    assert once is not None and often is not None
    assert (often.low, often.high) == pytest.approx((once.low, once.high), abs=0.02)
    assert (often.rows, often.vehicles) == (2000, 20)


def test_where_all_rows_agree_the_vehicles_count() -> None:
    share = share_of(np.ones(400, dtype=np.bool_), np.repeat(np.arange(4), 100))
    assert share is not None
    assert (share.low, share.high) == pytest.approx(wilson(1.0, 4))


def test_vehicles_that_are_all_alike_are_as_good_as_independent_rows() -> None:
    share = share_of(np.tile([True, False], 50), np.repeat(np.arange(10), 10))
    assert share is not None
    assert (share.low, share.high) == pytest.approx(wilson(0.5, 100))


@pytest.mark.parametrize(
    ("y", "p", "field"),
    [([0.5], [0.5], "label"), ([math.nan], [0.5], "label"), ([1.0], [math.nan], "p"), ([1.0], [0.1, 0.2], "scores")],
)
def test_scores_refuse_what_is_no_outcome_and_no_probability(y: list[float], p: list[float], field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        average_precision(np.array(y), np.array(p))
    assert raised.value.field == field


def alerts_one_by_one(lives: Lives, p: np.ndarray, threshold: float, within: int) -> list[tuple[int, int]]:
    """(life, moment) of each alert, walking through the decisions."""
    raised: list[tuple[int, int]] = []
    standing: dict[int, int] = {}
    for life, time, chance in zip(lives.life.tolist(), lives.time_ms.tolist(), p.tolist(), strict=True):
        if chance >= threshold and time > standing.get(life, -1):
            raised.append((life, time))
            standing[life] = time + within
    return raised


@given(fleets, st.data(), st.integers(2, 12), st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0]))
def test_catches_are_those_of_walking_through_every_threshold(
    fleet: Fleet, data: st.DataObject, within: int, most: float
) -> None:
    lives = lives_of(fleet.services, fleet.vehicle, fleet.time_ms, UNTIL)
    p = np.array(data.draw(st.lists(said, min_size=len(fleet.decided), max_size=len(fleet.decided))))[lives.order]
    ahead = data.draw(st.integers(0, within - 1))
    found = early_catches(lives, p, alerts_per_failure=most, ahead_ms=ahead, within_ms=within)

    def notice(life: int, time: int) -> int:
        return int(lives.ended_ms[life]) - time if lives.is_failed[life] else -1

    rows = list(zip(lives.life.tolist(), lives.time_ms.tolist(), strict=True))
    in_reach = {life for life, time in rows if ahead <= notice(life, time) <= within}
    if not in_reach:
        assert found is None
        return
    assert found is not None
    fitting = [t for t in set(p.tolist()) if len(alerts_one_by_one(lives, p, t, within)) <= most * len(in_reach)]
    assert found.threshold == (min(fitting) if fitting else None)
    raised = alerts_one_by_one(lives, p, min(fitting), within) if fitting else []
    caught = {life for life, time in raised if ahead <= notice(life, time) <= within} & in_reach
    assert (found.failures, found.alerts, found.caught) == (len(in_reach), len(raised), len(caught))
    assert found.true_alerts == sum(0 < notice(life, time) <= within for life, time in raised)
    assert found.out_of_reach == int(lives.is_failed.sum()) - len(in_reach)


def test_crying_all_the_time_costs_an_alert_each_time() -> None:
    time = np.arange(0, 95, 5)
    lives = lives_of(ItemServices.of([1], [95], ["failed"]), np.ones(19, dtype=np.int64), time, 200)
    loud = np.full(19, 0.9)
    always = early_catches(lives, loud, alerts_per_failure=9.0, ahead_ms=5, within_ms=20)
    assert always is not None
    assert (always.alerts, always.true_alerts) == (4, 1)
    asked_for_two = early_catches(lives, loud, alerts_per_failure=2.0, ahead_ms=5, within_ms=20)
    assert asked_for_two is not None
    assert (asked_for_two.threshold, asked_for_two.alerts, asked_for_two.caught) == (None, 0, 0)


def test_a_notice_as_long_as_the_horizon_is_refused() -> None:
    lives = lives_of(ItemServices.of([1], [9], ["failed"]), np.array([1]), np.array([0]), 10)
    with pytest.raises(InvalidInput, match="cannot come") as raised:
        early_catches(lives, np.array([0.5]), alerts_per_failure=2.0, ahead_ms=5, within_ms=5)
    assert raised.value.field == "ahead_ms"
