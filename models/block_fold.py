"""FoldRound: one upload of each of many cars into their states, in a few numpy calls.

Only element by element: no sum over cars and no matrix product, so that a car's state is the same to the bit whoever
else is in the round.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from models import boots
from models.boots import Phase
from models.odometer import advance_odometers
from models.upload_summary import SummaryBlock
from models.vehicle_state import DAY_MS, DAYS, IMPLAUSIBLE_VALUE, UNKNOWN, StateLayout

States = npt.NDArray[Any]  # of `StateLayout.dtype`, shape (k,)
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FAST_WEIGHT, SLOW_WEIGHT = 0.3, 0.05

# What becomes of an upload, as the numbers of `judge`.
FOLD, DUPLICATE, BEYOND_MEMORY, UNUSABLE, FORGOTTEN_BOOT = range(5)


class RoundFold:
    """Folds rounds of uploads; `cars` are always rows of `states`, each once, and `rows` those of the summaries."""

    def __init__(self, catalogue: Catalogue, layout: StateLayout) -> None:
        self._wear_columns = {item: list(columns) for item, columns in layout.wear_columns.items() if columns}
        self._is_mean = np.array([spec.function == "mean" for spec in catalogue.trends.values()], dtype=np.bool_)
        waits = [
            spec.parameters["standstill_minutes"]
            for spec in catalogue.trends.values()
            if "standstill_minutes" in spec.parameters
        ]
        self._standstill_ms = int(max(waits, default=60.0) * 60_000)

    def judge(
        self, states: States, cars: Ints, boot_ids: npt.NDArray[np.bytes_], seqs: Ints, sums: SummaryBlock, rows: Ints
    ) -> tuple[npt.NDArray[np.int8], Ints]:
        """What is to become of each upload, and the index of its boot (−1: new)."""
        index = boots.find_boots(states["boots"], cars, boot_ids)
        is_seen, is_beyond = boots.seen(states["boots"], cars, index, seqs)
        is_forgotten = (index == boots.NONE) & (sums.end_ms[rows] <= states["forgotten_ms"][cars])
        is_unusable = np.array([bool(sums.reasons[row]) for row in rows.tolist()], dtype=np.bool_)
        verdict = np.select(
            [is_seen, is_beyond, is_unusable, is_forgotten], [DUPLICATE, BEYOND_MEMORY, UNUSABLE, FORGOTTEN_BOOT], FOLD
        )
        return verdict.astype(np.int8), index

    def fold(
        self,
        states: States,
        cars: Ints,
        index: Ints,
        boot_ids: npt.NDArray[np.bytes_],
        seqs: Ints,
        sums: SummaryBlock,
        rows: Ints,
    ) -> None:
        """Fold the uploads that `judge` found fit."""
        flagged = np.where(sums.implausible[rows] > 0, IMPLAUSIBLE_VALUE, 0).astype(np.uint32)
        states["flags"][cars] |= flagged
        index = self._remember_boots(states, cars, index, boot_ids, seqs, sums, rows)
        self._follow_trends(states, cars, index, sums, rows)
        self._add_sums(states, cars, sums, rows)

    def _remember_boots(
        self,
        states: States,
        cars: Ints,
        index: Ints,
        boot_ids: npt.NDArray[np.bytes_],
        seqs: Ints,
        sums: SummaryBlock,
        rows: Ints,
    ) -> Ints:
        """Mark the uploads as seen, in new boots where they are of new ones; the index of each."""
        own, end_ms = states["boots"], sums.end_ms[rows]
        old, new = np.flatnonzero(index != boots.NONE), np.flatnonzero(index == boots.NONE)
        if len(old):
            boots.mark_seen(own, cars[old], index[old], seqs[old], end_ms[old])
        if not len(new):
            return index
        index = index.copy()
        some = cars[new]
        index[new], forgotten = boots.open_boots(own, some, boot_ids[new], seqs[new], end_ms[new])
        states["forgotten_ms"][some] = np.maximum(states["forgotten_ms"][some], forgotten)
        last_ms = states["last_ms"][some]
        has_rested = (last_ms == UNKNOWN) | (sums.start_ms[rows[new]] - last_ms >= self._standstill_ms)
        own["phase"][some, index[new]] = np.where(has_rested, Phase.RESTED, Phase.WARM)
        return index

    def _follow_trends(self, states: States, cars: Ints, index: Ints, sums: SummaryBlock, rows: Ints) -> None:
        """Move each trend by its upload's value; battery readings count only in a rested boot before it starts."""
        is_late = sums.start_ms[rows] < states["last_ms"][cars]
        if is_late.any():
            cars, index, rows = cars[~is_late], index[~is_late], rows[~is_late]
        if not len(cars):
            return
        phase = states["boots"]["phase"][cars, index]
        values, trends = sums.trends[rows], states["trends"][cars]
        counts = np.isfinite(values) & (self._is_mean | (phase == Phase.RESTED)[:, None])
        is_first = trends["count"] == 0
        for name, weight in (("fast", FAST_WEIGHT), ("slow", SLOW_WEIGHT)):
            level = trends[name]
            moved = np.where(is_first, values, level + weight * (values - level))
            trends[name] = np.where(counts, moved, level)
        trends["count"] += counts
        states["trends"][cars] = trends
        states["boots"]["phase"][cars, index] = np.where(sums.is_running[rows], Phase.STARTED, phase)

    def _add_sums(self, states: States, cars: Ints, sums: SummaryBlock, rows: Ints) -> None:
        start_ms, end_ms = sums.start_ms[rows], sums.end_ms[rows]
        rise = self._advance(states, cars, sums, rows, end_ms)
        first_ms = states["first_ms"][cars]
        is_first = (first_ms == UNKNOWN) | (start_ms < first_ms)
        states["first_ms"][cars] = np.where(is_first, start_ms, first_ms)
        # A late first upload began further back on the odometer.
        first_m, known_m = sums.first_odometer_m[rows], states["first_odometer_m"][cars]
        is_back = is_first & (first_m != UNKNOWN) & (first_m < known_m)
        states["first_odometer_m"][cars] = np.where(is_back, first_m, known_m)
        exposure, exposure_m = sums.exposure[rows], sums.exposure_m[rows]
        states["observed_m"][cars] += sums.observed_m[rows]
        states["exposure"][cars] += exposure
        states["exposure_m"][cars] += exposure_m
        _add_to_days(states["days"], cars, end_ms // DAY_MS, rise, sums, rows)
        for item, columns in self._wear_columns.items():
            own = states["items"][item]
            # It tells of the time before the service: that wear went out with the old part.
            late = np.flatnonzero(end_ms <= own["set_ms"][cars])
            if len(late):
                own["exposure"][cars[late]] += exposure[late][:, columns]
                own["exposure_m"][cars[late]] += exposure_m[late][:, columns]

    @staticmethod
    def _advance(states: States, cars: Ints, sums: SummaryBlock, rows: Ints, end_ms: Ints) -> npt.NDArray[np.float64]:
        """Take the odometer and the newest event forward by uploads that are newer; the metres each rose."""
        last_ms = states["last_ms"][cars]
        rise = np.zeros(len(cars))
        newer = np.flatnonzero(end_ms > last_ms)
        if len(newer):
            some, own = cars[newer], rows[newer]
            elapsed_s = np.where(last_ms[newer] == UNKNOWN, 0.0, (end_ms[newer] - last_ms[newer]) / 1000)
            rise[newer] = advance_odometers(
                states, some, sums.first_odometer_m[own], sums.odometer_m[own], sums.observed_m[own], elapsed_s
            )
            states["last_ms"][some] = end_ms[newer]
        return rise


def _add_to_days(
    days: npt.NDArray[Any],
    cars: Ints,
    numbers: Ints,
    rise: npt.NDArray[np.float64],
    sums: SummaryBlock,
    rows: Ints,
) -> None:
    """Add uploads to the day they end on, in the ring of days, shape (k, DAYS); older than the ring they are left."""
    slots = numbers % DAYS
    kept = days["day"][cars, slots]
    fits = np.flatnonzero(kept <= numbers)
    cars, slots, numbers, kept, rows = cars[fits], slots[fits], numbers[fits], kept[fits], rows[fits]
    day = days[cars, slots]
    fresh = kept < numbers
    day["day"] = numbers
    # Sums in float64, kept in float32.
    day["odometer_m"] = np.where(fresh, 0.0, day["odometer_m"].astype(np.float64)) + rise[fits]
    day["observed_m"] = np.where(fresh, 0.0, day["observed_m"].astype(np.float64)) + sums.observed_m[rows]
    before = np.where(fresh[:, None], 0.0, day["exposure"].astype(np.float64))
    day["exposure"] = before + sums.exposure[rows]
    days[cars, slots] = day
