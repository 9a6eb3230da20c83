"""ReadColumn: a column of a log, or a reading of one with a row per reading: what it is, and what it brought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adapters.obd_names import PidColumn, meant
from domain.car_log import ColumnUse, LogColumn
from domain.catalogue import SignalSpec


@dataclass
class ReadColumn:
    """What the column with this `header` is, how it is used, and its cells as they are counted.

    `has_any`: the beginning of the log has a number in it.
    """

    header: str
    column: PidColumn
    is_time: bool
    has_any: bool
    use: ColumnUse = ColumnUse.UNKNOWN
    readings: int = 0
    not_numbers: int = 0
    implausible: int = 0
    first_bad_row: int | None = None

    def count(self, values: np.ndarray, odd: Sequence[int], impossible: Sequence[int], lines: Sequence[int]) -> None:
        """Of some cells the `values` that are used, the places of what is no number and of what can't be, the lines."""
        self.readings += int((~np.isnan(values)).sum())
        self.not_numbers += len(odd)
        self.implausible += len(impossible)
        bad = sorted([*odd[:1], *impossible[:1]])
        if bad and self.first_bad_row is None:
            self.first_bad_row = int(lines[bad[0]])


def choose(columns: Iterable[ReadColumn], known: Mapping[str, SignalSpec]) -> None:
    """Say of each column how it is used.

    Of two for one signal the one that has numbers counts, and then the one whose name is known best; one that is read
    already is not given up.
    """
    best: dict[str, ReadColumn] = {}
    every = list(columns)
    for one in every:
        if one.use is ColumnUse.READ:
            best[one.column.signal] = one
    for one in sorted(every, key=lambda one: (not one.has_any, one.column.rank)):
        one.use = _use(one, known)
        if one.use is ColumnUse.READ and best.setdefault(one.column.signal, one) is not one:
            one.use = ColumnUse.SECOND


def _use(one: ReadColumn, known: Mapping[str, SignalSpec]) -> ColumnUse:
    column = one.column
    if one.is_time:
        return ColumnUse.TIME
    if column.is_position:
        return ColumnUse.POSITION
    if column.is_codes:
        return ColumnUse.CODES
    if column.wrong_unit:
        return ColumnUse.WRONG_UNIT
    if not column.signal:
        return ColumnUse.UNKNOWN
    spec = known.get(column.signal)
    return ColumnUse.READ if spec is not None and spec.unit == column.own_unit else ColumnUse.NOT_NEEDED


def describe(one: ReadColumn, known: Mapping[str, SignalSpec]) -> LogColumn:
    """The column as a person reads of it."""
    column = one.column
    own_unit = known[column.signal].unit if one.use is ColumnUse.READ else ""
    return LogColumn(
        one.header, one.use, column.signal, column.unit_told, own_unit, one.readings, one.not_numbers, one.implausible,
        one.first_bad_row, _hint(one, known),
    )  # fmt: skip


def _hint(one: ReadColumn, known: Mapping[str, SignalSpec]) -> str:
    """What the reader of the report may do about it; "" where there is nothing to do."""
    column = one.column
    if one.use is ColumnUse.WRONG_UNIT:
        return f"{column.wrong_unit}; let the app write another unit"
    if one.use is ColumnUse.UNKNOWN and (near := meant(column.name)):
        return f"if it is “{near}”, call the column so"
    if one.use is ColumnUse.READ and not one.readings:
        return "the car or the app never gave a value"
    if one.use is ColumnUse.READ and not column.unit and column.usual_unit not in column.name:
        return f"it tells no unit; it was taken as the usual one, {column.usual_unit}"
    return ""
