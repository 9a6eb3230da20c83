"""Levels: what follows the order of events, one upload after the other: odometer, trends, and how a boot began.

A state has them twice: as of its newest upload, and as of those that have left the ring (`models.event_order`).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from models.odometer import advance_odometers
from models.signal_levels import follow_levels
from models.vehicle_state import UNKNOWN, Entries, States

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FAST_WEIGHT, SLOW_WEIGHT = 0.3, 0.05
MOST_COUNTED = 65_535  # readings of a trend: more tell no more


class Phase(IntEnum):
    """How far a boot has come; battery readings at rest are worth something only before the engine first ran."""

    WARM = 0  # it began soon after the last one
    RESTED = 1  # it began after a standstill, and the engine has not run yet
    STARTED = 2


class LevelFold:
    """Takes the levels of many cars forward by an upload each; `cars` are rows of `levels`, each once.

    Only element by element: no sum over cars and no matrix product, so that a car's levels are the same to the bit
    whoever else is there.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._is_mean = np.array([spec.function == "mean" for spec in catalogue.trends.values()], dtype=np.bool_)
        waits = [
            spec.parameters["standstill_minutes"]
            for spec in catalogue.trends.values()
            if "standstill_minutes" in spec.parameters
        ]
        trends = list(catalogue.trends)
        # The trend of each followed column, −1 where it is a signal.
        self._trend_of: Ints = np.array(
            [trends.index(name) if name in trends else -1 for name in catalogue.followed], dtype=np.int64
        )
        self._standstill_ms = int(max(waits, default=60.0) * 60_000)

    def follow(self, levels: States, cars: Ints, entries: Entries) -> Ints:
        """Take `entries`, shape (m,), each not older than what its car's levels have seen; the metres each rose."""
        start_ms = entries["start_ms"]
        end_ms = start_ms + entries["span_ms"]
        last_ms = levels["last_ms"][cars]
        counts = self._follow_trends(levels, cars, entries, last_ms)
        if len(self._trend_of):
            followed = levels["followed"][cars]
            values = entries["followed"].astype(np.float64)
            of_trends = np.flatnonzero(self._trend_of >= 0)
            values[:, of_trends] = np.where(counts[:, self._trend_of[of_trends]], values[:, of_trends], np.nan)
            follow_levels(followed, values)
            levels["followed"][cars] = followed
        elapsed_s = np.where(last_ms == UNKNOWN, 0.0, (end_ms - last_ms) / 1000)
        rise = advance_odometers(levels, cars, entries, elapsed_s)
        levels["last_ms"][cars] = np.maximum(last_ms, end_ms)
        for name in ("start_ms", "boot_tag", "seq"):
            levels[name][cars] = entries[name]
        return rise

    def _follow_trends(self, levels: States, cars: Ints, entries: Entries, last_ms: Ints) -> Bools:
        """Move each trend by its upload's value; battery readings count only in a rested boot before it starts.

        Which values counted, shape (m, trends).
        """
        has_rested = (last_ms == UNKNOWN) | (entries["start_ms"] - last_ms >= self._standstill_ms)
        phase = levels["phase"][cars]
        is_other_boot = (last_ms == UNKNOWN) | (levels["boot_tag"][cars] != entries["boot_tag"])
        phase = np.where(is_other_boot, np.where(has_rested, Phase.RESTED, Phase.WARM), phase)
        levels["phase"][cars] = np.where(entries["is_running"], Phase.STARTED, phase)
        values, trends = entries["trends"].astype(np.float64), levels["trends"][cars]
        counts: Bools = np.isfinite(values) & (self._is_mean | (phase == Phase.RESTED)[:, None])
        is_first = trends["count"] == 0
        for name, weight in (("fast", FAST_WEIGHT), ("slow", SLOW_WEIGHT)):
            level = trends[name].astype(np.float64)
            moved = np.where(is_first, values, level + weight * (values - level))
            trends[name] = np.where(counts, moved, level)
        trends["count"] += counts & (trends["count"] < MOST_COUNTED)
        levels["trends"][cars] = trends
        return counts
