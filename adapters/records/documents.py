"""Domain dataclasses as JSON text and back, exactly: tuples, enums, times and integer keys included.

The text is kept in a plain text column: PostgreSQL's jsonb would reorder keys and refuse U+0000.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

from domain.errors import InvalidInput

T = TypeVar("T")


def to_document(value: Any) -> str:
    """The JSON text of a dataclass; InvalidInput when it holds NaN or Infinity, which JSON cannot say."""
    try:
        # Not msgspec's own encoder: it writes null for a float that is not finite.
        return json.dumps(
            msgspec.to_builtins(value, str_keys=True), allow_nan=False, ensure_ascii=False, separators=(",", ":")
        )
    except ValueError as error:
        raise InvalidInput(
            f"a number in this {type(value).__name__} is not finite",
            field=type(value).__name__,
            fix="leave it out, or give a finite number",
        ) from error


def from_document(text: str, kind: type[T]) -> T:
    """The dataclass a document was made of."""
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS[kind] = msgspec.json.Decoder(kind)
    value: T = decoder.decode(text)
    return value


_DECODERS: dict[type[Any], msgspec.json.Decoder[Any]] = {}
