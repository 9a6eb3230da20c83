"""Reads what a person reads about an item, per language, and checks the templates of its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.catalogue import ItemText, reason_fields
from domain.field_reader import FieldReader, Fields
from domain.language_check import TEMPLATES, placeholders
from domain.prediction import ItemKind

_REASONS: Mapping[ItemKind, str] = {
    ItemKind.WEAR: "{name}: about {remaining} {unit} left, due around {due}.",
    ItemKind.HAZARD: "{name}: the chance that it fails within {days} days is about {probability_pct} %.",
    ItemKind.CALENDAR: "{name}: due every {interval_months} months, next on {due}.",
}


def read_item_texts(reader: FieldReader, kind: ItemKind, at: Fields) -> dict[str, ItemText]:
    """Texts of an item by language, complete in each; English is among them."""
    texts = reader.each(at.get("texts", {}), at.at("texts"), lambda _, v, p: _item_text(reader, kind, v, p, None))
    if "en" not in texts:
        reader.wrong(at.at("texts"), "must have the language en")
    return texts


def read_short_texts(reader: FieldReader, kind: ItemKind, item: str, at: Fields) -> dict[str, ItemText]:
    """The same of a short item: what is left out is said with the item's id, and with words that all items share."""
    name = at.text("name", item)
    stand_in = ItemText(name, at.text("description", name), _REASONS[kind], _REASONS[kind])

    def read(_: str, value: Any, path: str) -> ItemText:
        # A text alone is the item's name in that language.
        return _item_text(reader, kind, {"name": value} if isinstance(value, str) else value, path, stand_in)

    return {"en": stand_in} | reader.each(at.get("texts") or {}, at.at("texts"), read)


def _item_text(reader: FieldReader, kind: ItemKind, value: Any, path: str, stand_in: ItemText | None) -> ItemText:
    with reader.fields(value, path) as at:
        text = ItemText(
            name=at.text("name", stand_in.name if stand_in else None),
            advice=at.text("advice", stand_in.advice if stand_in else None),
            reason=at.text("reason", stand_in.reason if stand_in else None),
            reason_unknown=at.text("reason_unknown", stand_in.reason_unknown if stand_in else None),
            reason_unused=at.text("reason_unused", ""),
            reason_bounded=at.text("reason_bounded", ""),
        )
    for field in TEMPLATES:
        try:
            names = placeholders(getattr(text, field))
        except ValueError as error:
            reader.wrong(f"{path}.{field}", f"is no template: {error}")
            continue
        for unknown in sorted(names - reason_fields(kind)):
            reader.wrong(f"{path}.{field}", f"{{{unknown}}} is not a field of {kind} reasons")
    return text
