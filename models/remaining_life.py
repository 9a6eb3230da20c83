"""RemainingLife: how much is left of items whose wear nobody can name, learnt from the signals of lives that ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from river import base

from models.finite import require_finite
from models.flat_trees import FlatTrees
from models.folded_trees import Growth, grow
from models.survival import survival_summary

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.float32]

FOLDS = 5
GROWTH = Growth(FOLDS, rounds=20, learning_rate=0.17, leaves=31, least=5, share_of_features=0.15)
LEAST_LIVES = 3  # ended lives before the signals are believed; until then the mean of what was left
GROWS_AFTER = 1.25  # times as many lives as the trees have seen
ROWS_PER_LIFE = 48
MOST_ROWS = 6_000
CAP = 0.65  # of the median life: further ahead signals say nothing yet, and the spread there would drown the rest
LEVELS = 24  # steps of the prediction at which the truth's spread is kept
COVERAGE = 0.9
STEP = 0.02  # by which the miscoverage that is aimed at follows that of each life
LEAST_ALPHA = 0.01


class RemainingLife(base.Regressor):
    """Boosted trees on the rows of ended lives, with what they said of lives they had not seen as their calibration.

    More than `say_until` counts as that much in the mean.

    Trees learn what is left up to a cap. What is served is the mean of what was truly left, without any cap, where
    trees that had not seen the life said the same; so are the window's ends. Until enough lives have ended the mean
    and the spread over all rows stand in.

    Learns a life at a time (`learn_life`), or a row at a time as River does; it grows anew when the lives are a quarter
    more than the trees have seen. Bounded: so many rows are kept of a life, and of all.

    Examples
    --------
    >>> model = RemainingLife()
    >>> for life in range(12):
    ...     left = np.arange(100.0)[::-1]
    ...     model.learn_life(np.stack([left + life % 3, left * 0], 1).astype(np.float32), left, life)
    >>> bool(abs(model.predict_many(np.array([[20.0, 0.0]], dtype=np.float32)).remaining[0] - 20) < 6)
    True

    References
    ----------
    The cap: F. Heimes, *Recurrent neural networks for remaining useful life estimation*, PHM 2008.
    """

    def __init__(self, say_until: float = math.inf, growth: Growth = GROWTH) -> None:
        self.say_until = say_until
        self.growth = growth
        self.version = 0
        self.trees: FlatTrees | None = None
        self._rows: list[Rows] = []
        self._left: list[Floats] = []
        self._fold: list[int] = []
        self._lengths: list[float] = []
        self._grown_at = 0
        self.alpha = 1.0 - COVERAGE
        self.said: Floats = np.zeros(1)
        self.table: Floats = np.zeros((1, 3))
        self._names: list[str] = []
        self._ask_running: Callable[[], Running] | None = None

    def learn_one(self, x: Mapping[Any, Any], y: float, w: float = 1.0) -> None:
        """Learn one row with what was left then; each row counts as a life of its own."""
        if not self._names:
            self._names = sorted(x)
        row = [require_finite(name, x[name]) if name in x else np.nan for name in self._names]
        self.learn_life(np.array([row], dtype=np.float32), np.array([require_finite("label", y)]), len(self._lengths))

    def predict_one(self, x: Mapping[Any, Any]) -> float:
        """The mean of what is left for features `x`; 0 before any label."""
        row = [float(x.get(name, np.nan)) for name in self._names]
        return float(self.predict_many(np.array([row], dtype=np.float32)).remaining[0])

    def learn_life(self, rows: Rows, left: Floats, group: int, running: Callable[[], Running] | None = None) -> None:
        """A life has ended: its rows, shape (n, columns), and what was left at each, (n,). `group`: whose it was.

        `running`: asks for lives that go on. Of machines that began together the shortest lives end first, and would
        be taken for all if those that last were left out.
        """
        if not len(rows):
            return
        if not np.isfinite(left).all() or np.isinf(rows).any():
            require_finite("label", float("inf"))
        self._adapt(rows, left)
        keep = spread_out(len(rows), ROWS_PER_LIFE)
        self._rows.append(rows[keep])
        self._left.append(left[keep])
        self._fold.append(group % FOLDS)
        self._lengths.append(float(left.max()))
        self._ask_running = running
        self._forget()
        self.version += 1
        if len(self._lengths) >= max(LEAST_LIVES, GROWS_AFTER * self._grown_at):
            self._grow()
        elif self.trees is None:
            self._calibrate(np.zeros(sum(map(len, self._left))))

    def predict_many(self, rows: Rows) -> RemainingMany:
        """What is left for a block of rows, shape (n, columns), in the unit of the labels."""
        said = np.zeros(len(rows)) if self.trees is None else _mean_of_groups(self.trees.predict_many(rows))
        ends = [np.interp(said, self.said, self.table[:, column]) for column in range(3)]
        return RemainingMany(ends[0], np.minimum(ends[0], ends[1]), np.maximum(ends[0], ends[2]))

    def _adapt(self, rows: Rows, left: Floats) -> None:
        """Widen the windows when they hold less than they state, and the other way round (Gibbs & Candès 2021)."""
        if self.trees is None:
            return
        said = self.predict_many(rows)
        missed = float(np.mean((left < said.least) | (left > said.most)))
        self.alpha = min(max(self.alpha + STEP * (1.0 - COVERAGE - missed), LEAST_ALPHA), 0.5)

    def _forget(self) -> None:
        """Keep the newest rows."""
        while sum(map(len, self._rows)) > MOST_ROWS and len(self._rows) > 1:
            self._rows.pop(0), self._left.pop(0), self._fold.pop(0)

    def _grow(self) -> None:
        self._grown_at = len(self._lengths)
        rows, left = np.concatenate(self._rows), np.concatenate(self._left)
        fold = np.repeat(np.array(self._fold), [len(own) for own in self._rows])
        cap = CAP * float(np.median(self._lengths))
        grown = grow(rows, np.minimum(left, cap), np.ones(len(rows)), fold, self.growth)
        self.trees = grown.trees
        # Where all lives fell into one fold nothing is held out: what the trees say of what they saw must do.
        said = np.where(np.isnan(grown.unseen), _mean_of_groups(grown.trees.predict_many(rows)), grown.unseen)
        self._calibrate(said)

    def _calibrate(self, said: Floats) -> None:
        """Mean and ends of what was truly left, by what was said: rising steps, each of the same number of rows."""
        left = np.concatenate(self._left)
        is_ended = np.ones(len(left), dtype=np.bool_)
        # Of fewer ends than trees need, nothing can be said of those that go on.
        more = self._ask_running() if self._ask_running is not None and self.trees is not None else None
        if more is not None and self.trees is not None and len(more.rows):
            said = np.concatenate([said, _mean_of_groups(self.trees.predict_many(more.rows))])
            left = np.concatenate([left, more.lasted])
            is_ended = np.concatenate([is_ended, np.zeros(len(more.rows), dtype=np.bool_)])
        order = np.argsort(said, kind="stable")
        said, left, is_ended = said[order], left[order], is_ended[order]
        pieces = np.array_split(np.arange(len(said)), min(LEVELS, max(1, len(said) // 32)))
        tails = (self.alpha / 2, 1.0 - self.alpha / 2)
        rate = float(is_ended.sum()) / max(float(left.sum()), 1e-9)
        longest = max(max(self._lengths, default=0.0), more.oldest if more is not None else 0.0)
        self.said = np.array([said[piece].mean() for piece in pieces])
        table = np.array(
            [self._step(left[piece], is_ended[piece], tails, (rate, longest)) for piece in pieces], dtype=np.float64
        )
        # More said never means less left (pool adjacent violators would do as well; steps are wide enough for this).
        self.table = np.maximum.accumulate(table, axis=0)

    def _step(
        self, left: Floats, is_ended: Bools, tails: tuple[float, float], bounds: tuple[float, float]
    ) -> list[float]:
        """Mean and ends of one step; `bounds`: rate of ends of all rows, and the longest life."""
        if is_ended.all():
            return [float(np.minimum(left, self.say_until).mean()), *np.quantile(left, tails).tolist()]
        return survival_summary(left, is_ended, tails, *bounds, self.say_until)


class Running:
    """Rows of lives that go on, shape (n, columns), and how long each has lasted since, (n,), in the item's unit."""

    def __init__(self, rows: Rows, lasted: Floats) -> None:
        self.rows, self.lasted = rows, lasted
        self.oldest = float(lasted.max(initial=0.0))


class RemainingMany:
    """What is left for a block of rows, shape (n,): the mean, and the ends of the window that is to hold 90 %."""

    def __init__(self, remaining: Floats, least: Floats, most: Floats) -> None:
        self.remaining, self.least, self.most = remaining, least, most


def spread_out(count: int, most: int) -> npt.NDArray[np.int64]:
    """At most so many of `count` places, evenly spread, the last one among them."""
    if count <= most:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, most).round().astype(np.int64))


def _mean_of_groups(predictions: Floats) -> Floats:
    total = np.zeros(len(predictions))
    for group in range(predictions.shape[1]):
        total += predictions[:, group]
    mean: Floats = total / max(1, predictions.shape[1])
    return mean
