"""IncrementalRisk: how likely an item is to fail within a horizon, by a model of River that never looks back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from river import base, forest, linear_model, preprocessing, tree

from models.failure_risk import LEAST_FAILURES, PRIOR_LABELS, PRIOR_RATE
from models.finite import require_finite

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.float32]

_SEED = 1

# By the names that a catalogue may ask for (`domain.catalogue.MODELS`).
INCREMENTAL: Mapping[str, Callable[[], Any]] = {
    "logistic": lambda: preprocessing.StandardScaler() | linear_model.LogisticRegression(),
    "hoeffding_tree": lambda: tree.HoeffdingAdaptiveTreeClassifier(seed=_SEED),
    "adaptive_forest": lambda: forest.ARFClassifier(seed=_SEED),
    "mondrian_forest": lambda: forest.AMFClassifier(seed=_SEED),
}


class IncrementalRisk(base.Classifier):
    """One of River's classifiers with River's own settings, taught each label once and in the order they come.

    A feature that is not known is left out. Before three different failures are known it says the base rate, as
    `FailureRisk` does, in whose place it stands.

    Examples
    --------
    >>> model = IncrementalRisk("logistic")
    >>> rows = np.arange(600, dtype=np.float32)[:, None] % 10
    >>> model.learn_many(rows, rows[:, 0] > 7, ["f%d" % (n // 3) for n in range(600)], ["%d" % n for n in range(600)])
    >>> low, high = model.predict_many(np.array([[1.0], [9.0]], dtype=np.float32))
    >>> bool(low < 0.2 < high)
    True

    References
    ----------
    J. Montiel et al., *River: machine learning for streaming data in Python*, JMLR 22, 2021.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.version = 0
        self.positives = self.labels = 0
        self._model = INCREMENTAL[name]()
        self._failures: set[str] = set()

    def learn_one(self, x: Mapping[Any, Any], y: base.typing.ClfTarget, w: float = 1.0) -> None:
        """Learn one label, each positive being a failure of its own."""
        self._learn({name: require_finite(str(name), value) for name, value in x.items()}, bool(y), str(self.labels))

    def predict_proba_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[base.typing.ClfTarget, float]:
        """Probability of True and False for features `x`."""
        p = self._say(dict(x))
        return {True: p, False: 1.0 - p}

    def learn_many(self, rows: Rows, labels: npt.NDArray[Any], failures: list[str], ids: list[str]) -> None:
        """Learn labelled rows, shape (n, columns); `failures`: which failure a positive told of; `ids` say nothing."""
        if np.isinf(rows).any():
            require_finite("features", float("inf"))
        for x, label, failure in zip(
            _features(rows), np.asarray(labels, dtype=np.bool_).tolist(), failures, strict=True
        ):
            self._learn(x, label, failure)

    def correct_many(self, rows: Rows, failures: list[str], ids: list[str]) -> None:
        """Positives that were learnt as negatives: what never looks back can't unlearn those, and learns these too."""
        self.learn_many(rows, np.ones(len(rows), dtype=np.bool_), failures, ids)

    def predict_many(self, rows: Rows) -> Floats:
        """The probability for a block of rows, shape (n, columns) → (n,)."""
        return np.array([self._say(x) for x in _features(rows)], dtype=np.float64)

    def _learn(self, x: dict[Any, float], label: bool, failure: str) -> None:
        self._model.learn_one(x, label)
        self.labels += 1
        self.positives += label
        self.version += 1
        if label and len(self._failures) < LEAST_FAILURES:
            self._failures.add(failure)

    def _say(self, x: dict[Any, Any]) -> float:
        if len(self._failures) < LEAST_FAILURES:
            return (self.positives + PRIOR_LABELS * PRIOR_RATE) / (self.labels + PRIOR_LABELS)
        return float(self._model.predict_proba_one(x).get(True, 0.0))


def _features(rows: Rows) -> list[dict[Any, float]]:
    """Features by column; those that are not known (NaN) are left out."""
    return [{n: value for n, value in enumerate(row) if value == value} for row in rows.tolist()]
