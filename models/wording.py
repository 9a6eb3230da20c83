"""Forecast: the part of a prediction that an item's kind computes; words for numbers are made here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.prediction import Contribution, DueWindow
from models.vehicle_state import DAY_MS, UNKNOWN

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
COVERAGE = 0.9
BEYOND = "a time further off than can be said"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a model says of one item; the fields are those of `Prediction`."""

    health: float
    window: DueWindow
    remaining_km: float | None
    probability: Mapping[int, float]
    contributions: tuple[Contribution, ...]
    reason: str
    features: Mapping[str, float]
    is_ready: bool


def due_window(now_ms: int, earliest: float, expected: float, latest: float, say_until: float) -> DueWindow:
    """The window from days ahead of `now_ms`; what lies beyond `say_until` days is None."""

    def moment(days: float) -> int | None:
        return now_ms + round(days * DAY_MS) if days <= say_until else None

    return DueWindow(moment(earliest), moment(expected), moment(latest), COVERAGE)


def day_in_words(time_ms: int | None) -> str:
    """A date as people say it, in UTC."""
    if time_ms is None:
        return BEYOND
    day = datetime.fromtimestamp(time_ms / 1000, UTC)
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def since_in_words(time_ms: int, odometer_m: int) -> str:
    """When something was done, by date and odometer as far as known."""
    if time_ms == UNKNOWN:
        return "the beginning"
    if odometer_m == UNKNOWN:
        return day_in_words(time_ms)
    return f"{odometer_m / 1000:,.0f} km ({day_in_words(time_ms)})"


def amount_in_words(value: float) -> str:
    """A number with as many digits as help: 0, 0.34, 3.4, 34, 3,400."""
    size = abs(value)
    if size < 0.005:
        return "0"
    if size < 0.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if size < 19.95 else f"{value:,.0f}"


def clip(value: float, low: float = 0.0, high: float = 1.0) -> float:
    return min(max(value, low), high)
