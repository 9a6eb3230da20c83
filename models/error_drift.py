"""ErrorDrift: tells when a model's errors have risen, by River's Page–Hinkley test, and comes back from its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from river import stats
from river.drift import PageHinkley

from domain.prediction import ItemKind
from models.finite import require_finite

LEAST_LABELS = 30  # no drift is told before so many
FORGETTING = 1.0  # the sums fade with nothing: a slow rise adds up
TOLERANCE = {ItemKind.WEAR: 0.25, ItemKind.HAZARD: 0.1}
"""A rise of the mean error that is no drift: of wear in standard deviations as stated, of a hazard in nats."""
THRESHOLD = {ItemKind.WEAR: 15.0, ItemKind.HAZARD: 20.0}
"""Sum of what errors rose beyond the tolerance at which drift is told, in the same units."""


class ErrorDrift:
    """Page–Hinkley on the errors of one model, upwards only: a model that gets better has not drifted.

    After drift was told it begins anew. `statistic` is the sum that is held against `threshold`.

    Examples
    --------
    >>> drift = ErrorDrift(ItemKind.WEAR)
    >>> any(drift.learn(0.8) for _ in range(500))
    False
    >>> next(n for n in range(1, 500) if drift.learn(1.8))
    21

    References
    ----------
    E. S. Page, *Continuous inspection schemes*, Biometrika 41 (1954), 100–115; the test is River's.
    """

    def __init__(self, kind: ItemKind) -> None:
        self.threshold = THRESHOLD.get(kind, 0.0)
        self.labels = 0
        self._test: Any = PageHinkley(LEAST_LABELS, TOLERANCE.get(kind, 0.0), self.threshold, FORGETTING, mode="up")

    @property
    def statistic(self) -> float:
        """How far the errors have risen above the tolerance, summed up; 0 before the first."""
        return float(self._test._sum_increase - self._test._min_increase) if self._test._x_mean.n else 0.0

    @property
    def mean(self) -> float:
        """Mean error since the watch began."""
        return float(self._test._x_mean.get())

    def learn(self, error: float, share: float = 1.0) -> bool:
        """Take in one error, which counts for `share` of one; whether drift is told by it.

        What one car's labels count for together is bounded, so that no car alone makes a drift.
        """
        if self._test.drift_detected:
            self._test._reset()
        mean = self.mean if self._test._x_mean.n else error
        self._test.update(mean + share * (require_finite("error", error) - mean))
        self.labels = int(self._test._x_mean.n)
        return bool(self._test.drift_detected)

    def content(self) -> dict[str, Any]:
        """Everything it knows, as plain numbers."""
        test = self._test
        return {
            "n": int(test._x_mean.n),
            "mean": test._x_mean.get(),
            "sums": [test._sum_increase, test._sum_decrease],
            "bounds": [test._min_increase, float(test._max_decrease)],
            "is_drift": bool(test.drift_detected),
        }

    def restore(self, content: Mapping[str, Any]) -> None:
        """Go on from `content`; KeyError, TypeError or ValueError when it is none."""
        test = self._test
        test._reset()
        test._x_mean = stats.Mean._from_state(float(content["n"]), float(content["mean"]))
        test._sum_increase, test._sum_decrease = (float(number) for number in content["sums"])
        test._min_increase, test._max_decrease = (float(number) for number in content["bounds"])
        test._drift_detected = bool(content["is_drift"])
        self.labels = int(content["n"])
