"""ObdLog: what a driver's OBD-II app recorded, as VSS signals in the catalogue's units, a block of rows at a time.

Read are logs with a column per reading (Torque, OBD Fusion, data sets) and with a row per reading (Car Scanner).
Positions are never read. What is left out is counted by its reason, and what can't be told is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import numpy as np

from adapters.obd_clock import TIMES, log_clock
from adapters.obd_columns import describe
from adapters.obd_file import CellBlock, ObdFile
from adapters.obd_names import pid_column
from adapters.obd_rows import LONG, LogRows, LongRows, WideRows
from domain.car_log import ColumnUse, DroppedRows, LogFile
from domain.catalogue import SignalSpec
from domain.iso_time import DAY_MS

_EARLIEST_MS = datetime(1996, 1, 1, tzinfo=UTC).timestamp() * 1000  # when OBD-II became law in the USA
_NO_TIME = "the time is missing or can't be read"
_NEVER = "the time can't be right"
_NOTHING = "no reading that is used here stands in it"
_TOO_LONG = "it has more cells than there are columns"
_RECORD_MORE = "record vehicle speed, engine speed, coolant temperature, air flow or voltage too"


@dataclass
class _Drops:
    """Counts rows that are left out, by reason."""

    rows: dict[str, int] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)

    def count(self, reason: str, lines: np.ndarray) -> None:
        if len(lines):
            self.rows[reason] = self.rows.get(reason, 0) + len(lines)
            self.first.setdefault(reason, int(lines[0]))

    def told(self) -> tuple[DroppedRows, ...]:
        return tuple(DroppedRows(reason, rows, self.first[reason]) for reason, rows in self.rows.items())


class ObdLog:
    """One log. `signals` are those of it that are read, by VSS path; after `rows`, `told` says what became of it all.

    `known` are the catalogue's signals, `zone` is where clocks stood that tell none, `now_ms` (ms, UTC) the present:
    nothing was recorded later. Raises InvalidLogs, with row, column and fix, for what is no log that can be used.
    """

    def __init__(self, path: Path, known: Mapping[str, SignalSpec], zone: tzinfo | None, now_ms: int) -> None:
        self.name = path.name
        self._known, self._latest_ms = known, now_ms + DAY_MS
        self._file = ObdFile(path, lambda header: pid_column(header).name in TIMES)
        first = next(self._file.blocks(), None)
        if first is None:
            self._check_length()
            fix, row = "record a drive and export it again", self._file.header_line + 1
            raise self._file.wrong("there is no row below the column names", fix, row=row)
        columns = [pid_column(header) for header in self._file.header]
        names = [column.name for column in columns]
        self._is_long = all(name in names for name in LONG)
        self._clock = log_clock(self._file, columns, first, zone, has_days=self._is_long)
        self._rows = (LongRows if self._is_long else WideRows)(self._file, columns, first, known)
        self.has_codes = any(column.is_codes for column in columns)
        if not self.signals and not self.has_codes:
            wrong = "none of its columns is a reading that is known here: " + self._headers()
            raise self._file.wrong(wrong, _RECORD_MORE, row=self._file.header_line or None)
        self._drops = _Drops()
        self._kept, self._start_ms, self._end_ms = 0, -1, -1

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that are read."""
        return tuple(one.column.signal for one in self._rows.columns if one.use is ColumnUse.READ)

    def rows(self) -> Iterator[LogRows]:
        """All rows that have a time and a reading; InvalidLogs when not one is left."""
        for block in self._file.blocks():
            rows, is_idle = self._rows.read(block, self._times(block))
            self._drops.count(_NOTHING, np.array(block.lines)[is_idle])
            if len(rows.time_ms):
                first, last = int(rows.time_ms.min()), int(rows.time_ms.max())
                self._start_ms = first if self._start_ms < 0 else min(self._start_ms, first)
                self._end_ms = max(self._end_ms, last)
                self._kept += len(rows.time_ms)
                yield rows
        self._check_length()
        if not self._kept:
            reason, count = max(self._drops.rows.items(), key=lambda one: one[1])
            wrong = f"no row of {self._file.data_rows} can be used; of {count} {reason}"
            fix = "write times as 2024-03-01T06:00:00+01:00 and numbers as 12.5"
            raise self._file.wrong(wrong, fix, row=self._drops.first[reason])

    def told(self) -> LogFile:
        """What became of rows and columns."""
        drops = self._drops.told()
        if self._file.too_long:
            drops += (DroppedRows(_TOO_LONG, self._file.too_long, self._file.first_too_long),)
        notes = list(dict.fromkeys(self._clock.notes))
        if self._file.headers_again:
            notes.append(f"the column names stand {self._file.headers_again + 1} times; the later ones were skipped")
        if self._is_long:
            notes.append("a row of it is one reading; those of one moment were put together and count as one kept row")
        return LogFile(
            name=self.name,
            rows=self._file.data_rows,
            kept=self._kept,
            dropped=drops,
            columns=tuple(describe(one, self._known) for one in self._rows.columns),
            notes=tuple(notes),
            start_ms=self._start_ms,
            end_ms=self._end_ms,
        )

    def _times(self, block: CellBlock) -> np.ndarray:
        """As float64 (k,), NaN for those that are not used, which are counted."""
        time_ms, lines = self._clock.read(block), np.array(block.lines)
        self._drops.count(_NO_TIME, lines[np.isnan(time_ms)])
        with np.errstate(invalid="ignore"):
            is_never = (time_ms < _EARLIEST_MS) | (time_ms > self._latest_ms)
        self._drops.count(_NEVER, lines[is_never])
        time_ms[is_never] = np.nan
        return time_ms

    def _check_length(self) -> None:
        if self._file.too_long * 2 > self._file.data_rows:
            raise self._file.wrong(
                f"{_TOO_LONG}, as {self._file.too_long} of {self._file.data_rows} rows have",
                "export it with points as decimal marks, or with semicolons between the columns",
                row=self._file.first_too_long,
            )

    def _headers(self) -> str:
        names = [header.strip() for header in self._file.header if header.strip()]
        return ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
