"""Slot, bay and opening hours: what a dealer's site can promise, in the site's own time zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MINUTE_MS = 60_000
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A bay for a span of time: [start_ms, end_ms), int64 ms, UTC."""

    start_ms: int
    end_ms: int
    bay_id: str

    def overlaps(self, other: Slot) -> bool:
        return self.bay_id == other.bay_id and self.start_ms < other.end_ms and other.start_ms < self.end_ms


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Opening and closing per weekday as local wall times; a weekday that is missing is closed."""

    time_zone: str
    days: Mapping[str, tuple[time, time]]

    def span(self, day: date) -> tuple[int, int] | None:
        """[open, close) of a local day in ms, UTC; None when closed.

        A wall time in a spring gap moves forward with the clocks and a doubled one is the first: zoneinfo's fold=0.
        """
        hours = self.days.get(WEEKDAYS[day.weekday()])
        if hours is None:
            return None
        zone = ZoneInfo(self.time_zone)
        opens, closes = (datetime.combine(day, h, tzinfo=zone).timestamp() for h in hours)
        return int(opens * 1000), int(closes * 1000)


def free_slots(
    hours: OpeningHours,
    bays: Sequence[str],
    busy: Iterable[Slot],
    minutes: int,
    from_ms: int,
    until_ms: int,
    step_minutes: int = 30,
) -> list[Slot]:
    """Slots of `minutes` that start in [from_ms, until_ms), one per start: of several free bays the first by name."""
    taken: dict[str, list[Slot]] = {bay: [] for bay in bays}
    for slot in busy:
        taken.setdefault(slot.bay_id, []).append(slot)
    zone = ZoneInfo(hours.time_zone)
    day = datetime.fromtimestamp(from_ms / 1000, UTC).astimezone(zone).date()
    found: list[Slot] = []
    length, step = minutes * MINUTE_MS, step_minutes * MINUTE_MS
    while (span := _first_ms(day, zone)) < until_ms:
        opening = hours.span(day)
        day += timedelta(days=1)
        if opening is None:
            continue
        for start in range(opening[0], opening[1] - length + 1, step):
            if not max(from_ms, span) <= start < until_ms:
                continue
            for bay in bays:
                wanted = Slot(start, start + length, bay)
                if not any(wanted.overlaps(other) for other in taken[bay]):
                    found.append(wanted)
                    break
    return found


def _first_ms(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), tzinfo=zone).timestamp() * 1000)
