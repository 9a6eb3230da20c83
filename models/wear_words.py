"""What the numbers of a wear item mean: contributions, features and the reason in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domain.catalogue import Catalogue, ItemSpec, WearSpec
from domain.prediction import Contribution
from models.main_cause import cause_in_words, main_cause
from models.prediction_row import IS_DATED, IS_KNOWN, IS_SENSED, Row
from models.vehicle_state import DAY_MS, UNKNOWN
from models.wording import Wording

TOLD_FROM = 0.01  # of the item's range: a smaller effect of the bound is not spoken of


@dataclass(frozen=True, slots=True)
class WearNumbers:
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
    is_sensed: bool


def wear_words(
    catalogue: Catalogue, item: ItemSpec, wear: WearSpec, row: Row, numbers: WearNumbers, wording: Wording
) -> tuple[str, tuple[Contribution, ...]]:
    """Reason and contributions of `item` in a language; `numbers` are those of the `row`."""
    text = item.text(wording.code)
    template = text.reason if numbers.is_dated else text.reason_unused or text.reason
    if numbers.is_dated and not numbers.is_known:
        template = text.reason_unknown
    elif numbers.is_bounded and text.reason_bounded:
        template = f"{template} {text.reason_bounded}"
    said = _words(catalogue, item, wear, row, numbers, wording)
    if not numbers.is_sensed:
        reason = template.format_map(said)
    elif numbers.is_dated and not numbers.is_known:
        reason = wording("sensed_alone", **said)
    else:
        reason = f"{template.format_map(said)}{wording('sensed')}"
    return reason, _contributions(catalogue, wear, numbers, wording)


def wear_numbers(wear: WearSpec, own: Row) -> WearNumbers:
    """The numbers of an item from `own`, its part of a row."""
    fields: dict[str, Any] = {name: own[name].tolist() for name in own.dtype.names or ()}
    count = len(wear.rates)
    parts = fields["part"][:count]
    return WearNumbers(
        own=fields,
        names=tuple(wear.rates),
        parts=parts,
        reckoned=fields["reckoned"][:count],
        worn=sum(parts),
        remains=fields["raised_anchor"] - sum(parts),
        relief=fields["relief"],
        is_known=bool(fields["flags"] & IS_KNOWN),
        is_dated=bool(fields["flags"] & IS_DATED),
        is_sensed=bool(fields["flags"] & IS_SENSED),
        is_bounded=fields["relief"] > TOLD_FROM * (wear.new - wear.limit),
    )


def _exposures(numbers: WearNumbers) -> list[float]:
    own = numbers.own
    return [seen + unseen for seen, unseen in zip(own["seen"], own["unseen"], strict=True)][: len(numbers.names)]


def wear_features(row: Row, numbers: WearNumbers) -> dict[str, float]:
    """What the item's prediction rests on."""
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
        "km_since": own["distance_km"],
        "km_per_day": float(row["km_per_day"]),
        "observed_km": float(row["observed_km"]),
    }


def _contributions(
    catalogue: Catalogue, wear: WearSpec, numbers: WearNumbers, wording: Wording
) -> tuple[Contribution, ...]:
    own, unit = numbers.own, wear.unit
    since = wording.since(own["since_ms"], own["since_odometer_m"])
    anchor = wording(
        "known" if numbers.is_known else "guess", amount=wording.amount(own["anchor"]), unit=unit, since=since
    )
    if numbers.is_sensed:
        anchor += wording("by_sensor", amount=wording.amount(own["raised_anchor"]), unit=unit)
    elif not numbers.is_known and numbers.is_bounded and own["raised_anchor"] > own["anchor"]:
        anchor += wording("raised", amount=wording.amount(own["raised_anchor"]), unit=unit)
    parts = [Contribution("anchor", own["raised_anchor"], anchor)]
    for i, (name, exposure) in enumerate(zip(numbers.names, _exposures(numbers), strict=True)):
        spec = catalogue.exposures[name]
        said = wording("exposure", name=spec.text(wording.code), amount=wording.amount(exposure), unit=spec.unit)
        if own["unseen"][i] > 0:
            km = wording.number(own["unseen_km"])
            said += wording("unseen", amount=wording.amount(own["unseen"][i]), km=km)
        if numbers.is_bounded and numbers.parts[i] < numbers.reckoned[i]:
            said += wording("bounded", amount=wording.amount(numbers.reckoned[i]), unit=unit)
        parts.append(Contribution(name, -numbers.parts[i], said))
    return tuple(parts)


def _words(
    catalogue: Catalogue, item: ItemSpec, wear: WearSpec, row: Row, numbers: WearNumbers, wording: Wording
) -> dict[str, str]:
    """Every field a reason template may name; all come from features, contributions and window."""
    own, amount, number = numbers.own, wording.amount, wording.number
    odometer_m, km = int(row["odometer_m"]), own["distance_km"]
    expected_ms = None if own["expected_ms"] == UNKNOWN else own["expected_ms"]
    cause = main_cause(catalogue, numbers.names, numbers.parts, _exposures(numbers), km)
    return {
        "name": item.text(wording.code).name,
        "remaining": amount(max(0.0, numbers.remains)),
        "unit": wear.unit,
        "new": wording.plain(wear.new),
        "limit": wording.plain(wear.limit),
        "worn": amount(numbers.worn),
        "reckoned": amount(numbers.worn + numbers.relief),
        "since": wording.since(own["since_ms"], own["since_odometer_m"]),
        "km_since": number(km),
        "odometer_km": number(odometer_m / 1000 if odometer_m != UNKNOWN else float(row["observed_km"])),
        "age": amount((expected_ms or 0) / DAY_MS),
        "due": wording.day(expected_ms),
        "per_1000_km": amount(numbers.worn / km * 1000 if km > 1 else 0.0),
        "km_per_day": amount(float(row["km_per_day"])),
        "unseen_km": number(own["unseen_km"]),
        "remaining_km": number(own["remaining_km"]) if numbers.is_dated else "–",
        "health_pct": number(100 * own["health"]),
        "cause": cause_in_words(cause, catalogue, own["since_ms"], wording),
        "main_cause": catalogue.exposures[cause.name if cause else numbers.names[0]].text(wording.code),
        "main_share_pct": number(100 * cause.share if cause else 0.0),
        "main_amount": amount(max(numbers.parts)),
    }
