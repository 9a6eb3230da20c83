"""OpeningHours: when a dealer's doors are open, as its people say it: local wall times, and days that are closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import InvalidInput
from domain.wall_time import moment_ms

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_SPANS = 6
MOST_HOLIDAYS = 400


@dataclass(frozen=True, slots=True)
class Holiday:
    """A date on which a site that would be open is closed."""

    day: date
    name: str


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """Spans of opening and closing time per weekday, in order; a weekday that is missing is closed."""

    time_zone: str
    days: Mapping[str, tuple[tuple[time, time], ...]]
    holidays: tuple[Holiday, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def holiday(self, day: date) -> Holiday | None:
        """The holiday that falls on the day."""
        return next((holiday for holiday in self.holidays if holiday.day == day), None)

    def closed_on(self, holiday: Holiday) -> OpeningHours:
        """The same hours with one more holiday; InvalidInput when those are too many."""
        others = [other for other in self.holidays if other.day != holiday.day]
        if len(others) >= MOST_HOLIDAYS:
            raise InvalidInput("there are too many holidays", field="holidays", fix="take past ones out first")
        return replace(self, holidays=tuple(sorted([*others, holiday], key=lambda other: other.day)))

    def opened_on(self, day: date) -> OpeningHours:
        """The same hours without the holiday of that day."""
        return replace(self, holidays=tuple(other for other in self.holidays if other.day != day))

    def spans(self, day: date) -> list[tuple[int, int]]:
        """[open, close) of each span of a local day, in ms, UTC; none on a holiday.

        A span has its true length: one over a change of the clocks is longer or shorter than on other days, and one
        that lies in the gap altogether is not there.
        """
        if self.holiday(day) is not None:
            return []
        zone = self.zone
        moments = [
            (moment_ms(day, opens, zone), moment_ms(day, closes, zone))
            for opens, closes in self.days.get(WEEKDAYS[day.weekday()], ())
        ]
        return [(opens, closes) for opens, closes in moments if opens < closes]


def opening_hours(
    time_zone: str,
    opening: Mapping[str, Sequence[tuple[str, str]]],
    holidays: Iterable[tuple[str, str]] = (),
) -> OpeningHours:
    """Opening hours from `{"mon": [("08:00", "12:00"), ("13:00", "17:00")]}` and holidays as (`2026-12-25`, name).

    InvalidInput names the field that is wrong.
    """
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(
            "there is no such time zone", field="time_zone", fix="an IANA name like Asia/Shanghai"
        ) from error
    days = {day: _spans(day, spans) for day, spans in opening.items()}
    return OpeningHours(time_zone, {day: spans for day, spans in days.items() if spans}, _holidays(holidays))


def _spans(day: str, spans: Sequence[tuple[str, str]]) -> tuple[tuple[time, time], ...]:
    field = f"opening.{day}"
    if day not in WEEKDAYS:
        raise InvalidInput(f"{day!r} is no weekday", field=field, fix="one of " + ", ".join(WEEKDAYS))
    if len(spans) > MOST_SPANS:
        raise InvalidInput("it opens too often in a day", field=field, fix=f"at most {MOST_SPANS} spans")
    read = sorted((_time_of_day(opens, field), _time_of_day(closes, field)) for opens, closes in spans)
    if any(opens >= closes for opens, closes in read):
        raise InvalidInput("it closes before it opens", field=field, fix="opening time first, both on one day")
    if any(earlier[1] > later[0] for earlier, later in pairwise(read)):
        raise InvalidInput("two spans overlap", field=field, fix="let each begin after the one before has ended")
    return tuple(read)


def _time_of_day(text: str, field: str) -> time:
    try:
        wall = time.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("that is no time of day", field=field, fix='write it like "08:00"') from error
    if wall.tzinfo is not None or wall.second or wall.microsecond:
        raise InvalidInput("that is no time on the site's own clock", field=field, fix='write it like "08:00"')
    return wall


def _holidays(given: Iterable[tuple[str, str]]) -> tuple[Holiday, ...]:
    found: dict[date, Holiday] = {}
    for index, (text, name) in enumerate(given):
        field = f"holidays[{index}].date"
        try:
            day = date.fromisoformat(text)
        except ValueError as error:
            raise InvalidInput("that is no date", field=field, fix='write it like "2026-12-25"') from error
        if day in found:
            raise InvalidInput("this date is there twice", field=field, fix="name each closed day once")
        found[day] = Holiday(day, name)
    if len(found) > MOST_HOLIDAYS:
        raise InvalidInput("there are too many holidays", field="holidays", fix=f"at most {MOST_HOLIDAYS}")
    return tuple(found[day] for day in sorted(found))
