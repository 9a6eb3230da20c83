"""The times of OBD-II logs: moments in several writings, with a zone or without, or seconds since the start."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import numpy as np

DAY_S = 86_400.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The first three letters of a month's name in the languages that Torque writes its logs in.
_MONTHS = {
    letters: month
    for month, names in enumerate(
        ("jan ene gen", "feb fév feb", "mar mär mrz", "apr avr abr", "may mai mag", "jun juin giu", "jul juil lug",
         "aug aoû ago", "sep set", "oct okt ott", "nov", "dec dez déc dic"),
        start=1,
    )
    for letters in names.split()
}  # fmt: skip
# Abbreviations that mean one offset only; CST, IST and BST do not.
_ZONES = {
    "utc": 0, "gmt": 0, "z": 0, "wet": 0, "west": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3,
    "est": -5, "edt": -4, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
_CLOCK = r"(?P<clock>\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?)"
_FORMS = (
    re.compile(rf"(?P<day>\d{{1,2}})-(?P<month>[^\W\d]+)\.?-(?P<year>\d{{4}}) {_CLOCK}"),  # Torque, device time
    re.compile(rf"[^\W\d]+\.? (?P<month>[^\W\d]+)\.? (?P<day>\d{{1,2}}) {_CLOCK} (?P<zone>\S+) (?P<year>\d{{4}})"),
    re.compile(
        rf"(?P<month>\d{{1,2}})/(?P<day>\d{{1,2}})/(?P<year>\d{{4}}),? {_CLOCK}(?: (?P<half>[AaPp])\.?[Mm]\.?)?"
    ),
    re.compile(rf"(?P<day>\d{{1,2}})\.(?P<month>\d{{1,2}})\.(?P<year>\d{{4}}),? {_CLOCK}"),
)
_OFFSET = re.compile(r"(?:gmt|utc)?([+-])(\d{1,2}):?(\d{2})?", re.IGNORECASE)
_OF_DAY = re.compile(r"(\d{1,2}):(\d{2}):(\d{2}(?:[.,]\d+)?)")


def moment(text: str, *, has_day_first: bool = False) -> datetime | None:
    """The moment a text tells, without a zone where it tells none; None where it is no moment.

    03/27/2026 has its month first, as most apps write it, unless `has_day_first`.
    """
    told = text.strip()
    if re.fullmatch(r"[\d.,]*", told):
        return None  # a count, which might pass for a date without its dashes
    try:
        return datetime.fromisoformat(told)
    except ValueError:
        pass
    found = next((match for form in _FORMS if (match := form.fullmatch(told))), None)
    if found is None:
        return None
    parts = found.groupdict()
    if has_day_first and "/" in told:
        parts["day"], parts["month"] = parts["month"], parts["day"]
    return _of_parts(parts)


def _of_parts(parts: dict[str, str | None]) -> datetime | None:
    month = str(parts["month"])
    number = int(month) if month.isdecimal() else _MONTHS.get(month[:4].lower(), _MONTHS.get(month[:3].lower(), 0))
    hour, minute, second = str(parts["clock"]).replace(",", ".").split(":")
    half = (parts.get("half") or "").lower()
    hours = int(hour) % 12 + (12 if half == "p" else 0) if half else int(hour)
    zone = _offset(parts.get("zone"))
    if parts.get("zone") and zone is None:
        return None
    try:
        start = datetime(int(str(parts["year"])), number, int(str(parts["day"])), tzinfo=zone)
    except ValueError:
        return None
    return start + timedelta(hours=hours, minutes=int(minute), seconds=float(second))


def _offset(zone: str | None) -> tzinfo | None:
    if not zone:
        return None
    if zone.lower() in _ZONES:
        return timezone(timedelta(hours=_ZONES[zone.lower()]))
    found = _OFFSET.fullmatch(zone)
    if not found:
        return None
    shift = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return timezone(-shift if found[1] == "-" else shift)


def milliseconds(when: datetime) -> int:
    """Since 1970 in UTC, of a moment with its zone."""
    return (when - _EPOCH) // timedelta(milliseconds=1)


def local_milliseconds(moments: Sequence[datetime | None], zone: tzinfo) -> np.ndarray:
    """Since 1970 in UTC, float64 with NaN for None; moments without a zone are taken to be in `zone`."""
    return np.array(
        [
            np.nan if when is None else float(milliseconds(when if when.tzinfo else when.replace(tzinfo=zone)))
            for when in moments
        ]
    )


def seconds_of_day(text: str) -> float:
    """Of a clock time such as 21:36:00.5; NaN for anything else."""
    found = _OF_DAY.fullmatch(text.strip())
    if not found:
        return float("nan")
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3].replace(",", "."))


class DayCount:
    """Takes clock times on beyond midnight, over as many calls as there are blocks."""

    def __init__(self) -> None:
        self._passed, self._newest = 0.0, np.nan

    def on(self, seconds: np.ndarray) -> np.ndarray:
        """Seconds since the midnight before the first of all, from those of the day; shape (n,), NaN stays."""
        known = np.flatnonzero(~np.isnan(seconds))
        if not len(known):
            return seconds
        before = np.concatenate(([self._newest], seconds[known[:-1]]))
        begun_anew = np.zeros(len(seconds))
        begun_anew[known] = seconds[known] - before < -DAY_S / 2
        passed = self._passed + np.cumsum(begun_anew)
        self._newest, self._passed = float(seconds[known[-1]]), float(passed[-1])
        return np.asarray(seconds + DAY_S * passed)
