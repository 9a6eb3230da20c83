"""Cursors: a list comes in pages, each of which says where the next one begins.

A cursor is the place of the last row that was sent, in the order of the list: rows that are added or taken away
meanwhile move no page, so that nothing is sent twice or left out. It is opaque to its bearer and says nothing secret.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query, Request
from typing_extensions import TypedDict

from api.authentication import operation_of
from domain.errors import InvalidInput

USUAL, MOST = 100, 500
USUAL_LONG, MOST_LONG = 1000, 1000
Row = TypeVar("Row")
Place = tuple[int | str, ...]


class Listed(TypedDict):
    """A page of a list; `next` is the cursor of what follows, null at the end."""

    next: str | None


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows of a list, and the cursor of what follows them; None at the end."""

    rows: list[Row]
    next: str | None


@dataclass(frozen=True)
class Asked:
    """Which page of a list was asked for; `after` is None for the first one."""

    operation: str
    limit: int
    after: Place | None

    @property
    def after_number(self) -> int:
        """Where a list begins whose places are growing numbers; 0 for the first page."""
        if self.after is None:
            return 0
        if len(self.after) != 1 or not isinstance(self.after[0], int):
            raise _wrong_cursor()
        return self.after[0]

    def page(self, rows: Iterable[Row], place: Callable[[Row], Place]) -> Page[Row]:
        """The rows that follow, in the order of their places, which are unique and of one kind."""
        following = sorted(rows, key=place)
        if self.after is not None:
            following = [row for row in following if _follows(place(row), self.after)]
        return self.cut(following, place)

    def cut(self, following: list[Row], place: Callable[[Row], Place]) -> Page[Row]:
        """The first rows of those that follow, which are in order; one more than `limit` shows that there are more."""
        rows = following[: self.limit]
        more = len(following) > self.limit
        return Page(rows, _cursor(self.operation, place(rows[-1])) if more else None)


def _follows(place: Place, after: Place) -> bool:
    try:
        return place > after
    except TypeError as error:
        raise _wrong_cursor() from error


def _cursor(operation: str, place: Place) -> str:
    text = json.dumps([operation, *place], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _place(operation: str, cursor: str) -> Place:
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _wrong_cursor() from error
    is_ours = isinstance(found, list) and len(found) > 1 and found[0] == operation
    if not is_ours or not all(type(part) in (int, str) for part in found):
        raise _wrong_cursor()
    return tuple(found[1:])


def _wrong_cursor() -> InvalidInput:
    return InvalidInput("this is no cursor of this list", field="cursor", fix="send the `next` of the page before")


Cursor = Annotated[str, Query(max_length=1000, description="the `next` of the page before; empty for the first page")]


async def _asked(request: Request, limit: Annotated[int, Query(ge=1, le=MOST)] = USUAL, cursor: Cursor = "") -> Asked:
    operation = operation_of(request.scope["endpoint"])
    return Asked(operation, limit, _place(operation, cursor) if cursor else None)


async def _asked_long(
    request: Request, limit: Annotated[int, Query(ge=1, le=MOST_LONG)] = USUAL_LONG, cursor: Cursor = ""
) -> Asked:
    return await _asked(request, limit, cursor)


Paging = Annotated[Asked, Depends(_asked)]
LongPaging = Annotated[Asked, Depends(_asked_long)]
