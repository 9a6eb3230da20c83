"""ObdLog: what a driver's OBD-II app recorded, as VSS signals.

Read are logs with a column per reading (Torque, OBD Fusion, Car Scanner) and with a row per reading (Car Scanner). The
times are moments, clock times, or seconds since the start; positions are never read.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from adapters.obd_names import PidColumn, catalogue_unit, pid_column
from adapters.obd_times import local_milliseconds, milliseconds, moment, past_midnight, seconds_of_day
from domain.errors import InvalidInput

# Time columns, best first: what a device wrote is finer than what its GPS did.
_TIMES = (
    "device time", "timestamp", "time stamp", "date time", "datetime", "utc time", "local time", "date", "time",
    "seconds", "elapsed time", "time elapsed", "elapsed s", "elapsed seconds", "elapsed", "time s", "time sec",
    "time ms", "timestamp ms", "gps time",
)  # fmt: skip
_GPS_TIME = "gps time"
_LONG = ("seconds", "pid", "value")  # the columns of a log with a row per reading, beside its units
_HEADER_WITHIN = 30  # lines: what some apps write above the header is short
_START = re.compile(r"start\s*time\s*[=:]\s*(.+)", re.IGNORECASE)
_NAME_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})[ T_](\d{2})[-_:](\d{2})[-_:](\d{2})")
_SINCE_1970_S = 1e9  # seconds that are more can only count since 1970 (September 2001)
_SINCE_1970_MS = 1e11


@dataclass(frozen=True)
class ObdLog:
    """One log: `time_ms` (n,) int64 since 1970 in UTC, strictly rising from `start_ms` on.

    `columns` have float64 (n,) by VSS path in the units of the car's catalogue, NaN for gaps. `unknown_columns` are
    those that could not be told, `notes` what a person should know of how the log was read.
    """

    name: str
    start_ms: int
    time_ms: np.ndarray
    columns: Mapping[str, np.ndarray]
    unknown_columns: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass
class _Table:
    """Cells as text: what stood above the header, the header, and rows of its length."""

    path: Path
    above: list[str]
    header: list[str]
    rows: list[list[str]]
    has_decimal_comma: bool
    notes: list[str] = field(default_factory=list)

    def column(self, place: int) -> list[str]:
        return [row[place] for row in self.rows]

    def number(self, text: str) -> float:
        if self.has_decimal_comma:
            text = text.replace(",", ".")
        try:
            value = float(text)
        except ValueError:  # "-" and the like stand for a reading that was not there
            return np.nan
        return value if np.isfinite(value) else np.nan

    def numbers(self, place: int) -> np.ndarray:
        return np.array([self.number(text) for text in self.column(place)], dtype=np.float64)

    def wrong(self, what: str, column: str, fix: str) -> InvalidInput:
        return InvalidInput(f"{self.path.name}: {what}; {fix}", field=column or self.path.name, fix=fix)


def read_obd_log(path: Path, zone: str | None = None) -> ObdLog:
    """The log in a CSV file; `zone` (such as Europe/Berlin) is where clocks stood that tell none.

    Raises InvalidInput, with file, column and fix, when it can't be read, when it tells no usable time, when its times
    need a zone that isn't given, and when no reading in it is known.
    """
    place = _zone(zone)
    table = _read(path)
    columns = [pid_column(header) for header in table.header]
    names = [column.name for column in columns]
    if all(name in names for name in _LONG):
        return _long_log(table, names, place)
    time_ms = _times(table, columns, place)
    is_time = [column.name in _TIMES for column in columns]
    signals: dict[str, tuple[PidColumn, int]] = {}
    unknown: list[str] = []
    for n, column in enumerate(columns):
        if not is_time[n] and table.header[n].strip() and not column.is_position:
            _choose(table, signals, unknown, column, n, table.header[n].strip())
    _note_positions(table, columns, is_time)
    values = {path: table.numbers(n) * column.factor + column.offset for path, (column, n) in signals.items()}
    return _log(table, time_ms, values, unknown)


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidInput(
            f"there is no time zone {name}", field="zone", fix="name one such as Europe/Berlin or UTC"
        ) from None


def _read(path: Path) -> _Table:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"can't read {path}: {error.strerror}", field=path.name, fix="name a CSV file") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    lines = text.splitlines()
    first = _header_line(lines)
    if first is None:
        fix = "export the log as CSV with a line of column names, one of them a time"
        raise InvalidInput(
            f"{path.name}: no line of column names with a time was found; {fix}", field=path.name, fix=fix
        )
    separator = _separator(lines[first])
    header, *cells = csv.reader(lines[first:], delimiter=separator)
    # Torque writes its header anew whenever the car is started.
    rows = [row for row in cells if any(row) and row[:3] != header[:3]]
    rows = [(row + [""] * len(header))[: len(header)] for row in rows]
    return _Table(path, lines[:first], header, rows, separator == ";")


def _header_line(lines: Sequence[str]) -> int | None:
    for n, line in enumerate(lines[:_HEADER_WITHIN]):
        cells = next(csv.reader([line], delimiter=_separator(line)), [])
        if len(cells) > 1 and any(pid_column(cell).name in _TIMES for cell in cells):
            return n
    return None


def _separator(line: str) -> str:
    return max(",;\t", key=line.count)


def _choose(
    table: _Table, signals: dict[str, tuple[PidColumn, int]], unknown: list[str], column: PidColumn, n: int, header: str
) -> None:
    """Takes a column for its signal, unless a better one is there; what is not known is kept by its name."""
    if not column.signal:
        unknown.append(header)
        if column.wrong_unit:
            table.notes.append(f"{header} was left out: {column.wrong_unit}")
        return
    if not column.unit:
        table.notes.append(f"{header} has no unit; it was taken as the usual one of {column.signal}")
    if column.signal in signals:
        other = signals[column.signal]
        table.notes.append(f"{column.signal} is there more than once; the best-known name was taken")
        if other[0].rank <= column.rank:
            return
    signals[column.signal] = (column, n)


def _note_positions(table: _Table, columns: Sequence[PidColumn], is_time: Sequence[bool]) -> None:
    dropped = sum(column.is_position and not time for column, time in zip(columns, is_time, strict=True))
    if dropped:
        table.notes.append(f"{dropped} column(s) of position and GPS were not read")


def _long_log(table: _Table, names: list[str], zone: tzinfo | None) -> ObdLog:
    """A log with a row per reading: readings of one moment become a row of the result."""
    seconds = past_midnight(table.numbers(names.index("seconds")))
    start = _start_ms(table, zone, seconds)
    pids = table.column(names.index("pid"))
    units = table.column(names.index("units")) if "units" in names else [""] * len(pids)
    kinds = {key: pid_column(*key) for key in dict.fromkeys(zip(pids, units, strict=True))}
    signals: dict[str, tuple[PidColumn, int]] = {}
    unknown: list[str] = []
    for n, ((pid, _), column) in enumerate(kinds.items()):
        if not column.is_position:
            _choose(table, signals, unknown, column, n, pid)
    _note_positions(table, [*kinds.values(), *map(pid_column, table.header)], [False] * (len(kinds) + len(names)))
    read = table.numbers(names.index("value"))
    kind_of = {key: n for n, key in enumerate(kinds)}
    kind = np.array([kind_of[key] for key in zip(pids, units, strict=True)], dtype=np.int64)
    is_used = np.isin(kind, [n for _, n in signals.values()]) & ~np.isnan(seconds)
    time_ms, row = np.unique(np.round(seconds[is_used] * 1000), return_inverse=True)
    values = {}
    for path, (column, n) in signals.items():
        values[path] = np.full(len(time_ms), np.nan)
        is_this = kind[is_used] == n
        values[path][row[is_this]] = read[is_used][is_this] * column.factor + column.offset
    first = float(time_ms[0]) if len(time_ms) else 0.0
    return _log(table, time_ms - first + start, values, list(dict.fromkeys(unknown)))


def _log(table: _Table, time_ms: np.ndarray, values: Mapping[str, np.ndarray], unknown: list[str]) -> ObdLog:
    if not values:
        fix = "record engine speed, vehicle speed, coolant temperature, air flow or voltage too"
        raise table.wrong("none of its columns is a reading that is known here", "", fix)
    known = np.flatnonzero(~np.isnan(time_ms))
    times = time_ms[known]
    rising = times > np.maximum.accumulate(np.concatenate(([-np.inf], times[:-1]))) if len(times) else times > 0
    kept = known[rising]
    if not len(kept):
        raise table.wrong("no row has a time that could be read", "", "write times as 2024-03-01T06:00:00+01:00")
    if len(kept) < len(time_ms):
        table.notes.append(f"{len(time_ms) - len(kept)} row(s) whose time is missing or does not rise were left out")
    whole = np.round(time_ms[kept]).astype(np.int64)
    columns = {path: column[kept] for path, column in values.items()}
    notes = tuple(dict.fromkeys(table.notes))
    return ObdLog(table.path.stem, int(whole[0]), whole, columns, tuple(unknown), notes)


def _times(table: _Table, columns: Sequence[PidColumn], zone: tzinfo | None) -> np.ndarray:
    """Milliseconds since 1970, float64 (n,), from the best time column that has any."""
    found = sorted((_TIMES.index(column.name), n) for n, column in enumerate(columns) if column.name in _TIMES)
    places = {column.name: n for n, column in enumerate(columns)}
    gps = places.get(_GPS_TIME)
    for _, n in found:
        texts = table.column(n)
        if columns[n].name == "date" and "time" in places:
            texts = [f"{date} {time}" for date, time in zip(texts, table.column(places["time"]), strict=True)]
        moments = [moment(text) for text in texts]
        if any(moments):
            own = zone or _zone_by_gps(table, moments, gps)
            if own is None and any(when is not None and when.tzinfo is None for when in moments):
                what = f"the times in {table.header[n].strip()} have no zone"
                raise table.wrong(what, table.header[n].strip(), "say where the clock stood with --zone Europe/Berlin")
            return local_milliseconds(moments, own or UTC)
        clock = np.array([seconds_of_day(text) for text in texts])
        if not np.all(np.isnan(clock)):
            clock = past_midnight(clock)
            return clock * 1000 - _first(clock) * 1000 + _start_ms(table, zone, clock)
        numbers = table.numbers(n)
        if not np.all(np.isnan(numbers)):
            return _counted(table, columns[n], numbers, zone)
    column = table.header[found[0][1]].strip() if found else ""
    raise table.wrong(
        f"the column {column} has no time that could be read", column, "write times as 2024-03-01T06:00:00Z"
    )


def _zone_by_gps(table: _Table, moments: Sequence[datetime | None], gps: int | None) -> tzinfo | None:
    """The offset of a clock without a zone from the GPS's that has one, to a quarter of an hour."""
    if gps is None:
        return None
    apart = [
        (there.replace(tzinfo=UTC) - utc).total_seconds()
        for there, utc in zip(moments, map(moment, table.column(gps)), strict=True)
        if there is not None and there.tzinfo is None and utc is not None and utc.tzinfo is not None
    ]
    if not apart:
        return None
    quarters = round(float(np.median(apart)) / 900)
    if abs(quarters) > 56:  # 14 hours
        return None
    table.notes.append("the zone of the device's clock was taken from the GPS times beside it")
    return timezone(timedelta(minutes=15 * quarters))


def _counted(table: _Table, column: PidColumn, numbers: np.ndarray, zone: tzinfo | None) -> np.ndarray:
    """Times that are counted: since 1970, which their size tells, or since the start."""
    if _first(numbers) > _SINCE_1970_MS:
        return numbers
    if _first(numbers) > _SINCE_1970_S and column.unit != "ms":
        return numbers * 1000
    is_ms = column.unit in ("ms", "msec", "milliseconds") or column.name.endswith(" ms")
    scale = 1.0 if is_ms else 60_000.0 if column.unit == "min" else 3_600_000.0 if column.unit == "h" else 1000.0
    since = (numbers - _first(numbers)) * scale
    return since + _start_ms(table, zone, since / 1000)


def _start_ms(table: _Table, zone: tzinfo | None, seconds: np.ndarray) -> float:
    """When a log that only counts began: as it says above its header, by its name, or by when it was written last."""
    told = [found[1] for line in table.above if (found := _START.search(line))]
    begun = next((when for when in map(moment, told) if when), None)
    named = _NAME_DATE.search(table.path.stem)
    if begun is None and named:
        year, month, day, hour, minute, second = map(int, named.groups())
        begun = _valid(lambda: datetime(year, month, day, hour, minute, second))  # noqa: DTZ001
    if begun is None:
        known = seconds[~np.isnan(seconds)]
        lasted = float(known.max() - known.min()) if len(known) else 0.0
        table.notes.append("the log does not say when it began; it was taken to end when its file was last written")
        return float(int((table.path.stat().st_mtime - lasted) * 1000))
    if begun.tzinfo is None and zone is None:
        table.notes.append("the log's start has no zone and was taken as UTC; --zone says where the clock stood")
    return float(milliseconds(begun if begun.tzinfo else begun.replace(tzinfo=zone or UTC)))


def _valid(make: Callable[[], datetime]) -> datetime | None:
    try:
        return make()
    except ValueError:
        return None


def _first(numbers: np.ndarray) -> float:
    """The first that is known."""
    known = numbers[~np.isnan(numbers)]
    return float(known[0]) if len(known) else 0.0


def units_of(log: ObdLog) -> dict[str, str]:
    """The unit of each of a log's columns."""
    return {path: catalogue_unit(path) for path in log.columns}
