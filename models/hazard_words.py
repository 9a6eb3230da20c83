"""What the numbers of a hazard item mean: probabilities, contributions, features and the reason in words."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue, HazardSpec, ItemSpec
from domain.prediction import Contribution
from models.bayesian_logistic import INTERCEPT
from models.fleet_model import AGE_YEARS
from models.prediction_row import IS_KNOWN, Row
from models.vehicle_state import UNKNOWN
from models.wording import amount_in_words, day_in_words, since_in_words

Share = TypeVar("Share", float, npt.NDArray[np.float64])

SIGNS = {"Celsius": "°C"}
DIGITS = {"V": 2, "Celsius": 0}


def hazard_words(
    catalogue: Catalogue, item: ItemSpec, hazard: HazardSpec, row: Row, own: Row
) -> tuple[str, tuple[Contribution, ...], dict[str, float]]:
    """Reason, contributions and features of `item`; `own` is its part of the `row`."""
    values, is_seen = own["value"].tolist(), own["is_seen"].tolist()
    features = {f.name: values[e] for e, f in enumerate(hazard.features) if is_seen[e]}
    share = float(own["probability"])
    contributions = _contributions(catalogue, hazard, own, features)
    text = item.text()
    template = text.reason if int(own["flags"]) & IS_KNOWN else text.reason_unknown
    reason = template.format_map(_words(item, hazard, row, own, contributions, features))
    return reason, contributions, {**features, "log_odds": float(own["log_odds"]), "probability": share}


def horizons(hazard: HazardSpec, share: Share) -> dict[int, Share]:
    """The probability of failing within each horizon, at the constant rate of `share` within `decide_on_days`.

    Of one car, or of many: an array then.
    """
    return {days: 1.0 - (1.0 - share) ** (days / hazard.decide_on_days) for days in hazard.horizons_days}


def _contributions(
    catalogue: Catalogue, hazard: HazardSpec, own: Row, features: dict[str, float]
) -> tuple[Contribution, ...]:
    amounts = own["contribution"].tolist()
    parts = [Contribution(INTERCEPT, float(own["usual"]), "what is usual")]
    for feature, amount in zip(hazard.features, amounts, strict=False):
        name = feature.texts["en"]
        if feature.name not in features:
            parts.append(Contribution(feature.name, 0.0, f"{name}: not seen yet"))
            continue
        unit = catalogue.trends[feature.name].unit if feature.name in catalogue.trends else "years"
        # Adding zero turns −0.0 into 0.0: nobody says "−0 °C".
        value = round(features[feature.name], DIGITS.get(unit, 1)) + 0.0
        text = f"{name} {value:.{DIGITS.get(unit, 1)}f} {SIGNS.get(unit, unit)}"
        parts.append(Contribution(feature.name, amount, text))
    return tuple(parts)


def _words(
    item: ItemSpec,
    hazard: HazardSpec,
    row: Row,
    own: Row,
    contributions: tuple[Contribution, ...],
    features: dict[str, float],
) -> dict[str, str]:
    """Every field a reason template may name; all come from features, contributions and window."""
    strongest = max(contributions[1:], key=lambda c: c.amount, default=contributions[0])
    readings = "; ".join(c.text for c in contributions[1:] if c.name in features) or "no readings yet"
    expected_ms = int(own["expected_ms"])
    return {
        "name": item.text().name,
        "probability_pct": amount_in_words(100 * float(own["probability"])),
        "days": f"{hazard.decide_on_days}",
        "action_pct": f"{100 * hazard.action_probability:.0f}",
        "main_cause": strongest.text,
        "readings": readings,
        "due": day_in_words(None if expected_ms == UNKNOWN else expected_ms),
        "since": since_in_words(int(own["since_ms"]), UNKNOWN),
        "km_since": "–",
        "odometer_km": f"{max(0, int(row['odometer_m'])) / 1000:,.0f}",
        "age": amount_in_words(features.get(AGE_YEARS, 0.0)),
    }
