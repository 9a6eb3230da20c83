"""What the dates of a calendar item mean: contributions, features and the reason in words."""

from __future__ import annotations

from domain.catalogue import CalendarSpec, ItemSpec
from domain.prediction import Contribution
from models.prediction_row import IS_KNOWN, Row
from models.vehicle_state import DAY_MS, UNKNOWN
from models.wording import amount_in_words, day_in_words, since_in_words

MONTH_DAYS = 30.4375


def calendar_words(
    item: ItemSpec, calendar: CalendarSpec, row: Row, own: Row
) -> tuple[str, tuple[Contribution, ...], dict[str, float]]:
    """Reason, contributions and features of `item`; `own` is its part of the `row`."""
    is_known, since_ms = bool(int(own["flags"]) & IS_KNOWN), int(own["since_ms"])
    passed = (int(row["event_ms"]) - since_ms) / DAY_MS if is_known else 0.0
    text = item.text()
    words = {
        "name": text.name,
        "interval_months": f"{calendar.interval_days / MONTH_DAYS:.0f}",
        "due": day_in_words(int(own["expected_ms"]) if is_known else None),
        "since": since_in_words(since_ms, UNKNOWN),
        "km_since": "–",
        "odometer_km": f"{max(0, int(row['odometer_m'])) / 1000:,.0f}",
        "age": amount_in_words(passed),
    }
    contributions = [Contribution("interval", calendar.interval_days, f"every {calendar.interval_days:g} days")]
    if is_known:
        contributions.append(Contribution("days", -passed, f"{passed:.0f} days since {day_in_words(since_ms)}"))
    features = {"days": passed, "days_left": calendar.interval_days - passed} if is_known else {}
    return (text.reason if is_known else text.reason_unknown).format_map(words), tuple(contributions), features
