"""RecursiveLeastSquares: linear regression that is exact after every label, as a River estimator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from river import base

from models.finite import require_finite

Floats = npt.NDArray[np.float64]
SWEEPS = 64


class RecursiveLeastSquares(base.Regressor):
    """Bayesian linear regression in information form: A += w·φφᵀ, c += w·y·φ, coefficients A⁻¹c.

    With independent normal priors on the coefficients this is the exact posterior (precision A) for labels of variance
    1/w. With `nonnegative`, the coefficients served are those of the most probable point without negative entries
    (coordinate descent on the quadratic form), as physics asks of wear: nothing grows back.

    Features that were not declared are ignored; declared ones that are missing count as 0. Non-finite numbers are
    refused with InvalidInput and change nothing.

    Parameters
    ----------
    prior
        Mean and standard deviation per feature, before any label. Its order is that of the coefficients.
    nonnegative
        Whether coefficients below zero are impossible.

    Examples
    --------
    >>> model = RecursiveLeastSquares({"braking": (0.0, 10.0), "age": (0.0, 10.0)})
    >>> for braking, age in [(1.0, 2.0), (3.0, 1.0), (2.0, 5.0), (4.0, 4.0)]:
    ...     model.learn_one({"braking": braking, "age": age}, 2.0 * braking + 0.5 * age, w=1e4)
    >>> round(model.predict_one({"braking": 10.0, "age": 10.0}), 3)
    25.0

    References
    ----------
    Gauss's least squares in the form of K. J. Åström, B. Wittenmark, *Adaptive Control*, 2nd ed., ch. 2; the posterior:
    C. M. Bishop, *Pattern Recognition and Machine Learning*, eq. 3.49 to 3.51.
    """

    def __init__(self, prior: Mapping[str, tuple[float, float]], nonnegative: bool = True) -> None:
        self.prior = dict(prior)
        self.nonnegative = nonnegative
        self.names = tuple(self.prior)
        self.information, self.moment = self._of_prior()
        self._solve()

    def learn_one(self, x: Mapping[Any, Any], y: float, w: float = 1.0) -> None:
        """Learn one label `y` of variance 1/`w`."""
        phi = np.array(self.row(x))
        target, weight = require_finite("label", y), require_finite("weight", w)
        information = self.information + weight * np.outer(phi, phi)
        moment = self.moment + weight * target * phi
        if not (np.isfinite(information).all() and np.isfinite(moment).all()):
            require_finite("label", float("inf"))
        self.information, self.moment = information, moment
        self._solve()

    def predict_one(self, x: Mapping[Any, Any]) -> float:
        """The mean for features `x`."""
        total = 0.0
        for value, coefficient in zip(self.row(x), self.coefficients, strict=True):
            total += value * coefficient
        return total

    def predict_many(self, rows: Floats) -> Floats:
        """The means of a block, shape (n, k) with columns in the order of `names`; bit-equal to `predict_one`."""
        total = np.zeros(len(rows))
        for column, coefficient in enumerate(self.coefficients):
            total += rows[:, column] * coefficient
        return total

    def variance_one(self, x: Mapping[Any, Any]) -> float:
        """Variance of the mean for features `x`: φᵀA⁻¹φ."""
        phi = self.row(x)
        return sum(phi[i] * phi[j] * self.covariance[i][j] for i in range(len(phi)) for j in range(len(phi)))

    def row(self, x: Mapping[Any, Any]) -> list[float]:
        """The features in the order of the coefficients."""
        return [require_finite(name, x.get(name, 0.0)) for name in self.names]

    def forget(self, keep: float) -> None:
        """Let all labels so far weigh `keep` (0 to 1) of what they did; the prior weighs what it always has.

        That is posterior^keep · prior^(1 − keep), so that what was forgotten can't make the model sure of nothing.

        References
        ----------
        R. Kulhavý, M. B. Zarrop, *On a general concept of forgetting*, Int. J. Control 58 (1993), 905–924.
        """
        information, moment = self._of_prior()
        self.information = information + keep * (self.information - information)
        self.moment = moment + keep * (self.moment - moment)
        self._solve()

    def restore(self, information: Floats, moment: Floats) -> None:
        """Take over A (shape (k, k)) and c (shape (k,)) of another model of the same features."""
        k = len(self.names)
        self.information = np.asarray(information, dtype=np.float64).reshape(k, k)
        self.moment = np.asarray(moment, dtype=np.float64).reshape(k)
        self._solve()

    def _of_prior(self) -> tuple[Floats, Floats]:
        """A and c before any label."""
        means = np.array([mean for mean, _ in self.prior.values()], dtype=np.float64)
        precision = np.array([sd**-2 for _, sd in self.prior.values()], dtype=np.float64)
        return np.diag(precision), precision * means

    def _solve(self) -> None:
        covariance = np.linalg.inv(self.information)
        best = covariance @ self.moment
        if self.nonnegative and (best < 0).any():
            best = self._nearest_nonnegative(best)
        # Plain floats: prediction of a car at a time is then a few multiplications and no array.
        self.covariance: list[list[float]] = ((covariance + covariance.T) / 2).tolist()
        self.coefficients: list[float] = best.tolist()

    def _nearest_nonnegative(self, best: Floats) -> Floats:
        """argmin of (b − best)ᵀA(b − best) over b ≥ 0, by coordinate descent (the problem is convex)."""
        served = np.maximum(best, 0.0)
        for _ in range(SWEEPS):
            before = served.copy()
            for i in range(len(served)):
                slope = self.information[i] @ (served - best)
                served[i] = max(0.0, served[i] - slope / self.information[i, i])
            if np.array_equal(before, served):
                break
        return served
