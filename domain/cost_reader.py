"""From the `cost` of an item in a catalogue to an ItemCost."""

from __future__ import annotations

import math

from domain.call import ItemCost
from domain.field_reader import FieldReader, Fields
from domain.prediction import ItemKind


def read_cost(reader: FieldReader, kind: ItemKind, item: Fields, *, is_optional: bool) -> ItemCost | None:
    """What an item costs; None where nothing is said of it, which is a mistake unless `is_optional`.

    The usual life is stated for wear only: of the calendar it is the interval, and a hazard is no matter of days.
    """
    given = item.get("cost")
    if given is None:
        if not is_optional:
            reader.wrong(item.at("cost"), "must say what the item costs, as in {work: 250, on_road: 300, visit: 60}")
        return None
    with reader.fields(given, item.at("cost")) as at:
        return ItemCost(
            work=at.number("work", low=1e-9),
            on_road=at.number("on_road", low=1e-9),
            visit=at.number("visit", low=0.0),
            life_days=at.number("life_days", low=1.0) if kind is ItemKind.WEAR else math.inf,
            source=at.text("source", ""),
        )


def refuse_beside_cost(reader: FieldReader, part: Fields) -> None:
    """Notes an action level that stands beside the cost it follows from."""
    if part.get("action_probability") is not None:
        reader.wrong(part.at("action_probability"), "must not stand beside cost, from which it follows; leave it out")
