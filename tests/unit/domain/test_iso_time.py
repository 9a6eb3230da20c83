"""Durations and moments are read as ISO 8601 has them, or refused with what would be right."""

from __future__ import annotations

import doctest
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import iso_time
from domain.iso_time import DAY_MS, HOUR_MS, MONTH_MS, YEAR_MS, duration_ms, moment_ms


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P2D", 2 * DAY_MS),
        ("PT3H", 3 * HOUR_MS),
        ("PT10M", HOUR_MS // 6),
        ("PT0.25S", 250),
        ("PT1,5H", 3 * HOUR_MS // 2),
        ("P1W", 7 * DAY_MS),
        ("P1W2D", 9 * DAY_MS),
        ("P1DT12H", 3 * DAY_MS // 2),
        ("P12M", YEAR_MS),
        ("P1Y6M", 18 * MONTH_MS),
        ("P0D", 0),
        (" PT24H ", DAY_MS),
    ],
)
def test_durations_are_read(text: str, length: int) -> None:
    assert duration_ms(text) == length


def test_months_and_years_are_the_mean_ones() -> None:
    assert YEAR_MS == 365.2425 * DAY_MS
    assert MONTH_MS == 30.436875 * DAY_MS


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "P1DT", "3h", "P-1D", "-P1D", "P1H", "PT1D", "P1.5DT1H", "P1D2W", "p1d", "P1D ago", "P2000Y"],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|may have"):
        duration_ms(text)


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_a_moment_is_the_same_in_every_zone_as_text_and_as_yaml_reads_it(when: datetime, minutes: int) -> None:
    whole = when.replace(microsecond=when.microsecond // 1000 * 1000, tzinfo=UTC)
    expected = (whole - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    elsewhere = whole.astimezone(timezone(timedelta(minutes=minutes)))
    assert moment_ms(elsewhere) == moment_ms(elsewhere.isoformat()) == expected


def test_a_date_alone_is_its_midnight_in_utc() -> None:
    assert moment_ms("1970-01-03") == moment_ms(date(1970, 1, 3)) == 2 * DAY_MS


def test_what_is_finer_than_a_millisecond_is_cut_off() -> None:
    assert moment_ms("1970-01-01T00:00:00.001999Z") == 1


@pytest.mark.parametrize("value", ["2024-01-01T00:00:00", datetime(2024, 1, 1), "2024-01-01 06:00"])  # noqa: DTZ001
def test_a_time_without_a_zone_is_refused_with_the_fix(value: str | datetime) -> None:
    with pytest.raises(ValueError, match="has no zone; end it with Z"):
        moment_ms(value)


@pytest.mark.parametrize("text", ["", "soon", "2024-13-01", "2024-01-01T25:00:00Z", "1704067200"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be an ISO 8601 time"):
        moment_ms(text)


def test_the_examples_in_the_documentation_hold() -> None:
    found = doctest.testmod(iso_time)
    assert found.attempted and not found.failed
