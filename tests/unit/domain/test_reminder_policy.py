"""Nobody is woken by a reminder, nor gets one after the other."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.reminder_policy import AT_ONCE, HOUR_MS, ReminderPolicy

POLICY = ReminderPolicy(21, 8, 48 * HOUR_MS)
ZONES = sorted(zone for zone in available_timezones() if "/" in zone)


def at(zone: str, *when: int) -> int:
    return round(datetime(*when, tzinfo=ZoneInfo(zone)).timestamp() * 1000)  # type: ignore[arg-type]


def hour(ms: int, zone: str) -> int:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZoneInfo(zone)).hour


@given(
    zone=st.sampled_from(ZONES),
    now_ms=st.integers(1_600_000_000_000, 1_900_000_000_000),
    last_h=st.none() | st.integers(0, 100),
    is_urgent=st.booleans(),
    begin=st.integers(0, 23),
    end=st.integers(0, 23),
)
def test_it_goes_by_day_and_no_later_than_it_must(
    zone: str, now_ms: int, last_h: int | None, is_urgent: bool, begin: int, end: int
) -> None:
    policy = ReminderPolicy(begin, end, 48 * HOUR_MS)
    last_ms = None if last_h is None else now_ms - last_h * HOUR_MS
    goes_ms = policy.may_go_ms(now_ms, zone, last_ms, is_urgent=is_urgent)
    earliest = now_ms if last_ms is None or is_urgent else max(now_ms, last_ms + policy.gap_ms)
    night = {(begin + n) % 24 for n in range((end - begin) % 24)}
    assert goes_ms >= earliest
    assert hour(goes_ms, zone) not in night
    if hour(earliest, zone) not in night:
        assert goes_ms == earliest
    else:
        assert goes_ms - earliest <= 26 * HOUR_MS, "the first morning, however clocks change"
        assert hour(goes_ms, zone) == end


@pytest.mark.parametrize(
    ("when", "goes"),
    [
        ((2026, 1, 10, 20, 59), (2026, 1, 10, 20, 59)),
        ((2026, 1, 10, 21, 0), (2026, 1, 11, 8, 0)),
        ((2026, 1, 11, 3, 0), (2026, 1, 11, 8, 0)),
        ((2026, 3, 28, 23, 0), (2026, 3, 29, 8, 0)),  # the night in which the clocks go forward
        ((2026, 10, 24, 23, 0), (2026, 10, 25, 8, 0)),  # and back
    ],
)
def test_a_night_ends_when_the_clock_on_the_wall_says_so(when: tuple[int, ...], goes: tuple[int, ...]) -> None:
    zone = "Europe/Berlin"
    assert POLICY.may_go_ms(at(zone, *when), zone, None, is_urgent=True) == at(zone, *goes)


def test_what_is_urgent_does_not_wait_for_the_last_one() -> None:
    noon = at("UTC", 2026, 5, 5, 12)
    assert POLICY.may_go_ms(noon, "UTC", noon - HOUR_MS, is_urgent=True) == noon
    assert POLICY.may_go_ms(noon, "UTC", noon - HOUR_MS, is_urgent=False) == noon + 47 * HOUR_MS
    assert AT_ONCE.may_go_ms(noon, "UTC", noon, is_urgent=False) == noon


@pytest.mark.parametrize("wrong", [(-1, 8, 0), (21, 24, 0), (21, 8, -1)])
def test_hours_that_no_day_has_are_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="0 to 23"):
        ReminderPolicy(*wrong)
