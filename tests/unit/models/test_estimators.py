"""The battery that every estimator passes, and what each of them promises beyond it."""

from __future__ import annotations

import copy
import doctest
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from models import adaptive_conformal, bayesian_logistic, recursive_least_squares
from models.adaptive_conformal import AdaptiveConformal
from models.bayesian_logistic import BayesianLogisticRegression
from models.recursive_least_squares import RecursiveLeastSquares

PRIOR = {"a": (1.0, 1.0), "b": (0.5, 1.0)}
MAKERS: dict[str, Callable[[], Any]] = {
    "least squares": lambda: RecursiveLeastSquares(PRIOR),
    "logistic": lambda: BayesianLogisticRegression({"intercept": (-1.0, 1.0)} | PRIOR),
}
X = {"a": 2.0, "b": 1.0}


@pytest.fixture(params=MAKERS, ids=lambda name: name)
def make(request: pytest.FixtureRequest) -> Callable[[], Any]:
    return MAKERS[request.param]


def numbers(model: Any) -> list[Any]:
    arrays = (getattr(model, name, None) for name in ("information", "moment", "mean", "covariance"))
    return [np.asarray(array).tolist() for array in arrays if array is not None]


def say(model: Any, x: dict[str, float]) -> float:
    if isinstance(model, BayesianLogisticRegression):
        return model.log_odds_one(x)
    return float(model.predict_one(x))


class TestBattery:
    def test_it_learns(self, make: Callable[[], Any]) -> None:
        model = make()
        before = say(model, X)
        for _ in range(20):
            model.learn_one(X, 1.0)
        after = say(model, X)
        assert after != before
        assert after == pytest.approx(1.0, abs=0.1) or after > before

    def test_predicting_changes_nothing(self, make: Callable[[], Any]) -> None:
        model = make()
        before = numbers(copy.deepcopy(model))
        say(model, X)
        model.variance_one(X)
        model.predict_many(np.ones((3, len(model.names))))
        assert numbers(model) == before

    def test_missing_and_new_features_are_survived(self, make: Callable[[], Any]) -> None:
        model = make()
        model.learn_one({"a": 1.0, "never seen": 5.0}, 1.0)
        assert math.isfinite(say(model, {"b": 1.0, "never seen": 3.0}))
        assert math.isfinite(say(model, {}))

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e308, "2", None])
    def test_numbers_that_are_none_are_refused_and_change_nothing(self, make: Callable[[], Any], bad: Any) -> None:
        model = make()
        before = numbers(copy.deepcopy(model))
        with pytest.raises(InvalidInput), np.errstate(all="ignore"):
            model.learn_one({"a": bad, "b": 1e308}, 1.0)
        with pytest.raises(InvalidInput), np.errstate(all="ignore"):
            model.learn_one(X, 1.0, w=bad if bad != 1e308 else math.nan)
        assert numbers(model) == before

    def test_two_that_learnt_the_same_are_the_same(self, make: Callable[[], Any]) -> None:
        one, other = make(), make()
        for model in (one, other):
            for i in range(10):
                model.learn_one({"a": i / 3, "b": 1.0}, float(i % 2))
        assert numbers(one) == numbers(other)

    def test_it_comes_back_from_its_numbers_bit_for_bit(self, make: Callable[[], Any]) -> None:
        model, again = make(), make()
        for i in range(10):
            model.learn_one({"a": i / 3, "b": 0.1}, float(i % 2))
        if isinstance(model, RecursiveLeastSquares):
            again.restore(model.information, model.moment)
        else:
            again.restore(model.mean, model.covariance)
        assert say(again, X) == say(model, X) and numbers(again) == numbers(model)

    def test_what_is_forgotten_whole_is_the_prior_again_and_what_is_not_forgotten_stays(
        self, make: Callable[[], Any]
    ) -> None:
        model = make()
        for i in range(10):
            model.learn_one({"a": i / 3, "b": 0.1}, float(i % 2))
        learnt = [np.asarray(array) for array in numbers(model)]
        model.forget(1.0)
        for was, now in zip(learnt, numbers(model), strict=True):
            np.testing.assert_allclose(now, was, rtol=1e-9, atol=1e-12)
        model.forget(0.0)
        for was, now in zip(numbers(make()), numbers(model), strict=True):
            np.testing.assert_allclose(now, was, rtol=1e-9, atol=1e-12)

    def test_the_more_is_forgotten_the_less_sure_it_is(self, make: Callable[[], Any]) -> None:
        model = make()
        for i in range(30):
            model.learn_one({"a": 1.0 + i % 3, "b": 1.0}, float(i % 2))
        spreads = [model.variance_one(X)]
        for _ in range(5):
            model.forget(0.5)
            spreads.append(model.variance_one(X))
        assert spreads == sorted(spreads) and spreads[-1] < make().variance_one(X)

    @given(rows=st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 2), min_size=1, max_size=20), seed=st.integers(0, 99))
    def test_a_block_is_predicted_bit_for_bit_like_one_by_one(self, rows: Any, seed: int) -> None:
        for maker in MAKERS.values():
            model, rng = maker(), np.random.default_rng(seed)
            for _ in range(5):
                model.learn_one({"a": rng.normal(), "b": rng.normal()}, float(rng.integers(2)))
            ones = [say(model, {"a": a, "b": b}) for a, b in rows]
            block = np.array([[1.0, a, b] if "intercept" in model.names else [a, b] for a, b in rows])
            assert model.predict_many(block).tolist() == ones


class TestLeastSquares:
    def test_it_is_the_exact_posterior(self) -> None:
        rng = np.random.default_rng(1)
        x, noise_sd = rng.uniform(0, 5, (40, 2)), 0.3
        y = x @ [2.0, 0.7] + rng.normal(0, noise_sd, 40)
        model = RecursiveLeastSquares(PRIOR)
        for (a, b), target in zip(x.tolist(), y.tolist(), strict=True):
            model.learn_one({"a": a, "b": b}, target, w=noise_sd**-2)
        precision = np.eye(2) + x.T @ x / noise_sd**2
        expected = np.linalg.solve(precision, np.array([1.0, 0.5]) + x.T @ y / noise_sd**2)
        np.testing.assert_allclose(model.coefficients, expected, rtol=1e-10)
        np.testing.assert_allclose(model.covariance, np.linalg.inv(precision), rtol=1e-10)

    def test_a_coefficient_that_physics_forbids_is_served_as_zero_and_the_others_make_up_for_it(self) -> None:
        model = RecursiveLeastSquares({"a": (0.0, 10.0), "b": (0.0, 10.0)})
        free = RecursiveLeastSquares({"a": (0.0, 10.0), "b": (0.0, 10.0)}, nonnegative=False)
        for one in (model, free):
            for a, b in [(1.0, 1.0), (2.0, 3.0), (3.0, 2.0), (4.0, 5.0)]:
                one.learn_one({"a": a, "b": b}, 2 * a - 0.5 * b)
        assert free.coefficients[1] < 0
        assert model.coefficients[1] == 0.0
        information, moment = model.information, model.moment
        assert model.coefficients[0] == pytest.approx(moment[0] / information[0, 0], rel=1e-9)

    def test_what_is_surely_known_has_little_variance(self) -> None:
        model = RecursiveLeastSquares(PRIOR)
        before = model.variance_one(X)
        model.learn_one(X, 2.0, w=100.0)
        assert model.variance_one(X) < before

    def test_half_forgotten_labels_weigh_half(self) -> None:
        model, halved = RecursiveLeastSquares(PRIOR), RecursiveLeastSquares(PRIOR)
        for i in range(6):
            model.learn_one({"a": float(i), "b": 1.0}, 2.0 * i, w=3.0)
            halved.learn_one({"a": float(i), "b": 1.0}, 2.0 * i, w=1.5)
        model.forget(0.5)
        np.testing.assert_allclose(model.information, halved.information)
        np.testing.assert_allclose(model.coefficients, halved.coefficients)


class TestLogistic:
    def test_probabilities_add_up(self) -> None:
        model = BayesianLogisticRegression({"intercept": (-1.0, 1.0)} | PRIOR)
        found = model.predict_proba_one(X)
        assert sum(found.values()) == pytest.approx(1.0) and found[True] == pytest.approx(
            1 / (1 + math.exp(-(-1 + 2 + 0.5)))
        )
        assert model.predict_one(X) is True

    def test_no_weight_but_the_intercept_is_served_below_zero(self) -> None:
        model = BayesianLogisticRegression({"intercept": (0.0, 1.0)} | PRIOR)
        for _ in range(50):
            model.learn_one({"a": 3.0, "b": 0.0}, False)
        assert model.weights[0] < 0 and min(model.weights[1:]) >= 0

    def test_one_label_reaches_the_mode_of_its_posterior(self) -> None:
        model = BayesianLogisticRegression({"intercept": (0.0, 1.0), "a": (0.0, 2.0)}, nonnegative=False)
        model.learn_one({"a": 1.0}, True)
        m0, m1 = model.mean.tolist()
        p = 1 / (1 + math.exp(-(m0 + m1)))
        assert m0 == pytest.approx(1 - p, abs=1e-6) and m1 / 4 == pytest.approx(1 - p, abs=1e-6)

    def test_even_absurd_odds_stay_probabilities(self) -> None:
        assert 0 < bayesian_logistic.probability(-1e9) < 1e-12
        assert 1 - 1e-12 < bayesian_logistic.probability(1e9) <= 1


class TestWindows:
    def test_a_model_that_is_right_about_its_spread_keeps_the_normal_width(self) -> None:
        windows, rng = AdaptiveConformal(0.9), np.random.default_rng(3)
        for score in np.abs(rng.normal(0, 1, 400)).tolist():
            windows.learn(score, is_inside=score <= windows.width)
        assert 1.3 < windows.width < 2.1

    @pytest.mark.parametrize("scale", [0.4, 1.0, 2.5])
    def test_the_stated_coverage_is_met_over_time_whatever_the_model_believed(self, scale: float) -> None:
        windows, rng, inside = AdaptiveConformal(0.9), np.random.default_rng(5), []
        for score in np.abs(rng.normal(0, scale, 1500)).tolist():
            inside.append(score <= windows.width)
            windows.learn(score, is_inside=inside[-1])
        assert 0.88 <= sum(inside[200:]) / len(inside[200:]) <= 0.92

    def test_scores_are_bounded_and_finite(self) -> None:
        windows = AdaptiveConformal()
        windows.learn(1e12, is_inside=False)
        assert windows.scores == [50.0]
        with pytest.raises(InvalidInput):
            windows.learn(math.nan, is_inside=True)
        for _ in range(600):
            windows.learn(9.0, is_inside=False)
        assert len(windows.scores) == 256 and windows.width <= 6.0

    def test_it_comes_back_from_its_numbers(self) -> None:
        windows, again = AdaptiveConformal(), AdaptiveConformal()
        for i in range(40):
            windows.learn(i / 10, is_inside=i % 3 > 0)
        again.restore(windows.alpha, windows.scores)
        assert again.width == windows.width
        again.restore(0.1, [])
        assert again.width == AdaptiveConformal().width


@pytest.mark.parametrize("module", [recursive_least_squares, bayesian_logistic, adaptive_conformal])
def test_the_examples_in_the_docstrings_hold(module: Any) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0 and found.failed == 0
