"""Lives that go on count with what they have lasted, so that those that end first are not taken for all."""

from __future__ import annotations

import numpy as np
import pytest

from models.remaining_life import RemainingLife, Running
from models.survival import survival_summary


def test_without_censoring_it_is_the_mean_and_the_order_statistics() -> None:
    durations = np.arange(1.0, 101.0)
    mean, low, high = survival_summary(durations, np.ones(100, dtype=np.bool_), (0.05, 0.95), 1.0, 100.0)
    assert (mean, low, high) == (pytest.approx(50.5), 5.0, 95.0)


def test_censored_durations_are_not_taken_for_ends() -> None:
    rng = np.random.default_rng(2)
    true = rng.exponential(100.0, 4_000)
    watched = rng.uniform(0.0, 150.0, 4_000)
    seen, is_ended = np.minimum(true, watched), true <= watched
    assert seen[is_ended].mean() < 60, "the ends that were seen are the early ones"
    mean, low, high = survival_summary(seen, is_ended, (0.1, 0.9), 0.01, 1_000.0)
    assert mean == pytest.approx(100.0, rel=0.1)
    assert low == pytest.approx(-100 * np.log(0.9), rel=0.15) and high == pytest.approx(-100 * np.log(0.1), rel=0.15)


def test_where_nothing_has_ended_the_rate_of_the_others_speaks_up_to_the_longest() -> None:
    lasted = np.full(10, 50.0)
    mean, low, high = survival_summary(lasted, np.zeros(10, dtype=np.bool_), (0.05, 0.95), 0.01, 120.0)
    assert mean == 120.0 and 50.0 < low < 60.0 and high == 240.0
    assert survival_summary(lasted, np.zeros(10, dtype=np.bool_), (), 0.01, 120.0, most=80.0) == [80.0]


def test_lives_that_go_on_lengthen_what_is_said() -> None:
    rng = np.random.default_rng(4)
    alone, together = RemainingLife(), RemainingLife()
    lasting = Running(rng.normal(0, 1, (200, 2)).astype(np.float32), rng.uniform(50, 100, 200))
    for life in range(8):
        left = np.arange(30.0)[::-1]
        rows = rng.normal(0, 1, (30, 2)).astype(np.float32)
        alone.learn_life(rows, left, life)
        together.learn_life(rows, left, life, lambda: lasting)
    row = np.zeros((1, 2), dtype=np.float32)
    said, other = alone.predict_many(row), together.predict_many(row)
    assert other.remaining[0] > 2 * said.remaining[0] and other.most[0] > 2 * said.most[0]
