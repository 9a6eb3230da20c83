"""FoldedTrees: boosted trees in groups, each of which has not seen a part of the machines; the mean of them serves.

What each group says of the machines it has not seen is what is known of how wrong the mean may be: the windows rest on
it, and no machine has to be kept apart for them (cross-conformal prediction: V. Vovk, *Cross-conformal predictors*,
Annals of Mathematics and AI 74, 2015; R. Barber et al., *Predictive inference with the jackknife+*, 2021, "CV+").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from models.flat_trees import FlatTrees

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.float32]

MOST_STEPS = 255
SMALLEST_SHARE = 1e-4


@dataclass(frozen=True, slots=True)
class Growth:
    """How trees are grown: `rounds` of each group with so many `leaves`, each of `least` rows or more."""

    folds: int
    rounds: int
    learning_rate: float
    leaves: int
    least: int
    share_of_features: float
    l2: float = 1.0


@dataclass(frozen=True, slots=True)
class Grown:
    """Trees, and what the groups say of the rows they have not seen, shape (n,): NaN where all groups have seen it."""

    trees: FlatTrees
    unseen: Floats


def grow(
    rows: Rows, target: Floats, weight: Floats, fold: Ints, growth: Growth, *, is_probability: bool = False
) -> Grown:
    """Grow trees for `target` on `rows`, shapes (n,) and (n, columns); `fold` in 0 … folds − 1.

    With `is_probability` targets are 0 or 1 and the trees give log-odds. With one fold nothing is held out.
    """
    columns = _telling(rows)
    told = rows[:, columns]
    importance = _importance(target, is_probability)
    edges = [_edges(column, importance) for column in told.T]
    steps = _steps(told, edges)
    groups: list[tuple[float, list[npt.NDArray[Any]]]] = []
    unseen = np.full(len(rows), np.nan)
    with threadpool_limits(limits=1, user_api="openmp"):
        for own in range(growth.folds):
            is_own = fold == own
            train = ~is_own if growth.folds > 1 else np.ones(len(rows), dtype=np.bool_)
            if not train.any() or (growth.folds > 1 and not is_own.any()):
                continue
            base, trees = _grow_group(steps[train], target[train], weight[train], growth, own, is_probability)
            for nodes in trees:
                _set_thresholds(nodes, edges)
            groups.append((base, trees))
            if growth.folds > 1:
                alone = FlatTrees.of([(base, trees)], np.arange(told.shape[1]))
                unseen[is_own] = alone.predict_many(told[is_own])[:, 0]
    return Grown(FlatTrees.of(groups, columns), unseen)


def _telling(rows: Rows) -> Ints:
    """The columns with two known values at least."""
    known = ~np.isnan(rows)
    low, high = np.where(known, rows, np.inf).min(axis=0), np.where(known, rows, -np.inf).max(axis=0)
    return np.flatnonzero(low < high)


def _edges(column: Rows, importance: Floats) -> Floats:
    """Where a column is cut into at most 255 steps: between its values if few, else by shares of importance."""
    known = ~np.isnan(column)
    values = np.unique(column[known]).astype(np.float64)
    if len(values) > MOST_STEPS:
        order = np.argsort(column[known], kind="stable")
        passed = np.cumsum(importance[known][order])
        places = np.searchsorted(passed, np.linspace(0.0, passed[-1], MOST_STEPS))
        values = np.unique(column[known][order][np.minimum(places, len(order) - 1)]).astype(np.float64)
    return (values[1:] + values[:-1]) / 2


def _importance(target: Floats, is_probability: bool) -> Floats:
    """What counts where columns are cut: either class as much as the other, for rare failures live in the tails."""
    if not is_probability:
        return np.ones(len(target))
    share = max(1.0, float(target.sum())) / len(target)
    return np.where(target > 0, 1.0 / share, 1.0 / max(1.0 - share, 1.0 / len(target)))


def _steps(rows: Rows, edges: Sequence[Floats]) -> Rows:
    """The step of each value, counted from 0; missing ones stay so.

    Cut here once for all groups: scikit-learn's own cutting of weighted rows takes a hundred times as long as growing.
    """
    steps = np.empty(rows.shape, dtype=np.float32)
    for place, own in enumerate(edges):
        column = rows[:, place]
        steps[:, place] = np.where(np.isnan(column), np.nan, np.searchsorted(own, column))
    return steps


def _set_thresholds(nodes: npt.NDArray[Any], edges: Sequence[Floats]) -> None:
    """Put thresholds in the columns' own units in place of steps: up to step s is up to the s-th edge."""
    for place in np.flatnonzero(nodes["is_leaf"] == 0).tolist():
        own = edges[int(nodes["feature_idx"][place])]
        step = nodes["num_threshold"][place]
        nodes["num_threshold"][place] = own[int(step)] if step < len(own) else np.inf


def _grow_group(
    rows: Rows, target: Floats, weight: Floats, growth: Growth, seed: int, is_probability: bool
) -> tuple[float, list[npt.NDArray[Any]]]:
    """Base and nodes of the trees of one group; only the base where nothing tells one row from another."""
    columns = _telling(rows)
    mean = float(np.average(target, weights=weight))
    if not len(columns) or np.all(target == target[0]):
        return (_log_odds(mean) if is_probability else mean), []
    kind = HistGradientBoostingClassifier if is_probability else HistGradientBoostingRegressor
    estimator = kind(
        max_iter=growth.rounds,
        learning_rate=growth.learning_rate,
        max_leaf_nodes=growth.leaves,
        min_samples_leaf=growth.least,
        l2_regularization=growth.l2,
        max_features=growth.share_of_features,
        early_stopping=False,
        random_state=seed,
    )
    estimator.fit(rows[:, columns], target, sample_weight=weight)
    # Private names of scikit-learn, whose release is pinned; a test compares what they give with its own predictions.
    base = float(np.asarray(estimator._baseline_prediction).ravel()[0])
    trees = [tree[0].nodes for tree in estimator._predictors]
    for nodes in trees:
        nodes["feature_idx"] = columns[nodes["feature_idx"]]
    return base, trees


def _log_odds(share: float) -> float:
    within = min(max(share, SMALLEST_SHARE), 1.0 - SMALLEST_SHARE)
    return float(np.log(within / (1.0 - within)))
