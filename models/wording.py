"""Words for numbers: dates, places on the odometer and amounts as people say them."""

from __future__ import annotations

from datetime import UTC, datetime

from models.vehicle_state import UNKNOWN

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
BEYOND = "a time further off than can be said"


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
