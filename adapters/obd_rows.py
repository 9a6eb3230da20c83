"""How the rows of a log become values: a column per reading, or a row per reading."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adapters.obd_clock import TIMES
from adapters.obd_columns import ReadColumn, choose
from adapters.obd_file import CellBlock, ObdFile
from adapters.obd_names import PidColumn, pid_column
from domain.car_log import ColumnUse
from domain.catalogue import SignalSpec

LONG = ("seconds", "pid", "value")  # the columns of a log with a row per reading, beside its units
_CODE = re.compile(r"\b[PCBU][0-3][0-9A-F]{3}\b")
_EMPTY = frozenset(
    ("", "nan", "null", "none", "n/a", "na", "nodata", "no data", "∞", "inf", "infinity", "?", "error", "not supported")
)


@dataclass(frozen=True, slots=True)
class LogRows:
    """Rows of a log: times (k,) int64 ms UTC, in the file's order; values (k,) float64 by signal, NaN for gaps.

    `codes` are trouble codes with the time at which each was first seen, or seen again after it had gone.
    """

    time_ms: np.ndarray
    values: Mapping[str, np.ndarray]
    codes: Sequence[tuple[int, str]]


class CellReader:
    """Reads the cells of a column as values of the catalogue's signal."""

    def __init__(self, file: ObdFile, known: Mapping[str, SignalSpec]) -> None:
        self._file, self._known = file, known

    def numbers(self, texts: Sequence[str]) -> np.ndarray:
        """float64 (k,), NaN where there is no number."""
        pointed = [self._file.number(text) for text in texts]
        try:
            numbers = np.array(pointed, dtype=np.float64)
        except ValueError:
            numbers = np.array([_number(text) for text in pointed], dtype=np.float64)
        numbers[~np.isfinite(numbers)] = np.nan
        return numbers

    def values(self, one: ReadColumn, texts: Sequence[str], lines: Sequence[int]) -> np.ndarray:
        """In the catalogue's unit, NaN for what is no number or what the signal can't be; `one` counts both."""
        raw = self.numbers(texts)
        spec = self._known[one.column.signal]
        values = np.asarray(raw * one.column.factor + one.column.offset)
        with np.errstate(invalid="ignore"):
            impossible = (values < spec.minimum) | (values > spec.maximum)
        values[impossible] = np.nan
        odd = [n for n in np.flatnonzero(np.isnan(raw)).tolist() if not is_empty(texts[n])]
        one.count(values, odd, np.flatnonzero(impossible).tolist(), lines)
        return values


class WideRows:
    """A log with a column per reading; `first` is its first block."""

    def __init__(
        self, file: ObdFile, columns: Sequence[PidColumn], first: CellBlock, known: Mapping[str, SignalSpec]
    ) -> None:
        self._cells = CellReader(file, known)
        self._places: list[int] = []
        self.columns: list[ReadColumn] = []
        for n, (header, column) in enumerate(zip(file.header, columns, strict=True)):
            if header.strip():
                has_any = not column.signal or bool((~np.isnan(self._cells.numbers([r[n] for r in first.rows]))).any())
                self._places.append(n)
                self.columns.append(ReadColumn(header.strip(), column, column.name in TIMES, has_any))
        choose(self.columns, known)
        self._stored: frozenset[str] = frozenset()

    def read(self, block: CellBlock, time_ms: np.ndarray) -> tuple[LogRows, np.ndarray]:
        """The rows that have a time and say something; and which of the block have a time but say nothing, (k,)."""
        values = {
            one.column.signal: self._cells.values(one, [row[n] for row in block.rows], block.lines)
            for n, one in zip(self._places, self.columns, strict=True)
            if one.use is ColumnUse.READ
        }
        texts = self._texts_of_codes(block)
        says = np.array([bool(text) for text in texts])
        for column in values.values():
            says |= ~np.isnan(column)
        has_time = ~np.isnan(time_ms)
        kept = np.flatnonzero(has_time & says)
        whole = np.rint(time_ms[kept]).astype(np.int64)
        codes = self._codes(whole.tolist(), [texts[n] for n in kept.tolist()])
        return LogRows(whole, {path: column[kept] for path, column in values.items()}, codes), has_time & ~says

    def _texts_of_codes(self, block: CellBlock) -> list[str]:
        places = [n for n, one in zip(self._places, self.columns, strict=True) if one.use is ColumnUse.CODES]
        return [" ".join(row[n] for n in places).strip() for row in block.rows]

    def _codes(self, moments: Sequence[int], texts: Sequence[str]) -> list[tuple[int, str]]:
        found = []
        for at, text in zip(moments, texts, strict=True):
            if text:
                stored = frozenset(_CODE.findall(text.upper()))
                found += [(at, code) for code in sorted(stored - self._stored)]
                self._stored = stored
        return found


class LongRows:
    """A log with a row per reading; readings of one moment become a row of the result."""

    def __init__(
        self, file: ObdFile, columns: Sequence[PidColumn], first: CellBlock, known: Mapping[str, SignalSpec]
    ) -> None:
        self._cells, self._known = CellReader(file, known), known
        names = [column.name for column in columns]
        self._pid, self._value, self._unit = (
            names.index(name) if name in names else -1 for name in ("pid", "value", "units")
        )
        self._found: dict[tuple[str, str], ReadColumn] = {}
        self._meet(first)

    @property
    def columns(self) -> list[ReadColumn]:
        """The readings that were met, each by its name and unit."""
        return list(self._found.values())

    def read(self, block: CellBlock, time_ms: np.ndarray) -> tuple[LogRows, np.ndarray]:
        """As `WideRows.read`; the rows come in the order of their moments."""
        self._meet(block)
        kinds = [self._kind(row) for row in block.rows]
        is_used = np.array([self._found[kind].use is ColumnUse.READ for kind in kinds])
        has_time = ~np.isnan(time_ms)
        moments, place = np.unique(np.rint(time_ms[has_time & is_used]), return_inverse=True)
        row_of = np.full(len(kinds), -1)
        row_of[has_time & is_used] = place
        values = {}
        for key, one in self._found.items():
            if one.use is ColumnUse.READ:
                own = [n for n, kind in enumerate(kinds) if kind == key and row_of[n] >= 0]
                column = np.full(len(moments), np.nan)
                texts, lines = [block.rows[n][self._value] for n in own], [block.lines[n] for n in own]
                column[row_of[own]] = self._cells.values(one, texts, lines)
                values[one.column.signal] = column
        return LogRows(moments.astype(np.int64), values, []), has_time & ~is_used

    def _meet(self, block: CellBlock) -> None:
        new = {self._kind(row) for row in block.rows} - self._found.keys()
        for pid, unit in sorted(new):
            self._found[pid, unit] = ReadColumn(pid, pid_column(pid, unit), is_time=False, has_any=True)
        if new:
            choose(self._found.values(), self._known)

    def _kind(self, row: Sequence[str]) -> tuple[str, str]:
        return row[self._pid].strip(), row[self._unit].strip() if self._unit >= 0 else ""


def is_empty(text: str) -> bool:
    """Whether a cell says that there was no reading: empty, dashes, and what apps write in place of a number."""
    return text.strip().strip("-–—").lower() in _EMPTY


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan
