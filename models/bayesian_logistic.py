"""BayesianLogisticRegression: second-order online logistic regression with a prior that says something."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from river import base

from models.finite import require_finite

Floats = npt.NDArray[np.float64]
INTERCEPT = "intercept"
FARTHEST = 30.0  # log-odds beyond which the logistic function is 0 or 1 to the last digit that matters
NEWTON_STEPS = 8


class BayesianLogisticRegression(base.Classifier):
    """Logistic regression with a normal belief over its weights, renewed at each label by Laplace's approximation.

    Per label the mode of (belief × likelihood) is found by Newton's method along the one direction it can move,
    P·z, and the precision grows by p(1 − p)·zzᵀ there. Weights below zero are served as zero where `nonnegative`:
    features are signed so that more of them is never less risk. The intercept is free.

    Undeclared features are ignored, missing ones count as 0 (the centre). Non-finite numbers are refused with
    InvalidInput and change nothing.

    Parameters
    ----------
    prior
        Mean and standard deviation per weight, `intercept` among them.
    nonnegative
        Whether weights (not the intercept) below zero are impossible.

    Examples
    --------
    >>> model = BayesianLogisticRegression({"intercept": (-2.0, 1.0), "dip": (1.0, 1.0)})
    >>> before = model.predict_proba_one({"dip": 2.0})[True]
    >>> for _ in range(5):
    ...     model.learn_one({"dip": 2.0}, True)
    >>> before < model.predict_proba_one({"dip": 2.0})[True]
    True

    References
    ----------
    D. J. Spiegelhalter, S. L. Lauritzen, *Sequential updating of conditional probabilities on directed graphical
    structures*, Networks 20 (1990), 579–605.
    """

    def __init__(self, prior: Mapping[str, tuple[float, float]], nonnegative: bool = True) -> None:
        self.prior = dict(prior)
        self.nonnegative = nonnegative
        self.names = tuple(self.prior)
        self.mean, self.covariance = self._of_prior()
        self._publish()

    def learn_one(self, x: Mapping[Any, Any], y: base.typing.ClfTarget, w: float = 1.0) -> None:
        """Learn one label; `w` is how many such labels it counts for."""
        z = np.array(self.row(x))
        label, weight = float(bool(y)), require_finite("weight", w)
        direction = self.covariance @ z
        spread = float(z @ direction)
        start = float(self.mean @ z)
        # The mode lies at mean + t·P·z; t solves t = w·(y − σ(start + t·spread)).
        t = 0.0
        for _ in range(NEWTON_STEPS):
            p = probability(start + t * spread)
            t -= (t - weight * (label - p)) / (1.0 + weight * p * (1.0 - p) * spread)
        p = probability(start + t * spread)
        curvature = weight * p * (1.0 - p)
        mean = self.mean + t * direction
        covariance = self.covariance - np.outer(direction, direction) * (curvature / (1.0 + curvature * spread))
        if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
            require_finite("features", float("inf"))
        self.mean, self.covariance = mean, (covariance + covariance.T) / 2
        self._publish()

    def predict_proba_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[base.typing.ClfTarget, float]:
        """Probability of True and False for features `x`."""
        p = probability(self.log_odds_one(x))
        return {True: p, False: 1.0 - p}

    def log_odds_one(self, x: Mapping[Any, Any]) -> float:
        """Log-odds of True: the sum of what the features contribute."""
        total = 0.0
        for value, weight in zip(self.row(x), self.weights, strict=True):
            total += value * weight
        return total

    def predict_many(self, rows: Floats) -> Floats:
        """Log-odds of a block, shape (n, k), columns in the order of `names` (1 for the intercept)."""
        total = np.zeros(len(rows))
        for column, weight in enumerate(self.weights):
            total += rows[:, column] * weight
        return total

    def variance_one(self, x: Mapping[Any, Any]) -> float:
        """Variance of the log-odds for features `x`."""
        z = self.row(x)
        return sum(z[i] * z[j] * self.spread[i][j] for i in range(len(z)) for j in range(len(z)))

    def row(self, x: Mapping[Any, Any]) -> list[float]:
        """The features in the order of the weights; the intercept's is 1."""
        return [1.0 if name == INTERCEPT else require_finite(name, x.get(name, 0.0)) for name in self.names]

    def forget(self, keep: float) -> None:
        """Let all labels so far weigh `keep` (0 to 1) of what they did; the prior weighs what it always has.

        As in `RecursiveLeastSquares.forget`: precisions, and precisions times means, are mixed with the prior's.
        """
        prior_mean, prior_covariance = self._of_prior()
        prior, own = np.linalg.inv(prior_covariance), np.linalg.inv(self.covariance)
        covariance = np.linalg.inv(prior + keep * (own - prior))
        self.mean = covariance @ (prior @ prior_mean + keep * (own @ self.mean - prior @ prior_mean))
        self.covariance = (covariance + covariance.T) / 2
        self._publish()

    def restore(self, mean: Floats, covariance: Floats) -> None:
        """Take over the belief of another model of the same features."""
        k = len(self.names)
        self.mean = np.asarray(mean, dtype=np.float64).reshape(k)
        self.covariance = np.asarray(covariance, dtype=np.float64).reshape(k, k)
        self._publish()

    def _of_prior(self) -> tuple[Floats, Floats]:
        """Mean and covariance before any label."""
        mean = np.array([mean for mean, _ in self.prior.values()], dtype=np.float64)
        return mean, np.diag([sd**2 for _, sd in self.prior.values()]).astype(np.float64)

    def _publish(self) -> None:
        free = [name == INTERCEPT or not self.nonnegative for name in self.names]
        self.weights: list[float] = [
            w if is_free else max(0.0, w) for w, is_free in zip(self.mean.tolist(), free, strict=True)
        ]
        self.spread: list[list[float]] = self.covariance.tolist()


def probability(log_odds: float) -> float:
    """The logistic function, safe at any finite or infinite argument."""
    return 1.0 / (1.0 + math.exp(-min(max(log_odds, -FARTHEST), FARTHEST)))


def probabilities(log_odds: Floats) -> Floats:
    """The logistic function, safe at any finite or infinite argument."""
    within: Floats = np.minimum(np.maximum(log_odds, -FARTHEST), FARTHEST)
    return 1.0 / (1.0 + np.exp(-within))
