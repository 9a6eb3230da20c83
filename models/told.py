"""Which predictions are told: those that a person would see move, and those that may change a need.

A car predicts far more often than anything new is to be said. The state remembers what was last told of each item, in
the days that people read, and an item is told again when it moved materially, or when nobody may miss it: every
prediction that may open, keep or move a need is told, and of those that speak against one as many in a row as it
takes to close any that is live. So needs open, move and close as if every prediction were told (`domain.need`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from domain.prediction import ItemKind
from models.call_times import CallTimes
from models.prediction_row import IS_ABSENT, IS_READY, IS_TOLD, PredictionLayout, Rows
from models.record_rows import rows_at, set_rows_at
from models.vehicle_state import DAY_MS, UNKNOWN, Record, StateLayout

States = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

MATERIAL_HEALTH = 0.01
MATERIAL_DAYS, MATERIAL_SHARE = 1, 0.05  # of a moment: so many days, or so much of the time that is left until it
LONGEST_SILENCE_DAYS = 7  # what a screen shows of a car that drives is never older than this
_LARGEST_DAY = 65_535
# Powers of numpy and of Python may differ in the last bit: so near to a rule's limit both verdicts are told.
_NEARLY = 1.0 - 1e-9

# What the need's rule makes of an item. NOTHING: it was never told, or is to be told anew. STANDS: a need may open or
# goes on. AGAINST: it speaks against one. SETTLED: it has, for as long as any need lasts against that.
NOTHING, NOT_READY, STANDS, AGAINST, SETTLED = range(5)


class Telling:
    """Decides what is told, and keeps in the states what was.

    Arrays have the shape (k, items), the items in the order of the rows' layout, unless said otherwise.
    """

    def __init__(self, catalogue: Catalogue, rows: PredictionLayout) -> None:
        self._rows = rows
        specs = [catalogue.items[item] for item in rows.items]
        rules = [spec.need_rule for spec in specs]
        self._calls = CallTimes(rules)
        self._closes_after = np.array([rule.closes_after for rule in rules], dtype=np.int64)
        self._closes_after_days = np.array([rule.closes_after_days for rule in rules], dtype=np.float64)
        hazards = [spec for spec in specs if spec.kind is ItemKind.HAZARD]
        self._close_probability = np.array([spec.need_rule.close_probability for spec in hazards], dtype=np.float64)
        self._exponent = np.array(
            [spec.need_rule.horizon_days / spec.hazard.decide_on_days for spec in hazards if spec.hazard],
            dtype=np.float64,
        )
        first = len(rows.by_kind["wear"])
        self._hazards = slice(first, first + len(hazards))

    def tell(self, states: States, cars: Ints, rows: Rows) -> Bools:
        """Mark in `rows`, in place, which items are told, and remember it in the states of `cars`, their rows there.

        A car stands in `cars` once. Returns the same marks, shape (k, items).
        """
        kept = rows_at(states["told"], cars)
        before = {name: np.ascontiguousarray(kept[name]) for name in kept.dtype.names or ()}
        event_ms, told_ms = rows["event_ms"], states["told_ms"][cars]
        verdict, moments = self._verdict(rows), self._moments(rows)
        health = self._rows.column(rows, "health").astype(np.float64)
        today = (event_ms // DAY_MS)[:, None]
        verdict, against, since_day = self._count_against(before, verdict, event_ms, told_ms)
        is_told: Bools = (
            (before["verdict"] == NOTHING)
            | (before["verdict"] != verdict)
            | (verdict == STANDS)
            | (verdict == AGAINST)
            | (np.abs(health - before["health"]) >= MATERIAL_HEALTH)
            | (today - before["told_day"] >= LONGEST_SILENCE_DAYS)
        )
        for name, days in moments.items():
            is_told |= _has_moved(before[name].astype(np.int64), days, today)
        is_absent = (self._rows.column(rows, "flags") & IS_ABSENT) != 0
        is_told &= ~is_absent
        verdict = np.where(is_absent, NOTHING, verdict)
        kept["verdict"], kept["against"], kept["against_since_day"] = verdict, against, since_day
        for name, told in (*moments.items(), ("told_day", today), ("health", health)):
            kept[name] = np.where(is_told, told, before[name])
        states["told_ms"][cars] = np.maximum(told_ms, event_ms)
        set_rows_at(states["told"], cars, kept)
        self._mark(rows, is_told)
        return is_told

    def _verdict(self, rows: Rows) -> Ints:
        """What the need's rule makes of each prediction: NOT_READY, STANDS or AGAINST, as `NeedRule.lets_go` does."""
        earliest_ms, expected_ms = (self._rows.column(rows, name) for name in ("earliest_ms", "expected_ms"))
        is_against = self._calls.let_go(rows["event_ms"], earliest_ms, expected_ms)
        within = 1.0 - np.power(1.0 - rows["hazard"]["probability"], self._exponent)
        is_against[:, self._hazards] = within < self._close_probability * _NEARLY
        is_ready = (self._rows.column(rows, "flags") & IS_READY) != 0
        return np.where(is_ready, np.where(is_against, AGAINST, STANDS), NOT_READY)

    def _moments(self, rows: Rows) -> dict[str, Ints]:
        """The days of earliest, expected and latest since 1970; 0 where none can be said.

        Of an item that is not ready none is: screens show no date then, and a guess moves with every day that passes.
        """
        moments = {}
        is_ready = (self._rows.column(rows, "flags") & IS_READY) != 0
        for name in ("earliest", "expected", "latest"):
            moment = self._rows.column(rows, f"{name}_ms")
            days = np.clip(moment // DAY_MS, 1, _LARGEST_DAY)
            moments[f"{name}_day"] = np.where(is_ready & (moment != UNKNOWN), days, 0)
        return moments

    def _count_against(
        self, before: dict[str, npt.NDArray[Any]], verdict: Ints, event_ms: Ints, told_ms: Ints
    ) -> tuple[Ints, Ints, Ints]:
        """The verdict, SETTLED where it is that; how many in a row have spoken against a need, and since which day.

        A need weighs an event once, so a second prediction of the same event doesn't count. Of days only whole ones
        that have certainly passed count.
        """
        is_against, was = verdict == AGAINST, before["verdict"]
        is_running = is_against & ((was == AGAINST) | (was == SETTLED))
        count = np.where(is_running, before["against"], 0).astype(np.int64)
        today = (event_ms // DAY_MS)[:, None]
        since_day = np.where(count == 0, today, before["against_since_day"])
        count = np.minimum(count + (is_against & (event_ms > told_ms)[:, None]), 255)
        is_enough = (count >= self._closes_after) & (today - since_day >= self._closes_after_days + 1)
        is_settled = is_against & (is_enough | (is_running & (was == SETTLED)))
        return np.where(is_settled, SETTLED, verdict), count, np.clip(since_day, 0, _LARGEST_DAY)

    def _mark(self, rows: Rows, is_told: Bools) -> None:
        first = 0
        for kind, ids in self._rows.by_kind.items():
            marks = is_told[:, first : first + len(ids)]
            rows[kind]["flags"] |= np.where(marks, IS_TOLD, 0).astype(np.uint8)
            first += len(ids)


def _has_moved(before: Ints, after: Ints, today: Ints) -> Bools:
    """Whether a day moved materially, or came into or went out of sight."""
    left = np.maximum(0, np.maximum(before, after) - today)
    is_far = np.abs(after - before) > np.maximum(MATERIAL_DAYS, MATERIAL_SHARE * left)
    moved: Bools = np.where((before == 0) | (after == 0), before != after, is_far)
    return moved


def forget_told(state: Record, layout: StateLayout, item: str | None = None) -> None:
    """Tell `item`, or every item, anew with the next prediction, whatever it says."""
    for name in layout.told_items if item is None else {item}.intersection(layout.told_items):
        state["told"]["verdict"][layout.told_items.index(name)] = NOTHING
