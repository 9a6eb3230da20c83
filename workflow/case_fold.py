"""CaseFold: the rows, codes and services of a case into the states of its machines, by the fold of the live stream.

Each row is an upload of its own, so that levels follow every row. It is led in by the row before it, where that is near
enough to say what happened between: from that come distance and exposures.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.block_trends import LONGEST_STRETCH_S
from models.fold import VehicleFold
from models.regime_search import RegimeSearch, begin_levels_anew
from models.upload_block import SampleTable, UploadBlock
from models.vehicle_state import UNKNOWN, StateLayout
from workflow.case_attributes import vehicle_attributes
from workflow.case_history import CaseHistory
from workflow.case_steps import CaseStep

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LONGEST_GAPS = 3  # usual ones, until which a row still tells of the time since the row before it
_LONGEST_MS = 2**32 - 1  # what the offset of a sample can hold


class CaseFold:
    """The machines of a `history`: `states` (k,), how many rows each has sent (`reports`), and its newest (ms).

    A machine that was silent for longer than three of the case's usual gaps has started anew, as a car that was parked.
    """

    def __init__(self, history: CaseHistory) -> None:
        catalogue = history.catalogue
        k = len(history.vehicle_ids)
        longest_s = max(LONGEST_STRETCH_S, LONGEST_GAPS * history.usual_gap_ms / 1000)
        self._longest_ms = min(_LONGEST_MS, int(longest_s * 1000))
        self.layout = StateLayout(catalogue)
        self.fold = VehicleFold(catalogue, self.layout, longest_s)
        self.states = self.layout.block(catalogue, [None] * k, [0] * k)
        self.reports = np.zeros(k, dtype=np.int64)
        self.newest_ms = np.full(k, UNKNOWN, dtype=np.int64)
        self._signals = history.signals
        self._attributes = vehicle_attributes(history.attributes, k)
        self._regimes = RegimeSearch(catalogue, history.signals)
        self._is_summed = bool(catalogue.summed_exposures or catalogue.roles)
        self._seq, self._boots = np.zeros(k, dtype=np.int64), np.zeros(k, dtype=np.int64)
        self._newest = np.full((k, len(history.signals)), np.nan)

    def take(self, step: CaseStep) -> None:
        """Fold the rows and codes of a step, or of a part of one."""
        if len(step.vehicle):
            self._fold_rows(step)
        if len(step.event_vehicle):
            self.fold.count_codes(self.states, step.event_vehicle, step.event_code, step.event_ms)

    def _fold_rows(self, step: CaseStep) -> None:
        if step.values.dtype.names:
            self._fold_days(step)
            return
        m = len(step.vehicle)
        before_ms, before = self._rows_before(step)
        # Counted in the order of each machine's rows.
        gap_ms = np.where(before_ms == UNKNOWN, 0, step.time_ms - before_ms)
        boots = self._counted(self._boots, step.vehicle, gap_ms > self._longest_ms)
        seqs = self._counted(self._seq, step.vehicle, np.ones(m, dtype=np.bool_)) - 1
        is_led_in = (gap_ms > 0) & (gap_ms <= self._longest_ms) if self._is_summed else np.zeros(m, dtype=np.bool_)
        led_in = np.flatnonzero(is_led_in)
        block = UploadBlock(
            vehicle_ids=[""] * m,
            boot_ids=np.array([b"%d" % boot for boot in boots.tolist()], dtype="S36"),
            seqs=seqs,
            start_ms=step.time_ms,
            received_ms=step.time_ms,
            attributes=[self._attributes[vehicle] for vehicle in step.vehicle.tolist()],
            tables=[self._table(np.arange(m), np.zeros((m, 1)), step.values[:, None])],
            lead_ins=[
                self._table(
                    led_in,
                    np.stack([np.zeros(len(led_in)), gap_ms[led_in]], axis=1),
                    np.stack([before[led_in], step.values[led_in]], axis=1),
                )
            ]
            if len(led_in)
            else [],
        )
        for _ in self.fold.fold_block(self.states, step.vehicle.tolist(), block):
            pass
        np.add.at(self.reports, step.vehicle, 1)
        np.maximum.at(self.newest_ms, step.vehicle, step.time_ms)
        # Rows come in the order of time: the last one of each machine stays.
        self._newest[step.vehicle] = step.values
        if self._regimes.is_open and self._regimes.found(step.values):
            self.fold.regimes = self._regimes.regimes
            begin_levels_anew(self.states)

    def _fold_days(self, step: CaseStep) -> None:
        """Rows that are whole days of `models.day_sums`."""
        seqs = self._counted(self._seq, step.vehicle, np.ones(len(step.vehicle), dtype=np.bool_)) - 1
        attributes = [self._attributes[vehicle] for vehicle in step.vehicle.tolist()]
        self.fold.fold_days(self.states, step.vehicle.tolist(), step.values, seqs, step.time_ms, attributes)
        np.add.at(self.reports, step.vehicle, 1)
        np.maximum.at(self.newest_ms, step.vehicle, step.time_ms)

    def _table(self, rows: Ints, offsets_ms: Floats | Ints, values: Floats) -> SampleTable:
        """`values`: shape (m, samples, signals)."""
        columns = {path: values[..., place] for place, path in enumerate(self._signals)}
        return SampleTable(rows, offsets_ms.astype(np.uint32), columns)

    def _rows_before(self, step: CaseStep) -> tuple[Ints, Floats]:
        """Of each row the one of the same machine before it: time (−1: none), shape (m,), and values (m, signals)."""
        order = np.argsort(step.vehicle, kind="stable")
        own, time_ms, values = step.vehicle[order], step.time_ms[order], step.values[order]
        is_first = np.concatenate(([True], own[1:] != own[:-1]))
        before_ms, before = np.empty_like(step.time_ms), np.empty_like(step.values)
        before_ms[order] = np.where(is_first, self.newest_ms[own], np.concatenate(([0], time_ms[:-1])))
        shifted = np.concatenate((values[:1], values[:-1]))
        before[order] = np.where(is_first[:, None], self._newest[own], shifted)
        return before_ms, before

    def _counted(self, counts: Ints, vehicles: Ints, is_one: npt.NDArray[np.bool_]) -> Ints:
        """Count on for each machine, in place: how far it had come with each of its rows, shape (m,)."""
        order = np.argsort(vehicles, kind="stable")
        own = vehicles[order]
        running = np.cumsum(is_one[order])
        starts = np.flatnonzero(np.concatenate(([True], own[1:] != own[:-1])))
        so_far: Ints = np.repeat(running[starts] - is_one[order][starts], np.diff([*starts.tolist(), len(own)]))
        counted = np.empty(len(own), dtype=np.int64)
        counted[order] = counts[own] + running - so_far
        np.add.at(counts, vehicles, is_one)
        return counted
