"""What the dates of a calendar item mean: contributions, features and the reason in words."""

from __future__ import annotations

from domain.catalogue import CalendarSpec, ItemSpec
from domain.prediction import Contribution
from models.prediction_row import IS_KNOWN, Row
from models.vehicle_state import DAY_MS, UNKNOWN
from models.wording import Wording

MONTH_DAYS = 30.4375


def calendar_words(
    item: ItemSpec, calendar: CalendarSpec, row: Row, own: Row, wording: Wording
) -> tuple[str, tuple[Contribution, ...]]:
    """Reason and contributions of `item` in a language; `own` is its part of the `row`."""
    is_known, since_ms, passed = _passed(row, own)
    text = item.text(wording.code)
    words = {
        "name": text.name,
        "interval_months": wording.number(calendar.interval_days / MONTH_DAYS),
        "due": wording.day(int(own["expected_ms"]) if is_known else None),
        "since": wording.since(since_ms, UNKNOWN),
        "km_since": "–",
        "odometer_km": wording.number(max(0, int(row["odometer_m"])) / 1000),
        "age": wording.amount(passed),
    }
    every = wording("interval", days=wording.plain(calendar.interval_days))
    contributions = [Contribution("interval", calendar.interval_days, every)]
    if is_known:
        since = wording("passed", days=wording.number(passed), day=wording.day(since_ms))
        contributions.append(Contribution("days", -passed, since))
    return (text.reason if is_known else text.reason_unknown).format_map(words), tuple(contributions)


def calendar_features(calendar: CalendarSpec, row: Row, own: Row) -> dict[str, float]:
    """The days that have passed and that are left; nothing where nobody told when it was done."""
    is_known, _, passed = _passed(row, own)
    return {"days": passed, "days_left": calendar.interval_days - passed} if is_known else {}


def _passed(row: Row, own: Row) -> tuple[bool, int, float]:
    """Whether it is known since when, since when, and how many days that is."""
    is_known, since_ms = bool(int(own["flags"]) & IS_KNOWN), int(own["since_ms"])
    return is_known, since_ms, (int(row["event_ms"]) - since_ms) / DAY_MS if is_known else 0.0
