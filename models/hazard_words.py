"""What the numbers of a hazard item mean: probabilities, contributions, features and the reason in words."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from domain.catalogue import AGE_YEARS, Catalogue, HazardFeature, HazardSpec, ItemSpec
from domain.prediction import Contribution
from models.bayesian_logistic import INTERCEPT
from models.prediction_row import IS_KNOWN, Row
from models.vehicle_state import UNKNOWN
from models.wording import Wording

Share = TypeVar("Share", float, npt.NDArray[np.float64])

SIGNS = {"Celsius": "°C", "percent": "%"}
DIGITS = {"V": 2, "Celsius": 0, "percent": 0}


def hazard_words(
    catalogue: Catalogue,
    item: ItemSpec,
    hazard: HazardSpec,
    row: Row,
    own: Row,
    features: dict[str, float],
    wording: Wording,
) -> tuple[str, tuple[Contribution, ...]]:
    """Reason and contributions of `item` in a language; `own` is its part of the `row`, `features` what was seen."""
    contributions = _contributions(catalogue, hazard, own, features, wording)
    text = item.text(wording.code)
    template = text.reason if int(own["flags"]) & IS_KNOWN else text.reason_unknown
    reason = template.format_map(_words(item, hazard, row, own, contributions, features, wording))
    return reason, contributions


def hazard_features(hazard: HazardSpec, own: Row) -> dict[str, float]:
    """The features that were seen, by name, from `own`, the item's part of a row."""
    values, is_seen = own["value"].tolist(), own["is_seen"].tolist()
    return {f.name: values[e] for e, f in enumerate(hazard.features) if is_seen[e]}


def horizons(hazard: HazardSpec, share: Share) -> dict[int, Share]:
    """The probability of failing within each horizon, at the constant rate of `share` within `decide_on_days`.

    Of one car, or of many: an array then.
    """
    return {days: 1.0 - (1.0 - share) ** (days / hazard.decide_on_days) for days in hazard.horizons_days}


def _contributions(
    catalogue: Catalogue, hazard: HazardSpec, own: Row, features: dict[str, float], wording: Wording
) -> tuple[Contribution, ...]:
    amounts = own["contribution"].tolist()
    parts = [Contribution(INTERCEPT, float(own["usual"]), wording("usual"))]
    for feature, amount in zip(hazard.features, amounts, strict=False):
        # That a reading is missing tells something, too, where trees serve.
        if feature.name not in features:
            said = wording("not_seen", name=feature.text(wording.code))
        else:
            said = _reading(catalogue, feature, features[feature.name], wording)
        parts.append(Contribution(feature.name, amount, said))
    return tuple(parts)


def _reading(catalogue: Catalogue, feature: HazardFeature, value: float, wording: Wording) -> str:
    unit = catalogue.trends[feature.source].unit if feature.source in catalogue.trends else wording("years")
    said = wording.number(value, DIGITS.get(unit, 1))
    return f"{feature.text(wording.code)} {said} {SIGNS.get(unit, unit)}"


def _words(
    item: ItemSpec,
    hazard: HazardSpec,
    row: Row,
    own: Row,
    contributions: tuple[Contribution, ...],
    features: dict[str, float],
    wording: Wording,
) -> dict[str, str]:
    """Every field a reason template may name; all come from features, contributions and window."""
    seen = [c for c in contributions[1:] if c.name in features]
    strongest = max(seen, key=lambda c: c.amount, default=contributions[0])
    readings = [c.text for c in seen]
    expected_ms = int(own["expected_ms"])
    return {
        "name": item.text(wording.code).name,
        "probability_pct": wording.amount(100 * float(own["probability"])),
        "days": wording.number(hazard.decide_on_days),
        "action_pct": wording.number(100 * hazard.action_probability),
        "main_cause": strongest.text,
        "readings": wording("list").join(readings) or wording("no_readings"),
        "due": wording.day(None if expected_ms == UNKNOWN else expected_ms),
        "since": wording.since(int(own["since_ms"]), UNKNOWN),
        "km_since": "–",
        "odometer_km": wording.number(max(0, int(row["odometer_m"])) / 1000),
        "age": wording.amount(features.get(AGE_YEARS, 0.0)),
    }
