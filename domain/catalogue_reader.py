"""From a plain mapping (a parsed YAML or JSON file) to a Catalogue, listing every mistake with its path."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from domain.call import ORDINARY_COST, ItemCost, carried
from domain.catalogue import (
    DTYPES,
    LONG_MODELS,
    SEVERITIES,
    SHORT_MODELS,
    AtFloor,
    CalendarSpec,
    Catalogue,
    EventSpec,
    ExposureSpec,
    HazardFeature,
    HazardSpec,
    ItemSpec,
    Prior,
    SignalSpec,
    UnitScale,
    VssVersion,
    WearSensor,
    WearSpec,
)
from domain.cost_reader import read_cost, refuse_beside_cost
from domain.errors import InvalidInput
from domain.exposure_reader import read_exposure, read_trend
from domain.field_reader import FieldReader, Fields, string_map
from domain.item_text_reader import read_item_texts, read_short_texts
from domain.language import DEFAULT
from domain.language_check import check_languages
from domain.need_rule_reader import read_need_rule
from domain.prediction import ItemKind
from domain.reference_check import check_references, check_versions
from domain.short_item import ItemParts, is_short, read_short_parts
from domain.telemetry import POWERTRAINS

T = TypeVar("T")

_ALMOST_ANY = 3e38  # what float32 can hold: the bound of a signal that has none
_FOR_PEOPLE = ("description", "texts", "source")
_ATTRIBUTE_TYPES = {
    "number": "number", "float": "number", "int": "number", "integer": "number", "bool": "number", "boolean": "number",
    "text": "text", "string": "text", "str": "text", "category": "text", "categorical": "text",
}  # fmt: skip


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
        schema = top.whole("schema", 1, low=1)
        if schema != 1:
            reader.wrong("schema", "must be 1, the only schema there is")
        signals = _names_or_mapping(reader, top.get("signals", {}), "signals", lambda n, v, p: _signal(reader, n, v, p))
        exposures = reader.each(top.get("exposures", {}), "exposures", lambda n, v, p: read_exposure(reader, n, v, p))
        trends = reader.each(top.get("trends", {}), "trends", lambda n, v, p: read_trend(reader, n, v, p))
        items = reader.each(top.get("items", {}), "items", lambda n, v, p: _item(reader, n, v, p, exposures))
        events = _names_or_mapping(reader, top.get("events", {}), "events", lambda n, v, p: _event(reader, n, v, p))
        attributes = _names_or_mapping(
            reader, top.get("attributes", {}), "attributes", lambda _, v, p: _attribute(reader, v, p)
        )
        catalogue = Catalogue(
            schema=schema,
            vss=top.text("vss", ""),
            name=top.text("name", ""),
            signals=signals,
            exposures=exposures,
            trends=trends,
            items=items,
            roles=string_map(reader, top.get("roles", {}), "roles"),
            events=events,
            attributes={name: text for name, (text, _) in attributes.items()},
            versions=reader.each(top.get("versions", {}), "versions", lambda _, v, p: _version(reader, v, p)),
            units=reader.each(top.get("units", {}), "units", lambda _, v, p: _scales(reader, v, p)),
            attribute_types={name: type_ for name, (_, type_) in attributes.items() if type_},
            languages=top.words("languages") if "languages" in top.values else (DEFAULT,),
        )
    check_references(reader, catalogue)
    check_versions(reader, catalogue)
    check_languages(reader, catalogue)
    if reader.mistakes:
        raise InvalidCatalogue(reader.mistakes)
    return catalogue


def _names_or_mapping(reader: FieldReader, value: Any, path: str, read: Callable[[str, Any, str], T]) -> dict[str, T]:
    """Entries by name; a plain list of names stands for entries that say nothing more."""
    if not isinstance(value, list):
        return reader.each(value, path, read)
    found: dict[str, T] = {}
    for name in value:
        # YAML reads a code such as 101 as a number; what it reads 1e5 or yes as, nobody has meant.
        if not isinstance(name, str | int) or isinstance(name, bool):
            reader.wrong(f"{path}.{name}", "must be a name; put it in quotes")
        elif str(name) in found:
            reader.wrong(f"{path}.{name}", "is there twice")
        else:
            found[str(name)] = read(str(name), {}, f"{path}.{name}")
    return found


def _attribute(reader: FieldReader, value: Any, path: str) -> tuple[str, str]:
    """Description of an attribute, and its type (number or text, empty where it is to be seen in the data)."""
    if isinstance(value, str):
        return value, ""
    with reader.fields({} if value is None else value, path) as at:
        given = at.choice("type", (*_ATTRIBUTE_TYPES, ""), "")
        unit = at.text("unit", "")
        for ignored in (*_FOR_PEOPLE, "values", "range", "min", "max"):
            at.get(ignored)
        return at.text("text", at.text("description", unit)), _ATTRIBUTE_TYPES.get(given, "")


def _signal(reader: FieldReader, name: str, value: Any, path: str) -> SignalSpec:
    with reader.fields({} if value is None else value, path) as at:
        for ignored in _FOR_PEOPLE:
            at.get(ignored)
        low, high = _range(reader, at)
        spec = SignalSpec(
            path=name,
            unit=at.text("unit", ""),
            minimum=at.number("min", low),
            maximum=at.number("max", high),
            dtype=at.choice("dtype", DTYPES, "float32"),
            role=at.choice("role", ("reading", "setting"), "reading"),
        )
        if spec.minimum >= spec.maximum:
            reader.wrong(at.at("max"), "must be above min")
        return spec


def _range(reader: FieldReader, at: Fields) -> tuple[float, float]:
    """The range [low, high] of a signal, an open end being null; without one, whatever is finite."""
    given = at.get("range")
    if given is None:
        return -_ALMOST_ANY, _ALMOST_ANY
    if not isinstance(given, list) or len(given) != 2 or not all(end is None or _is_finite(end) for end in given):
        reader.wrong(at.at("range"), "must be [low, high]")
        return -_ALMOST_ANY, _ALMOST_ANY
    for name in ("min", "max"):
        if name in at.values:
            reader.wrong(at.at(name), "must not stand beside range")
    low, high = (float(end) if end is not None else None for end in given)
    return -_ALMOST_ANY if low is None else low, _ALMOST_ANY if high is None else high


def _version(reader: FieldReader, value: Any, path: str) -> VssVersion:
    with reader.fields(value, path) as at:
        names = string_map(reader, at.get("names", {}), at.at("names"))
        return VssVersion(names, string_map(reader, at.get("units", {}), at.at("units")))


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


def _event(reader: FieldReader, code: str, value: Any, path: str) -> EventSpec:
    if isinstance(value, str):
        return EventSpec(code, texts={"en": value})
    with reader.fields({} if value is None else value, path) as at:
        return EventSpec(code, at.text("unit", ""), {"en": code} if at.get("texts") is None else at.texts())


def _prior(reader: FieldReader, value: Any, path: str) -> Prior:
    with reader.fields(value, path) as at:
        return Prior(at.number("mean"), at.number("sd", low=1e-12), at.text("source"))


def _item(reader: FieldReader, name: str, value: Any, path: str, exposures: dict[str, ExposureSpec]) -> ItemSpec:
    """One item; the exposures that it defines by itself join the catalogue's."""
    with reader.fields(value, path) as at:
        kind = ItemKind(at.choice("kind", tuple(kind.value for kind in ItemKind)))
        parts_of = {kind_name: at.get(kind_name) for kind_name in ("wear", "hazard", "calendar")}
        for kind_name, part in parts_of.items():
            if part is not None and kind_name != kind:
                reader.wrong(at.at(kind_name), f"an item of kind {kind} has no such part")
        is_brief = is_short(kind, at)
        cost = read_cost(reader, kind, at, is_optional=is_brief)
        parts = read_short_parts(reader, kind, at, cost) if is_brief else _long_parts(reader, kind, at, cost)
        _join(reader, exposures, parts.exposures, at.at("exposures"))
        return ItemSpec(
            id=name,
            kind=kind,
            severity=at.choice("severity", SEVERITIES, "soon" if is_brief else None),
            need_rule=read_need_rule(reader, parts, cost, at, is_brief=is_brief),
            labour_minutes=at.whole("labour_minutes", 60 if is_brief else None, low=1),
            parts=at.words("parts"),
            cost_hint=_cost_hint(reader, at),
            cost_currency=at.text("cost_currency", ""),
            texts=read_short_texts(reader, kind, name, at) if is_brief else read_item_texts(reader, kind, at),
            roles=string_map(reader, at.get("roles", {}), at.at("roles")),
            model=_model(at, (SHORT_MODELS if is_brief else LONG_MODELS)[kind]),
            powertrains=_powertrains(reader, at),
            skill=at.text("skill", ""),
            wear=parts.wear,
            hazard=parts.hazard,
            calendar=parts.calendar,
            life=parts.life,
            risk=parts.risk,
        )


def _model(at: Fields, known: tuple[str, ...]) -> str:
    """The model that is asked for by name, empty where none is."""
    return "" if at.get("model") is None else at.choice("model", known)


def _powertrains(reader: FieldReader, at: Fields) -> tuple[str, ...]:
    names = at.words("powertrains")
    for name in names:
        if name not in POWERTRAINS:
            reader.wrong(at.at("powertrains"), f"{name} is none of {', '.join(POWERTRAINS)}")
    if "powertrains" in at.values and not names:
        reader.wrong(at.at("powertrains"), "must name at least one; leave it out where all cars have the item")
    return names


def _long_parts(reader: FieldReader, kind: ItemKind, at: Fields, cost: ItemCost | None) -> ItemParts:
    part, path = at.get(kind.value), at.at(kind.value)
    if kind is ItemKind.WEAR:
        return ItemParts(wear=_wear(reader, part, path))
    if kind is ItemKind.HAZARD:
        return ItemParts(hazard=_hazard(reader, part, path, cost or ORDINARY_COST))
    return ItemParts(calendar=_calendar(reader, part, path))


def _join(
    reader: FieldReader, exposures: dict[str, ExposureSpec], defined: Mapping[str, ExposureSpec], path: str
) -> None:
    """Adds the exposures that an item defines; what bears one name must be one thing."""
    for name, spec in defined.items():
        if exposures.setdefault(name, spec) != spec:
            reader.wrong(f"{path}.{name}", "another exposure of this name is there; give it another name")


def _cost_hint(reader: FieldReader, at: Fields) -> tuple[float, float] | None:
    value = at.get("cost_hint")
    if value is None:
        return None
    numbers = isinstance(value, list | tuple) and all(isinstance(v, int | float) for v in value)
    if not numbers or len(value) != 2 or not 0 <= value[0] <= value[1]:
        reader.wrong(at.at("cost_hint"), "must be [from, to]")
        return None
    return (float(value[0]), float(value[1]))


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
            sensor=None if at.get("sensor") is None else _sensor(reader, at.get("sensor"), at.at("sensor")),
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


def _sensor(reader: FieldReader, value: Any, path: str) -> WearSensor:
    with reader.fields(value, path) as at:
        at.get("source")
        spec = WearSensor(at.text("signal"), at.number("at_new"), at.number("at_limit"), at.number("sd", low=1e-9))
        if spec.at_new == spec.at_limit:
            reader.wrong(at.at("at_limit"), "must differ from at_new")
        return spec


def _hazard(reader: FieldReader, value: Any, path: str, cost: ItemCost) -> HazardSpec:
    with reader.fields(value, path) as at:
        horizons = at.get("horizons_days", [])
        if not isinstance(horizons, list) or not horizons or not all(isinstance(d, int) and d > 0 for d in horizons):
            reader.wrong(at.at("horizons_days"), "must be a list of whole numbers of days above 0")
            horizons = [1]
        features = reader.each(at.get("features", {}), at.at("features"), lambda n, v, p: _feature(reader, n, v, p))
        optional = {
            name: at.number(name) if at.get(name) is not None else None for name in ("fails_below", "sound_from")
        }
        refuse_beside_cost(reader, at)
        decide_on_days = at.whole("decide_on_days", low=1)
        return HazardSpec(
            horizons_days=tuple(horizons),
            decide_on_days=decide_on_days,
            action_probability=carried(cost.risk, max(horizons), decide_on_days),
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
        is_change = at.choice("measure", ("level", "change"), "level") == "change"
        return HazardFeature(
            name, at.number("centre"), scale or 1.0, prior, at.texts(), at.text("trend", ""), is_change
        )


def _calendar(reader: FieldReader, value: Any, path: str) -> CalendarSpec:
    with reader.fields(value, path) as at:
        return CalendarSpec(at.number("interval_days", low=1.0), at.text("source"))
