"""Pages: the templates with their environment; the only thing that renders."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from web.reading import Reading
from web.texts import texts_of

STATIC = Path(str(files("web") / "static"))


@cache
def asset(name: str) -> str:
    """The address of a file in static/, with a piece of its hash, so that a browser may keep it for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"


class Pages:
    """Renders a template for one reader. Every value is escaped; an unknown name is an error, not a gap."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("web", "templates"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["asset"] = asset

    def render(self, template: str, reading: Reading | None = None, **values: object) -> str:
        """The page as text; `t` gives words and `fmt` formats in the reader's language and time zone."""
        texts = reading.texts if reading else texts_of()
        formatting = reading.formatting if reading else None
        return self._environment.get_template(template).render(t=texts, fmt=formatting, **values)
