"""ReplayMemory: the labelled rows that a model is grown from, bounded, and chosen so that rare and hard ones stay."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.float32]

MOST_POSITIVES = 4_000
MOST_NEGATIVES = 8_000
LEAST_HARDNESS = 0.02


class ReplayMemory:
    """Positives, the newest of them, and negatives by how hard they were for the model that served.

    Negatives are kept by priority sampling: each has the priority w/u, with w its hardness and u uniform by the hash of
    its label, and those of the highest priorities stay; one of hardness w then stands for max(1, τ/w) of its kind, τ
    being the highest priority that was let go (N. Duffield, C. Lund, M. Thorup, *Priority sampling for estimation of
    arbitrary subset sums*, J. ACM 54, 2007). So sums over what is kept are without bias, and nothing depends on chance.
    """

    def __init__(self, columns: int) -> None:
        self._positives = _Part(columns)
        self._negatives = _Part(columns)
        self._threshold = 0.0

    def add(self, rows: Rows, labels: npt.NDArray[np.bool_], said: Floats, folds: Ints, ids: list[str]) -> None:
        """Remember labelled rows: what the serving model `said` of each, and which fold it is of."""
        hardness = np.maximum(LEAST_HARDNESS, said)
        chance = np.array([_uniform(label_id) for label_id in ids])
        for part, own in ((self._positives, labels), (self._negatives, ~labels)):
            if own.any():
                part.add(rows[own], hardness[own], hardness[own] / chance[own], folds[own])
        if self._positives.count > 2 * MOST_POSITIVES:
            self._positives.keep_newest(MOST_POSITIVES)
        if self._negatives.count > 2 * MOST_NEGATIVES:
            self._threshold = max(self._threshold, self._negatives.keep_highest(MOST_NEGATIVES))

    def withdraw(self, rows: Rows) -> None:
        """Forget negatives that turned out to be none: for each of `rows` one that is the same, if it is still kept."""
        self._negatives.drop(rows)

    def all(self) -> tuple[Rows, Floats, Floats, Ints]:
        """Rows, labels (0 or 1), weights and folds of what is kept."""
        self._positives.keep_newest(MOST_POSITIVES)
        self._threshold = max(self._threshold, self._negatives.keep_highest(MOST_NEGATIVES))
        p, n = self._positives, self._negatives
        weights = np.maximum(1.0, self._threshold / n.hardness)
        return (
            np.concatenate([p.rows, n.rows]),
            np.concatenate([np.ones(p.count), np.zeros(n.count)]),
            np.concatenate([np.ones(p.count), weights]),
            np.concatenate([p.folds, n.folds]),
        )


class _Part:
    def __init__(self, columns: int) -> None:
        self.rows: Rows = np.empty((0, columns), dtype=np.float32)
        self.hardness: Floats = np.empty(0)
        self._priority: Floats = np.empty(0)
        self.folds: Ints = np.empty(0, dtype=np.int64)
        self._new: list[tuple[Rows, Floats, Floats, Ints]] = []
        self._waiting = 0

    @property
    def count(self) -> int:
        return len(self.rows) + self._waiting

    def add(self, rows: Rows, hardness: Floats, priority: Floats, folds: Ints) -> None:
        self._new.append((rows, hardness, priority, folds))
        self._waiting += len(rows)

    def keep_newest(self, most: int) -> None:
        self._join()
        self._take(np.arange(max(0, len(self.rows) - most), len(self.rows)))

    def keep_highest(self, most: int) -> float:
        """Let all but these go; the highest priority among those, 0 when none had to."""
        self._join()
        if len(self.rows) <= most:
            return 0.0
        order = np.argsort(-self._priority, kind="stable")
        threshold = float(self._priority[order[most]])
        self._take(np.sort(order[:most]))
        return threshold

    def drop(self, rows: Rows) -> None:
        """Let one row go for each of these, where there is one that is the same to the bit."""
        self._join()
        kept = np.ones(len(self.rows), dtype=np.bool_)
        own = np.ascontiguousarray(self.rows).view(np.uint32)
        for row in np.ascontiguousarray(rows).view(np.uint32):
            found = np.flatnonzero(kept & (own == row).all(axis=1))
            kept[found[:1]] = False
        self._take(np.flatnonzero(kept))

    def _join(self) -> None:
        if self._new:
            self.rows = np.concatenate([self.rows, *(part[0] for part in self._new)])
            self.hardness = np.concatenate([self.hardness, *(part[1] for part in self._new)])
            self._priority = np.concatenate([self._priority, *(part[2] for part in self._new)])
            self.folds = np.concatenate([self.folds, *(part[3] for part in self._new)])
            self._new, self._waiting = [], 0

    def _take(self, places: Ints) -> None:
        self.rows, self.hardness = self.rows[places], self.hardness[places]
        self._priority, self.folds = self._priority[places], self.folds[places]


def _uniform(label_id: str) -> float:
    """A number in (0, 1] that follows from the label's id."""
    return (int.from_bytes(hashlib.blake2b(label_id.encode(), digest_size=8).digest(), "big") + 1) / 2.0**64
