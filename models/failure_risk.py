"""FailureRisk: how likely an item is to fail within a horizon, learnt from all the signals of failures that came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from river import base

from models.bayesian_logistic import probabilities
from models.finite import require_finite
from models.flat_trees import FlatTrees
from models.folded_trees import Growth, grow
from models.replay_memory import ReplayMemory

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.float32]

# Sharp trees for failures that signals announce without doubt, blunt ones for those that they only hint at.
GROWTHS = (
    Growth(folds=1, rounds=60, learning_rate=0.1, leaves=15, least=3, share_of_features=1.0),
    Growth(folds=1, rounds=60, learning_rate=0.05, leaves=6, least=40, share_of_features=0.6, l2=5.0),
)
HANDICAP = 3.0  # nats: the first way serves until another has shown that it is better
LEAST_WEIGHT = 1e-3  # of a member; with less it is not asked
CERTAIN = 1e-4  # no member is held for surer than this when it is scored
LEAST_FAILURES = 3  # different ones, before the signals are believed; the base rate until then
MISTAKES_SHARE = 0.1  # of the positives: after so many new mistakes it grows anew
GROWS_AFTER = 2.0  # times as many labels, mistakes or not
LEAST_LABELS = 500
DECIDES_AT = 0.5
PRIOR_LABELS, PRIOR_RATE = 20.0, 0.02  # what stands for the base rate before there are labels


class FailureRisk(base.Classifier):
    """Boosted trees on a bounded memory of labelled rows, grown anew on mistakes or growth; see `ReplayMemory`.

    What is kept stands for all there were by its weights, so that the trees' probabilities are those of the field.
    Before three different failures are known it says the base rate. Trees are grown in several ways; what is said is
    their mean, weighted by how well each has foretold the labels so far: exp(−its log loss), as in Bayesian mixtures
    (V. Vovk, *Aggregating strategies*, COLT 1990). Each is held to what it said when the decision was made (`hold`):
    by the time the label comes, a neighbouring row of the same failure has been learnt.

    Examples
    --------
    >>> model = FailureRisk(1)
    >>> rows = np.arange(300, dtype=np.float32)[:, None] % 10
    >>> model.learn_many(rows, rows[:, 0] > 7, ["f%d" % (n // 3) for n in range(300)], ["%d" % n for n in range(300)])
    >>> bool(model.predict_many(np.array([[9.0]], dtype=np.float32))[0] > 0.9)
    True
    """

    def __init__(self, columns: int, growths: tuple[Growth, ...] = GROWTHS) -> None:
        self.columns = columns
        self.growths = growths
        self.version = 0
        self.trees: tuple[FlatTrees, ...] = ()
        self.losses: Floats = np.where(np.arange(len(growths)) > 0, HANDICAP, 0.0)
        self.positives = self.labels = 0
        self._memory = ReplayMemory(columns)
        self._failures: set[str] = set()
        self._mistakes = 0
        self._grown_positives = self._grown_labels = 0
        self._names: list[str] = []

    def learn_one(self, x: Mapping[Any, Any], y: base.typing.ClfTarget, w: float = 1.0) -> None:
        """Learn one label, each positive being a failure of its own."""
        if not self._names:
            self._names = sorted(x)
        row = np.array([[require_finite(n, x[n]) if n in x else np.nan for n in self._names]], dtype=np.float32)
        self.hold(self.predict_each(row), np.array([bool(y)]))
        self.learn_many(row, np.array([bool(y)]), [str(self.labels)], [str(self.labels)])

    def predict_proba_one(self, x: Mapping[Any, Any], **kwargs: Any) -> dict[base.typing.ClfTarget, float]:
        """Probability of True and False for features `x`."""
        row = np.array([[float(x.get(name, np.nan)) for name in self._names or range(self.columns)]], dtype=np.float32)
        p = float(self.predict_many(row)[0])
        return {True: p, False: 1.0 - p}

    def learn_many(self, rows: Rows, labels: npt.NDArray[Any], failures: list[str], ids: list[str]) -> None:
        """Learn labelled rows, shape (n, columns); `failures`: which failure a positive told of, `ids`: of labels."""
        if np.isinf(rows).any():
            require_finite("features", float("inf"))
        labels = np.asarray(labels, dtype=np.bool_)
        said = self.predict_many(rows)
        folds = np.zeros(len(rows), dtype=np.int64)
        self._memory.add(rows, labels, said, folds, ids)
        self.labels += len(rows)
        self.positives += int(labels.sum())
        if len(self._failures) < LEAST_FAILURES:
            self._failures.update(failures[n] for n in np.flatnonzero(labels).tolist())
        self._mistakes += int(((said >= DECIDES_AT) != labels).sum())
        self.version += len(rows)
        if self._is_time_to_grow():
            self._grow()

    def correct_many(self, rows: Rows, failures: list[str], ids: list[str]) -> None:
        """Rows that were learnt as negatives had a failure ahead that was heard of later: they are positives."""
        self._memory.withdraw(rows)
        self.labels -= len(rows)
        self.learn_many(rows, np.ones(len(rows), dtype=np.bool_), failures, ids)

    def predict_many(self, rows: Rows) -> Floats:
        """The probability for a block of rows, shape (n, columns) → (n,)."""
        if not self.trees:
            return np.full(len(rows), self._base_rate())
        p = np.zeros(len(rows))
        for trees, weight in zip(self.trees, self._weights().tolist(), strict=True):
            if weight > 0:
                p += weight * probabilities(trees.predict_many(rows)[:, 0])
        return p

    def predict_each(self, rows: Rows) -> Floats:
        """What each way of growing says of a block of rows, shape (n, columns) → (ways, n)."""
        if not self.trees:
            return np.full((len(self.growths), len(rows)), self._base_rate())
        return np.stack([probabilities(trees.predict_many(rows)[:, 0]) for trees in self.trees])

    def hold(self, said: Floats, labels: Bools) -> None:
        """Hold each way of growing to what it `said`, shape (ways, n), when the labels (n,) were not known yet."""
        given = np.clip(np.where(labels, said, 1.0 - said), CERTAIN, 1.0)
        self.losses = self.losses - np.log(given).sum(axis=1)

    def _weights(self) -> Floats:
        weights = np.exp(self.losses.min() - self.losses)
        weights = np.where(weights >= LEAST_WEIGHT * weights.sum(), weights, 0.0)
        shares: Floats = weights / weights.sum()
        return shares

    def _base_rate(self) -> float:
        return (self.positives + PRIOR_LABELS * PRIOR_RATE) / (self.labels + PRIOR_LABELS)

    def _is_time_to_grow(self) -> bool:
        if len(self._failures) < LEAST_FAILURES:
            return False
        is_wrong = self._mistakes >= max(1.0, MISTAKES_SHARE * self._grown_positives)
        return is_wrong or self.labels >= GROWS_AFTER * max(self._grown_labels, LEAST_LABELS)

    def _grow(self) -> None:
        rows, labels, weights, folds = self._memory.all()
        self.trees = tuple(
            grow(rows, labels, weights, folds, growth, is_probability=True).trees for growth in self.growths
        )
        self._mistakes, self._grown_positives, self._grown_labels = 0, self.positives, self.labels
