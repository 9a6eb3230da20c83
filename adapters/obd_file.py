"""ObdFile: a driver's log as cells of text, a block of rows at a time, however long the file is.

CSV with commas, semicolons or tabs between, in the encodings that apps and spreadsheets write, and Parquet. What is no
log at all is told apart from a log with mistakes.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet

from domain.car_log import InvalidLogs, LogMistake

BLOCK_ROWS = 8_192
_SNIFFED_BYTES = 1 << 18
_HEADER_WITHIN = 30  # lines: what some apps write above the header is short
_LONGEST_LINE = 65_536  # characters: no log has such rows, and a file without line ends must not fill the memory
_PARQUET, _PACKED = b"PAR1", (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")
_AS_CSV = "export the log as CSV, with a first line of column names, one of them a time"


@dataclass(frozen=True, slots=True)
class CellBlock:
    """Some rows: `rows` (k of them, each as long as the header), and the line in the file that each began on.

    `is_new_header` marks the rows before which the header stood again: the app had begun anew.
    """

    rows: list[list[str]]
    lines: list[int]
    is_new_header: list[bool]


class ObdFile:
    """A file with its `header` and what stood `above` it; `blocks` reads the rows, from the start, each time anew.

    Raises InvalidLogs when it can't be read or is no log. While `blocks` runs, `data_rows`, `too_long` (rows with more
    cells than the header, and the line of the first) and `headers_again` are counted.
    """

    def __init__(self, path: Path, is_time: Callable[[str], bool]) -> None:
        """`is_time` says of a header's text whether it names a time."""
        self.path = path
        self.name = path.name
        self.above: list[str] = []
        self.header: list[str] = []
        self.header_line = 1
        self._clear()
        beginning = self._beginning()
        self.is_parquet = beginning[:4] == _PARQUET
        self._encoding = "" if self.is_parquet else self._encoding_of(beginning)
        self._separator = ","
        self._find_header(is_time)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size

    def wrong(self, wrong: str, fix: str, *, row: int | None = None, column: str = "") -> InvalidLogs:
        """The error that something is wrong with this file."""
        return InvalidLogs([LogMistake(self.name, row, column, wrong, fix)])

    def blocks(self) -> Iterator[CellBlock]:
        """All rows of data."""
        self._clear()
        cells = self._parquet_rows() if self.is_parquet else self._csv_rows()
        block = CellBlock([], [], [])
        is_new = False
        for line, row in cells:
            fitted = self._fitted(line, row)
            if fitted is None:
                is_new = is_new or row[:3] == self.header[:3]
                continue
            block.rows.append(fitted)
            block.lines.append(line)
            block.is_new_header.append(is_new)
            is_new = False
            if len(block.rows) == BLOCK_ROWS:
                yield block
                block = CellBlock([], [], [])
        if block.rows:
            yield block

    def number(self, text: str) -> str:
        """The cell with a point as its decimal mark, so that `float` reads it."""
        if "," not in text:
            return text
        if self._separator == "," and text.count(",") == 1 and len(text.rsplit(",", 1)[1]) == 3:
            return text.replace(",", "")  # in a file with commas between, 1,234 is a thousand and more
        return text.replace(",", ".")

    def _clear(self) -> None:
        self.data_rows = self.headers_again = self.too_long = 0
        self.first_too_long: int | None = None

    def _beginning(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                beginning = file.read(_SNIFFED_BYTES)
        except OSError as error:
            raise self.wrong(f"it can't be read: {error.strerror}", "name a file that is there") from error
        if not beginning.strip():
            raise self.wrong("it is empty", "record a drive and export it again")
        if beginning.startswith(_PACKED):
            raise self.wrong("it is packed", "unpack it and give the CSV file inside")
        return beginning

    def _encoding_of(self, beginning: bytes) -> str:
        if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if b"\x00" in beginning:
            raise self.wrong("it is no text", _AS_CSV)
        try:
            codecs.getincrementaldecoder("utf-8")().decode(beginning)
        except UnicodeDecodeError:
            return "cp1252"
        return "utf-8-sig"

    def _find_header(self, is_time: Callable[[str], bool]) -> None:
        if self.is_parquet:
            self.header = self._parquet().schema_arrow.names
            if not any(is_time(name) for name in self.header):
                raise self.wrong("none of its columns is a time", "name one of them time or timestamp")
            self.header_line = 0
            return
        with self._open() as file:
            for number, line in enumerate(self._lines(file), 1):
                separator = max(",;\t", key=line.count)
                cells = next(csv.reader([line], delimiter=separator), [])
                if len(cells) > 1 and any(is_time(cell) for cell in cells):
                    self.header, self.header_line, self._separator = cells, number, separator
                    return
                if number == _HEADER_WITHIN:
                    break
                self.above.append(line.rstrip("\r\n"))
        first = (self.above or [""])[0][:60]
        wrong = f"none of its first lines has column names with a time among them (the first is {first!r})"
        raise self.wrong(wrong, _AS_CSV, row=1)

    def _open(self) -> TextIO:
        return self.path.open(encoding=self._encoding, errors="replace", newline="")

    def _lines(self, file: TextIO) -> Iterator[str]:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if len(line) == _LONGEST_LINE:
                raise self.wrong("the line has more than 65,000 characters", _AS_CSV, row=number)
            yield line.replace("\x00", "")

    def _csv_rows(self) -> Iterator[tuple[int, list[str]]]:
        with self._open() as file:
            lines = self._lines(file)
            for _ in range(self.header_line):
                next(lines)
            reader = csv.reader(lines, delimiter=self._separator)
            line = self.header_line
            try:
                for row in reader:
                    yield line + 1, row
                    line = self.header_line + reader.line_num
            except csv.Error as error:
                raise self.wrong(f"the row can't be read ({error})", _AS_CSV, row=line + 1) from error

    def _parquet(self) -> Any:
        try:
            return pa.parquet.ParquetFile(self.path)
        except (pa.ArrowException, OSError) as error:
            raise self.wrong("it is a damaged Parquet file", "write it again") from error

    def _parquet_rows(self) -> Iterator[tuple[int, list[str]]]:
        number = 0
        for batch in self._parquet().iter_batches(BLOCK_ROWS):
            columns = [[_text(value) for value in column.to_pylist()] for column in batch.columns]
            for row in zip(*columns, strict=True):
                number += 1
                yield number, list(row)

    def _fitted(self, line: int, row: list[str]) -> list[str] | None:
        """The row with as many cells as the header; None for what is no row of data, which is counted."""
        if not any(cell.strip() for cell in row):
            return None
        if row[:3] == self.header[:3]:
            self.headers_again += 1
            return None
        self.data_rows += 1
        width = len(self.header)
        if any(cell.strip() for cell in row[width:]):
            # Decimal commas between commas: every cell after the first such would be another column's.
            self.too_long += 1
            self.first_too_long = self.first_too_long or line
            return None
        return (row + [""] * (width - len(row)))[:width]


def _text(value: Any) -> str:
    if value is None or value != value:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value)
