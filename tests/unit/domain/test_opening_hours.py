"""Opening hours: what stands on the door, as moments, over every change of the clocks; and what is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.opening_hours import WEEKDAYS, Holiday, OpeningHours, opening_hours
from domain.wall_time import moment_ms
from tests.support.clock_changes import all_zones, changes_of_clocks
from tests.support.moments import HOUR, NOW

MINUTE = timedelta(minutes=1)


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def every_day(zone: str, *spans: tuple[time, time]) -> OpeningHours:
    return OpeningHours(zone, dict.fromkeys(WEEKDAYS, spans or ((time(8), time(17)),)))


def as_watched(day: date, walls: Sequence[time], zone: ZoneInfo) -> list[int]:
    """What a doorman does who looks at the wall clock each minute: when it first shows each time, or one past it."""
    first = datetime.combine(day, time(), tzinfo=UTC) - timedelta(hours=26)
    wanted = {wall: datetime.combine(day, wall) for wall in walls}
    seen: dict[time, int] = {}
    moment = first
    # A zone that was off by half a minute: its clocks showed the minute when the others were in the middle of one.
    step = timedelta(seconds=30) if (first.astimezone(zone).utcoffset() or timedelta()).seconds % 60 else MINUTE
    while len(seen) < len(wanted):
        shown = moment.astimezone(zone).replace(tzinfo=None)
        for wall, at in wanted.items():
            if wall not in seen and shown >= at:
                seen[wall] = ms(moment)
        moment += step
    return [seen[wall] for wall in walls]


def in_a_change(zones: Sequence[str], first_year: int, last_year: int) -> Iterator[tuple[str, date]]:
    for zone in zones:
        for day in changes_of_clocks(zone, first_year, last_year):
            yield zone, day


def test_what_a_time_says_of_itself_makes_no_difference_it_is_the_first_of_two() -> None:
    twice = time(2, 30)
    day, zone = date(2026, 10, 25), ZoneInfo("Europe/Berlin")
    assert moment_ms(day, twice.replace(fold=1), zone) == moment_ms(day, twice, zone)


def check_as_watched(zone: str, day: date, walls: Sequence[time]) -> None:
    expected = as_watched(day, walls, ZoneInfo(zone))
    assert [moment_ms(day, wall, ZoneInfo(zone)) for wall in walls] == expected, (zone, day)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), walls=st.lists(st.times().map(lambda t: t.replace(second=0, microsecond=0)), max_size=4))
def test_a_wall_time_is_when_a_doorman_sees_it_in_every_zone_and_change(data: st.DataObject, walls: list[time]) -> None:
    zone = data.draw(st.sampled_from(all_zones()))
    changes = changes_of_clocks(zone, 2024, 2027) or (date(2026, 3, 29),)
    check_as_watched(zone, data.draw(st.sampled_from(changes)), walls)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", date(2026, 3, 29)),
        ("Europe/Berlin", date(2026, 10, 25)),
        ("America/New_York", date(2026, 11, 1)),
        ("Africa/Cairo", date(2026, 4, 24)),  # no midnight
        ("Africa/Cairo", date(2026, 10, 29)),  # midnight after an hour that comes twice
        ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour
        ("America/St_Johns", date(2011, 11, 6)),  # back over midnight, at 00:01
        ("Pacific/Apia", date(2011, 12, 30)),  # a day that never was
        ("Asia/Pyongyang", date(2018, 5, 5)),
    ],
)
def test_every_quarter_of_an_hour_of_odd_days_is_when_a_doorman_sees_it(zone: str, day: date) -> None:
    check_as_watched(zone, day, [time(hour, minute) for hour in range(24) for minute in (0, 15, 30, 45)])


@pytest.mark.long
def test_every_change_of_clocks_of_all_zones_is_as_a_doorman_sees_it() -> None:
    walls = [time(hour, minute) for hour in range(24) for minute in (0, 1, 30, 59)]
    tried = 0
    for zone, day in in_a_change(all_zones(), 2000, 2037):
        check_as_watched(zone, day, walls)
        tried += 1
    assert tried > 20_000


@settings(deadline=None, max_examples=60)
@given(data=st.data(), opens=st.integers(0, 1437), length=st.integers(1, 1439))
def test_spans_never_open_at_a_time_that_no_clock_shows(data: st.DataObject, opens: int, length: int) -> None:
    zone = data.draw(st.sampled_from(all_zones()))
    day = data.draw(st.sampled_from(changes_of_clocks(zone, 2024, 2027) or (date(2026, 3, 29),)))
    first, last = (time(*divmod(minute, 60)) for minute in (opens, min(opens + length, 1439)))
    for start_ms, end_ms in every_day(zone, (first, last)).spans(day):
        assert start_ms < end_ms
        for at, wall in ((start_ms, first), (end_ms, last)):
            shown = datetime.fromtimestamp(at / 1000, ZoneInfo(zone))
            assert shown.time() == wall or _is_jump(at, zone)


def _is_jump(at_ms: int, zone: str) -> bool:
    before, after = (datetime.fromtimestamp(t / 1000, UTC).astimezone(ZoneInfo(zone)) for t in (at_ms - 1, at_ms))
    return before.utcoffset() != after.utcoffset()


def test_a_dealer_is_closed_on_a_weekday_that_is_not_named_and_on_holidays() -> None:
    hours = OpeningHours("UTC", {"mon": ((time(8), time(17)),)}, (Holiday(date(2025, 10, 13), "Columbus Day"),))
    monday = date(2025, 10, 6)
    assert hours.spans(monday) == [(NOW, NOW + 9 * HOUR)]
    assert hours.spans(monday + timedelta(days=1)) == []
    assert hours.spans(monday + timedelta(days=7)) == []
    assert hours.holiday(date(2025, 10, 13)) == Holiday(date(2025, 10, 13), "Columbus Day")
    assert hours.spans(monday + timedelta(days=14)) != []


def test_a_day_may_open_twice_with_a_break_between() -> None:
    hours = opening_hours("UTC", {"mon": [("13:00", "17:00"), ("08:00", "12:00")]})
    assert hours.spans(date(2025, 10, 6)) == [(NOW, NOW + 4 * HOUR), (NOW + 5 * HOUR, NOW + 9 * HOUR)]


def test_a_span_over_a_change_of_the_clocks_has_its_true_length() -> None:
    hours = every_day("Europe/Berlin", (time(0), time(6)))
    (spring,), (autumn,) = hours.spans(date(2026, 3, 29)), hours.spans(date(2026, 10, 25))
    assert [end - start for start, end in (spring, autumn)] == [5 * HOUR, 7 * HOUR]


def test_a_span_inside_the_gap_is_not_there() -> None:
    assert every_day("Europe/Berlin", (time(2), time(2, 45))).spans(date(2026, 3, 29)) == []


@pytest.mark.parametrize(
    ("zone", "opening", "holidays", "field"),
    [
        ("Mars/Olympus", {}, [], "time_zone"),
        ("", {}, [], "time_zone"),
        ("Europe", {}, [], "time_zone"),
        ("../etc/passwd", {}, [], "time_zone"),
        ("UTC", {"monday": [("08:00", "17:00")]}, [], "opening.monday"),
        ("UTC", {"mon": [("17:00", "08:00")]}, [], "opening.mon"),
        ("UTC", {"tue": [("08:00", "08:00")]}, [], "opening.tue"),
        ("UTC", {"wed": [("08:00", "12:30"), ("12:00", "17:00")]}, [], "opening.wed"),
        ("UTC", {"thu": [("eight", "17:00")]}, [], "opening.thu"),
        ("UTC", {"thu": [("08:00+02:00", "17:00")]}, [], "opening.thu"),
        ("UTC", {"fri": [("08:00:30", "17:00")]}, [], "opening.fri"),
        ("UTC", {"fri": [(f"{n:02d}:00", f"{n:02d}:30") for n in range(7)]}, [], "opening.fri"),
        ("UTC", {}, [("25.12.2026", "Christmas")], "holidays[0].date"),
        ("UTC", {}, [("2026-12-25", "Christmas"), ("2026-12-25", "Noël")], "holidays[1].date"),
        ("UTC", {}, [(str(date(2026, 1, 1) + timedelta(days=n)), "") for n in range(401)], "holidays"),
    ],
)
def test_hours_that_cannot_be_are_refused_with_field_and_fix(
    zone: str, opening: dict[str, list[tuple[str, str]]], holidays: list[tuple[str, str]], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        opening_hours(zone, opening, holidays)
    assert (refused.value.field, bool(refused.value.fix)) == (field, True)


def test_spans_that_touch_and_a_holiday_that_is_past_are_fine() -> None:
    hours = opening_hours("UTC", {"mon": [("08:00", "12:00"), ("12:00", "17:00")]}, [("1999-12-31", "")])
    assert len(hours.spans(date(2025, 10, 6))) == 2
    assert hours.spans(date(1999, 12, 31)) == []
