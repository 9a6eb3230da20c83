"""FieldReader: reads nested mappings field by field and notes every mistake with its path, instead of the first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class FieldReader:
    """Reads fields of nested mappings, noting mistakes with their path instead of stopping at the first."""

    def __init__(self) -> None:
        self.mistakes: list[tuple[str, str]] = []

    def wrong(self, path: str, what: str) -> None:
        self.mistakes.append((path, what))

    @contextmanager
    def fields(self, value: Any, path: str) -> Iterator[Fields]:
        if not isinstance(value, Mapping):
            self.wrong(path, "must be a mapping")
            value = {}
        fields = Fields(self, value, path)
        yield fields
        for name in value:
            if name not in fields.seen:
                self.wrong(f"{path}.{name}".lstrip("."), "unknown field")

    def each(self, value: Any, path: str, read: Callable[[str, Any, str], T]) -> dict[str, T]:
        if not isinstance(value, Mapping):
            self.wrong(path, "must be a mapping")
            return {}
        return {str(name): read(str(name), entry, f"{path}.{name}") for name, entry in value.items()}


class Fields:
    """The fields of one mapping; what is missing or wrong is noted and replaced by a harmless stand-in."""

    def __init__(self, reader: FieldReader, values: Mapping[str, Any], path: str) -> None:
        self.reader, self.values, self.path = reader, values, path
        self.seen: set[str] = set()

    def at(self, name: str) -> str:
        return f"{self.path}.{name}".lstrip(".")

    def get(self, name: str, default: Any = None) -> Any:
        self.seen.add(name)
        return self.values.get(name, default)

    def number(
        self, name: str, default: float | None = None, *, low: float = -math.inf, high: float = math.inf
    ) -> float:
        value = self.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self.reader.wrong(self.at(name), "must be a finite number")
            return 1.0
        if not low <= value <= high:
            self.reader.wrong(self.at(name), f"must lie between {low:g} and {high:g}")
        return float(value)

    def whole(self, name: str, default: int | None = None, *, low: int = 0) -> int:
        value = self.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            self.reader.wrong(self.at(name), f"must be a whole number of at least {low}")
            return max(low, 1)
        return value

    def text(self, name: str, default: str | None = None) -> str:
        value = self.get(name, default)
        if not isinstance(value, str):
            self.reader.wrong(self.at(name), "must be text")
            return ""
        return value

    def choice(self, name: str, among: tuple[str, ...], default: str | None = None) -> str:
        value = self.text(name, default)
        if value not in among:
            self.reader.wrong(self.at(name), "must be one of " + ", ".join(among))
            return among[0]
        return value

    def words(self, name: str) -> tuple[str, ...]:
        value = self.get(name, [])
        if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
            self.reader.wrong(self.at(name), "must be a list of texts")
            return ()
        return tuple(value)

    def texts(self, name: str = "texts") -> dict[str, str]:
        value = self.get(name)
        if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
            self.reader.wrong(self.at(name), "must map languages to texts")
            return {"en": ""}
        if "en" not in value:
            self.reader.wrong(self.at(name), "must have the language en")
        return {str(language): text for language, text in value.items()}


def string_map(reader: FieldReader, value: Any, path: str) -> dict[str, str]:
    """A mapping from names to texts."""

    def read(_: str, entry: Any, entry_path: str) -> str:
        if not isinstance(entry, str):
            reader.wrong(entry_path, "must be text")
        return str(entry)

    return reader.each(value, path, read)
