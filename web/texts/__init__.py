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
def shipped_languages() -> tuple[str, ...]:
    """The languages that have a file."""
    names = (entry.name for entry in files(__package__).iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def preferred_language(accepted: str) -> str:
    """The shipped language that a browser asks for first by its Accept-Language; the default one where there is none.

    >>> preferred_language("fr-CH, de;q=0.9, en;q=0.8"), preferred_language("tlh, *;q=0.1")
    ('fr', 'en')
    """
    wishes: list[tuple[float, str]] = []
    for wish in accepted.split(","):
        name, _, weight = wish.partition(";q=")
        try:
            wishes.append((float(weight or 1.0), name.strip().split("-")[0].lower()))
        except ValueError:
            continue
    ranked = sorted(wishes, key=lambda wish: -wish[0])
    return next((name for weight, name in ranked if weight > 0 and name in shipped_languages()), DEFAULT)


@cache
def texts_of(locale: str = DEFAULT) -> Texts:
    """The words of a language, or of the default one where that language has no file."""
    folder = files(__package__)
    name = locale.split("-")[0].lower()
    source = folder / f"{name if name in shipped_languages() else DEFAULT}.yaml"
    return Texts(yaml.safe_load(source.read_text(encoding="utf-8")))
