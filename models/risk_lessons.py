"""RiskLessons: what became of horizons, kept for growing trees, and whether the trees have earned to serve.

Kept are the newest positives and a fair part of the negatives (priority sampling: N. Duffield, C. Lund, M. Thorup,
J. ACM 54, 2007); of one car never more than a few, so that nobody can teach much alone. Trees and the logistic model
that they would replace are both held to every label before it is learnt; trees serve while they have lost less.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from models.bayesian_logistic import probability
from models.folded_trees import Growth, grow
from models.risk_patterns import RiskPatterns

Floats = npt.NDArray[np.float64]

MOST_POSITIVES, MOST_NEGATIVES = 1_000, 2_500
POSITIVES_PER_CAR, NEGATIVES_PER_CAR = 8, 16
GROWTH = Growth(folds=1, rounds=40, learning_rate=0.09, leaves=6, least=30, share_of_features=1.0, l2=5.0)
LEAST_FAILURES = 5  # cars that failed, before the signals are believed
GROWS_AFTER, GROWS_SURELY = 1.15, 100  # times as many positives as the trees have seen, or so many more
HANDICAP = 1.0  # nats by which trees must have lost less before they serve: the labels of a failure are akin
FORGETS = 0.9995  # of the losses at each label
CERTAIN = 1e-3  # no model is held for surer than this when it is scored


class RiskLessons:
    """Rows of `columns` numbers with their labels, and the losses of both models in nats."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.losses = [0.0, 0.0]  # of the logistic model, of the trees
        self.positives = 0
        self._grown_positives = 0
        # By age, the oldest first: car, row, weight.
        self._failed: list[tuple[bytes, Floats, float]] = []
        # The least priority first: priority, a number that makes it unique, car, row, weight.
        self._sound: list[tuple[float, bytes, bytes, Floats, float]] = []
        self._threshold = 0.0
        self._sound_of: dict[bytes, int] = {}

    def score(self, label: bool, weight: float, logistic: float, trees: float | None) -> None:
        """Hold the models to a label before it is learnt: the log-odds of the logistic one, and of trees if any."""
        if trees is None:
            return
        for place, log_odds in enumerate((logistic, trees)):
            given = probability(log_odds if label else -log_odds)
            self.losses[place] = FORGETS * self.losses[place] - weight * math.log(max(given, CERTAIN))

    @property
    def trees_are_better(self) -> bool:
        """Whether trees have lost less by more than chance gives."""
        return self.losses[1] + HANDICAP < self.losses[0]

    def add(self, row: Floats, label: bool, weight: float, car: bytes, label_id: str) -> None:
        """Keep a labelled row that stands for `weight` like it."""
        # As it comes out of a snapshot: what is grown must not depend on when somebody read one.
        row, weight = row.astype(np.float32).astype(np.float64), float(np.float32(weight))
        if label:
            self.positives += 1
            own = [place for place, kept in enumerate(self._failed) if kept[0] == car]
            if len(own) >= POSITIVES_PER_CAR:
                del self._failed[own[0]]
            self._failed.append((car, row, weight))
            del self._failed[:-MOST_POSITIVES]
            return
        if self._sound_of.get(car, 0) >= NEGATIVES_PER_CAR:
            return
        unique = hashlib.sha256(label_id.encode()).digest()[:8]
        chance = (int.from_bytes(unique, "big") + 1) / 2.0**64
        heapq.heappush(self._sound, (weight / chance, unique, car, row, weight))
        self._sound_of[car] = self._sound_of.get(car, 0) + 1
        while len(self._sound) > MOST_NEGATIVES:
            priority, _, gone, *_ = heapq.heappop(self._sound)
            self._threshold = max(self._threshold, priority)
            self._sound_of[gone] -= 1
            if not self._sound_of[gone]:
                del self._sound_of[gone]

    @property
    def is_time_to_grow(self) -> bool:
        """Whether there are enough new failures since the trees were grown."""
        enough = min(GROWS_AFTER * self._grown_positives, self._grown_positives + GROWS_SURELY)
        if self.positives <= enough or len(self._sound) < GROWTH.least:
            return False
        return len({car for car, *_ in self._failed}) >= LEAST_FAILURES

    def grow(self) -> RiskPatterns:
        """Trees from all that is kept."""
        self._grown_positives = self.positives
        # What trees that are gone have lost too much is not held against their successors.
        self.losses[1] = min(self.losses)
        sound = sorted(self._sound, key=lambda kept: kept[1])
        rows = np.array([row for _, row, _ in self._failed] + [kept[3] for kept in sound], dtype=np.float32)
        labels = np.repeat([1.0, 0.0], [len(self._failed), len(sound)])
        weights = np.array([weight for *_, weight in self._failed] + [max(kept[4], self._threshold) for kept in sound])
        folds = np.zeros(len(rows), dtype=np.int64)
        trees = grow(rows, labels, weights, folds, GROWTH, is_probability=True).trees
        # As they come out of a snapshot, so that whoever reads one says the same to the bit.
        return RiskPatterns.of_content(RiskPatterns(trees, self.columns).content(), self.columns)

    def content(self) -> dict[str, Any]:
        """Everything, as plain numbers and bytes."""
        sound = sorted(self._sound, key=lambda kept: kept[1])
        return {
            "losses": self.losses,
            "positives": self.positives,
            "grown_positives": self._grown_positives,
            "threshold": self._threshold,
            "failed_cars": b"".join(car for car, *_ in self._failed),
            "failed_rows": _packed([row for _, row, _ in self._failed]),
            "failed_weights": _packed([np.array([weight]) for *_, weight in self._failed]),
            "sound_ids": b"".join(kept[1] for kept in sound),
            "sound_cars": b"".join(kept[2] for kept in sound),
            "sound_rows": _packed([kept[3] for kept in sound]),
            "sound_weights": _packed([np.array([kept[4]]) for kept in sound]),
        }

    @classmethod
    def of_content(cls, content: Mapping[str, Any], columns: int) -> RiskLessons:
        """From what `content` gave; KeyError, TypeError or ValueError where it is none of so many columns."""
        own = cls(columns)
        own.losses = [float(loss) for loss in content["losses"]]
        own.positives, own._grown_positives = int(content["positives"]), int(content["grown_positives"])
        own._threshold = float(content["threshold"])
        failed = _unpacked(content, "failed", columns)
        own._failed = [(car, row, weight) for car, row, weight in failed]
        unique = _split(content["sound_ids"])
        for one, (car, row, weight) in zip(unique, _unpacked(content, "sound", columns), strict=True):
            chance = (int.from_bytes(one, "big") + 1) / 2.0**64
            own._sound.append((weight / chance, one, car, row, weight))
            own._sound_of[car] = own._sound_of.get(car, 0) + 1
        heapq.heapify(own._sound)
        return own


def _packed(rows: list[Floats]) -> bytes:
    return np.array(rows, dtype=np.float32).tobytes()


def _unpacked(content: Mapping[str, Any], kind: str, columns: int) -> list[tuple[bytes, Floats, float]]:
    cars = _split(content[f"{kind}_cars"])
    rows = np.frombuffer(content[f"{kind}_rows"], np.float32).astype(np.float64).reshape(-1, columns)
    weights = np.frombuffer(content[f"{kind}_weights"], np.float32).astype(np.float64)
    return list(zip(cars, rows, weights.tolist(), strict=True))


def _split(data: bytes) -> list[bytes]:
    return [data[i : i + 8] for i in range(0, len(data), 8)]
