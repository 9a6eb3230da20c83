"""The JSON encoding of a telemetry upload, schema 1.

{"schema": 1, "vss": "6.0", "vehicle_id": …, "boot_id": …, "seq": …, "start_ms": …, "offsets_ms": […],
 "signals": {VSS path: [value or null, …]}, "origins": {VSS path: "recorded" | "simulated"}}
"""

from __future__ import annotations

import json
import math
import operator
import re
import struct
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

from domain.errors import InvalidInput, PitcallError
from models.upload_block import SampleTable
from workflow.messages import field_of
from workflow.upload_envelope import (
    MAX_SAMPLES,
    MAX_SIGNALS,
    POSITION,
    Envelope,
    Uint32,
    check_length,
    check_paths,
    cut,
    is_position,
    offsets_must_rise,
)

_NOT_A_NUMBER = re.compile(rb"\b(NaN|Infinity)\b")
_NAMED_FIELD = re.compile(r"(?:unknown|missing required) field `([^`]*)`")


class JsonUpload(Envelope):
    """The object as it is on the wire."""

    offsets_ms: Annotated[list[Uint32], msgspec.Meta(min_length=1, max_length=MAX_SAMPLES)]
    signals: Annotated[dict[str, list[float | None]], msgspec.Meta(min_length=1, max_length=MAX_SIGNALS)]


_decoder = msgspec.json.Decoder(JsonUpload)


def read_json(body: bytes) -> JsonUpload:
    """The object; InvalidInput names the field that does not fit. NaN and Infinity are no JSON."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = f"not an upload: {cut(str(error))}"
        raise InvalidInput(reason, field=cut(_field(body, error)), fix=_fix(body)) from error


def json_tables(
    wires: Mapping[int, JsonUpload], known_signals: Collection[str], refused: dict[int, PitcallError]
) -> Iterator[SampleTable]:
    """The samples of uploads, their rows the keys of `wires`; what is wrong with the others is put into `refused`."""
    by_shape: dict[tuple[int, tuple[str, ...]], list[int]] = {}
    for place, wire in wires.items():
        try:
            _check(wire, known_signals)
        except InvalidInput as error:
            refused[place] = error
        else:
            by_shape.setdefault((len(wire.offsets_ms), tuple(wire.signals)), []).append(place)
    for (_, paths), places in by_shape.items():
        yield SampleTable(
            np.array(places, dtype=np.int64),
            np.array([wires[place].offsets_ms for place in places], dtype=np.uint32),
            {path: _table([wires[place].signals[path] for place in places]) for path in paths if not is_position(path)},
        )


def _check(wire: JsonUpload, known_signals: Collection[str]) -> None:
    check_paths(wire.signals, known_signals)
    if not all(map(operator.lt, wire.offsets_ms, wire.offsets_ms[1:])):
        raise offsets_must_rise()
    for path, column in wire.signals.items():
        check_length(path, len(column), len(wire.offsets_ms))


def _table(columns: Sequence[Sequence[float | None]]) -> npt.NDArray[np.float64]:
    """Columns of one length as an array, shape (m, n), NaN for a gap."""
    n = len(columns[0])
    table = np.empty((len(columns), n))
    memory, pack = table.data.cast("B"), _packer(n).pack_into
    for row, column in enumerate(columns):
        try:
            # Some five times as fast as an array of the list, and refuses gaps.
            pack(memory, row * n * 8, *column)
        except struct.error:
            table[row] = np.array(column, dtype=np.float64)
    return table


@lru_cache(maxsize=256)
def _packer(n: int) -> struct.Struct:
    return struct.Struct(f"={n}d")


def _field(body: bytes, error: Exception) -> str:
    """The path of what is wrong, with the name of the signal where the parser says only that it is one."""
    if named := _NAMED_FIELD.search(str(error)):
        return named[1] or "$"
    field = field_of(error)
    if field != "$" and not field.startswith("signals["):
        return field
    try:
        plain = json.loads(body)  # slower, and takes NaN: good for finding where it stands
    except (ValueError, RecursionError):
        return field
    signals = plain.get("signals") if isinstance(plain, dict) else None
    for path, column in signals.items() if isinstance(signals, dict) else ():
        if not isinstance(column, list) or not all(value is None or _is_number(value) for value in column):
            return f"signals.{path}"
    return field


def _is_number(value: object) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) <= sys.float_info.max
    return isinstance(value, float) and math.isfinite(value)


def _fix(body: bytes) -> str:
    if _NOT_A_NUMBER.search(body):
        return "NaN and Infinity are not JSON: send null for a gap"
    return "send the JSON of upload schema 1"


def strip_json(body: bytes) -> bytes:
    """The body, which was read before, as it came, or re-encoded without position signals when it has any."""
    # JSON may spell any letter as an escape: a body with a backslash is looked at, not searched.
    if POSITION.encode() not in body and b"\\" not in body:
        return body
    wire = _decoder.decode(body)
    wire.signals = {path: column for path, column in wire.signals.items() if not is_position(path)}
    wire.origins = {path: origin for path, origin in wire.origins.items() if not is_position(path)}
    return msgspec.json.encode(wire)
