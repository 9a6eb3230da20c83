"""RoundFold: one upload of each of many cars into their states, in a few numpy calls.

Only element by element: no sum over cars and no matrix product, so that a car's state is the same to the bit whoever
else is in the round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from models import boots, day_ring
from models.event_order import EventOrder
from models.kept_readings import KeptReadings
from models.levels import LevelFold
from models.upload_summary import SummaryBlock
from models.vehicle_state import CLOCK_WRONG, IMPLAUSIBLE_VALUE, UNKNOWN, Entries, StateLayout, States
from models.wear_sensors import remember_readings

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# What becomes of an upload, as the numbers of `judge`.
FOLD, DUPLICATE, BEYOND_MEMORY, UNUSABLE, FORGOTTEN_BOOT, TOO_LATE = range(6)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The uploads of a block in columns, shape (k,): whose, which, their sums, and their entries in order."""

    boot_ids: npt.NDArray[np.bytes_]
    seqs: Ints
    built_ms: Ints
    powertrains: npt.NDArray[np.uint8]
    sums: SummaryBlock
    entries: Entries


class RoundFold:
    """Folds rounds of uploads; `cars` are always rows of `states`, each once, and `rows` those of the arrivals."""

    def __init__(self, catalogue: Catalogue, layout: StateLayout) -> None:
        self._wear_columns = {item: list(columns) for item, columns in layout.wear_columns.items() if columns}
        self._quanta = day_ring.day_quanta(catalogue)
        self._order = EventOrder(LevelFold(catalogue))
        self._kept = KeptReadings(catalogue, layout)

    def judge(self, states: States, cars: Ints, arrivals: Arrivals, rows: Ints) -> tuple[npt.NDArray[np.int8], Ints]:
        """What is to become of each upload, and the index of its boot (−1: new)."""
        sums = arrivals.sums
        index = boots.find_boots(states["boots"], cars, arrivals.boot_ids[rows])
        is_seen, is_beyond = boots.seen(states["boots"], cars, index, arrivals.seqs[rows])
        is_forgotten = (index == boots.NONE) & (sums.end_ms[rows] <= states["forgotten_ms"][cars])
        is_unusable = np.array([bool(sums.reasons[row]) for row in rows.tolist()], dtype=np.bool_)
        is_late = self._order.are_too_late(states, cars, arrivals.entries[rows])
        verdict = np.select(
            [is_seen, is_beyond, is_unusable, is_forgotten, is_late],
            [DUPLICATE, BEYOND_MEMORY, UNUSABLE, FORGOTTEN_BOOT, TOO_LATE],
            FOLD,
        )
        return verdict.astype(np.int8), index

    def fold(self, states: States, cars: Ints, index: Ints, arrivals: Arrivals, rows: Ints) -> None:
        """Fold the uploads that `judge` found fit."""
        sums = arrivals.sums
        flagged = np.where(sums.implausible[rows] > 0, IMPLAUSIBLE_VALUE, 0)
        flagged |= np.where(sums.is_clock_wrong[rows], CLOCK_WRONG, 0)
        states["flags"][cars] |= flagged.astype(np.uint32)
        built_ms = arrivals.built_ms[rows]
        states["built_ms"][cars] = np.where(built_ms != 0, built_ms, states["built_ms"][cars])
        states["powertrain"][cars] = arrivals.powertrains[rows]
        self._remember_boots(states, cars, index, arrivals, rows)
        day_ring.advance(states, cars, sums.end_ms[rows])
        self._order.add(states, cars, arrivals.entries[rows])
        self._kept.keep(states, cars)
        self._add_sums(states, cars, arrivals, rows)
        if sums.sensed.shape[1]:
            remember_readings(states, cars, sums.sensed[rows], sums.end_ms[rows])

    def _remember_boots(self, states: States, cars: Ints, index: Ints, arrivals: Arrivals, rows: Ints) -> None:
        """Mark the uploads as seen, in new boots where they are of new ones."""
        own, end_ms, seqs = states["boots"], arrivals.sums.end_ms[rows], arrivals.seqs[rows]
        old, new = np.flatnonzero(index != boots.NONE), np.flatnonzero(index == boots.NONE)
        if len(old):
            boots.mark_seen(own, cars[old], index[old], seqs[old], end_ms[old])
        if len(new):
            some, boot_ids = cars[new], arrivals.boot_ids[rows[new]]
            _, forgotten = boots.open_boots(own, some, boot_ids, seqs[new], end_ms[new])
            states["forgotten_ms"][some] = np.maximum(states["forgotten_ms"][some], forgotten)

    def _add_sums(self, states: States, cars: Ints, arrivals: Arrivals, rows: Ints) -> None:
        sums = arrivals.sums
        start_ms, end_ms = sums.start_ms[rows], sums.end_ms[rows]
        first_ms = states["first_ms"][cars]
        states["first_ms"][cars] = np.where((first_ms == UNKNOWN) | (start_ms < first_ms), start_ms, first_ms)
        observed_m, exposure, exposure_m = sums.observed_m[rows], sums.exposure[rows], sums.exposure_m[rows]
        states["observed_m"][cars] += observed_m
        states["exposure"][cars] += exposure
        states["exposure_m"][cars] += exposure_m
        day_ring.add_sums(states, cars, arrivals.entries[rows], observed_m, exposure, self._quanta)
        for item, columns in self._wear_columns.items():
            own = states["items"][item]
            # It tells of the time before the service: that wear went out with the old part.
            late = np.flatnonzero(end_ms <= own["set_ms"][cars])
            if len(late):
                own["exposure"][cars[late]] += exposure[late][:, columns]
                own["exposure_m"][cars[late]] += exposure_m[late][:, columns]
