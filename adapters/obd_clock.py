"""LogClock: when the rows of a log were recorded, by moments, clock times, or seconds since the start or since 1970."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Protocol

import numpy as np

from adapters.obd_file import CellBlock, ObdFile
from adapters.obd_names import PidColumn
from adapters.obd_times import DayCount, local_milliseconds, milliseconds, moment, seconds_of_day

# Time columns, best first: what a device wrote is finer than what its GPS did.
TIMES = (
    "device time", "timestamp", "time stamp", "ts", "date time", "datetime", "utc time", "local time", "date", "time",
    "seconds", "elapsed time", "time elapsed", "elapsed s", "elapsed seconds", "elapsed", "time s", "time sec",
    "time ms", "timestamp ms", "gps time",
)  # fmt: skip
_GPS_TIME = "gps time"
_START = re.compile(r"start\s*time\s*[=:]\s*(.+)", re.IGNORECASE)
_NAME_MOMENT = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})[ T_-]?(\d{2})[-_:.]?(\d{2})[-_:.]?(\d{2})")
_NAME_DAY = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")
_SLASHES = re.compile(r"\d{1,2}/\d{1,2}/\d{4}")
_DAY_FIRST = re.compile(r"(1[3-9]|2\d|3[01])/\d{1,2}/\d{4}")
_SINCE_1970_S = 1e9  # seconds that are more can only count since 1970 (September 2001)
_SINCE_1970_MS = 1e11
_BEGUN_ANEW_MS = 60_000.0
_ZONE_FIX = "say where the clock stood with --time-zone Europe/Berlin"
_TIME_FIX = "write times as 2024-03-01T06:00:00+01:00"


class LogClock(Protocol):
    """Reads the times of blocks, which come in the file's order; `notes` say what had to be taken for granted."""

    notes: list[str]

    def read(self, block: CellBlock) -> np.ndarray:
        """Milliseconds since 1970 in UTC, float64 (k,), NaN where a row tells no time."""


def log_clock(
    file: ObdFile, columns: Sequence[PidColumn], first: CellBlock, zone: tzinfo | None, *, has_days: bool = False
) -> LogClock:
    """The clock by the best time column of which the block `first` can be read.

    `has_days`: seconds count from midnight, as Car Scanner's do.
    `zone` is where clocks stood that tell none. Raises InvalidLogs with row and column when no time can be read, and
    when times need a zone that isn't given.
    """
    found = sorted((TIMES.index(column.name), n) for n, column in enumerate(columns) if column.name in TIMES)
    places = {column.name: n for n, column in enumerate(columns)}
    for _, n in found:
        pair = (n, places["time"]) if columns[n].name == "date" and "time" in places else (n,)
        texts = _texts(first, pair)
        has_day_first = any(map(_DAY_FIRST.match, texts))
        moments = [moment(text, has_day_first=has_day_first) for text in texts]
        if any(moments):
            clock = _moment_clock(file, first, pair, moments, zone, places.get(_GPS_TIME))
            if any(map(_SLASHES.match, texts)):
                clock.note_slashes(has_day_first)
            return clock
        if not np.all(np.isnan([seconds_of_day(text) for text in texts])):
            return _DayClock(file, n, first, zone)
        if not np.all(np.isnan(_numbers(file, texts))):
            return _CountClock(file, n, columns[n], first, zone, has_days=has_days)
    n = found[0][1]
    cell = first.rows[0][n]
    raise file.wrong(
        f"{cell!r} is no time that is known here", _TIME_FIX, row=first.lines[0], column=file.header[n].strip()
    )


def _texts(block: CellBlock, places: Sequence[int]) -> list[str]:
    if len(places) == 1:
        return [row[places[0]].strip() for row in block.rows]
    return [" ".join(row[place].strip() for place in places) for row in block.rows]


def _numbers(file: ObdFile, texts: Sequence[str]) -> np.ndarray:
    return np.array([_number(file.number(text)) for text in texts], dtype=np.float64)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return np.nan
    return value if np.isfinite(value) else np.nan


def _moment_clock(
    file: ObdFile,
    first: CellBlock,
    places: Sequence[int],
    moments: Sequence[datetime | None],
    zone: tzinfo | None,
    gps: int | None,
) -> _MomentClock:
    notes: list[str] = []
    own = zone
    if own is None and gps is not None:
        own = _zone_by_gps(moments, [moment(row[gps]) for row in first.rows])
        if own is not None:
            notes.append("the zone of the device's clock was taken from the GPS times beside it")
    if own is None:
        bare = [n for n, when in enumerate(moments) if when is not None and when.tzinfo is None]
        if bare:
            what = f"the time {_texts(first, places)[bare[0]]!r} has no zone"
            raise file.wrong(what, _ZONE_FIX, row=first.lines[bare[0]], column=file.header[places[0]].strip())
    return _MomentClock(places, own or UTC, notes)


def _zone_by_gps(moments: Sequence[datetime | None], gps: Sequence[datetime | None]) -> tzinfo | None:
    """The offset of a clock without a zone from the GPS's that has one, to a quarter of an hour."""
    apart = [
        (there.replace(tzinfo=UTC) - utc).total_seconds()
        for there, utc in zip(moments, gps, strict=True)
        if there is not None and there.tzinfo is None and utc is not None and utc.tzinfo is not None
    ]
    if not apart:
        return None
    quarters = round(float(np.median(apart)) / 900)
    return timezone(timedelta(minutes=15 * quarters)) if abs(quarters) <= 56 else None  # 14 hours


class _MomentClock:
    def __init__(self, places: Sequence[int], zone: tzinfo, notes: list[str]) -> None:
        self._places, self._zone, self.notes = places, zone, notes
        self._has_day_first = False

    def note_slashes(self, has_day_first: bool) -> None:
        """Read dates with slashes so from now on, and say so: they may be meant either way."""
        self._has_day_first = has_day_first
        self.notes.append(f"dates with slashes were read with the {'day' if has_day_first else 'month'} first")

    def read(self, block: CellBlock) -> np.ndarray:
        texts = _texts(block, self._places)
        return local_milliseconds([moment(t, has_day_first=self._has_day_first) for t in texts], self._zone)


class _DayClock:
    """A clock that tells the time of the day; days follow one another."""

    def __init__(self, file: ObdFile, place: int, first: CellBlock, zone: tzinfo | None) -> None:
        self.notes: list[str] = []
        self._place = place
        self._days = DayCount()
        begin = _first(DayCount().on(self._clock_s(first)))
        begun, day = _told_start(file), _named_day(file)
        if begun is None and day is not None:
            begun = datetime(day.year, day.month, day.day) + timedelta(seconds=begin)  # noqa: DTZ001
        if begun is not None:
            start_ms = _start_in_zone(begun, zone, self.notes)
        else:
            days = DayCount()
            passed = [days.on(self._clock_s(block)) for block in file.blocks()]
            start_ms = _by_end(file, np.concatenate(passed), self.notes)
        self._shift_ms = start_ms - begin * 1000

    def read(self, block: CellBlock) -> np.ndarray:
        return np.asarray(self._days.on(self._clock_s(block)) * 1000 + self._shift_ms)

    def _clock_s(self, block: CellBlock) -> np.ndarray:
        return np.array([seconds_of_day(text) for text in _texts(block, (self._place,))])


class _CountClock:
    """Counts since 1970, which their size tells, or since the log began."""

    def __init__(
        self,
        file: ObdFile,
        place: int,
        column: PidColumn,
        first: CellBlock,
        zone: tzinfo | None,
        *,
        has_days: bool,
    ) -> None:
        self.notes: list[str] = []
        self._file, self._place = file, place
        self._days = DayCount() if has_days else None
        self._newest_ms, self._is_lost = np.nan, False
        begin = _first(_numbers(file, _texts(first, (place,))))
        self._since_1970 = True
        self._scale, self._shift_ms = 1.0, 0.0
        if begin > _SINCE_1970_MS:
            return
        if begin > _SINCE_1970_S and column.unit != "ms":
            self._scale = 1000.0
            return
        self._since_1970 = False
        is_ms = column.unit in ("ms", "msec", "milliseconds") or column.name.endswith(" ms")
        self._scale = 1.0 if is_ms else {"min": 60_000.0, "h": 3_600_000.0}.get(column.unit, 1000.0)
        self._shift_ms = self._begin(zone) - begin * self._scale

    def _begin(self, zone: tzinfo | None) -> float:
        begun = _told_start(self._file)
        if begun is not None:
            return _start_in_zone(begun, zone, self.notes)
        days = DayCount() if self._days else None
        counts = [self._counts(block, days) for block in self._file.blocks()]
        return _by_end(self._file, np.concatenate(counts) * self._scale / 1000, self.notes)

    def _counts(self, block: CellBlock, days: DayCount | None) -> np.ndarray:
        numbers = _numbers(self._file, _texts(block, (self._place,)))
        return days.on(numbers) if days else numbers

    def read(self, block: CellBlock) -> np.ndarray:
        time_ms = self._counts(block, self._days) * self._scale + self._shift_ms
        return time_ms if self._since_1970 else self._until_anew(time_ms, block)

    def _until_anew(self, time_ms: np.ndarray, block: CellBlock) -> np.ndarray:
        """The times up to where the count begins anew, which an app that appends does; nothing says when that was."""
        known = np.flatnonzero(~np.isnan(time_ms))
        if not self._is_lost and len(known):
            before = np.concatenate(([self._newest_ms], time_ms[known[:-1]]))
            falls = known[time_ms[known] < before - _BEGUN_ANEW_MS]
            self._newest_ms = float(time_ms[known[-1]])
            if len(falls):
                self._is_lost = True
                self.notes.append(
                    f"the count of time begins anew in row {block.lines[falls[0]]}, and nothing says when that was: "
                    "what follows was left out; give each recording as a file of its own"
                )
                time_ms[falls[0] :] = np.nan
        elif self._is_lost:
            time_ms[:] = np.nan
        return time_ms


def _told_start(file: ObdFile) -> datetime | None:
    """When the log says it began, above its header or by its name."""
    told = [found[1] for line in file.above if (found := _START.search(line))]
    begun = next((when for when in map(moment, told) if when), None)
    named = _NAME_MOMENT.search(file.path.stem)
    if begun is None and named:
        try:
            begun = datetime(*map(int, named.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
        except ValueError:
            begun = None
    return begun


def _named_day(file: ObdFile) -> date | None:
    named = _NAME_DAY.search(file.path.stem)
    try:
        return date(*map(int, named.groups())) if named else None
    except ValueError:
        return None


def _start_in_zone(begun: datetime, zone: tzinfo | None, notes: list[str]) -> float:
    if begun.tzinfo is None and zone is None:
        notes.append("the log's start has no zone and was taken as UTC; --time-zone says where the clock stood")
    return float(milliseconds(begun if begun.tzinfo else begun.replace(tzinfo=zone or UTC)))


def _by_end(file: ObdFile, seconds: np.ndarray, notes: list[str]) -> float:
    """The start of a log that does not say it: it is taken to end when its file was last written."""
    known = seconds[~np.isnan(seconds)]
    lasted = float(known.max() - known.min()) if len(known) else 0.0
    notes.append("the log does not say when it began; it was taken to end when its file was last written")
    return float(int((file.path.stat().st_mtime - lasted) * 1000))


def _first(numbers: np.ndarray) -> float:
    known = numbers[~np.isnan(numbers)]
    return float(known[0]) if len(known) else 0.0
