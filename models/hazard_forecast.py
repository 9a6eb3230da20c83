"""How likely an item is to fail within its horizons, and when that passes the action level."""

from __future__ import annotations

import math

from domain.catalogue import Catalogue, HazardSpec, ItemSpec
from domain.prediction import Contribution, DueWindow
from models.bayesian_logistic import INTERCEPT, probability
from models.fleet_model import AGE_YEARS, FleetModel
from models.forecast import Forecast, amount_in_words, clip, day_in_words, due_window, since_in_words
from models.usage import Usage
from models.vehicle_state import DAY_MS, UNKNOWN, Record

TWO_SIDED_90 = 1.6449  # standard normal quantile at 95 %
YEAR_DAYS = 365.25
SIGNS = {"Celsius": "°C"}
DIGITS = {"V": 2, "Celsius": 0}


def hazard_features(state: Record, catalogue: Catalogue, item: ItemSpec, hazard: HazardSpec) -> dict[str, float]:
    """The item's features as the state knows them; what was never seen is left out. Ages in years, trends in units."""
    features: dict[str, float] = {}
    trends = list(catalogue.trends)
    for feature in hazard.features:
        if feature.name == AGE_YEARS:
            since_ms = _since_ms(state, item)
            if since_ms > 0 and int(state["last_ms"]) != UNKNOWN:
                features[AGE_YEARS] = max(0.0, (int(state["last_ms"]) - since_ms) / DAY_MS / YEAR_DAYS)
            continue
        trend = state["trends"][trends.index(feature.name)]
        if int(trend["count"]) > 0:
            features[feature.name] = float(trend["fast"])
    return features


def hazard_readings(state: Record, catalogue: Catalogue, hazard: HazardSpec) -> int:
    """How many readings of the item itself there were (weather doesn't count)."""
    counts = [
        int(trend["count"])
        for (name, spec), trend in zip(catalogue.trends.items(), state["trends"], strict=True)
        if spec.function != "mean" and any(feature.name == name for feature in hazard.features)
    ]
    return max(counts, default=0)


def forecast_hazard(
    state: Record, catalogue: Catalogue, item: ItemSpec, hazard: HazardSpec, model: FleetModel, usage: Usage
) -> Forecast:
    """The forecast at the car's newest event: a constant rate per day that gives the model's probability."""
    estimator = model.hazard
    if estimator is None:
        raise TypeError(f"{item.id} is no hazard item")
    features = hazard_features(state, catalogue, item, hazard)
    scaled = model.hazard_row(features)
    log_odds = estimator.log_odds_one(scaled)
    share = probability(log_odds)
    # What was not seen could lie one scale to either side of the centre.
    missing = sum(w**2 for n, w in zip(estimator.names, estimator.weights, strict=True) if n != INTERCEPT and n not in scaled)  # fmt: skip # noqa: E501
    half = TWO_SIDED_90 * (estimator.variance_one(scaled) + missing) ** 0.5
    expected = _days_until(hazard, share)
    window = due_window(
        int(state["last_ms"]),
        min(expected, _days_until(hazard, probability(log_odds + half))),
        expected,
        max(expected, _days_until(hazard, probability(log_odds - half))),
        hazard.say_until_days,
    )
    contributions = _contributions(catalogue, hazard, model, features, scaled)
    is_known = int(state["items"][item.id]["set_ms"]) != UNKNOWN or AGE_YEARS in features
    text = item.text()
    words = _words(state, item, hazard, share, window, contributions, features)
    return Forecast(
        health=clip(1.0 - share / hazard.action_probability),
        window=window,
        remaining_km=None,
        probability={days: 1.0 - (1.0 - share) ** (days / hazard.decide_on_days) for days in hazard.horizons_days},
        contributions=contributions,
        reason=(text.reason if is_known else text.reason_unknown).format_map(words),
        features={**features, "log_odds": log_odds, "probability": share},
        is_ready=hazard_readings(state, catalogue, hazard) >= hazard.readings_until_ready,
    )


def _since_ms(state: Record, item: ItemSpec) -> int:
    """When the item was last renewed; the car's own birth while nobody told."""
    set_ms = int(state["items"][item.id]["set_ms"])
    return set_ms if set_ms != UNKNOWN else int(state["built_ms"])


def _days_until(hazard: HazardSpec, share: float) -> float:
    """Days until a constant rate has added up to the action level."""
    rate = -math.log1p(-min(share, 1.0 - 1e-12)) / hazard.decide_on_days
    return -math.log1p(-hazard.action_probability) / rate if rate > 0 else math.inf


def _contributions(
    catalogue: Catalogue,
    hazard: HazardSpec,
    model: FleetModel,
    features: dict[str, float],
    scaled: dict[str, float],
) -> tuple[Contribution, ...]:
    estimator = model.hazard
    weights = dict(zip(estimator.names, estimator.weights, strict=True)) if estimator else {}
    parts = [Contribution(INTERCEPT, weights.get(INTERCEPT, 0.0), "what is usual")]
    for feature in hazard.features:
        name = feature.texts["en"]
        if feature.name not in scaled:
            parts.append(Contribution(feature.name, 0.0, f"{name}: not seen yet"))
            continue
        unit = catalogue.trends[feature.name].unit if feature.name in catalogue.trends else "years"
        # Adding zero turns −0.0 into 0.0: nobody says "−0 °C".
        value = round(features[feature.name], DIGITS.get(unit, 1)) + 0.0
        text = f"{name} {value:.{DIGITS.get(unit, 1)}f} {SIGNS.get(unit, unit)}"
        parts.append(Contribution(feature.name, weights[feature.name] * scaled[feature.name], text))
    return tuple(parts)


def _words(
    state: Record,
    item: ItemSpec,
    hazard: HazardSpec,
    share: float,
    window: DueWindow,
    contributions: tuple[Contribution, ...],
    features: dict[str, float],
) -> dict[str, str]:
    """Every field a reason template may name; all come from features, contributions and window."""
    strongest = max(contributions[1:], key=lambda c: c.amount, default=contributions[0])
    readings = "; ".join(c.text for c in contributions[1:] if c.name in features) or "no readings yet"
    return {
        "name": item.text().name,
        "probability_pct": amount_in_words(100 * share),
        "days": f"{hazard.decide_on_days}",
        "action_pct": f"{100 * hazard.action_probability:.0f}",
        "main_cause": strongest.text,
        "readings": readings,
        "due": day_in_words(window.expected_ms),
        "since": since_in_words(int(state["items"][item.id]["set_ms"]), UNKNOWN),
        "km_since": "–",
        "odometer_km": f"{max(0, int(state['odometer_m'])) / 1000:,.0f}",
        "age": amount_in_words(features.get(AGE_YEARS, 0.0)),
    }
