"""Numbers and dates as a person reads them."""

from datetime import UTC, datetime

import pytest

from tests.support.moments import DAY, HOUR, MINUTE, NOW
from web.formatting import Formatting
from web.texts import texts_of

FMT = Formatting(texts_of("en"), "Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "digits", "told"), [(1234567, 0, "1,234,567"), (-3.25, 1, "−3.2"), (-0.01, 0, "0"), (2.5, 2, "2.50")]
)
def test_numbers_are_grouped_and_have_a_real_minus(value: float, digits: int, told: str) -> None:
    assert FMT.number(value, digits) == told


@pytest.mark.parametrize(
    ("share", "told"),
    [(0.9, "90\u202f%"), (0.004, "<1\u202f%"), (0.9999, ">99\u202f%"), (0.0, "0\u202f%"), (1, "100\u202f%")],
)
def test_a_share_is_never_said_to_be_certain_when_it_is_nearly_so(share: float, told: str) -> None:
    assert FMT.percent(share) == told


def test_a_signed_amount_says_plus_and_minus_and_neither_of_nothing() -> None:
    assert [FMT.signed(x, 1) for x in (2, -2, 0.0, 0.01)] == ["+2.0", "−2.0", "0.0", "0.0"]


def test_dates_are_those_of_the_zone() -> None:
    late = int(datetime(2025, 12, 31, 23, 30, tzinfo=UTC).timestamp() * 1000)
    assert (FMT.day(late), FMT.clock(late), FMT.weekday(late)) == ("1 Jan 2026", "00:30", "Thursday 1 January")
    assert FMT.month(late) == "2026"
    assert FMT.span(NOW, NOW + 75 * MINUTE) == "Mon 6 Oct, 10:00–11:15"


def test_what_lies_near_is_told_in_hours_and_what_lies_far_in_calendar_days() -> None:
    told = [FMT.relative(NOW + ahead, NOW) for ahead in (20 * MINUTE, HOUR, 5 * HOUR, 15 * HOUR, 12 * DAY, -3 * DAY)]
    assert told == ["in 20 minutes", "in 1 hour", "in 5 hours", "tomorrow", "in 12 days", "3 days ago"]


def test_durations_and_money() -> None:
    assert [FMT.duration(m) for m in (40, 60, 75)] == ["40 min", "1 h", "1 h 15 min"]
    assert (FMT.money(24900, "EUR"), FMT.money(500, "JPY")) == ("249.00\u202fEUR", "500\u202fJPY")


def test_an_unknown_zone_is_utc_and_says_so() -> None:
    assert Formatting(texts_of("en"), "Nowhere/Land").zone_name == "UTC"


MOMENT = 1_772_354_700_000  # 1 March 2026, 08:45 UTC


@pytest.mark.parametrize(
    ("language", "number", "day", "moment"),
    [
        ("en", "1,234.5", "1 Mar 2026", "Sun 1 Mar, 09:45"),
        ("de", "1.234,5", "1. März 2026", "So 1. März, 09:45"),
        ("fr", "1\u202f234,5", "1 mars 2026", "dim. 1 mars, 09:45"),
        ("zh", "1,234.5", "2026年3月1日", "3月1日 周日 09:45"),
    ],
)
def test_each_language_writes_numbers_and_dates_its_own_way(language: str, number: str, day: str, moment: str) -> None:
    own = Formatting(texts_of(language), "Europe/Berlin")
    assert (own.number(1234.5, 1), own.day(MOMENT), own.moment(MOMENT)) == (number, day, moment)
