"""Forms: the fields of a page's post, read leniently into text, so that rules can name what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from urllib.parse import quote

from fastapi import Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse

from domain.errors import InvalidInput, PitcallError


async def form_of(request: Request) -> FormData:
    """The posted form (read once; the guard has read it already)."""
    return await request.form()


def text(form: FormData, name: str, longest: int = 500) -> str:
    """A field as text, without blanks around it; empty when it is missing."""
    value = form.get(name, "")
    return value.strip()[:longest] if isinstance(value, str) else ""


def texts(form: FormData, name: str, most: int = 50) -> tuple[str, ...]:
    """All values of a field."""
    return tuple(value for value in form.getlist(name)[:most] if isinstance(value, str) and value)


def _number(form: FormData, name: str, field: str, parse: Callable[[str], float]) -> float | None:
    raw = text(form, name)
    if not raw:
        return None
    try:
        value = parse(raw.replace(",", "."))
    except ValueError as error:
        raise InvalidInput("that is no number", field=field, fix="write digits only") from error
    if not math.isfinite(value) or abs(value) > 2**53:
        raise InvalidInput("that number is too large", field=field, fix="check it")
    return value


def number(form: FormData, name: str, field: str = "") -> float | None:
    """A field as a finite number; None when it is empty, InvalidInput when it is none."""
    return _number(form, name, field or name, float)


def whole(form: FormData, name: str, field: str = "") -> int | None:
    """A field as a whole number; None when it is empty, InvalidInput when it is none."""
    value = _number(form, name, field or name, int)
    return None if value is None else int(value)


def required(value: int | None, field: str, fix: str) -> int:
    """The value; InvalidInput when the field was left empty."""
    if value is None:
        raise InvalidInput("this is missing", field=field, fix=fix)
    return value


def see(path: str, notice: str = "") -> RedirectResponse:
    """See other: after a post the browser fetches a page, so that a reload posts nothing again."""
    return RedirectResponse(f"{path}?notice={quote(notice)}" if notice else path, 303)


def told(error: PitcallError) -> str:
    """What was wrong, and how to mend it where the error says so."""
    return f"{error}: {error.fix}" if isinstance(error, InvalidInput) else str(error)
