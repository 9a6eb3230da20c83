"""What the numbers of a wear item mean: contributions, features and the reason in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domain.catalogue import Catalogue, ItemSpec, WearSpec
from domain.prediction import Contribution
from models.prediction_row import IS_DATED, IS_KNOWN, Row
from models.vehicle_state import DAY_MS, UNKNOWN
from models.wording import amount_in_words, day_in_words, since_in_words

TOLD_FROM = 0.01  # of the item's range: a smaller effect of the bound is not spoken of


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The item's part of a row in plain numbers; the sums are made of the parts, so that they add up."""

    own: dict[str, Any]
    names: tuple[str, ...]
    parts: list[float]
    reckoned: list[float]
    worn: float
    remains: float
    relief: float
    is_known: bool
    is_dated: bool
    is_bounded: bool


def wear_words(
    catalogue: Catalogue, item: ItemSpec, wear: WearSpec, row: Row, own: Row
) -> tuple[str, tuple[Contribution, ...], dict[str, float]]:
    """Reason, contributions and features of `item`; `own` is its part of the `row`."""
    numbers = _numbers(wear, own)
    text = item.text()
    template = text.reason if numbers.is_dated else text.reason_unused or text.reason
    if numbers.is_dated and not numbers.is_known:
        template = text.reason_unknown
    elif numbers.is_bounded and text.reason_bounded:
        template = f"{template} {text.reason_bounded}"
    reason = template.format_map(_words(catalogue, item, wear, row, numbers))
    return reason, _contributions(catalogue, wear, numbers), _features(row, numbers)


def _numbers(wear: WearSpec, own: Row) -> _Numbers:
    fields: dict[str, Any] = {name: own[name].tolist() for name in own.dtype.names or ()}
    count = len(wear.rates)
    parts = fields["part"][:count]
    return _Numbers(
        own=fields,
        names=tuple(wear.rates),
        parts=parts,
        reckoned=fields["reckoned"][:count],
        worn=sum(parts),
        remains=fields["raised_anchor"] - sum(parts),
        relief=fields["relief"],
        is_known=bool(fields["flags"] & IS_KNOWN),
        is_dated=bool(fields["flags"] & IS_DATED),
        is_bounded=fields["relief"] > TOLD_FROM * (wear.new - wear.limit),
    )


def _exposures(numbers: _Numbers) -> list[float]:
    own = numbers.own
    return [seen + unseen for seen, unseen in zip(own["seen"], own["unseen"], strict=True)][: len(numbers.names)]


def _features(row: Row, numbers: _Numbers) -> dict[str, float]:
    own = numbers.own
    return {
        **dict(zip(numbers.names, _exposures(numbers), strict=True)),
        "anchor": own["anchor"],
        "anchor_sd": own["anchor_sd"],
        "car_factor": own["factor"],
        "car_factor_sd": own["factor_sd"],
        "worn": numbers.worn,
        "remaining": numbers.remains,
        "worn_per_day": own["per_day"],
        "unseen_worn": own["unseen_worn"],
        "reckoned_worn": sum(numbers.reckoned),
        "unseen_km": own["unseen_km"],
        "km_per_day": float(row["km_per_day"]),
        "observed_km": float(row["observed_km"]),
    }


def _contributions(catalogue: Catalogue, wear: WearSpec, numbers: _Numbers) -> tuple[Contribution, ...]:
    own = numbers.own
    since = since_in_words(own["since_ms"], own["since_odometer_m"])
    known = f"{amount_in_words(own['anchor'])} {wear.unit} at {since}"
    guess = f"a guess: {amount_in_words(own['anchor'])} {wear.unit} at {since}, when we began to watch"
    if numbers.is_bounded and own["raised_anchor"] > own["anchor"]:
        guess += f", raised to {amount_in_words(own['raised_anchor'])} {wear.unit} because the car still drives"
    parts = [Contribution("anchor", own["raised_anchor"], known if numbers.is_known else guess)]
    for i, (name, exposure) in enumerate(zip(numbers.names, _exposures(numbers), strict=True)):
        spec = catalogue.exposures[name]
        amount = f"{spec.texts['en']}: {amount_in_words(exposure)} {spec.unit}"
        if own["unseen"][i] > 0:
            unseen = amount_in_words(own["unseen"][i])
            amount += f", of it {unseen} estimated for {own['unseen_km']:,.0f} km not seen"
        if numbers.is_bounded and numbers.parts[i] < numbers.reckoned[i]:
            reckoned = amount_in_words(numbers.reckoned[i])
            amount += f"; bounded by what there was to lose, else {reckoned} {wear.unit}"
        parts.append(Contribution(name, -numbers.parts[i], amount))
    return tuple(parts)


def _words(catalogue: Catalogue, item: ItemSpec, wear: WearSpec, row: Row, numbers: _Numbers) -> dict[str, str]:
    """Every field a reason template may name; all come from features, contributions and window."""
    own = numbers.own
    main = max(range(len(numbers.parts)), key=lambda i: numbers.parts[i])
    odometer_m, km = int(row["odometer_m"]), own["distance_km"]
    expected_ms = None if own["expected_ms"] == UNKNOWN else own["expected_ms"]
    return {
        "name": item.text().name,
        "remaining": amount_in_words(max(0.0, numbers.remains)),
        "unit": wear.unit,
        "new": f"{wear.new:g}",
        "limit": f"{wear.limit:g}",
        "worn": amount_in_words(numbers.worn),
        "reckoned": amount_in_words(numbers.worn + numbers.relief),
        "since": since_in_words(own["since_ms"], own["since_odometer_m"]),
        "km_since": f"{km:,.0f}",
        "odometer_km": f"{odometer_m / 1000 if odometer_m != UNKNOWN else float(row['observed_km']):,.0f}",
        "age": amount_in_words((expected_ms or 0) / DAY_MS),
        "due": day_in_words(expected_ms),
        "per_1000_km": amount_in_words(numbers.worn / km * 1000 if km > 1 else 0.0),
        "km_per_day": amount_in_words(float(row["km_per_day"])),
        "unseen_km": f"{own['unseen_km']:,.0f}",
        "remaining_km": f"{own['remaining_km']:,.0f}" if numbers.is_dated else "–",
        "health_pct": f"{100 * own['health']:.0f}",
        "main_cause": catalogue.exposures[numbers.names[main]].texts["en"],
        "main_amount": amount_in_words(numbers.parts[main]),
    }
