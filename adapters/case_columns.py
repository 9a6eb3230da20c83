"""Columns of a case's tables as numpy arrays, with what can't be read noted by row; whole batches at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from adapters.case_mistakes import CaseMistakes
from adapters.case_table import TableBatch
from domain.iso_time import moment_ms

NO_TIME = np.iinfo(np.int64).min  # stands for a time that is missing or wrong
LATEST_MS = moment_ms("2200-01-01")
# How programs write that there is no number.
_NO_NUMBER = pa.array(["", "nan", "+nan", "-nan", "na", "n/a", "#n/a", "<na>", "null", "none", "nat"])
_TRUE_OR_FALSE = ("true", "false")
_NUMBER = r"^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity)$"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(slots=True)
class Names:
    """Texts of a column, each once: `of` (n,) says which of `distinct` a row has, −1 where it has none."""

    of: np.ndarray
    distinct: list[str]

    def mapped(self, places: Callable[[str], int]) -> np.ndarray:
        """Another number for each row: that which `places` has for its text, −1 where there is no text."""
        numbers: np.ndarray = np.array([*map(places, self.distinct), -1], dtype=np.int64)[self.of]
        return numbers

    def __getitem__(self, row: int) -> str:
        """The text of one row that has one."""
        return self.distinct[int(self.of[row])]

    def texts(self) -> list[str]:
        """The text of each row, "" where it has none."""
        return [*map([*self.distinct, ""].__getitem__, self.of.tolist())]


class BatchColumns:
    """The columns of one batch of a table's rows; `is_odd` (n,) are rows in which a number could not be read.

    A column that the table lacks is empty: that was noted when the table was opened.
    """

    def __init__(self, file: str, batch: TableBatch, mistakes: CaseMistakes) -> None:
        self.file, self.batch, self.mistakes = file, batch, mistakes
        self.rows = batch.first + np.arange(batch.rows, dtype=np.int64)
        self.is_odd = np.zeros(batch.rows, dtype=np.bool_)

    def has(self, column: str) -> bool:
        return column in self.batch.columns

    def wrong(self, where: np.ndarray, say: Callable[[int], str]) -> None:
        """Notes a mistake of the rows for which `where` (n,) holds; `say` gets the place in the batch."""
        places = np.flatnonzero(where)
        if len(places):
            self.mistakes.add_rows(self.file, self.rows[places], lambda n: say(int(places[n])))

    def names(self, column: str, *, is_needed: bool = True) -> Names:
        """A column of names or texts; one that is needed must not be empty."""
        array = self._as_texts(column) if self.has(column) else None
        if array is None:
            return Names(np.full(self.batch.rows, -1), [])
        encoded = array.dictionary_encode()
        of = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        raw = encoded.dictionary.to_pylist()
        distinct = [text.strip() for text in raw]
        if "" in distinct:
            of = np.where(np.array([*(not text for text in distinct), False])[of], -1, of)
        if is_needed:
            self.wrong(of < 0, lambda _: f"{column} is empty")
        return Names(of, distinct)

    def _as_texts(self, column: str) -> pa.Array | None:
        array = _plain(self.batch.columns[column])
        kind = array.type
        if types.is_string(kind) or types.is_null(kind) or types.is_integer(kind) or types.is_boolean(kind):
            return array.cast(pa.string())
        if types.is_floating(kind):
            try:
                return array.cast(pa.int64()).cast(pa.string())  # whole numbers among which there were gaps
            except pa.ArrowInvalid:
                return array.cast(pa.string())
        if types.is_timestamp(kind) or types.is_date(kind) or types.is_decimal(kind):
            return array.cast(pa.string())
        self._wrong_type(column, kind, "texts")
        return None

    def times(self, column: str, *, is_needed: bool = True) -> np.ndarray:
        """Milliseconds since 1970 in UTC, int64 (n,); NO_TIME where there is none, which is a mistake if needed."""
        if not self.has(column):
            return np.full(self.batch.rows, NO_TIME)
        array = _plain(self.batch.columns[column])
        if types.is_null(array.type):
            array = array.cast(pa.string())
        if types.is_timestamp(array.type):
            if array.type.tz is None:
                wrong = f"the times of the column {column} have no zone; write them as a timestamp with time zone UTC"
                self._once(wrong)
                return np.full(len(array), NO_TIME)
            found = _milliseconds(array)
        elif types.is_string(array.type):
            found = self._told_times(column, array)
        else:
            self._wrong_type(column, array.type, "timestamps with a time zone")
            return np.full(len(array), NO_TIME)
        is_null = array.is_null().to_numpy(zero_copy_only=False)
        if is_needed:
            self.wrong(is_null, lambda _: f"{column} is empty")
        is_odd = ~is_null & (found != NO_TIME) & ((found < 0) | (found >= LATEST_MS))
        self.wrong(is_odd, lambda n: f"{column} {array[n]} does not lie between 1970 and 2200")
        return np.where(is_null | is_odd, NO_TIME, found)

    def _told_times(self, column: str, array: pa.Array) -> np.ndarray:
        try:
            return _milliseconds(array.cast(pa.timestamp("ns", "UTC")))
        except pa.ArrowInvalid:
            pass  # one of them at least is odd: look at each
        names = array.dictionary_encode()
        wrong: dict[int, str] = {}
        found = [_told_time(text, place, wrong) for place, text in enumerate(names.dictionary.to_pylist())]
        of = names.indices.fill_null(len(found)).to_numpy(zero_copy_only=False)
        self.wrong(np.isin(of, list(wrong)), lambda n: f"{column} {array[n]} {wrong[int(of[n])]}")
        times: np.ndarray = np.array([*found, NO_TIME], dtype=np.int64)[of]
        return times

    def numbers(self, column: str) -> np.ndarray:
        """float64 (n,), NaN where there is nothing or what is not finite."""
        if not self.has(column):
            return np.full(self.batch.rows, np.nan)
        array = _plain(self.batch.columns[column])
        if types.is_string(array.type):
            array = self._told_numbers(column, array)
        elif types.is_null(array.type) or types.is_boolean(array.type):
            array = array.cast(pa.uint8()) if types.is_boolean(array.type) else array
        elif not (types.is_integer(array.type) or types.is_floating(array.type) or types.is_decimal(array.type)):
            self._wrong_type(column, array.type, "numbers")
            return np.full(len(array), np.nan)
        found = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return np.where(np.isfinite(found), found, np.nan)

    def _told_numbers(self, column: str, array: pa.Array) -> pa.Array:
        try:
            return array.cast(pa.float64())
        except pa.ArrowInvalid:
            pass  # one of them at least is odd
        told = pc.utf8_lower(pc.utf8_trim_whitespace(array))
        told = pc.if_else(pc.is_in(told, _NO_NUMBER), pa.scalar(None, pa.string()), told)
        for word, number in zip(_TRUE_OR_FALSE, ("1", "0"), strict=True):
            told = pc.if_else(pc.equal(told, word), number, told)
        is_number = pc.match_substring_regex(told, _NUMBER)
        is_wrong = pc.invert(is_number).fill_null(False).to_numpy(zero_copy_only=False)
        self.is_odd |= is_wrong
        self.wrong(is_wrong, lambda n: f"{column} {array[n]} is no number; write it as 1.5 or 2e-3, or leave it empty")
        return pc.if_else(is_number, told, pa.scalar(None, pa.string())).cast(pa.float64())

    def _wrong_type(self, column: str, kind: pa.DataType, needed: str) -> None:
        self._once(f"the column {column} is of type {kind}; it must be {needed}")

    def _once(self, wrong: str) -> None:
        """Notes what is wrong with a column as a whole, at its first batch."""
        if self.batch.first == 0:
            self.mistakes.add(self.file, wrong)


def _plain(array: pa.Array) -> pa.Array:
    """Without dictionary encoding, and texts as the one kind of texts."""
    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if types.is_large_string(array.type) or types.is_string_view(array.type):
        array = array.cast(pa.string())
    return array


def _milliseconds(array: pa.Array) -> np.ndarray:
    """Of timestamps with a zone; what is finer is cut off downwards. Nulls become NO_TIME."""
    whole = pc.floor_temporal(array, unit="millisecond") if array.type.unit in ("us", "ns") else array
    ticks = whole.cast(pa.timestamp("ms", "UTC")).cast(pa.int64())
    found: np.ndarray = ticks.fill_null(NO_TIME).to_numpy(zero_copy_only=False)
    return found


def _told_time(text: str, place: int, wrong: dict[int, str]) -> int:
    told = text.strip()
    told = told[:-3].rstrip() + "Z" if told.upper().endswith("UTC") else told
    try:
        if _DATE.fullmatch(told):
            raise ValueError("is a date without a time; write the time with its zone too, such as 2024-03-01T06:00:00Z")
        return moment_ms(told)
    except ValueError as error:
        wrong[place] = str(error)
        return NO_TIME


def is_number_column(arrays: Sequence[pa.Array]) -> bool:
    """Whether all that is told in a column are numbers."""
    for array in map(_plain, arrays):
        if types.is_string(array.type):
            told = pc.utf8_lower(pc.utf8_trim_whitespace(array)).drop_null()
            told = told.filter(pc.invert(pc.is_in(told, _NO_NUMBER)))
            if not pc.all(pc.match_substring_regex(told, _NUMBER), min_count=0).as_py():
                return False
        elif types.is_temporal(array.type):
            return False
    return True
