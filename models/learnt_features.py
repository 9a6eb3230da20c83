"""LearntFeatures: what items that are learnt from signals are judged by, from the states of cars alone.

Levels, spread and slopes of every signal (`models.signal_levels`), differences between signals of one unit, products of
signals where there are few, counts of codes (`models.event_counts`), the time since each item was renewed and since the
machine was first seen, and the machine's attributes. Columns that count time or use are of the group `age`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from models.event_counts import FADES_MS, HOUR_MS, count_features
from models.signal_levels import FEATURES, level_features
from models.vehicle_state import DAY_MS, UNKNOWN

Rows = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

AGE = "age"
MOST_FACTORS = 8  # with more signals than this, products are too many to say anything
_LAST, _MEAN_10 = FEATURES.index("last"), FEATURES.index("mean_10")


class LearntFeatures:
    """Names and rows of the features of a catalogue; `attributes`: columns of numbers that machines bear."""

    def __init__(self, catalogue: Catalogue, attributes: Sequence[str] = ()) -> None:
        self._signals = catalogue.followed
        self._counted = catalogue.counted
        self._items = tuple(catalogue.items)
        specs = [catalogue.signals[path] for path in self._signals]
        every = range(len(specs))
        # Units that are given, and neither side an operating condition.
        self._alike = [
            (i, j)
            for i in every
            for j in every
            if i < j and specs[i].unit and specs[i].unit == specs[j].unit and specs[i].role == specs[j].role
        ]
        few = len(specs) <= MOST_FACTORS
        self._factors = [(i, j) for i in every for j in every if i < j] if few else []
        names = [f"{path} {feature}" for path in self._signals for feature in FEATURES]
        names += [f"{self._signals[i]} − {self._signals[j]} {of}" for of in ("last", "mean_10") for i, j in self._alike]
        names += [f"{self._signals[i]} × {self._signals[j]}" for i, j in self._factors]
        kinds = [*(f"count {fade // HOUR_MS} h" for fade in FADES_MS), "hours since"]
        names += [f"{code} {kind}" for code in self._counted for kind in kinds]
        ages = [f"days since {item}" for item in self._items] + ["days seen"]
        self.names = (*names, *ages, *attributes)
        self._is_age = np.zeros(len(self.names), dtype=np.bool_)
        self._is_age[len(names) : len(names) + len(ages)] = True

    def columns(self, exclude: frozenset[str]) -> npt.NDArray[np.int64]:
        """The columns that remain without these groups of features."""
        keep = ~self._is_age if AGE in exclude else np.ones(len(self.names), dtype=np.bool_)
        return np.flatnonzero(keep)

    def rows(self, states: npt.NDArray[Any], now_ms: npt.NDArray[np.int64], attributes: Floats | None = None) -> Rows:
        """The features of cars as of `now_ms` (k,), shape (k, names); NaN where nothing is known.

        `attributes`: shape (k, attributes). A car's row is the same to the bit whatever else is in the block.
        """
        levels = level_features(states["followed"])
        k = len(states)
        parts: list[Floats] = [levels.reshape(k, -1)]
        for feature in (_LAST, _MEAN_10):
            own = levels[..., feature]
            parts.append(_columns([own[:, i] - own[:, j] for i, j in self._alike], k))
        last = levels[..., _LAST]
        parts.append(_columns([last[:, i] * last[:, j] for i, j in self._factors], k))
        if self._counted:
            parts.append(count_features(states["counts"], now_ms).reshape(k, -1))
        since = [_days_since(states["items"][item]["set_ms"], now_ms) for item in self._items]
        parts.append(_columns([*since, _days_since(states["first_ms"], now_ms)], k))
        if attributes is not None:
            parts.append(attributes)
        return np.concatenate(parts, axis=1).astype(np.float32)

    def reasons(self, row: Rows, most: int = 5) -> Mapping[str, float]:
        """The features of one row that are known, by name, the first of them."""
        known = np.flatnonzero(np.isfinite(row))[:most]
        return {self.names[i]: float(row[i]) for i in known.tolist()}


def _columns(parts: Sequence[Floats], k: int) -> Floats:
    return np.stack(parts, axis=1) if parts else np.empty((k, 0))


def _days_since(at_ms: npt.NDArray[np.int64], now_ms: npt.NDArray[np.int64]) -> Floats:
    return np.where(at_ms == UNKNOWN, np.nan, (now_ms - at_ms) / DAY_MS)
