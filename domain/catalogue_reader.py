"""From a plain mapping (a parsed YAML or JSON file) to a Catalogue, listing every mistake with its path."""

from __future__ import annotations

import math
from collections.abc import Mapping
from string import Formatter
from typing import Any

from domain.catalogue import (
    DTYPES,
    EXPOSURE_FUNCTIONS,
    SEVERITIES,
    TREND_FUNCTIONS,
    AtFloor,
    CalendarSpec,
    Catalogue,
    EventSpec,
    ExposureSpec,
    HazardFeature,
    HazardSpec,
    ItemSpec,
    ItemText,
    Prior,
    SignalSpec,
    TrendSpec,
    UnitScale,
    VssVersion,
    WearSpec,
    reason_fields,
)
from domain.errors import InvalidInput
from domain.field_reader import FieldReader, Fields
from domain.need import NeedRule
from domain.prediction import ItemKind

ROLES = ("speed", "odometer")


class InvalidCatalogue(InvalidInput):
    """The catalogue has mistakes; `mistakes` holds all of them as (path, what is wrong)."""

    def __init__(self, mistakes: list[tuple[str, str]]) -> None:
        lines = "; ".join(f"{path}: {wrong}" for path, wrong in mistakes)
        super().__init__(f"the catalogue has {len(mistakes)} mistake(s): {lines}", field=mistakes[0][0], fix=lines)
        self.mistakes = tuple(mistakes)


def read_catalogue(values: Any) -> Catalogue:
    """The catalogue in `values`; raises InvalidCatalogue with all mistakes."""
    reader = FieldReader()
    with reader.fields(values, "") as top:
        schema = top.whole("schema", low=1)
        if schema != 1:
            reader.wrong("schema", "must be 1, the only schema there is")
        signals = reader.each(top.get("signals", {}), "signals", lambda n, v, p: _signal(reader, n, v, p))
        exposures = reader.each(top.get("exposures", {}), "exposures", lambda n, v, p: _exposure(reader, n, v, p))
        trends = reader.each(top.get("trends", {}), "trends", lambda n, v, p: _trend(reader, n, v, p))
        items = reader.each(top.get("items", {}), "items", lambda n, v, p: _item(reader, n, v, p))
        events = reader.each(top.get("events", {}), "events", lambda n, v, p: _event(reader, n, v, p))
        catalogue = Catalogue(
            schema=schema,
            vss=top.text("vss"),
            name=top.text("name"),
            signals=signals,
            exposures=exposures,
            trends=trends,
            items=items,
            roles=_string_map(reader, top.get("roles", {}), "roles"),
            events=events,
            attributes=_string_map(reader, top.get("attributes", {}), "attributes"),
            versions=reader.each(top.get("versions", {}), "versions", lambda _, v, p: _version(reader, v, p)),
            units=reader.each(top.get("units", {}), "units", lambda _, v, p: _scales(reader, v, p)),
        )
    _check_references(reader, catalogue)
    _check_versions(reader, catalogue)
    if reader.mistakes:
        raise InvalidCatalogue(reader.mistakes)
    return catalogue


def _string_map(reader: FieldReader, value: Any, path: str) -> dict[str, str]:
    def read(name: str, entry: Any, entry_path: str) -> str:
        if not isinstance(entry, str):
            reader.wrong(entry_path, "must be text")
        return str(entry)

    return reader.each(value, path, read)


def _signal(reader: FieldReader, name: str, value: Any, path: str) -> SignalSpec:
    with reader.fields(value, path) as at:
        spec = SignalSpec(
            path=name,
            unit=at.text("unit"),
            minimum=at.number("min"),
            maximum=at.number("max"),
            dtype=at.choice("dtype", DTYPES, "float32"),
            role=at.choice("role", ("reading", "setting"), "reading"),
        )
        if spec.minimum >= spec.maximum:
            reader.wrong(at.at("max"), "must be above min")
        return spec


def _version(reader: FieldReader, value: Any, path: str) -> VssVersion:
    with reader.fields(value, path) as at:
        names = _string_map(reader, at.get("names", {}), at.at("names"))
        return VssVersion(names, _string_map(reader, at.get("units", {}), at.at("units")))


def _scales(reader: FieldReader, value: Any, path: str) -> dict[str, UnitScale]:
    def read(_: str, entry: Any, entry_path: str) -> UnitScale:
        numbers = entry if isinstance(entry, list) else [entry]
        if not 1 <= len(numbers) <= 2 or not all(_is_finite(number) for number in numbers) or not numbers[0]:
            reader.wrong(entry_path, "must be a factor, or a list of factor and offset")
            return UnitScale(1.0)
        return UnitScale(*map(float, numbers))

    return reader.each(value, path, read)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _function(
    reader: FieldReader,
    at: Fields,
    known: Mapping[str, tuple[tuple[str, ...], Mapping[str, float | None]]],
) -> tuple[str, dict[str, str], dict[str, float]]:
    name = at.choice("function", tuple(known))
    needed, defaults = known[name]
    signals = _string_map(reader, at.get("signals", {}), at.at("signals"))
    for role in needed:
        if role not in signals:
            reader.wrong(f"{at.at('signals')}.{role}", f"{name} needs this signal")
    for role in signals:
        if role not in needed:
            reader.wrong(f"{at.at('signals')}.{role}", f"{name} knows no such signal")
    with reader.fields(at.get("parameters", {}), at.at("parameters")) as given:
        parameters = {parameter: given.number(parameter, default) for parameter, default in defaults.items()}
    return name, signals, parameters


def _exposure(reader: FieldReader, name: str, value: Any, path: str) -> ExposureSpec:
    with reader.fields(value, path) as at:
        function, signals, parameters = _function(reader, at, EXPOSURE_FUNCTIONS)
        return ExposureSpec(
            name=name,
            function=function,
            unit=at.text("unit"),
            signals=signals,
            parameters=parameters,
            typical_per_km=at.number("typical_per_km", 0.0, low=0.0),
            source=at.text("source", ""),
            texts=at.texts(),
        )


def _trend(reader: FieldReader, name: str, value: Any, path: str) -> TrendSpec:
    with reader.fields(value, path) as at:
        function, signals, parameters = _function(reader, at, TREND_FUNCTIONS)
        return TrendSpec(name, function, at.text("unit"), signals, parameters, at.texts())


def _event(reader: FieldReader, code: str, value: Any, path: str) -> EventSpec:
    with reader.fields(value, path) as at:
        return EventSpec(code, at.text("unit", ""), at.texts())


def _prior(reader: FieldReader, value: Any, path: str) -> Prior:
    with reader.fields(value, path) as at:
        return Prior(at.number("mean"), at.number("sd", low=1e-12), at.text("source"))


def _item(reader: FieldReader, name: str, value: Any, path: str) -> ItemSpec:
    with reader.fields(value, path) as at:
        kind = ItemKind(at.choice("kind", tuple(kind.value for kind in ItemKind)))
        parts_of = {kind_name: at.get(kind_name) for kind_name in ("wear", "hazard", "calendar")}
        for kind_name, part in parts_of.items():
            if part is not None and kind_name != kind:
                reader.wrong(at.at(kind_name), f"an item of kind {kind} has no such part")
        texts = reader.each(at.get("texts", {}), at.at("texts"), lambda n, v, p: _item_text(reader, kind, v, p))
        if "en" not in texts:
            reader.wrong(at.at("texts"), "must have the language en")
        hazard = _hazard(reader, parts_of["hazard"], at.at("hazard")) if kind is ItemKind.HAZARD else None
        return ItemSpec(
            id=name,
            kind=kind,
            severity=at.choice("severity", SEVERITIES),
            action_lead_days=at.number("action_lead_days", low=0.0),
            need_rule=_need_rule(reader, kind, hazard, at.get("need"), at.at("need")),
            labour_minutes=at.whole("labour_minutes", low=1),
            parts=at.words("parts"),
            cost_hint=_cost_hint(reader, at),
            cost_currency=at.text("cost_currency", ""),
            texts=texts,
            wear=_wear(reader, parts_of["wear"], at.at("wear")) if kind is ItemKind.WEAR else None,
            hazard=hazard,
            calendar=_calendar(reader, parts_of["calendar"], at.at("calendar")) if kind is ItemKind.CALENDAR else None,
            roles=_string_map(reader, at.get("roles", {}), at.at("roles")),
        )


def _need_rule(reader: FieldReader, kind: ItemKind, hazard: HazardSpec | None, value: Any, path: str) -> NeedRule:
    with reader.fields(value, path) as at:
        is_hazard = kind is ItemKind.HAZARD
        rule = NeedRule(
            open_within_days=at.number("open_within_days", 0.0 if is_hazard else None, low=0.0),
            close_beyond_days=at.number("close_beyond_days", 0.0 if is_hazard else None, low=0.0),
            horizon_days=hazard.decide_on_days if hazard else 30,
            action_probability=hazard.action_probability if hazard else 1.0,
            close_probability=at.number("close_probability", None if is_hazard else 1.0, low=0.0, high=1.0),
            closes_after=at.whole("closes_after", 3, low=1),
            closes_after_days=at.number("closes_after_days", 3.0, low=0.0),
            urgent_within_days=at.number("urgent_within_days", 7.0, low=0.0),
            soon_within_days=at.number("soon_within_days", 21.0, low=0.0),
        )
        if is_hazard and rule.close_probability >= rule.action_probability:
            reader.wrong(at.at("close_probability"), "must be below action_probability, or a need would flicker")
        if not is_hazard and rule.close_beyond_days <= rule.open_within_days:
            reader.wrong(at.at("close_beyond_days"), "must be above open_within_days, or a need would flicker")
        return rule


def _cost_hint(reader: FieldReader, at: Fields) -> tuple[float, float] | None:
    value = at.get("cost_hint")
    if value is None:
        return None
    numbers = isinstance(value, list | tuple) and all(isinstance(v, int | float) for v in value)
    if not numbers or len(value) != 2 or not 0 <= value[0] <= value[1]:
        reader.wrong(at.at("cost_hint"), "must be [from, to]")
        return None
    return (float(value[0]), float(value[1]))


def _item_text(reader: FieldReader, kind: ItemKind, value: Any, path: str) -> ItemText:
    with reader.fields(value, path) as at:
        text = ItemText(
            name=at.text("name"),
            advice=at.text("advice"),
            reason=at.text("reason"),
            reason_unknown=at.text("reason_unknown"),
            reason_unused=at.text("reason_unused", ""),
            reason_bounded=at.text("reason_bounded", ""),
        )
    for field, template in (
        ("reason", text.reason),
        ("reason_unknown", text.reason_unknown),
        ("reason_unused", text.reason_unused),
        ("reason_bounded", text.reason_bounded),
    ):
        try:
            names = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
        except ValueError as error:
            reader.wrong(f"{path}.{field}", f"is no template: {error}")
            continue
        for unknown in sorted(names - reason_fields(kind)):
            reader.wrong(f"{path}.{field}", f"{{{unknown}}} is not a field of {kind} reasons")
    return text


def _wear(reader: FieldReader, value: Any, path: str) -> WearSpec:
    with reader.fields(value, path) as at:
        rates = reader.each(at.get("rates", {}), at.at("rates"), lambda n, v, p: _prior(reader, v, p))
        spec = WearSpec(
            unit=at.text("unit"),
            new=at.number("new"),
            limit=at.number("limit"),
            measurement_sd=at.number("measurement_sd", low=1e-9),
            car_factor_sd=at.number("car_factor_sd", low=1e-3, high=1.0),
            unseen_sd=at.number("unseen_sd", 0.25, low=0.0, high=2.0),
            rates=rates,
            km_until_ready=at.number("km_until_ready", 40.0, low=0.0),
            say_until_days=at.number("say_until_days", 1825.0, low=1.0),
            floor=None if at.get("floor") is None else at.number("floor"),
            at_floor=AtFloor(at.choice("at_floor", tuple(kind.value for kind in AtFloor), AtFloor.USED_UP.value)),
        )
        if spec.floor is not None and spec.floor > spec.limit:
            reader.wrong(at.at("floor"), "must not be above limit")
        if not rates:
            reader.wrong(at.at("rates"), "must name at least one exposure")
        if spec.limit >= spec.new:
            reader.wrong(at.at("limit"), "must be below new")
        for name, prior in rates.items():
            if prior.mean < 0:
                reader.wrong(f"{at.at('rates')}.{name}.mean", "must not be negative: nothing grows back")
        return spec


def _hazard(reader: FieldReader, value: Any, path: str) -> HazardSpec:
    with reader.fields(value, path) as at:
        horizons = at.get("horizons_days", [])
        if not isinstance(horizons, list) or not horizons or not all(isinstance(d, int) and d > 0 for d in horizons):
            reader.wrong(at.at("horizons_days"), "must be a list of whole numbers of days above 0")
            horizons = [1]
        features = reader.each(at.get("features", {}), at.at("features"), lambda n, v, p: _feature(reader, n, v, p))
        optional = {
            name: at.number(name) if at.get(name) is not None else None for name in ("fails_below", "sound_from")
        }
        return HazardSpec(
            horizons_days=tuple(horizons),
            decide_on_days=at.whole("decide_on_days", low=1),
            action_probability=at.number("action_probability", low=1e-4, high=0.99),
            intercept=_prior(reader, at.get("intercept"), at.at("intercept")),
            features=tuple(features.values()),
            unit=at.text("unit", ""),
            fails_below=optional["fails_below"],
            sound_from=optional["sound_from"],
            readings_until_ready=at.whole("readings_until_ready", 3),
            say_until_days=at.number("say_until_days", 365.0, low=1.0),
        )


def _feature(reader: FieldReader, name: str, value: Any, path: str) -> HazardFeature:
    with reader.fields(value, path) as at:
        scale = at.number("scale")
        if scale == 0:
            reader.wrong(at.at("scale"), "must not be 0")
        prior = _prior(reader, at.get("weight"), at.at("weight"))
        return HazardFeature(name, at.number("centre"), scale or 1.0, prior, at.texts())


def _calendar(reader: FieldReader, value: Any, path: str) -> CalendarSpec:
    with reader.fields(value, path) as at:
        return CalendarSpec(at.number("interval_days", low=1.0), at.text("source"))


def _check_versions(reader: FieldReader, catalogue: Catalogue) -> None:
    for version, spec in catalogue.versions.items():
        for name, path in spec.names.items():
            if path not in catalogue.signals:
                reader.wrong(f"versions.{version}.names.{name}", f"the catalogue has no signal {path}")
        for path, unit in spec.units.items():
            where = f"versions.{version}.units.{path}"
            if path not in catalogue.signals:
                reader.wrong(where, "the catalogue has no such signal")
            elif unit not in catalogue.units.get(catalogue.signals[path].unit, {}):
                reader.wrong(where, f"units.{catalogue.signals[path].unit} doesn't say how {unit} is converted")


def _check_references(reader: FieldReader, catalogue: Catalogue) -> None:
    for group, specs in (("exposures", catalogue.exposures), ("trends", catalogue.trends)):
        for name, spec in specs.items():
            for role, signal in spec.signals.items():
                if signal not in catalogue.signals:
                    reader.wrong(f"{group}.{name}.signals.{role}", f"no such signal: {signal}")
    for role, signal in catalogue.roles.items():
        if role not in ROLES:
            reader.wrong(f"roles.{role}", "must be one of " + ", ".join(ROLES))
        elif signal not in catalogue.signals:
            reader.wrong(f"roles.{role}", f"no such signal: {signal}")
    known = set(catalogue.trends) | {"age_years"}
    for item in catalogue.items.values():
        for name in item.wear.rates if item.wear else ():
            if name not in catalogue.exposures:
                reader.wrong(f"items.{item.id}.wear.rates.{name}", "no such exposure")
        for feature in item.hazard.features if item.hazard else ():
            if feature.name not in known:
                reader.wrong(f"items.{item.id}.hazard.features.{feature.name}", "neither a trend nor age_years")
