"""Reads the named functions of signals in a catalogue: exposures and trends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.catalogue import EVENT_COUNT, EXPOSURE_FUNCTIONS, TREND_FUNCTIONS, ExposureSpec, Habit, TrendSpec
from domain.field_reader import FieldReader, Fields, string_map

COUNT = "count"  # of a signal's rises through a level, or of codes reported
_SWITCHED_ON = 0.5  # the level a count takes by default: a signal that is 0 or 1 counts how often it becomes 1

Functions = Mapping[str, tuple[tuple[str, ...], Mapping[str, float | None]]]


def read_exposure(reader: FieldReader, name: str, value: Any, path: str) -> ExposureSpec:
    """One exposure; unit, source, texts and what is typical may be left out."""
    with reader.fields(value, path) as at:
        events = _counted_codes(reader, at)
        if events is not None:
            function, signals, parameters = EVENT_COUNT, dict[str, str](), dict[str, float]()
        elif at.get("function") == COUNT:
            _, signals, parameters = _function(reader, at, {COUNT: (("signal",), {"level": _SWITCHED_ON})})
            function = "rises_through"
        else:
            function, signals, parameters = _function(reader, at, EXPOSURE_FUNCTIONS)
        return ExposureSpec(
            name=name,
            function=function,
            unit=at.text("unit", ""),
            signals=signals,
            parameters=parameters,
            typical_per_km=at.number("typical_per_km", 0.0, low=0.0),
            source=at.text("source", ""),
            texts={"en": name} if at.get("texts") is None else at.texts(),
            events=events or (),
            habits=reader.each(at.get("habits", {}), at.at("habits"), lambda _, v, p: _habit(reader, v, p)),
        )


def _habit(reader: FieldReader, value: Any, path: str) -> Habit:
    with reader.fields(value, path) as at:
        return Habit(at.text("more"), at.text("less"))


def read_trend(reader: FieldReader, name: str, value: Any, path: str) -> TrendSpec:
    """One trend."""
    with reader.fields(value, path) as at:
        function, signals, parameters = _function(reader, at, TREND_FUNCTIONS)
        return TrendSpec(name, function, at.text("unit"), signals, parameters, at.texts())


def _counted_codes(reader: FieldReader, at: Fields) -> tuple[str, ...] | None:
    """The codes whose reports are counted, None where it is no count of codes."""
    if at.get("function") not in (COUNT, EVENT_COUNT):
        return None
    codes = next((at.get(name) for name in ("events", "event", "codes", "code") if name in at.values), None)
    if codes is None and at.get("function") == COUNT:
        return None
    found = [codes] if isinstance(codes, str) else codes if isinstance(codes, list) else []
    if not found or not all(isinstance(code, str | int) for code in found):
        reader.wrong(at.at("events"), "must be a code or a list of codes")
        return ()
    return tuple(str(code) for code in found)


def _function(reader: FieldReader, at: Fields, known: Functions) -> tuple[str, dict[str, str], dict[str, float]]:
    name = at.choice("function", tuple(known))
    needed, defaults = known[name]
    signals = _signals(reader, at, needed)
    for role in needed:
        if role not in signals:
            reader.wrong(f"{at.at('signals')}.{role}", f"{name} needs this signal")
    for role in signals:
        if role not in needed:
            reader.wrong(f"{at.at('signals')}.{role}", f"{name} knows no such signal")
    if "parameters" in at.values:
        with reader.fields(at.get("parameters"), at.at("parameters")) as given:
            return (
                name,
                signals,
                {parameter: given.number(parameter, default) for parameter, default in defaults.items()},
            )
    # Without a mapping of their own the parameters may stand beside the function.
    return name, signals, {parameter: at.number(parameter, default) for parameter, default in defaults.items()}


def _signals(reader: FieldReader, at: Fields, needed: tuple[str, ...]) -> dict[str, str]:
    """Signals by role; where a function needs just one, its path may stand alone, under `signal` or `signals`."""
    alone = at.get("signal")
    given = at.get("signals", {} if alone is None else alone)
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    if isinstance(given, str) and len(needed) == 1:
        return {needed[0]: given}
    return string_map(reader, given, at.at("signals"))
