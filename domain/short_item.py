"""The short form of an item: what a history needs to be told of a machine, with everything else left out.

It stands in an item that has no `wear:`, `hazard:` or `calendar:` part of the long form, beside `kind` or in a part of
that name: of wear its `unit` and perhaps `exposures`, of a hazard its `horizons`, of the calendar its `interval`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from domain.call import ItemCost, carried
from domain.catalogue import (
    AGE,
    CalendarSpec,
    Catalogue,
    ExposureSpec,
    HazardSpec,
    ItemSpec,
    LifeSpec,
    RiskSpec,
    WearSpec,
)
from domain.cost_reader import refuse_beside_cost
from domain.exposure_reader import read_exposure
from domain.field_reader import FieldReader, Fields
from domain.iso_time import DAY_MS, duration_ms
from domain.prediction import ItemKind

# One of these in a part says that it is meant in the long form.
_LONG_FORM: Mapping[ItemKind, frozenset[str]] = {
    ItemKind.WEAR: frozenset({"new", "limit", "measurement_sd", "car_factor_sd", "unseen_sd", "rates", "floor"}),
    ItemKind.HAZARD: frozenset({"horizons_days", "decide_on_days", "intercept", "fails_below", "sound_from"}),
    ItemKind.CALENDAR: frozenset({"source"}),
}


@dataclass(frozen=True, slots=True)
class ItemParts:
    """What an item is predicted by, one of these as its kind says, and the exposures it defines by itself."""

    wear: WearSpec | None = None
    hazard: HazardSpec | None = None
    calendar: CalendarSpec | None = None
    life: LifeSpec | None = None
    risk: RiskSpec | None = None
    exposures: Mapping[str, ExposureSpec] = field(default_factory=dict)


def is_short(kind: ItemKind, at: Fields) -> bool:
    """Whether the item whose fields are `at` is in the short form."""
    if kind.value not in at.values:
        return True
    part = at.values[kind.value]
    return isinstance(part, Mapping) and bool(part) and not _LONG_FORM[kind] & part.keys()


def read_short_parts(reader: FieldReader, kind: ItemKind, at: Fields, cost: ItemCost | None) -> ItemParts:
    """The part of a short item, of whichever kind."""
    with _part_fields(reader, kind, at) as own:
        exclude = _excluded(reader, at, own)
        if kind is ItemKind.WEAR:
            names, defined = _exposures(reader, own)
            unit = own.text("unit", "day") or "day"
            say_until = own.number("say_until", low=1e-9) if own.get("say_until") is not None else math.inf
            life = LifeSpec(unit, names, exclude, *_signals(reader, own), say_until)
            return ItemParts(life=life, exposures=defined)
        if kind is ItemKind.HAZARD:
            return ItemParts(risk=_risk(reader, own, exclude, cost))
        return ItemParts(calendar=_calendar(reader, own))


@contextmanager
def _part_fields(reader: FieldReader, kind: ItemKind, at: Fields) -> Iterator[Fields]:
    part = at.get(kind.value)
    if part is None:
        yield at
        return
    with reader.fields(part, at.at(kind.value)) as own:
        yield own


def _excluded(reader: FieldReader, at: Fields, own: Fields) -> frozenset[str]:
    where = own if "features" in own.values else at
    with reader.fields(where.get("features", {}), where.at("features")) as features:
        if isinstance(features.get("exclude"), str):
            return frozenset({features.values["exclude"]})
        return frozenset(features.words("exclude"))


def _exposures(reader: FieldReader, own: Fields) -> tuple[tuple[str, ...], dict[str, ExposureSpec]]:
    given = own.get("exposures", [])
    if not isinstance(given, Mapping):
        return own.words("exposures"), {}
    path = own.at("exposures")
    defined = reader.each(given, path, lambda name, value, at: read_exposure(reader, name, value, at))
    return tuple(defined), defined


def _signals(reader: FieldReader, own: Fields) -> tuple[tuple[str, ...], frozenset[str]]:
    """The signals that bear on an item, and those among them that are operating conditions to it."""
    given = own.get("signals", [])
    if not isinstance(given, Mapping):
        return own.words("signals"), frozenset()

    def is_setting(_: str, value: Any, path: str) -> bool:
        with reader.fields({} if value is None else value, path) as at:
            return at.choice("role", ("reading", "setting"), "reading") == "setting"

    roles = reader.each(given, own.at("signals"), is_setting)
    return tuple(roles), frozenset(name for name, setting in roles.items() if setting)


def _risk(reader: FieldReader, own: Fields, exclude: frozenset[str], cost: ItemCost | None) -> RiskSpec:
    given = own.get("horizons")
    texts = [given] if isinstance(given, str) else given
    found: dict[int, str] = {}
    if not isinstance(texts, list) or not texts:
        reader.wrong(own.at("horizons"), "must be a list of ISO 8601 durations such as [PT24H, P7D]")
        texts = []
    for text in texts:
        length = _duration(reader, text, own.at("horizons"))
        if length in found:
            reader.wrong(own.at("horizons"), f"{text} is as long as {found[length]}")
        found[length] = str(text).strip()
    signals, settings = _signals(reader, own)
    horizons_ms = tuple(sorted(found)) or (DAY_MS,)
    if cost is None:
        action = own.number("action_probability", 0.5, low=1e-6, high=1.0)
    else:
        refuse_beside_cost(reader, own)
        action = carried(cost.risk, horizons_ms[-1], horizons_ms[0])
    return RiskSpec(
        horizons_ms=horizons_ms,
        action_probability=action,
        exclude=exclude,
        horizons=tuple(found[length] for length in sorted(found)) or ("P1D",),
        signals=signals,
        settings=settings,
    )


def _calendar(reader: FieldReader, own: Fields) -> CalendarSpec:
    source = own.text("source", "")
    given = own.get("interval")
    if given is None and "interval_days" not in own.values:
        reader.wrong(own.at("interval"), "must be an ISO 8601 duration such as P24M, unless interval_days is given")
        return CalendarSpec(1.0, source)
    if given is None:
        return CalendarSpec(own.number("interval_days", low=1.0), source)
    if "interval_days" in own.values:
        reader.wrong(own.at("interval"), "must not stand beside interval_days")
    days = _duration(reader, given, own.at("interval")) / DAY_MS
    if days < 1:
        reader.wrong(own.at("interval"), "must be at least a day")
    return CalendarSpec(max(days, 1.0), source)


def _duration(reader: FieldReader, value: Any, path: str) -> int:
    """Milliseconds, above 0."""
    try:
        if not isinstance(value, str):
            raise ValueError("must be an ISO 8601 duration such as P7D or PT24H")
        length = duration_ms(value)
        if not length:
            raise ValueError("must be longer than nothing")
    except ValueError as error:
        reader.wrong(path, f"{value}: {error}")
        return DAY_MS
    return length


def check_short_item(reader: FieldReader, catalogue: Catalogue, item: ItemSpec) -> None:
    """Notes what a short item names and the catalogue does not have."""
    for name in item.life.exposures if item.life else ():
        if name not in catalogue.exposures:
            reader.wrong(f"items.{item.id}.exposures.{name}", "no such exposure")
    part = item.life or item.risk
    for name in part.signals if part else ():
        if name not in catalogue.signals and name not in catalogue.trends:
            reader.wrong(f"items.{item.id}.signals.{name}", "no such signal, nor a trend")
    groups = (catalogue.signals, catalogue.events, catalogue.attributes, catalogue.exposures)
    for name in sorted(part.exclude - {AGE}) if part else ():
        if not any(name in group for group in groups):
            wrong = f"{name} is neither {AGE} nor a signal, an event, an attribute or an exposure"
            reader.wrong(f"items.{item.id}.features.exclude", wrong)
