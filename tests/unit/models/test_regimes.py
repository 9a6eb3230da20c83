"""Regimes are found where machines work in a few, and nowhere else; signals are then compared with their regime."""

from __future__ import annotations

import numpy as np
import pytest

from models.regimes import find_regimes

RNG = np.random.default_rng(5)
ROWS = 1_200


def test_six_regimes_are_six_and_their_signals_are_brought_to_one_scale() -> None:
    own = RNG.integers(0, 6, ROWS)
    settings = np.stack([10.0 * own, 0.1 * (own % 3)], axis=1) + RNG.normal(0, [0.05, 0.001], (ROWS, 2))
    signal = 100.0 * own + (1.0 + own) * RNG.normal(0, 1, ROWS)
    values = np.column_stack([settings, signal])
    regimes = find_regimes(values, [True, True, False])
    assert regimes is not None and regimes.count == 6
    compared = regimes.compared(values)
    assert compared[:, :2].tolist() == values[:, :2].tolist(), "settings stay as they are"
    for n in range(6):
        assert abs(compared[own == n, 2].mean()) < 1e-6 and compared[own == n, 2].std() == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["uniform", "normal", "exponential", "constant"])
def test_what_varies_smoothly_or_not_at_all_has_no_regimes(kind: str) -> None:
    settings = {
        "uniform": RNG.uniform(0, 1, ROWS),
        "normal": RNG.normal(0, 1, ROWS),
        "exponential": RNG.exponential(1, ROWS),
        "constant": np.full(ROWS, 42.0),
    }[kind]
    assert find_regimes(np.column_stack([settings, RNG.normal(0, 1, ROWS)]), [True, False]) is None


def test_a_signal_is_not_known_where_its_regime_is_not() -> None:
    own = RNG.integers(0, 2, ROWS)
    values = np.column_stack([own.astype(float), RNG.normal(5.0 * own, 1.0)])
    regimes = find_regimes(values, [True, False])
    assert regimes is not None
    compared = regimes.compared(np.array([[np.nan, 5.0], [1.0, 5.0]]))
    assert np.isnan(compared[0, 1]) and abs(compared[1, 1]) < 1.0


def test_a_signal_that_never_moves_in_a_regime_compares_as_its_distance() -> None:
    own = RNG.integers(0, 2, ROWS)
    values = np.column_stack([own.astype(float), 3.0 * own])
    regimes = find_regimes(values, [True, False])
    assert regimes is not None
    assert regimes.compared(values)[:, 1].tolist() == [0.0] * ROWS
