"""CaseTable: one table of a case, a parquet or a CSV file, read batch by batch."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from adapters.case_mistakes import CaseMistakes

ENDINGS = (".parquet", ".csv", ".csv.gz")
BATCH_ROWS = 100_000
_BLOCK_BYTES = 4 << 20  # of a CSV that is parsed at once
_BROKEN_ROWS = 1_000  # lines with too many or too few cells, before the reading of a file is given up


_UNREADABLE = (pa.ArrowException, OSError, EOFError, zlib.error)


@dataclass(frozen=True, slots=True)
class TableShape:
    """Which columns a table of a case has: some it must have, some it may; None lets it have any others."""

    required: tuple[str, ...]
    optional: tuple[str, ...] | None = ()
    why: str = ""  # said of a column that is not known


@dataclass(slots=True)
class TableBatch:
    """Rows from place `first` on, as Arrow arrays by column; those of a CSV are texts with null for nothing."""

    first: int
    columns: dict[str, pa.Array]
    rows: int


@dataclass(slots=True)
class CaseTable:
    """A file of a case that is there, with the columns that may be read. Mistakes in its shape are noted.

    `is_damaged` after its reading had to be given up.
    """

    path: Path
    columns: tuple[str, ...]
    mistakes: CaseMistakes
    batch_rows: int = BATCH_ROWS
    is_damaged: bool = False
    _header: tuple[str, ...] = ()
    _broken: dict[int, str] = field(default_factory=dict)  # what is wrong with which records

    @property
    def name(self) -> str:
        return self.path.name

    def batches(self) -> Iterator[TableBatch]:
        """The rows in the file's order; where it is damaged, as far as it could be read, with that noted."""
        first = 0
        try:
            for batch in self._parquet() if self.path.suffix == ".parquet" else self._csv():
                for start in range(0, batch.num_rows, self.batch_rows):
                    part = batch.slice(start, self.batch_rows)
                    columns = {name: part.column(part.schema.get_field_index(name)) for name in self.columns}
                    yield TableBatch(first, columns, part.num_rows)
                    first += part.num_rows
        except _UNREADABLE as error:
            self.is_damaged = True
            self.mistakes.add(self.name, f"can't be read beyond row {first}: {_one_line(error)}")
        records = np.array(sorted(self._broken), dtype=np.int64)
        for record, line in zip(records.tolist(), self._lines(records).tolist(), strict=True):
            self.mistakes.add(self.name, self._broken[record], line=line)

    def row_numbers(self, places: np.ndarray) -> np.ndarray:
        """Of rows by their place: from 1 in parquet, the line a person counts in a CSV."""
        if self.path.suffix == ".parquet":
            return places + 1
        # Records are counted without the lines that had to be left out, and lines include empty ones.
        broken = np.array(sorted(self._broken), dtype=np.int64)
        before = np.searchsorted(broken - np.arange(len(broken)) - 2, places, side="right")
        return self._lines(places + 2 + before)

    def _parquet(self) -> Iterator[pa.RecordBatch]:
        with pa.parquet.ParquetFile(self.path, buffer_size=1 << 20, pre_buffer=False) as file:
            yield from file.iter_batches(self.batch_rows, columns=list(self.columns))

    def _csv(self) -> Iterator[pa.RecordBatch]:
        if not _has_rows(self.path):
            return  # which Arrow would call an empty file
        text = pa.string()
        with (
            pa.input_stream(self.path, compression="gzip" if self.path.suffix == ".gz" else None) as stream,
            pa.csv.open_csv(
                stream,
                read_options=pa.csv.ReadOptions(
                    use_threads=False, block_size=_BLOCK_BYTES, skip_rows=1, column_names=list(self._header)
                ),
                parse_options=pa.csv.ParseOptions(invalid_row_handler=self._leave_out),
                convert_options=pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(self._header, text),
                    include_columns=list(self.columns),
                    strings_can_be_null=True,
                    null_values=[""],
                ),
            ) as reader,
        ):
            yield from reader

    def _leave_out(self, row: pa.csv.InvalidRow) -> str:
        if len(self._broken) == _BROKEN_ROWS:
            return "error"
        cells = "1 cell" if row.actual_columns == 1 else f"{row.actual_columns} cells"
        self._broken[row.number] = f"has {cells} where the header has {row.expected_columns}"
        return "skip"

    def _lines(self, records: np.ndarray) -> np.ndarray:
        """The line of each record (the header being record 1), which only empty lines make differ."""
        if not len(records):
            return records
        wanted, lines = set(records.tolist()), {}
        record = 0
        # Of a damaged file the lines before the damage are all that is asked for.
        with suppress(*_UNREADABLE), _open_text(self.path) as file:
            for line, text in enumerate(file, start=1):
                record += bool(text.strip("\r\n"))
                if record in wanted and record not in lines:
                    lines[record] = line
        return np.array([lines.get(record, record) for record in records.tolist()], dtype=np.int64)


def open_table(
    folder: Path, stem: str, shape: TableShape, mistakes: CaseMistakes, *, is_optional: bool = False
) -> CaseTable | None:
    """The table `stem` of a case; None, with the mistakes noted, where there is none that could be read."""
    found = [path for ending in ENDINGS if (path := folder / f"{stem}{ending}").is_file()]
    if not found:
        if not is_optional:
            mistakes.add(f"{stem}.parquet", f"is missing; {stem}.csv or {stem}.csv.gz would do as well")
        return None
    if len(found) > 1:
        others = ", ".join(path.name for path in found[1:])
        mistakes.add(found[0].name, f"stands beside {others}: leave the one that counts")
    path = found[0]
    try:
        header = _parquet_header(path) if path.suffix == ".parquet" else _csv_header(path)
    except _UNREADABLE as error:
        mistakes.add(path.name, f"can't be read: {_one_line(error)}")
        return None
    table = CaseTable(path, _checked_columns(path.name, header, shape, mistakes), mistakes, _header=header)
    mistakes.number_rows(path.name, table.row_numbers)
    return table


def _checked_columns(file: str, header: Sequence[str], shape: TableShape, mistakes: CaseMistakes) -> tuple[str, ...]:
    """The columns to read."""
    for name in dict.fromkeys(name for name in header if name and header.count(name) > 1):
        mistakes.add(file, f"has the column {name} twice")
    for name in shape.required:
        if name not in header:
            mistakes.add(file, f"lacks the column {name}")
    known = None if shape.optional is None else {*shape.required, *shape.optional}
    columns = []
    for name in dict.fromkeys(header):
        if _is_index(name):
            continue
        if known is not None and name not in known:
            mistakes.add(file, f"has the column {name}, which is not known{shape.why}")
        elif header.count(name) == 1:
            columns.append(name)
    return tuple(columns)


def _is_index(name: str) -> bool:
    """Whether a column is only the row's number, which some programs write along unasked."""
    return not name or name.startswith("__index_level_")


def _parquet_header(path: Path) -> tuple[str, ...]:
    return tuple(pa.parquet.read_schema(path).names)


def _csv_header(path: Path) -> tuple[str, ...]:
    with _open_text(path) as file:
        line = file.readline(1 << 20)
    if not line.strip():
        raise EOFError("it is empty, or its first line is")
    return tuple(name.strip() for name in next(csv.reader([line])))


def _has_rows(path: Path) -> bool:
    with _open_text(path) as file:
        file.readline()
        return any(line.strip() for line in file)


def _open_text(path: Path) -> io.TextIOWrapper:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="\n")
    return path.open(encoding="utf-8-sig", errors="replace", newline="\n")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
