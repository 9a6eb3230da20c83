"""The catalogue's data file: YAML, read once at start."""

from __future__ import annotations

from pathlib import Path

import yaml

from domain.catalogue import Catalogue
from domain.catalogue_reader import read_catalogue
from domain.errors import InvalidInput


def load_catalogue(path: Path) -> Catalogue:
    """The catalogue in the YAML file at `path`.

    Raises InvalidInput when the file can't be read or is not YAML, InvalidCatalogue with all mistakes of its content.
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
    return read_catalogue(values)
