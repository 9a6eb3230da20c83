"""Formatting: the one place where numbers, dates and durations become text for a person."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.language import language_of
from web.texts import Texts

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
NARROW = "\u202f"  # a narrow no-break space between a number and its unit
MINUS = "\u2212"
CURRENCY_DIGITS = {"JPY": 0, "KRW": 0}


class Formatting:
    """Numbers and dates in one language and one IANA time zone; times are int64 ms, UTC."""

    def __init__(self, texts: Texts, time_zone: str = "UTC") -> None:
        self.texts = texts
        try:
            self._zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            time_zone, self._zone = "UTC", ZoneInfo("UTC")
        self.zone_name = time_zone.replace("_", " ")
        self._language = language_of(texts("locale"))

    def local(self, ms: int) -> datetime:
        """The moment on the wall clock of the zone."""
        return datetime.fromtimestamp(ms / 1000, UTC).astimezone(self._zone)

    def number(self, value: float, digits: int = 0) -> str:
        """Grouped by thousands, with the marks of the language and a real minus; −0 is 0."""
        return self._language.number(value, digits).replace("-", MINUS)

    def amount(self, value: float, unit: str, digits: int = 1) -> str:
        """A number with its unit."""
        return f"{self.number(value, digits)}{NARROW}{unit}" if unit else self.number(value, digits)

    def signed(self, value: float, digits: int = 1) -> str:
        """With its sign, plus included."""
        text = self.number(value, digits)
        return text if text.startswith(MINUS) or not text.strip("0.,") else f"+{text}"

    def percent(self, share: float, digits: int = 0) -> str:
        """0.9 as 90 %; never 100 % or 0 % of what is only nearly so."""
        value = 100 * share
        if digits == 0 and 0 < value < 1:
            return f"<1{NARROW}%"
        if digits == 0 and 99 < value < 100:
            return f">99{NARROW}%"
        return f"{self.number(value, digits)}{NARROW}%"

    def km(self, metres: float) -> str:
        """Metres as whole kilometres, without the unit."""
        return self.number(metres / 1000)

    def day(self, ms: int) -> str:
        """14 Mar 2026"""
        return self._date("day", ms)

    def short_day(self, ms: int) -> str:
        """14 Mar"""
        return self._date("short_day", ms)

    def weekday(self, ms: int) -> str:
        """Saturday 14 March"""
        return self._date("weekday", ms)

    def month(self, ms: int) -> str:
        """Mar, with the year in January."""
        return self._date("year" if self.local(ms).month == 1 else "month", ms)

    def clock(self, ms: int) -> str:
        """09:30"""
        return f"{self.local(ms):%H:%M}"

    def moment(self, ms: int) -> str:
        """Sat 14 Mar, 09:30"""
        return self._date("moment", ms)

    def _date(self, pattern: str, ms: int) -> str:
        """A moment by one of the patterns that the language has under `dates`."""
        at, names = self.local(ms), self.texts.list
        return self.texts(
            f"dates.{pattern}",
            d=at.day,
            y=at.year,
            time=f"{at:%H:%M}",
            wd=names("weekdays_short")[at.weekday()],
            weekday=names("weekdays")[at.weekday()],
            mon=names("months_short")[at.month - 1],
            month=names("months")[at.month - 1],
        )

    def span(self, start_ms: int, end_ms: int) -> str:
        """Sat 14 Mar, 09:30–10:45"""
        return f"{self.moment(start_ms)}–{self.clock(end_ms)}"

    def iso(self, ms: int) -> str:
        """For the datetime attribute of <time>."""
        return self.local(ms).isoformat(timespec="minutes")

    def relative(self, ms: int, now_ms: int) -> str:
        """How far away: in minutes and hours on the same day, else in calendar days."""
        ahead = ms - now_ms
        if abs(ahead) < 12 * HOUR_MS and ahead > 0:
            if ahead < HOUR_MS:
                return self.texts.plural("when.in_minutes", max(1, ahead // MINUTE_MS))
            return self.texts.plural("when.in_hours", ahead // HOUR_MS)
        days = (self.local(ms).date() - self.local(now_ms).date()).days
        if -1 <= days <= 1:
            return self.texts(("when.yesterday", "when.today", "when.tomorrow")[days + 1])
        return self.texts("when.in_days", n=days) if days > 0 else self.texts("when.days_ago", n=-days)

    def duration(self, minutes: int) -> str:
        """75 minutes as 1 h 15 min."""
        hours, rest = divmod(minutes, 60)
        if not hours:
            return self.texts("when.short_minutes", n=rest)
        return self.texts("when.hours_minutes", h=hours, m=rest) if rest else self.texts("when.hours", n=hours)

    def money(self, minor: int, currency: str) -> str:
        """Minor units of a currency, as 123.45 EUR."""
        digits = CURRENCY_DIGITS.get(currency, 2)
        return f"{self.number(minor / 10**digits, digits)}{NARROW}{currency}"
