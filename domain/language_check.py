"""Checks that a catalogue says everything in each of its languages, with the numbers that the English has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

from domain.catalogue import Catalogue, ItemText
from domain.field_reader import FieldReader
from domain.language import DEFAULT

TEMPLATES = ("reason", "reason_unknown", "reason_unused", "reason_bounded")


def placeholders(template: str) -> frozenset[str]:
    """The fields that a template names; ValueError when it is no template."""
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name is not None)


def check_languages(reader: FieldReader, catalogue: Catalogue) -> None:
    """Notes each text that a language of the catalogue lacks, and each placeholder that a translation lost."""
    if DEFAULT not in catalogue.languages:
        reader.wrong("languages", f"must have the language {DEFAULT}")
    for path, texts in _texts(catalogue):
        for language in catalogue.languages:
            if language not in texts:
                reader.wrong(f"{path}.{language}", f"is missing: the catalogue has the language {language}")
    for item in catalogue.items.values():
        for language, text in item.texts.items():
            if language in set(catalogue.languages) - {DEFAULT} and DEFAULT in item.texts:
                _check_templates(reader, f"items.{item.id}.texts.{language}", text, item.texts[DEFAULT])


def _texts(catalogue: Catalogue) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Everything that is said per language, with its path."""
    for name, exposure in catalogue.exposures.items():
        yield f"exposures.{name}.texts", exposure.texts
        if exposure.habits:
            yield f"exposures.{name}.habits", exposure.habits
    for name, trend in catalogue.trends.items():
        yield f"trends.{name}.texts", trend.texts
    for item in catalogue.items.values():
        yield f"items.{item.id}.texts", item.texts
        for feature in item.hazard.features if item.hazard else ():
            yield f"items.{item.id}.hazard.features.{feature.name}.texts", feature.texts


def _check_templates(reader: FieldReader, path: str, text: ItemText, english: ItemText) -> None:
    for field in TEMPLATES:
        try:
            own, wanted = placeholders(getattr(text, field)), placeholders(getattr(english, field))
        except ValueError:
            continue  # it was noted where it was read
        for name in sorted(wanted - own):
            reader.wrong(f"{path}.{field}", f"lacks {{{name}}}, which the English has")
