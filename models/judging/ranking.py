"""Ranking scores of probabilities: how well those that failed were put before those that did not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.errors import InvalidInput
from models.judging.services import require_same_length

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Decisions counted by what was said and what came true.

    >>> Confusion(hits=3, false_alarms=1, missed=2).f1
    0.6666666666666666
    """

    hits: int
    false_alarms: int
    missed: int

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(self.hits + other.hits, self.false_alarms + other.false_alarms, self.missed + other.missed)

    @property
    def precision(self) -> float | None:
        """Hits of all that were called; None when none was."""
        called = self.hits + self.false_alarms
        return self.hits / called if called else None

    @property
    def recall(self) -> float | None:
        """Hits of all that failed; None when none did."""
        failed = self.hits + self.missed
        return self.hits / failed if failed else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None when nothing failed (van Rijsbergen, *Information Retrieval*)."""
        return 2 * self.hits / (2 * self.hits + self.false_alarms + self.missed) if self.hits + self.missed else None


def confusion_at(label: Floats, p: Floats, threshold: float) -> Confusion:
    """Counts when every p ≥ `threshold` is called; `label` 0 or 1 and `p` of shape (n,)."""
    require_labels(label, p)
    called, failed = p >= threshold, label == 1
    return Confusion(int((called & failed).sum()), int((called & ~failed).sum()), int((~called & failed).sum()))


def micro_f1(parts: Iterable[Confusion]) -> float | None:
    """F1 of the counts of several items added up, so that a rare item weighs what it has; None without a failure.

    >>> micro_f1([Confusion(1, 0, 0), Confusion(0, 1, 1)])
    0.5
    """
    return sum(parts, Confusion(0, 0, 0)).f1


def average_precision(label: Floats, p: Floats) -> float | None:
    """Σ (Rₙ − Rₙ₋₁) Pₙ over falling thresholds, equal p taken at once; None when nothing failed.

    The step-wise area under the precision-recall curve (M. Zhu, *Recall, Precision and Average Precision*, 2004).

    >>> average_precision(np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.8, 0.7]))
    0.8333333333333333
    """
    hits, called, _ = _falling(label, p)
    if not len(hits) or hits[-1] == 0:
        return None
    steps = np.diff(hits, prepend=0)
    return float((steps * hits / called).sum() / hits[-1])


def roc_auc(label: Floats, p: Floats) -> float | None:
    """The chance that one that failed was given more than one that did not, ties counting half; None without both.

    The Mann–Whitney statistic (J. Hanley, B. McNeil, *Radiology* 143, 1982).

    >>> roc_auc(np.array([1.0, 0.0, 0.0]), np.array([0.5, 0.5, 0.1]))
    0.75
    """
    hits, called, _ = _falling(label, p)
    if not len(hits) or hits[-1] in (0, called[-1]):
        return None
    failed = np.diff(hits, prepend=0)
    others = np.diff(called, prepend=0) - failed
    below = others.sum() - np.cumsum(others)
    return float((failed * (below + others / 2)).sum() / (failed.sum() * others.sum()))


def best_f1(label: Floats, p: Floats) -> tuple[float, float] | None:
    """The highest F1 of any threshold and the threshold, the highest one of equals; None when nothing failed.

    Chosen in hindsight: what a perfectly set action level would have reached, not what was reached.

    >>> best_f1(np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.8, 0.7, 0.1]))
    (0.8, 0.7)
    """
    hits, called, thresholds = _falling(label, p)
    if not len(hits) or hits[-1] == 0:
        return None
    f1 = 2 * hits / (called + hits[-1])
    at = int(np.argmax(f1))
    return float(f1[at]), float(thresholds[at])


def require_labels(label: Floats, p: Floats) -> None:
    """InvalidInput unless both have one length, labels are 0 or 1 and probabilities finite."""
    require_same_length("scores", {"label": len(label), "p": len(p)})
    if not np.isin(label, (0.0, 1.0)).all():
        raise InvalidInput("a label is neither 0 nor 1", field="label", fix="leave out decisions whose end is unknown")
    if not np.isfinite(p).all():
        raise InvalidInput("a probability is no finite number", field="p", fix="leave out decisions without one")


def _falling(label: Floats, p: Floats) -> tuple[Ints, Ints, Floats]:
    """By distinct falling thresholds: how many failed among the called, how many were called, and the threshold."""
    require_labels(label, p)
    order = np.argsort(-p, kind="stable")
    ordered, failed = p[order], label[order] == 1
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], np.True_)) if len(p) else np.zeros(0, np.int64)
    return np.cumsum(failed)[last].astype(np.int64), (last + 1).astype(np.int64), ordered[last]
