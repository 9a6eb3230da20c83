"""The catalogue's data file: YAML, read once at start."""

from __future__ import annotations

from pathlib import Path

from adapters.yaml_file import read_yaml
from domain.catalogue import Catalogue
from domain.catalogue_reader import InvalidCatalogue, read_catalogue


def load_catalogue(path: Path) -> Catalogue:
    """The catalogue in the YAML file at `path`.

    Raises InvalidInput when the file can't be read or is not YAML, InvalidCatalogue with all mistakes of its content,
    each with file, line and field.
    """
    values, line = read_yaml(path, "catalogue")
    try:
        return read_catalogue(values)
    except InvalidCatalogue as error:
        located = [(f"{path.name}:{line(field)}: {field}", wrong) for field, wrong in error.mistakes]
        raise InvalidCatalogue(located) from error
