"""Language: how people who read it write numbers and dates; what every text for a person is made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

DEFAULT = "en"


@dataclass(frozen=True, slots=True)
class Language:
    """Decimal and thousands marks, the months by name, and a date's order, after Unicode's CLDR 46.

    `day_pattern` has the places {day}, {month} and {year}; `first_day` is what the first of a month is called where
    that is no plain number.
    """

    code: str
    decimal: str
    group: str
    months: tuple[str, ...]
    day_pattern: str
    first_day: str = "1"

    @property
    def _marks(self) -> dict[int, str]:
        return {44: self.group, 46: self.decimal}

    def number(self, value: float, digits: int = 0) -> str:
        """With so many digits behind the decimal mark, grouped by thousands; −0 is 0.

        >>> LANGUAGES["de"].number(-1234.5, 1)
        '-1.234,5'
        """
        text = f"{round(value, digits) + 0.0:,.{digits}f}"
        return text if self.group == "," else text.translate(self._marks)

    def day(self, time_ms: int) -> str:
        """The date of a moment (int64 ms) in UTC.

        >>> LANGUAGES["fr"].day(0), LANGUAGES["zh"].day(0)
        ('1er janvier 1970', '1970年1月1日')
        """
        at = datetime.fromtimestamp(time_ms / 1000, UTC)
        day = self.first_day if at.day == 1 else str(at.day)
        return self.day_pattern.format(day=day, month=self.months[at.month - 1], year=at.year)


def _months(names: str) -> tuple[str, ...]:
    return tuple(names.split())


LANGUAGES: Mapping[str, Language] = {
    language.code: language
    for language in (
        Language(
            *("en", ".", ","),
            _months("January February March April May June July August September October November December"),
            "{day} {month} {year}",
        ),
        Language(
            *("de", ",", "."),
            _months("Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
            "{day}. {month} {year}",
        ),
        Language(
            *("fr", ",", "\u202f"),
            _months("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
            "{day} {month} {year}",
            "1er",
        ),
        Language(*("zh", ".", ","), tuple(str(month) for month in range(1, 13)), "{year}年{month}月{day}日"),
    )
}


def language_of(code: str) -> Language:
    """The language of a code or locale (`de`, `de-AT`); English where none is known by it."""
    return LANGUAGES.get(code.split("-")[0].split("_")[0].lower(), LANGUAGES[DEFAULT])
