"""LearntFeatures: what items that are learnt from signals are judged by, from the states of cars alone.

Levels, spread and slopes of every signal (`models.signal_levels`), differences between signals of one unit, products of
signals where there are few, counts of codes (`models.event_counts`), the time since each item was renewed and since the
machine was first seen, the machine's attributes, and what an item's own exposures came to since it was renewed. Columns
that count time or use are of the group `age`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import AGE, Catalogue, LifeSpec, RiskSpec
from models.event_counts import FADES_MS, HOUR_MS, count_features
from models.signal_levels import FEATURES, level_features
from models.vehicle_state import DAY_MS, UNKNOWN

Rows = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

MOST_FACTORS = 8  # with more signals than this, products are too many to say anything
_LAST, _MEAN_10 = FEATURES.index("last"), FEATURES.index("mean_10")


class LearntFeatures:
    """Names and rows of the features of a catalogue; `attributes`: columns of numbers that machines bear."""

    def __init__(self, catalogue: Catalogue, attributes: Sequence[str] = ()) -> None:
        self._signals = catalogue.followed
        self._counted = catalogue.counted
        self._items = tuple(catalogue.items)
        every = range(len(self._signals))
        units = [catalogue.unit_of(path) for path in self._signals]
        settings = [catalogue.is_setting(path) for path in self._signals]
        # Units that are given, and neither side an operating condition.
        self._alike = [
            (i, j)
            for i in every
            for j in every
            if i < j and units[i] and units[i] == units[j] and settings[i] == settings[j]
        ]
        few = len(self._signals) <= MOST_FACTORS
        self._factors = [(i, j) for i in every for j in every if i < j] if few else []
        path = self._signals
        # Each column's name, and what it is made of.
        made: list[tuple[str, set[str]]] = [(f"{own} {feature}", {own}) for own in path for feature in FEATURES]
        for of in ("last", "mean_10"):
            made += [(f"{path[i]} − {path[j]} {of}", {path[i], path[j]}) for i, j in self._alike]
        made += [(f"{path[i]} × {path[j]}", {path[i], path[j]}) for i, j in self._factors]
        kinds = [*(f"count {fade // HOUR_MS} h" for fade in FADES_MS), "hours since"]
        made += [(f"{code} {kind}", {code}) for code in self._counted for kind in kinds]
        made += [(f"days since {item}", {AGE}) for item in self._items] + [("days seen", {AGE})]
        made += [(name, {name}) for name in attributes]
        summed = catalogue.summed_exposures
        # Of each, the item whose own it is, the place of its baseline, and the column of the sum.
        self._exposures = [
            (item.id, place, summed.index(name))
            for item in catalogue.items.values()
            for place, name in enumerate(n for n in (item.life.exposures if item.life else ()) if n in summed)
        ]
        own = [(item, catalogue.exposures[summed[column]]) for item, _, column in self._exposures]
        self._firsts = len(made)
        made += [
            (f"{spec.name} since {item}", {AGE, spec.name, *spec.signals.values(), *spec.events}) for item, spec in own
        ]
        self.names = tuple(name for name, _ in made)
        self._sources = [sources for _, sources in made]

    def columns(self, item: str, spec: LifeSpec | RiskSpec) -> npt.NDArray[np.int64]:
        """The columns an item is judged by: none made of what it excludes, nor of signals that don't bear on it.

        What an exposure came to since the item was renewed bears on that item alone, whatever signal it is made of.
        """
        others = set(self._signals).difference(spec.signals) if spec.signals else set()
        columns = []
        for n, sources in enumerate(self._sources):
            is_own = n >= self._firsts and self._exposures[n - self._firsts][0] == item
            if is_own or (n < self._firsts and not sources & others):
                columns += [] if sources & spec.exclude else [n]
        return np.array(columns, dtype=np.int64)

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
        gathered = [
            states["exposure"][:, column] - states["items"][item]["exposure"][:, place]
            for item, place, column in self._exposures
        ]
        parts.append(_columns(gathered, k))
        return np.concatenate(parts, axis=1).astype(np.float32)


def _columns(parts: Sequence[Floats], k: int) -> Floats:
    return np.stack(parts, axis=1) if parts else np.empty((k, 0))


def _days_since(at_ms: npt.NDArray[np.int64], now_ms: npt.NDArray[np.int64]) -> Floats:
    return np.where(at_ms == UNKNOWN, np.nan, (now_ms - at_ms) / DAY_MS)
