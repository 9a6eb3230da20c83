"""Durations and moments as ISO 8601 writes them, in whole milliseconds.

A duration (`P2D`, `PT3H`, `PT10M`, `P1W`, `P1Y6M`) has no calendar to stand on, so a year is the mean Gregorian one of
365.2425 days and a month its twelfth, 30.436875 days: `P24M` comes to two years and not to 720 days. Weeks may stand
beside the other parts, and the last part given may have a fraction (`PT1.5H`).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from fractions import Fraction

SECOND_MS = 1_000
HOUR_MS = 3_600 * SECOND_MS
DAY_MS = 24 * HOUR_MS
YEAR_MS = 31_556_952 * SECOND_MS  # 365.2425 days
MONTH_MS = YEAR_MS // 12

_NUMBER = r"(\d+(?:[.,]\d+)?)"
_DURATION = re.compile(
    rf"P(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)
_PART_MS = (YEAR_MS, MONTH_MS, 7 * DAY_MS, DAY_MS, HOUR_MS, 60 * SECOND_MS, SECOND_MS)
_LONGEST_MS = 1_000 * YEAR_MS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def duration_ms(text: str) -> int:
    """Milliseconds of an ISO 8601 duration, rounded to a whole one.

    Raises ValueError, with what would be right, for anything else, a negative one and one of over a thousand years.

    >>> duration_ms("PT3H"), duration_ms("P1DT12H") == duration_ms("P1.5D")
    (10800000, True)
    """
    found = _DURATION.fullmatch(text.strip())
    parts = found.groups() if found else ()
    given = [place for place, part in enumerate(parts) if part is not None]
    if not given or text.strip().endswith("T"):
        raise ValueError("must be an ISO 8601 duration such as P7D, PT3H or PT10M")
    if any(not parts[place].isdecimal() for place in given[:-1]):
        raise ValueError("may have a fraction in its last part only, as PT1.5H has")
    total = sum(Fraction(parts[place].replace(",", ".")) * _PART_MS[place] for place in given)
    if total > _LONGEST_MS:
        raise ValueError("must be no longer than a thousand years")
    return round(total)


def iso_moment(time_ms: int) -> str:
    """A moment of time (ms since 1970) in UTC, as ISO 8601 and XML Schema's dateTime write it.

    >>> iso_moment(1_767_225_600_500)
    '2026-01-01T00:00:00.500Z'
    """
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_ms(value: str | date | datetime) -> int:
    """Milliseconds since 1970 in UTC of a moment with its zone, as text or as YAML has read it.

    A date alone is the midnight, in UTC, that it begins with; what is finer than a millisecond is cut off. Raises
    ValueError, with what would be right, for a time without a zone and for what is no moment.

    >>> moment_ms("1970-01-02"), moment_ms("1970-01-01T01:00+01:00")
    (86400000, 0)
    """
    if isinstance(value, str):
        text = value.strip()
        try:
            is_date = re.fullmatch(r"\d{4}-\d{2}-\d{2}", text)
            value = date.fromisoformat(text) if is_date else datetime.fromisoformat(text)
        except ValueError:
            raise ValueError("must be an ISO 8601 time with its zone, such as 2024-03-01T06:00:00Z") from None
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if value.tzinfo is None:
        raise ValueError("has no zone; end it with Z for UTC, or with an offset such as +02:00")
    since = value - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000
