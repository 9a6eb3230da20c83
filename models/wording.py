"""Words for numbers: dates, places on the odometer and amounts as people say them, in their language."""

from __future__ import annotations

from functools import cache

from domain.language import language_of
from models.phrases import phrases_of
from models.vehicle_state import UNKNOWN


@cache
def wording_of(language: str) -> Wording:
    """The wording of a language."""
    return Wording(language)


class Wording:
    """How one language says what reasons are made of."""

    def __init__(self, language: str) -> None:
        self.code = language
        self._marks = language_of(language)
        self._phrases = phrases_of(language)

    def __call__(self, key: str, **values: str) -> str:
        """A phrase with its places filled."""
        return self._phrases[key].format_map(values)

    def number(self, value: float, digits: int = 0) -> str:
        """With the marks of the language."""
        return self._marks.number(value, digits)

    def day(self, time_ms: int | None) -> str:
        """A date as people say it, in UTC; None is further off than can be said."""
        return self("beyond") if time_ms is None else self._marks.day(time_ms)

    def since(self, time_ms: int, odometer_m: int) -> str:
        """When something was done, by date and odometer as far as known."""
        if time_ms == UNKNOWN:
            return self("beginning")
        if odometer_m == UNKNOWN:
            return self.day(time_ms)
        return self("place", km=self.number(odometer_m / 1000), day=self.day(time_ms))

    def amount(self, value: float) -> str:
        """A number with as many digits as help: 0, 0.34, 3.4, 34, 3,400."""
        size = abs(value)
        if size < 0.005:
            return "0"
        if size < 0.995:
            return self.number(value, 2)
        return self.number(value, 1) if size < 19.95 else self.number(value)

    def plain(self, value: float) -> str:
        """A number of the catalogue, as it stands there."""
        _, _, decimals = f"{value:g}".partition(".")
        return self.number(value, len(decimals))
