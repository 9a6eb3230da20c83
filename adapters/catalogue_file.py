"""The catalogue's data file: YAML, read once at start."""

from __future__ import annotations

from pathlib import Path

import yaml

from domain.catalogue import Catalogue
from domain.catalogue_reader import InvalidCatalogue, read_catalogue
from domain.errors import InvalidInput


def load_catalogue(path: Path) -> Catalogue:
    """The catalogue in the YAML file at `path`.

    Raises InvalidInput when the file can't be read or is not YAML, InvalidCatalogue with all mistakes of its content,
    each with file, line and field.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"can't read the catalogue {path}: {error.strerror}", field="catalogue", fix="name a YAML file"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text", field="catalogue", fix="name a YAML file") from error
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        # The parser draws over several lines where it stopped; of an error a person is told in one.
        where = " ".join(str(error).split())
        raise InvalidInput(f"{path} is not YAML: {where}", field="catalogue", fix="correct the file") from error
    try:
        return read_catalogue(values)
    except InvalidCatalogue as error:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        located = [(f"{path.name}:{_line(root, field)}: {field}", wrong) for field, wrong in error.mistakes]
        raise InvalidCatalogue(located) from error


def _line(node: yaml.Node | None, field: str) -> int:
    """The line of a field in its file, or of the nearest thing around it that is there; names may have dots."""
    line = 1 if node is None else node.start_mark.line + 1
    while field and isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if field == key.value or field.startswith(f"{key.value}."):
                line, node, field = key.start_mark.line + 1, value, field.removeprefix(key.value).removeprefix(".")
                break
        else:
            break
    return line
