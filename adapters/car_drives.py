"""CarDrives: the logs of one car as its drives, in the order of time and each moment once, cut into uploads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np

from adapters.drive_spool import DriveRows, DriveSpool, once
from adapters.obd_log import ObdLog
from adapters.obd_names import usual_names
from domain.car_log import DroppedRows, InvalidLogs, LogFile, LogMistake
from domain.catalogue import SignalSpec
from domain.errors import InvalidInput
from models.block_trends import LONGEST_STRETCH_S
from workflow.own_car import DriveUpload

UPLOAD_MS = 300_000  # what a connected car sends at a time
UPLOAD_ROWS = 3_600
_BESIDE_ROWS = 256  # read on either side of an upload, for readings that lie beyond it
_COVERED = "the same time stands in another log, or earlier in this one"
_SAME_MOMENT = "put together with a row of the same moment"


def zone_named(name: str | None) -> tzinfo | None:
    """The time zone of an IANA name; InvalidInput, naming `--time-zone`, when there is none such."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidInput(
            f"--time-zone: there is no time zone {name}",
            field="--time-zone",
            fix="name one such as Europe/Berlin or UTC",
        ) from None


class CarDrives:
    """All logs, read once when it is made; `uploads` gives them as the car would have sent them. A context.

    Raises InvalidLogs with the mistakes of all logs. `known` are the catalogue's signals; `reached` hears of the share
    of the bytes that is read.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        known: Mapping[str, SignalSpec],
        zone: tzinfo | None,
        now_ms: int,
        reached: Callable[[float], None] = lambda _: None,
    ) -> None:
        logs, mistakes = _opened(paths, known, zone, now_ms)
        self.has_codes = any(log.has_codes for log in logs)
        # A log with a row per reading may meet a signal anywhere.
        columns = tuple(path for path in known if usual_names(path))
        self._codes: list[tuple[int, str]] = []
        with ExitStack() as stack:
            self._spool = stack.enter_context(DriveSpool(columns))
            self._files = []
            for place, log in enumerate(logs):
                try:
                    self._files.append(self._take(place, log))
                except InvalidLogs as error:
                    mistakes += error.mistakes
                reached((place + 1) / len(logs))
            if mistakes:
                order = {path.name: n for n, path in reversed(list(enumerate(paths)))}
                raise InvalidLogs(sorted(mistakes, key=lambda mistake: order.get(mistake.file, 0)))
            self._drives, self._covered = once(self._spool)
            self._codes.sort()
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals of which any log has a value."""
        read = {column.signal for file in self._files for column in file.columns if column.readings}
        return tuple(path for path in self._spool.signals if path in read)

    @property
    def files(self) -> tuple[LogFile, ...]:
        """What became of each log, with the rows that another one covers."""
        return tuple(_without(file, self._covered.get(place, 0), _COVERED) for place, file in enumerate(self._files))

    def called(self, signal: str) -> str:
        """What apps call a signal; its path where nothing is known of that."""
        return next(iter(usual_names(signal)), signal)

    def uploads(self) -> Iterator[DriveUpload]:
        """Every drive is a boot; the last row of an upload is the first of the next, so that no stretch is lost."""
        for number, drive in enumerate(self._drives):
            for place, (first, end) in enumerate(_cuts(drive)):
                yield self._upload(drive, number, place, first, end)

    def _take(self, place: int, log: ObdLog) -> LogFile:
        for rows in log.rows():
            self._spool.take(place, rows)
            self._codes += rows.codes
        return _without(log.told(), self._spool.end_log(place), _SAME_MOMENT)

    def _upload(self, drive: DriveRows, number: int, place: int, first: int, end: int) -> DriveUpload:
        low, high = max(0, first - _BESIDE_ROWS), min(len(drive), end + _BESIDE_ROWS)
        rows = drive.read(low, high)
        own = slice(first - low, end - low)
        joined = {
            path: _joined(rows[:, 0], rows[:, 1 + n])[own]
            for n, path in enumerate(self._spool.signals)
            if not np.isnan(rows[own, 1 + n]).all()
        }
        time_ms = rows[own, 0].astype(np.int64)
        start, end_ms = int(time_ms[0]), int(time_ms[-1])
        # The first row of all but the first upload stood in the one before.
        from_ms = start if place == 0 else start + 1
        codes = tuple(sorted({code for at, code in self._codes if from_ms <= at <= end_ms}))
        return DriveUpload(number, place, start, (time_ms - start).astype(np.uint32), joined, codes)


def _cuts(drive: DriveRows) -> Iterator[tuple[int, int]]:
    """Rows from and to (exclusive) of each upload."""
    first = 0
    while True:
        time_ms = drive.read(first, min(len(drive), first + UPLOAD_ROWS))[:, 0]
        last = first + int(np.searchsorted(time_ms, time_ms[0] + UPLOAD_MS, side="right")) - 1
        if last == first and first + 1 < len(drive):
            last += 1  # the next row is further away than an upload is long
        yield first, last + 1
        if last + 1 >= len(drive):
            return
        first = last


def _opened(
    paths: Sequence[Path], known: Mapping[str, SignalSpec], zone: tzinfo | None, now_ms: int
) -> tuple[list[ObdLog], list[LogMistake]]:
    logs: list[ObdLog] = []
    mistakes: list[LogMistake] = []
    for path in paths:
        try:
            logs.append(ObdLog(path, known, zone, now_ms))
        except InvalidLogs as error:
            mistakes += error.mistakes
    return logs, mistakes


def _without(file: LogFile, rows: int, reason: str) -> LogFile:
    if not rows:
        return file
    return replace(file, kept=file.kept - rows, dropped=(*file.dropped, DroppedRows(reason, rows)))


def _joined(time_ms: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The values with gaps filled on a line between readings that are no further apart than the fold looks across.

    Apps read one signal after the other: where rows are of single readings, neighbours would never have the same
    signal. Between two samples the fold takes a signal to run on a line too.
    """
    known = np.flatnonzero(~np.isnan(values))
    if len(known) in (0, len(values)):
        return values
    after = np.minimum(np.searchsorted(known, np.arange(len(values))), len(known) - 1)
    before = np.maximum(after - 1, 0)
    apart = time_ms[known[after]] - time_ms[known[before]]
    is_between = (known[before] < np.arange(len(values))) & (known[after] > np.arange(len(values)))
    is_near = is_between & (apart <= LONGEST_STRETCH_S * 1000)
    filled = np.interp(time_ms, time_ms[known], values[known])
    return np.where(np.isnan(values) & is_near, filled, values)
