"""DriveSpool: the rows of many logs on disk, in drives, each in the order of time; memory holds some blocks only."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from adapters.obd_rows import LogRows

NEW_DRIVE_MS = 300_000
"""After so long without a row another drive begins."""
SORTED_ROWS = 4_096
"""Rows may come so many places too late and are still sorted in; further back they make a drive of their own."""


@dataclass(slots=True)
class Drive:
    """Rows `first` to `end` (exclusive) of the spool, of the log at place `log`; their times rise."""

    log: int
    start_ms: int
    end_ms: int
    first: int
    end: int


class DriveSpool:
    """Takes the logs one after the other; `signals` are the columns of all."""

    def __init__(self, signals: Sequence[str]) -> None:
        self.signals = tuple(signals)
        self.drives: list[Drive] = []
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the spool
        self._written = 0
        self._width = 1 + len(self.signals)
        self._held = np.empty((0, self._width))
        self._same_moment = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def take(self, log: int, rows: LogRows) -> None:
        """Take rows of the log at place `log`."""
        table = np.full((len(rows.time_ms), self._width), np.nan)
        table[:, 0] = rows.time_ms
        for path, column in rows.values.items():
            table[:, 1 + self.signals.index(path)] = column
        held = np.concatenate([self._held, table])
        if len(held) < 2 * SORTED_ROWS:
            self._held = held
            return
        held = held[np.argsort(held[:, 0], kind="stable")]
        self._held = held[-SORTED_ROWS:]
        self._write(log, held[:-SORTED_ROWS])

    def end_log(self, log: int) -> int:
        """Write what is held of the log; how many rows were put together with another of the same moment."""
        self._write(log, self._held[np.argsort(self._held[:, 0], kind="stable")])
        self._held = np.empty((0, self._width))
        together, self._same_moment = self._same_moment, 0
        return together

    def read(self, first: int, end: int) -> np.ndarray:
        """Rows `first` to `end`: float64 (k, 1 + signals), the time in ms first."""
        self._file.flush()
        self._file.seek(8 * self._width * first)
        data = self._file.read(8 * self._width * (end - first))
        return np.frombuffer(data, dtype=np.float64).reshape(-1, self._width)

    def first_after(self, drive: Drive, time_ms: int) -> int:
        """The first of the drive's rows that is later than a time."""
        low, high = drive.first, drive.end
        while low < high:
            middle = (low + high) // 2
            if self.read(middle, middle + 1)[0, 0] <= time_ms:
                low = middle + 1
            else:
                high = middle
        return low

    def _write(self, log: int, rows: np.ndarray) -> None:
        """Append rows in rising order, as drives or to the one that goes on."""
        if not len(rows):
            return
        rows = self._together(rows)
        cuts = np.flatnonzero(np.diff(rows[:, 0]) > NEW_DRIVE_MS) + 1
        for part in np.split(rows, cuts):
            start_ms, end_ms = int(part[0, 0]), int(part[-1, 0])
            newest = self.drives[-1] if self.drives else None
            first, self._written = self._written, self._written + len(part)
            if newest is not None and newest.log == log and 0 < start_ms - newest.end_ms <= NEW_DRIVE_MS:
                newest.end_ms, newest.end = end_ms, self._written
            else:
                self.drives.append(Drive(log, start_ms, end_ms, first, self._written))
        self._file.seek(0, 2)
        self._file.write(np.ascontiguousarray(rows).tobytes())

    def _together(self, rows: np.ndarray) -> np.ndarray:
        """One row for each moment: the first, with what it lacks from those behind it."""
        is_first = np.concatenate(([True], np.diff(rows[:, 0]) > 0))
        if is_first.all():
            return rows
        rows = rows.copy()
        owner = np.maximum.accumulate(np.where(is_first, np.arange(len(rows)), 0))
        for n in np.flatnonzero(~is_first).tolist():
            own = rows[owner[n]]
            own[np.isnan(own)] = rows[n][np.isnan(own)]
        self._same_moment += int((~is_first).sum())
        return rows[is_first]


class DriveRows:
    """The rows of a drive, counted from 0, which may lie in several stretches of the spool."""

    def __init__(self, spool: DriveSpool) -> None:
        self._spool = spool
        self._stretches: list[tuple[int, int]] = []
        self._starts = [0]
        self.end_ms = -1

    def __len__(self) -> int:
        return self._starts[-1]

    def append(self, first: int, end: int, end_ms: int) -> None:
        """Rows `first` to `end` of the spool, which end at `end_ms`, come next."""
        self._stretches.append((first, end))
        self._starts.append(self._starts[-1] + end - first)
        self.end_ms = end_ms

    def read(self, first: int, end: int) -> np.ndarray:
        """Its rows `first` to `end`, as `DriveSpool.read` gives them."""
        parts = []
        for (begin, _), start, next_start in zip(self._stretches, self._starts, self._starts[1:], strict=False):
            low, high = max(first, start), min(end, next_start)
            if low < high:
                parts.append(self._spool.read(begin + low - start, begin + high - start))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def once(spool: DriveSpool) -> tuple[list[DriveRows], dict[int, int]]:
    """The drives by time, each moment once; and how many rows of each log were left out for that.

    Of two stretches that overlap the one that began first counts, and of the other what goes on beyond it. What follows
    within `NEW_DRIVE_MS` belongs to the same drive, whatever log it is of.
    """
    drives: list[DriveRows] = []
    covered: dict[int, int] = {}
    for one in sorted(spool.drives, key=lambda drive: (drive.start_ms, -drive.end_ms, drive.log)):
        newest = drives[-1] if drives else None
        first = one.first
        if newest is not None and one.start_ms <= newest.end_ms:
            first = one.end if one.end_ms <= newest.end_ms else spool.first_after(one, newest.end_ms)
            covered[one.log] = covered.get(one.log, 0) + first - one.first
        if first == one.end:
            continue
        if newest is None or one.start_ms - newest.end_ms > NEW_DRIVE_MS:
            newest = DriveRows(spool)
            drives.append(newest)
        newest.append(first, one.end, one.end_ms)
    return drives, covered
