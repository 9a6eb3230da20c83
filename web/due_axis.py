"""DueAxis: a stretch of time drawn as a line, and due windows as bars on it. All positions are in percent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.prediction import DueWindow
from web.formatting import DAY_MS, Formatting

LONGEST_DAYS = 400  # what lies beyond is said in words
SHORTEST_DAYS = 42
NARROWEST = 1.2
EDGE = 6.0  # room at either end, so that labels are not cut
STEPS = ((70, 14), (10_000, 0))  # up to so many days a tick every so many days; 0: months


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on the axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class WindowBar:
    """A due window on the axis; `fades` when its end lies beyond the axis or cannot be said, `is_beyond` when all of
    it does."""

    x: float
    width: float
    expected_x: float | None
    is_beyond: bool
    fades: bool

    @property
    def end(self) -> float:
        return self.x + self.width


@dataclass(frozen=True, slots=True)
class DueAxis:
    """From `start_ms` to `end_ms`, with today and some ticks marked."""

    start_ms: int
    end_ms: int
    today_x: float
    ticks: tuple[Tick, ...]

    def at(self, ms: int) -> float:
        """Where a moment lies, between 0 and 100, clipped."""
        share = (ms - self.start_ms) / (self.end_ms - self.start_ms)
        return round(100 * min(1.0, max(0.0, share)), 2)

    def bar(self, window: DueWindow) -> WindowBar | None:
        """The window as a bar; None when nothing can be said of it."""
        begin = window.earliest_ms if window.earliest_ms is not None else window.expected_ms
        if begin is None:
            return None
        fades = window.latest_ms is None or window.latest_ms > self.end_ms
        x = self.at(begin)
        end = 100.0 if window.latest_ms is None else self.at(window.latest_ms)
        width = max(NARROWEST, end - x)
        # What is too short to see is drawn a little longer, to both sides.
        x = min(max(0.0, (x + end - width) / 2), 100 - width)
        is_inside = window.expected_ms is not None and window.expected_ms <= self.end_ms
        return WindowBar(
            x=round(x, 2),
            width=round(width, 2),
            expected_x=self.at(window.expected_ms) if is_inside and window.expected_ms is not None else None,
            is_beyond=begin > self.end_ms,
            fades=fades,
        )


def due_axis(windows: Iterable[DueWindow], now_ms: int, formatting: Formatting) -> DueAxis:
    """An axis that holds today and what of the windows lies within `LONGEST_DAYS`."""
    moments = [now_ms]
    for window in windows:
        moments += [ms for ms in (window.earliest_ms, window.expected_ms, window.latest_ms) if ms is not None]
    first = max(min(moments), now_ms - 60 * DAY_MS)
    last = min(max(moments), now_ms + LONGEST_DAYS * DAY_MS)
    span = max(last - first, SHORTEST_DAYS * DAY_MS)
    room = int(span * EDGE / 100)
    start, end = first - room, first + span + room
    axis = DueAxis(start, end, 0.0, ())
    return DueAxis(start, end, axis.at(now_ms), _ticks(axis, formatting))


def _ticks(axis: DueAxis, formatting: Formatting) -> tuple[Tick, ...]:
    days = (axis.end_ms - axis.start_ms) / DAY_MS
    every = next(step for most, step in STEPS if days <= most)
    moments = _fortnights(axis, every, formatting) if every else _months(axis, days, formatting)
    inside = [(axis.at(ms), ms) for ms in moments if axis.start_ms < ms < axis.end_ms]
    label = formatting.short_day if every else formatting.month
    return tuple(Tick(x, label(ms)) for x, ms in inside if 4 <= x <= 94)


def _fortnights(axis: DueAxis, every: int, formatting: Formatting) -> list[int]:
    day = formatting.local(axis.start_ms).replace(hour=0, minute=0, second=0, microsecond=0)
    day += timedelta(days=7 - day.weekday())  # Mondays
    return _walk(day, axis.end_ms, lambda at: at + timedelta(days=every))


def _months(axis: DueAxis, days: float, formatting: Formatting) -> list[int]:
    step = 1 if days <= 130 else 2 if days <= 260 else 3
    day = formatting.local(axis.start_ms).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while (day.month - 1) % step:
        day = _next_month(day, 1)
    return _walk(day, axis.end_ms, lambda at: _next_month(at, step))


def _next_month(at: datetime, step: int) -> datetime:
    month = at.month - 1 + step
    return at.replace(year=at.year + month // 12, month=month % 12 + 1)


def _walk(day: datetime, end_ms: int, onward: Callable[[datetime], datetime]) -> list[int]:
    found: list[int] = []
    while (ms := int(day.timestamp() * 1000)) < end_ms:
        found.append(ms)
        day = onward(day)
    return found
