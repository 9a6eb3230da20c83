"""The words of the pages, one YAML file per language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

DEFAULT = "en"


class Texts:
    """The words of one language, by dotted key.

    >>> Texts({"when": {"in": {"one": "in 1 day", "other": "in {n} days"}}}).plural("when.in", 3)
    'in 3 days'
    """

    def __init__(self, words: Mapping[str, Any]) -> None:
        self._words = words

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key with its placeholders filled; KeyError names a key that is missing."""
        found = self._find(key)
        if not isinstance(found, str):
            raise KeyError(f"{key} is no single text")
        return found.format(**values) if values else found

    def plural(self, key: str, n: int, **values: object) -> str:
        """The form of a key for the number n."""
        return self(f"{key}.{'one' if n == 1 else 'other'}", n=n, **values)

    def list(self, key: str) -> list[str]:
        """The texts of a key that is a list."""
        found = self._find(key)
        if not isinstance(found, list):
            raise KeyError(f"{key} is no list of texts")
        return [str(text) for text in found]

    def __contains__(self, key: str) -> bool:
        try:
            self._find(key)
        except KeyError:
            return False
        return True

    def _find(self, key: str) -> Any:
        found: Any = self._words
        for part in key.split("."):
            if not isinstance(found, Mapping) or part not in found:
                raise KeyError(f"there is no text {key}")
            found = found[part]
        return found


@cache
def texts_of(locale: str = DEFAULT) -> Texts:
    """The words of a language, or of the default one where that language has no file."""
    folder = files(__package__)
    name = f"{locale.split('-')[0].lower()}.yaml"
    known = {entry.name for entry in folder.iterdir()}
    source = folder / (name if name in known else f"{DEFAULT}.yaml")
    return Texts(yaml.safe_load(source.read_text(encoding="utf-8")))
