"""The catalogue's data file: YAML, read once at start, and beside it one file for each language more than English."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.yaml_file import read_yaml
from domain.catalogue import Catalogue
from domain.catalogue_reader import InvalidCatalogue, read_catalogue
from domain.errors import InvalidInput
from domain.language import DEFAULT

_PER_LANGUAGE = ("texts", "habits")
FIX = "give it rates (kind: wear), features (kind: hazard) or an interval (kind: calendar), as in car.yaml"
ONLY_IN_BACKTESTS = f"what is learnt from signals alone is said in back-tests only (`pitcall backtest`): {FIX}"


@dataclass(frozen=True, slots=True)
class _Source:
    """A file that parts of the catalogue stand in, and where its fields do."""

    name: str
    line: Callable[[str], int]

    def locate(self, field: str) -> str:
        return f"{self.name}:{self.line(field)}: "


def load_catalogue(path: Path) -> Catalogue:
    """The catalogue in the YAML file at `path`, in the languages of the files beside it.

    `car.de.yaml` beside `car.yaml` has the same tree with nothing in it but `texts` and `habits`, each in German. Where
    there are such files, everything must be said in each of their languages.

    Raises InvalidInput when a file can't be read or is not YAML, InvalidCatalogue with all mistakes of their content,
    each with file, line and field.
    """
    values, line = read_yaml(path, "catalogue")
    sources = {"": _Source(path.name, line)}
    mistakes: list[tuple[str, str]] = []
    for beside in sorted(path.parent.glob(f"{path.stem}.??{path.suffix}")):
        language = beside.suffixes[-2].removeprefix(".")
        texts, own_line = read_yaml(beside, "catalogue")
        sources[language] = _Source(beside.name, own_line)
        for field, wrong in _join(values, texts, language, ""):
            mistakes.append((f"{sources[language].locate(field)}{field}", wrong))
    if len(sources) > 1 and isinstance(values, dict):
        values["languages"] = [DEFAULT, *(language for language in sources if language)]
    try:
        catalogue = read_catalogue(values)
    except InvalidCatalogue as error:
        mistakes += [(_located(sources, field), wrong) for field, wrong in error.mistakes]
    if mistakes:
        raise InvalidCatalogue(mistakes)
    return catalogue


def load_live_catalogue(path: Path) -> Catalogue:
    """The catalogue of a Pitcall that runs, which can only say what its models can give a reason for.

    Raises as `load_catalogue` does, and InvalidInput when items are learnt from signals alone.
    """
    catalogue = load_catalogue(path)
    if catalogue.learnt:
        named = ", ".join(catalogue.learnt)
        raise InvalidInput(f"{path.name}: {named}: {ONLY_IN_BACKTESTS}", field=f"items.{catalogue.learnt[0]}", fix=FIX)
    return catalogue


def _join(values: Any, texts: Any, language: str, path: str) -> list[tuple[str, str]]:
    """Put what a language says where the catalogue has its texts; what the catalogue has no place for is a mistake."""
    if not isinstance(texts, Mapping):
        return [(path, "must be a mapping that ends in texts or habits")]
    mistakes: list[tuple[str, str]] = []
    for name, own in texts.items():
        at = f"{path}.{name}".lstrip(".")
        if not isinstance(values, dict) or name not in values:
            mistakes.append((at, "the catalogue has no such field"))
        elif name in _PER_LANGUAGE:
            values[name] = {**values[name], language: own} if isinstance(values[name], Mapping) else values[name]
        else:
            mistakes += _join(values[name], own, language, at)
    return mistakes


def _located(sources: Mapping[str, _Source], field: str) -> str:
    """The field with file and line: of a text of another language those of its own file."""
    parts = re.fullmatch(rf"(.*\.(?:{'|'.join(_PER_LANGUAGE)}))\.([a-z]{{2}})(\..*)?", field)
    if parts is not None and parts[2] in sources:
        return f"{sources[parts[2]].locate(parts[1] + (parts[3] or ''))}{field}"
    return f"{sources[''].locate(field)}{field}"
