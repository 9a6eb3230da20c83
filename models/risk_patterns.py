"""RiskPatterns: what readings together say of a hazard, as boosted trees; the part of a model that serves and travels.

A logistic model adds up what each reading says by itself. That a battery cranks low in the cold says little, and that
it does on a mild day says much; trees see that. They are grown by `models.risk_lessons` from what became of horizons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import HazardSpec
from models.finite import require_finite
from models.flat_trees import FlatTrees
from models.leaf_masks import LeafMasks
from models.vehicle_state import DAY_MS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SEASON = 2  # columns behind those of the features: sine and cosine of the day of the year
YEAR_DAYS = 365.2425
# What is packed of each node, and how.
_PACKED: Mapping[str, Any] = {
    "feature": np.uint8, "threshold": np.float32, "left": np.uint16, "right": np.uint16, "value": np.float32,
    "missing_left": np.uint8, "roots": np.uint16,
}  # fmt: skip


class RiskPatterns:
    """Trees over the features of one hazard, in its order, and the season; log-odds of failing within its horizon."""

    def __init__(self, trees: FlatTrees, width: int) -> None:
        """`width`: of rows. ValueError when they are of several groups, or larger than `LeafMasks` can do."""
        if len(trees.base) != 1:
            raise ValueError("patterns are one group of trees")
        self.trees = trees
        self._masks, self._width = LeafMasks(trees, width), width

    def explain_many(self, rows: Floats) -> tuple[Floats, Floats]:
        """Of rows of `pattern_rows`: the usual log-odds at their season, shape (n,), and each feature's part, (n, e).

        Their sum is the log-odds.
        """
        usual, parts = self.trees.explain_leaves(self._masks.leaves(rows), self._width)
        season = np.full(len(rows), usual)
        for column in range(1, SEASON + 1):
            season += parts[:, -column]
        return season, parts[:, :-SEASON]

    def log_odds(self, row: Floats) -> float:
        """Of one row."""
        usual, parts = self.explain_many(row[None])
        total = float(usual[0])
        for part in parts[0].tolist():
            total += part
        return total

    def content(self) -> dict[str, Any]:
        """The trees, small; the same from the same."""
        arrays = self.trees.arrays()
        packed: dict[str, Any] = {name: arrays[name].astype(kind).tobytes() for name, kind in _PACKED.items()}
        return packed | {"base": float(self.trees.base[0])}

    @classmethod
    def of_content(cls, content: Mapping[str, Any], width: int) -> RiskPatterns:
        """From what `content` gave, of rows of `width`; KeyError, TypeError or ValueError where it is none."""
        arrays = {name: np.frombuffer(content[name], kind) for name, kind in _PACKED.items()}
        if len(arrays["feature"]) and int(arrays["feature"].max()) >= width:
            raise ValueError("the trees ask for columns that are not there")
        groups = np.zeros(len(arrays["roots"]), dtype=np.int64)
        return cls(FlatTrees(arrays | {"groups": groups, "base": [float(content["base"])]}), width)


def pattern_rows(values: Floats, is_seen: npt.NDArray[np.bool_], at_ms: Ints) -> Floats:
    """Rows for trees from features, shape (n, e), at some moments (n,): what was not seen is NaN, the season behind."""
    turn = 2.0 * np.pi * (at_ms / DAY_MS % YEAR_DAYS) / YEAR_DAYS
    return np.column_stack([np.where(is_seen, values, np.nan), np.sin(turn), np.cos(turn)])


def pattern_row(hazard: HazardSpec, features: Mapping[str, float], at_ms: int) -> Floats:
    """The row of one car with these features, of which those not seen are left out; InvalidInput for no number."""
    names: Sequence[str] = [feature.name for feature in hazard.features]
    values = np.array([[require_finite(name, features[name]) if name in features else 0.0 for name in names]])
    is_seen = np.array([[name in features for name in names]])
    row: Floats = pattern_rows(values, is_seen, np.array([at_ms]))[0]
    return row
