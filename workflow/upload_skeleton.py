"""The skeleton of a binary upload's samples: where in the bytes each typed column stands.

Uploads from one kind of device differ in their values only, so that what is around the values is looked at once for
many of them. Format: https://github.com/msgpack/msgpack/blob/master/spec.md.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_FIXEXT = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}
_EXT = {0xC7: ">B", 0xC8: ">H", 0xC9: ">I"}
_STR = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
_MAP = {0xDE: ">H", 0xDF: ">I"}


class ColumnPlace(NamedTuple):
    """Extension type `code`, and `size` bytes of values from `start` on; `path` is empty for the offsets."""

    path: str
    code: int
    start: int
    size: int

    @property
    def stop(self) -> int:
        """Where the values end."""
        return self.start + self.size


def column_place(raw: bytes, at: int = 0, path: str = "") -> ColumnPlace:
    """The extension value that begins at `at`; for bytes that are known to hold one there."""
    head = raw[at]
    if head in _FIXEXT:
        size, at = _FIXEXT[head], at + 1
    else:
        size, at = _number(_EXT[head], raw, at + 1)
    return ColumnPlace(path, raw[at] - 256 if raw[at] > 127 else raw[at], at + 1, size)


def column_places(raw: bytes) -> list[ColumnPlace]:
    """The columns of a msgpack map of names and extension values; for bytes that are known to be one."""
    if raw[0] in _MAP:
        count, at = _number(_MAP[raw[0]], raw, 1)
    else:
        count, at = raw[0] & 0x0F, 1
    places = []
    for _ in range(count):
        if raw[at] in _STR:
            length, at = _number(_STR[raw[at]], raw, at + 1)
        else:
            length, at = raw[at] & 0x1F, at + 1
        place = column_place(raw, at + length, raw[at : at + length].decode())
        places.append(place)
        at = place.stop
    return places


def _number(form: str, raw: bytes, at: int) -> tuple[int, int]:
    (number,) = struct.unpack_from(form, raw, at)
    return number, at + struct.calcsize(form)
