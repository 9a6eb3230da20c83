"""When a calendar item is due: a date, and no model pretended."""

from __future__ import annotations

from domain.catalogue import CalendarSpec, ItemSpec
from domain.prediction import Contribution, DueWindow
from models.forecast import COVERAGE, Forecast, amount_in_words, clip, day_in_words, since_in_words
from models.vehicle_state import DAY_MS, UNKNOWN, Record

MONTH_DAYS = 30.4375


def forecast_calendar(state: Record, item: ItemSpec, calendar: CalendarSpec) -> Forecast:
    """Due one interval after the last service, or after the car was built while it is younger than one interval.

    With neither known there is no date: not ready, health one half, and the reason says what to enter.
    """
    now_ms, since_ms = int(state["last_ms"]), int(state["items"][item.id]["set_ms"])
    built_ms = int(state["built_ms"])
    if since_ms == UNKNOWN and built_ms > 0 and now_ms - built_ms < calendar.interval_days * DAY_MS:
        since_ms = built_ms
    is_known = since_ms != UNKNOWN and now_ms != UNKNOWN
    due_ms = since_ms + round(calendar.interval_days * DAY_MS) if is_known else None
    passed = (now_ms - since_ms) / DAY_MS if is_known else 0.0
    left = calendar.interval_days - passed
    text = item.text()
    words = {
        "name": text.name,
        "interval_months": f"{calendar.interval_days / MONTH_DAYS:.0f}",
        "due": day_in_words(due_ms),
        "since": since_in_words(since_ms, UNKNOWN),
        "km_since": "–",
        "odometer_km": f"{max(0, int(state['odometer_m'])) / 1000:,.0f}",
        "age": amount_in_words(passed),
    }
    contributions = [Contribution("interval", calendar.interval_days, f"every {calendar.interval_days:g} days")]
    if is_known:
        contributions.append(Contribution("days", -passed, f"{passed:.0f} days since {day_in_words(since_ms)}"))
    return Forecast(
        health=clip(left / calendar.interval_days) if is_known else 0.5,
        window=DueWindow(due_ms, due_ms, due_ms, COVERAGE),
        remaining_km=None,
        probability={},
        contributions=tuple(contributions),
        reason=(text.reason if is_known else text.reason_unknown).format_map(words),
        features={"days": passed, "days_left": left} if is_known else {},
        is_ready=is_known,
    )
