"""A YAML file: its values, and the line that each of its fields stands on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from domain.errors import InvalidInput

# With libyaml, where it was built with it, some ten times as fast as without; equally safe.
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path, what: str) -> tuple[Any, Callable[[str], int]]:
    """The values in the file, and a function from a field's path to its line.

    Raises InvalidInput, which calls the file `what`, when it can't be read or is not YAML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInput(
            f"can't read the {what} {path}: {error.strerror}", field=what, fix="name a YAML file"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text", field=what, fix="name a YAML file") from error
    try:
        values = yaml.load(text, Loader=_LOADER)  # noqa: S506 - safe, by either of its names
        root = yaml.compose(text, Loader=_LOADER)
    # The parser makes dates itself, and tells of a thirteenth month by a plain ValueError.
    except (yaml.YAMLError, ValueError) as error:
        # It draws over several lines where it stopped; of an error a person is told in one.
        where = " ".join(str(error).split())
        raise InvalidInput(f"{path} is not YAML: {where}", field=what, fix="correct the file") from error
    return values, lambda field: _line(root, field)


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
