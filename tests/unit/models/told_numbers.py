"""Reads reasons back: the numbers and dates that a person reads, in any language, by rules of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import files
from string import Formatter

import yaml

from models.phrases import PHRASES

LANGUAGES = ("en", "de", "fr", "zh")
MARKS = {"en": (",", "."), "de": (".", ","), "fr": ("\u202f", ","), "zh": (",", ".")}
MONTHS = {
    language: yaml.safe_load((files("web.texts") / f"{language}.yaml").read_text(encoding="utf-8"))["months"]
    for language in LANGUAGES
}
NUMBER = r"-?[0-9][0-9.,\u202f]*"
DAY = {
    "en": r"(?P<d>\d+) (?P<m>[A-Z]\w+) (?P<y>\d{4})",
    "de": r"(?P<d>\d+)\. (?P<m>\w+) (?P<y>\d{4})",
    "fr": r"(?P<d>\d+)(?:er)? (?P<m>\w+) (?P<y>\d{4})",
    "zh": r"(?P<y>\d{4})年(?P<m>\d+)月(?P<d>\d+)日",
}


@dataclass(frozen=True)
class Amount:
    """A number as it was read, and how many digits it was said with."""

    value: float
    digits: int

    def is_of(self, value: float) -> bool:
        """Whether `value`, said with so many digits, reads like this; what is all but nothing may be said to be 0."""
        is_near = abs(self.value - value) <= 0.5001 * 10.0**-self.digits + 1e-6 * abs(value)
        return is_near or (self.value == 0 and abs(value) < 0.005)


def amount(text: str, language: str) -> Amount:
    group, decimal = MARKS[language]
    whole, _, rest = text.replace(group, "").partition(decimal)
    return Amount(float(f"{whole}.{rest or 0}"), len(rest))


def day(text: str, language: str) -> date:
    found = re.fullmatch(DAY[language], text)
    assert found, text
    month = int(found["m"]) if language == "zh" else MONTHS[language].index(found["m"]) + 1
    return date(int(found["y"]), month, int(found["d"]))


def day_of(time_ms: int) -> date:
    return datetime.fromtimestamp(time_ms / 1000, UTC).date()


def pattern(template: str, language: str) -> str:
    """A template as a pattern with a group for each of its fields; what is a sentence of its own has groups within."""
    any_day = re.sub(r"\?P<\w>", "?:", DAY[language])
    phrases = PHRASES[language]
    seen: set[str] = set()

    def group(name: str, inner: str) -> str:
        # A field that stands there twice must read the same both times.
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>{inner})"

    def part(literal: str, name: str | None) -> str:
        text = re.escape(literal)
        if name is None:
            return text
        if name in ("unit", "name", "habit", "readings", "main_cause"):
            return text + group(name, ".*?")
        if name in ("day", "due"):
            return text + group(name, f"{any_day}|{re.escape(phrases['beyond'])}")
        if name == "since":
            place = re.escape(phrases["place"]).replace(r"\{km\}", NUMBER).replace(r"\{day\}", any_day)
            return text + group(name, f"{place}|{any_day}|{re.escape(phrases['beginning'])}")
        return text + group(name, NUMBER)

    def cause(kind: str) -> str:
        parts = []
        for literal, name, _, _ in Formatter().parse(phrases[kind]):
            text = re.escape(literal)
            inner = {"day": any_day, "name": ".*?", "habit": ".*?"}.get(name or "", NUMBER)
            parts.append(text if name is None else f"{text}(?P<{kind}_{name}>{inner})")
        return "".join(parts)

    pieces = []
    for literal, name, _, _ in Formatter().parse(template):
        if name == "cause":
            kinds = ("cause_unlike", "cause_usual", "cause", "cause_none")
            pieces.append(re.escape(literal) + "(?:" + "|".join(cause(kind) for kind in kinds) + ")")
        else:
            pieces.append(part(literal, name))
    return "".join(pieces)


def read_back(reason: str, templates: list[str], language: str) -> dict[str, str]:
    """What stands in each place of the first of `templates` that the reason was made of; none of them is a failure."""
    for template in templates:
        found = re.fullmatch(pattern(template, language), reason)
        if found:
            return {name: text for name, text in found.groupdict().items() if text is not None}
    raise AssertionError(f"no template gives {reason!r}")
