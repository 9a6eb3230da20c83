"""How likely items are to fail within their horizons, and when that passes the action level, for a block of cars."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models.bayesian_logistic import probabilities
from models.due_moments import moments, set_window
from models.hazard_items import HazardItems, HazardWeights, hazard_features
from models.prediction_row import IS_DATED, IS_KNOWN, IS_READY, Rows
from models.risk_patterns import pattern_rows

Floats = npt.NDArray[np.float64]

TWO_SIDED_90 = 1.6449  # standard normal quantile at 95 %


def forecast_hazard(rows: Rows, states: npt.NDArray[Any], items: HazardItems, weights: HazardWeights) -> None:
    """Write the forecasts at the cars' newest events into `rows["hazard"]`.

    Each is a constant rate per day that gives the model's probability.
    """
    known = hazard_features(states, items)
    scaled = np.where(known.is_seen, (known.value - items.centre) / items.scale, 0.0)
    parts = scaled * weights.weight
    usual = np.zeros(known.since_ms.shape) + weights.intercept
    for h, patterns in enumerate(weights.patterns):
        if patterns is not None:
            own_slots = len(items.specs[h].features)
            rows_of = pattern_rows(known.value[:own_slots, h].T, known.is_seen[:own_slots, h].T, states["last_ms"])
            usual[h], own_parts = patterns.explain_many(rows_of)
            parts[:own_slots, h] = own_parts.T
    log_odds = usual.copy()
    missing = np.zeros_like(log_odds)
    for part, weight, is_seen in zip(parts, weights.weight, known.is_seen, strict=True):
        log_odds += part
        # What was not seen could lie one scale to either side of the centre.
        missing += np.where(is_seen, 0.0, weight * weight)
    share = probabilities(log_odds)
    half = TWO_SIDED_90 * np.sqrt(np.maximum(0.0, _variance(scaled, weights) + missing))
    expected = _days_until(items, share)
    soonest, latest = (_days_until(items, probabilities(log_odds + way * half)) for way in (1.0, -1.0))
    now_ms, say_until = states["last_ms"], items.say_until_days
    set_window(
        rows,
        "hazard",
        moments(now_ms, np.minimum(expected, soonest), say_until),
        moments(now_ms, expected, say_until),
        moments(now_ms, np.maximum(expected, latest), say_until),
    )
    own = rows["hazard"]
    own["health"] = np.clip(1.0 - share / items.action_probability, 0.0, 1.0).T
    is_ready = known.readings >= items.readings_until_ready
    own["flags"] = (is_ready * IS_READY | known.is_known * IS_KNOWN | IS_DATED).astype(np.uint8).T
    own["since_ms"] = known.since_ms.T
    own["probability"], own["log_odds"] = share.T, log_odds.T
    own["usual"] = usual.T
    own["is_seen"] = known.is_seen.transpose(2, 1, 0)
    own["value"] = known.value.transpose(2, 1, 0)
    own["contribution"] = parts.transpose(2, 1, 0)


def _variance(scaled: Floats, weights: HazardWeights) -> Floats:
    """Variance of the log-odds: zᵀΣz with z = (1, scaled), of covariances that are symmetric."""
    z = [np.ones(scaled.shape[1:]), *scaled]
    variance = np.zeros(scaled.shape[1:])
    for i in range(len(z)):
        for j in range(i + 1):
            variance += (1.0 if i == j else 2.0) * weights.spread[i, j] * z[i] * z[j]
    return variance


def _days_until(items: HazardItems, share: Floats) -> Floats:
    """Days until a constant rate has added up to the action level."""
    rate = -np.log1p(-np.minimum(share, 1.0 - 1e-12)) / items.decide_on_days
    # The logistic function stops short of 0, and so does the rate.
    days: Floats = -np.log1p(-items.action_probability) / rate
    return days
