"""Slots: what a dealer can promise, in the dealer's own time, over changes of the clocks."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.slot import MINUTE_MS, WEEKDAYS, OpeningHours, Slot, free_slots
from tests.support.moments import DAY, HOUR, NOW

# Zones whose clocks change at 01:00 UTC, at 02:00 local, at midnight, by half an hour, and never.
ZONES = ["Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Shanghai", "UTC"]


def every_day(zone: str, opens: time = time(8), closes: time = time(17)) -> OpeningHours:
    return OpeningHours(zone, dict.fromkeys(WEEKDAYS, (opens, closes)))


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def changes_of_clocks(zone: str, year: int = 2026) -> list[date]:
    """The local days on which the zone's offset at noon differs from the noon before."""
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]

    def offset(day: date) -> timedelta | None:
        return datetime.combine(day, time(12), tzinfo=ZoneInfo(zone)).utcoffset()

    return [day for day in days if offset(day) != offset(day - timedelta(days=1))]


def test_two_slots_overlap_only_on_one_bay_and_only_within() -> None:
    slot = Slot(NOW, NOW + HOUR, "bay-01")
    assert slot.overlaps(Slot(NOW + HOUR - 1, NOW + 2 * HOUR, "bay-01"))
    assert not slot.overlaps(Slot(NOW + HOUR, NOW + 2 * HOUR, "bay-01"))
    assert not slot.overlaps(Slot(NOW, NOW + HOUR, "bay-02"))


def test_a_dealer_is_closed_on_a_weekday_that_is_not_named() -> None:
    hours = OpeningHours("UTC", {"mon": (time(8), time(17))})
    monday = date(2025, 10, 6)
    assert hours.span(monday) == (NOW, NOW + 9 * HOUR)
    assert hours.span(monday + timedelta(days=1)) is None
    slots = free_slots(hours, ["bay-01"], [], 60, NOW, NOW + 14 * DAY)
    assert {datetime.fromtimestamp(slot.start_ms / 1000, UTC).weekday() for slot in slots} == {0}


def test_slots_start_every_half_hour_and_the_last_ends_at_closing() -> None:
    slots = free_slots(every_day("UTC"), ["bay-01"], [], 75, NOW, NOW + 12 * HOUR)
    assert slots[0] == Slot(NOW, NOW + 75 * MINUTE_MS, "bay-01")
    assert {b.start_ms - a.start_ms for a, b in itertools.pairwise(slots)} == {30 * MINUTE_MS}
    assert slots[-1].start_ms == NOW + 9 * HOUR - 90 * MINUTE_MS


def test_work_that_is_longer_than_the_day_finds_no_slot() -> None:
    assert free_slots(every_day("UTC"), ["bay-01"], [], 541, NOW, NOW + 7 * DAY) == []


def test_of_several_free_bays_the_first_is_taken_and_of_none_nothing() -> None:
    taken = Slot(NOW, NOW + HOUR, "bay-01")
    hours = every_day("UTC")
    assert free_slots(hours, ["bay-01", "bay-02"], [taken], 60, NOW, NOW + 1)[0].bay_id == "bay-02"
    assert free_slots(hours, ["bay-01"], [taken], 60, NOW, NOW + 1) == []


def test_what_is_taken_on_a_bay_that_was_closed_down_disturbs_nobody() -> None:
    gone = Slot(NOW, NOW + HOUR, "bay-99")
    assert free_slots(every_day("UTC"), ["bay-01"], [gone], 60, NOW, NOW + 1)


@pytest.mark.parametrize("zone", ZONES)
def test_the_doors_open_at_the_same_wall_time_before_and_after_the_clocks_change(zone: str) -> None:
    for change in changes_of_clocks(zone):
        for day in (change - timedelta(days=1), change, change + timedelta(days=1)):
            span = every_day(zone).span(day)
            assert span is not None
            opens, closes = (datetime.fromtimestamp(t / 1000, ZoneInfo(zone)) for t in span)
            assert (opens.date(), opens.time(), closes.time()) == (day, time(8), time(17))


@pytest.mark.parametrize("zone", ZONES)
def test_over_every_change_of_clocks_a_day_has_the_same_slots(zone: str) -> None:
    hours = every_day(zone)
    for change in changes_of_clocks(zone):
        start = ms(datetime.combine(change - timedelta(days=2), time(), tzinfo=ZoneInfo(zone)))
        slots = free_slots(hours, ["bay-01"], [], 60, start, start + 4 * DAY)
        per_day: dict[date, list[time]] = {}
        for slot in slots:
            local = datetime.fromtimestamp(slot.start_ms / 1000, ZoneInfo(zone))
            per_day.setdefault(local.date(), []).append(local.time())
        whole = list(per_day.values())[:4]
        assert len(whole) == 4
        assert all(times == whole[0] for times in whole[:3])
        assert len(set(slots)) == len(slots)


def test_a_wall_time_in_the_gap_moves_forward_with_the_clocks() -> None:
    hours = every_day("Europe/Berlin", time(2, 30), time(5))
    opens, closes = hours.span(date(2026, 3, 29)) or (0, 0)
    assert opens == ms(datetime(2026, 3, 29, 1, 30, tzinfo=UTC))  # 02:30 CET does not exist: 03:30 CEST
    assert closes == ms(datetime(2026, 3, 29, 3, tzinfo=UTC))


def test_a_doubled_wall_time_is_the_first_of_the_two() -> None:
    opens, _ = every_day("Europe/Berlin", time(2, 30), time(5)).span(date(2026, 10, 25)) or (0, 0)
    assert opens == ms(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))  # CEST, before the clocks go back


def test_a_day_that_ends_inside_the_gap_before_it_began_has_no_slots() -> None:
    hours = every_day("Europe/Berlin", time(2, 30), time(3))
    start = ms(datetime(2026, 3, 29, tzinfo=ZoneInfo("Europe/Berlin")))
    assert free_slots(hours, ["bay-01"], [], 30, start, start + 20 * HOUR) == []


def test_a_day_whose_midnight_does_not_exist_still_opens() -> None:
    zone = ZoneInfo("Africa/Cairo")  # clocks went from 00:00 to 01:00 on 2026-04-24
    start = ms(datetime(2026, 4, 24, 1, tzinfo=zone))
    slots = free_slots(every_day("Africa/Cairo"), ["bay-01"], [], 60, start, start + 20 * HOUR)
    assert datetime.fromtimestamp(slots[0].start_ms / 1000, zone).time() == time(8)


busy_slots = st.lists(
    st.builds(
        lambda start, minutes, bay: Slot(
            NOW + start * 5 * MINUTE_MS, NOW + (start * 5 + minutes) * MINUTE_MS, f"bay-{bay}"
        ),
        st.integers(-200, 2000),
        st.integers(5, 600),
        st.integers(1, 3),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=60)
@given(
    busy=busy_slots,
    zone=st.sampled_from(ZONES),
    minutes=st.integers(5, 300),
    start=st.integers(0, 365 * 24),
    span_h=st.integers(1, 120),
)
def test_a_free_slot_overlaps_nothing_taken_and_lies_within_opening_hours(
    busy: list[Slot], zone: str, minutes: int, start: int, span_h: int
) -> None:
    hours = every_day(zone)
    from_ms = NOW + start * HOUR
    busy = [Slot(slot.start_ms + start * HOUR, slot.end_ms + start * HOUR, slot.bay_id) for slot in busy]
    found = free_slots(hours, ["bay-1", "bay-2"], busy, minutes, from_ms, from_ms + span_h * HOUR)
    assert len({slot.start_ms for slot in found}) == len(found)
    for slot in found:
        assert from_ms <= slot.start_ms < from_ms + span_h * HOUR
        assert slot.end_ms - slot.start_ms == minutes * MINUTE_MS
        assert not any(slot.overlaps(other) for other in busy)
        day = datetime.fromtimestamp(slot.start_ms / 1000, ZoneInfo(zone)).date()
        opens, closes = hours.span(day) or (0, 0)
        assert opens <= slot.start_ms and slot.end_ms <= closes
