"""FlatTrees: boosted trees as plain arrays, which serve whole blocks of rows and travel in snapshots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class FlatTrees:
    """Groups of trees; a group's prediction is its base and the sum over its trees.

    Nodes of all trees stand one after the other, shape (m,): a row goes `left` where its `feature` is not above the
    `threshold` (or missing, where `missing_left`), else `right`; a leaf leads to itself. `value` is a leaf's, and of
    other nodes the mean of what they were grown from. `roots` and
    `groups`: first node and group of each tree, shape (t,); `base`: shape (g,).
    """

    _FIELDS: Mapping[str, Any] = {
        "feature": np.int64, "threshold": np.float64, "left": np.int64, "right": np.int64, "value": np.float64,
        "missing_left": np.bool_, "roots": np.int64, "groups": np.int64, "base": np.float64,
    }  # fmt: skip

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        """From arrays by the names above; ValueError when they are no trees."""
        own = {name: np.asarray(arrays[name], dtype=dtype) for name, dtype in self._FIELDS.items()}
        self.feature: Ints = own["feature"]
        self.threshold: Floats = own["threshold"]
        self.left: Ints = own["left"]
        self.right: Ints = own["right"]
        self.value: Floats = own["value"]
        self.missing_left: npt.NDArray[np.bool_] = own["missing_left"]
        self.roots: Ints = own["roots"]
        self.groups: Ints = own["groups"]
        self.base: Floats = own["base"]
        self._check()
        self.depth = self._depth()
        self._known_shares: Floats = np.zeros((0, 0))
        # Both children side by side: one look-up instead of two.
        self._children: Ints = np.stack([self.left, self.right], axis=1).ravel()

    @classmethod
    def of(cls, groups: Sequence[tuple[float, Sequence[npt.NDArray[Any]]]], columns: Ints) -> FlatTrees:
        """From scikit-learn's nodes: per group its base and its trees; `columns`: which column each feature is."""
        parts: dict[str, list[Any]] = {name: [] for name in cls._FIELDS}
        start = 0
        for group, (base, trees) in enumerate(groups):
            parts["base"].append([base])
            for nodes in trees:
                own = np.arange(start, start + len(nodes))
                is_leaf = nodes["is_leaf"].astype(np.bool_)
                parts["feature"].append(np.where(is_leaf, 0, columns[nodes["feature_idx"]]))
                parts["threshold"].append(np.where(is_leaf, 0.0, nodes["num_threshold"]))
                for side in ("left", "right"):
                    parts[side].append(np.where(is_leaf, own, start + nodes[side].astype(np.int64)))
                parts["value"].append(_means(nodes))
                parts["missing_left"].append(nodes["missing_go_to_left"].astype(np.bool_))
                parts["roots"].append([start])
                parts["groups"].append([group])
                start += len(nodes)
        return cls({name: np.concatenate(own) if own else [] for name, own in parts.items()})

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by name, from which the same trees can be made."""
        return {name: getattr(self, name) for name in self._FIELDS}

    def predict_many(self, rows: npt.NDArray[Any]) -> Floats:
        """Predictions per group for a block of rows, shape (n, columns) → (n, g); NaN is missing.

        A row's numbers are the same to the bit whatever else is in the block.
        """
        leaves = self.value.take(self.leaves(rows))
        predictions = np.repeat(self.base[None, :], len(leaves), axis=0)
        # Tree by tree: a sum along an axis may depend on how many rows there are.
        for tree, group in enumerate(self.groups.tolist()):
            predictions[:, group] += leaves[:, tree]
        return predictions

    def explain_leaves(self, leaves: Ints, width: int) -> tuple[float, Floats]:
        """What a single group of trees says before it looks at a row, and what each of `width` columns adds.

        `leaves`: where rows end in each tree, shape (n, t) → (n, width). They add up to the prediction: on its way to a
        leaf a row changes what is expected of it at each node, and the change is the column's that was asked there (A.
        Saabas, *Interpreting random forests*, 2014). Only for one group; a row's numbers are the same to the bit
        whatever else is in the block.
        """
        shares = self._shares(width)
        # Summed over the first axis, tree by tree: along another a sum may depend on how many rows there are.
        contributions: Floats = shares.take(leaves.T, axis=0).sum(axis=0)
        return float(self.base[0]) + float(self.value[self.roots].sum()), contributions

    def leaves(self, rows: npt.NDArray[Any]) -> Ints:
        """The leaf of each row in each tree, shape (n, t)."""
        values = np.ascontiguousarray(rows, dtype=np.float64)
        n, width = values.shape
        flat = values.ravel()
        first = (np.arange(n, dtype=np.int64) * width)[:, None]
        nodes = np.repeat(self.roots[None, :], n, axis=0)
        has_gaps = bool(np.isnan(flat).any())
        for _ in range(self.depth):
            own = flat.take(first + self.feature.take(nodes))
            goes_right = own > self.threshold.take(nodes)
            if has_gaps:
                goes_right |= np.isnan(own) & ~self.missing_left.take(nodes)
            nodes = self._children.take(2 * nodes + goes_right)
        return nodes

    def _shares(self, width: int) -> Floats:
        """What each column has changed by the time a row is at a node, shape (m, width)."""
        if self._known_shares.shape[1:] != (width,):
            shares = np.zeros((len(self.feature), width))
            for node in np.flatnonzero(self.left != np.arange(len(self.left))).tolist():  # parents first
                for child in (int(self.left[node]), int(self.right[node])):
                    shares[child] = shares[node]
                    shares[child, self.feature[node]] += self.value[child] - self.value[node]
            self._known_shares = shares
        return self._known_shares

    def _check(self) -> None:
        m = len(self.feature)
        for name in ("threshold", "left", "right", "value", "missing_left"):
            if getattr(self, name).shape != (m,):
                raise ValueError(f"the trees' {name} has another length")
        places = [self.left, self.right, self.roots]
        if any(((own < 0) | (own >= m)).any() for own in places) or len(self.roots) != len(self.groups):
            raise ValueError("the trees' nodes lead nowhere")
        if ((self.groups < 0) | (self.groups >= len(self.base))).any() or (self.feature < 0).any():
            raise ValueError("the trees' groups or features are out of range")
        if not (np.isfinite(self.value).all() and np.isfinite(self.base).all()) or np.isnan(self.threshold).any():
            raise ValueError("the trees hold numbers that are not finite")
        # Children stand behind their parents, so every walk ends.
        own = np.arange(m)
        is_leaf = self.left == own
        if not (is_leaf == (self.right == own)).all() or (self.left < own).any() or (self.right < own).any():
            raise ValueError("the trees' nodes lead back")

    def _depth(self) -> int:
        """Steps from any root to its deepest leaf."""
        nodes, depth = np.unique(self.roots), 0
        while len(nodes := nodes[self.left[nodes] != nodes]):
            depth += 1
            nodes = np.unique(np.concatenate([self.left[nodes], self.right[nodes]]))
        return depth


def _means(nodes: npt.NDArray[Any]) -> Floats:
    """Values of scikit-learn's nodes: a leaf's own, and of a parent the mean over the rows that it was grown from."""
    values = np.where(nodes["is_leaf"] != 0, nodes["value"], 0.0)
    for node in np.flatnonzero(nodes["is_leaf"] == 0)[::-1].tolist():  # children first
        own = nodes[node]
        sides = [int(own["left"]), int(own["right"])]
        values[node] = np.average(values[sides], weights=nodes["count"][sides].astype(np.float64))
    return values
