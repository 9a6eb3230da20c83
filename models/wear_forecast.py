"""What is left of a wear item and until when."""

from __future__ import annotations

from domain.catalogue import Catalogue, ItemSpec, WearSpec
from domain.prediction import Contribution, DueWindow
from models.fleet_model import FleetModel
from models.forecast import (
    COVERAGE,
    Forecast,
    amount_in_words,
    clip,
    day_in_words,
    due_window,
    since_in_words,
)
from models.usage import Usage
from models.vehicle_state import UNKNOWN, Record
from models.wear_bound import BoundedWear, bound_wear
from models.wear_history import WearEstimate, WearHistory, estimate_wear, newest_position, wear_history

LEAST_RATE = 1e-9  # of the item's range per day: the car does not use it
TOLD_FROM = 0.01  # of the item's range: a smaller effect of the bound is not spoken of


def forecast_wear(
    state: Record, catalogue: Catalogue, item: ItemSpec, wear: WearSpec, model: FleetModel, usage: Usage
) -> Forecast:
    """The forecast at the car's newest event.

    Due when what remains, less the car's own wear per day, reaches the limit. The window's half-width is the model's
    calibrated multiple of the standard deviation carried to that day: anchor, per-car factor, coefficients,
    extrapolation, and the scatter of the car's own distance per day.
    """
    at = newest_position(state)
    history = wear_history(state, catalogue, item, wear, usage, at)
    reckoned = estimate_wear(history, model, wear)
    now = bound_wear(history, reckoned, wear)
    per_day = estimate_wear(history, model, wear, 1.0).worn - reckoned.worn
    window, days_left = _window(at.time_ms, history, reckoned, now, per_day, model, wear, usage)
    is_used = days_left is not None
    features = _features(history, reckoned, now, per_day, usage)
    words = _words(catalogue, item, wear, history, now, usage, window, at.odometer_m, days_left)
    text = item.text()
    template = text.reason if is_used else text.reason_unused or text.reason
    if is_used and not history.is_known:
        template = text.reason_unknown
    elif _is_told(now, wear) and text.reason_bounded:
        template = f"{template} {text.reason_bounded}"
    return Forecast(
        health=clip((now.remains - wear.limit) / (wear.new - wear.limit)),
        window=window,
        remaining_km=None if days_left is None else days_left * usage.km_per_day,
        probability={},
        contributions=_contributions(catalogue, wear, history, reckoned, now),
        reason=template.format_map(words),
        features=features,
        is_ready=usage.observed_km >= wear.km_until_ready,
    )


def _window(
    now_ms: int,
    history: WearHistory,
    reckoned: WearEstimate,
    now: BoundedWear,
    per_day: float,
    model: FleetModel,
    wear: WearSpec,
    usage: Usage,
) -> tuple[DueWindow, float | None]:
    """The due window, and the days left; None when the car itself shows no wear at all."""
    is_unused = per_day <= LEAST_RATE * (wear.new - wear.limit)
    if is_unused and not (history.is_known and history.anchor <= wear.limit):
        # All it could have lost rests on what is typical of others: no date can be said of this car.
        return DueWindow(None, None, None, COVERAGE), None
    left = now.level - wear.limit
    days_left = max(0.0, left / per_day) if not is_unused else 0.0
    if is_unused:
        return due_window(now_ms, 0.0, 0.0, 0.0, wear.say_until_days), days_left
    then = estimate_wear(history, model, wear, min(days_left, 4 * wear.say_until_days))
    travelled = min(days_left, 4 * wear.say_until_days) * usage.km_spread * per_day
    # The bound narrows what is known today; what the days ahead add to the scatter is as without it.
    ahead = max(0.0, then.variance - reckoned.variance)
    sd_days = (now.variance + ahead + travelled**2) ** 0.5 / per_day
    half = model.windows.width * sd_days
    # Over the limit already, the latest is counted from when the limit was passed, but is never in the past.
    passed = min(0.0, left / per_day)
    window = due_window(
        now_ms, max(0.0, days_left - half), days_left, max(days_left, days_left + passed + half), wear.say_until_days
    )
    return window, days_left


def _is_told(now: BoundedWear, wear: WearSpec) -> bool:
    """Whether the bound changed enough to be spoken of."""
    return now.relief > TOLD_FROM * (wear.new - wear.limit)


def _features(
    history: WearHistory, reckoned: WearEstimate, now: BoundedWear, per_day: float, usage: Usage
) -> dict[str, float]:
    return {
        **dict(zip(history.names, history.exposures, strict=True)),
        "anchor": history.anchor,
        "anchor_sd": history.anchor_sd,
        "car_factor": history.factor,
        "car_factor_sd": history.factor_precision**-0.5,
        "worn": now.worn,
        "remaining": now.remains,
        "worn_per_day": per_day,
        "unseen_worn": reckoned.unseen_worn,
        "reckoned_worn": reckoned.worn,
        "unseen_km": history.unseen_km,
        "km_per_day": usage.km_per_day,
        "observed_km": usage.observed_km,
    }


def _contributions(
    catalogue: Catalogue, wear: WearSpec, history: WearHistory, reckoned: WearEstimate, now: BoundedWear
) -> tuple[Contribution, ...]:
    since = since_in_words(history.since_ms, history.since_odometer_m)
    known = f"{amount_in_words(history.anchor)} {wear.unit} at {since}"
    guess = f"a guess: {amount_in_words(history.anchor)} {wear.unit} at {since}, when we began to watch"
    is_told = _is_told(now, wear)
    if is_told and now.anchor > history.anchor:
        guess += f", raised to {amount_in_words(now.anchor)} {wear.unit} because the car still drives"
    parts = [Contribution("anchor", now.anchor, known if history.is_known else guess)]
    for i, name in enumerate(history.names):
        spec = catalogue.exposures[name]
        amount = f"{spec.texts['en']}: {amount_in_words(history.exposures[i])} {spec.unit}"
        if history.unseen[i] > 0:
            amount += f", of it {amount_in_words(history.unseen[i])} estimated for {history.unseen_km:,.0f} km not seen"
        if is_told and now.parts[i] < reckoned.parts[i]:
            amount += f"; bounded by what there was to lose, else {amount_in_words(reckoned.parts[i])} {wear.unit}"
        parts.append(Contribution(name, -now.parts[i], amount))
    return tuple(parts)


def _words(
    catalogue: Catalogue,
    item: ItemSpec,
    wear: WearSpec,
    history: WearHistory,
    now: BoundedWear,
    usage: Usage,
    window: DueWindow,
    odometer_m: int,
    days_left: float | None,
) -> dict[str, str]:
    """Every field a reason template may name; all come from features, contributions and window."""
    main = max(range(len(now.parts)), key=lambda i: now.parts[i])
    odometer_km = odometer_m / 1000 if odometer_m != UNKNOWN else usage.observed_km
    return {
        "name": item.text().name,
        "remaining": amount_in_words(max(0.0, now.remains)),
        "unit": wear.unit,
        "new": f"{wear.new:g}",
        "limit": f"{wear.limit:g}",
        "worn": amount_in_words(now.worn),
        "reckoned": amount_in_words(now.worn + now.relief),
        "since": since_in_words(history.since_ms, history.since_odometer_m),
        "km_since": f"{history.distance_km:,.0f}",
        "odometer_km": f"{odometer_km:,.0f}",
        "age": amount_in_words((window.expected_ms or 0) / 86_400_000),
        "due": day_in_words(window.expected_ms),
        "per_1000_km": amount_in_words(now.worn / history.distance_km * 1000 if history.distance_km > 1 else 0.0),
        "km_per_day": amount_in_words(usage.km_per_day),
        "unseen_km": f"{history.unseen_km:,.0f}",
        "remaining_km": "–" if days_left is None else f"{days_left * usage.km_per_day:,.0f}",
        "health_pct": f"{100 * clip((now.remains - wear.limit) / (wear.new - wear.limit)):.0f}",
        "main_cause": catalogue.exposures[history.names[main]].texts["en"],
        "main_amount": amount_in_words(now.parts[main]),
    }
