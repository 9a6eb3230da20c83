"""The JSON encoding of a telemetry upload, schema 1.

{"schema": 1, "vss": "6.0", "vehicle_id": …, "boot_id": …, "seq": …, "start_ms": …, "offsets_ms": […],
 "signals": {VSS path: [value or null, …]}, "origins": {VSS path: "recorded" | "simulated"}}
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np
import simdjson

from domain.errors import InvalidInput, PitcallError
from models.upload_block import SampleTable
from workflow.messages import field_of
from workflow.signal_names import SignalNames
from workflow.upload_column import scaled
from workflow.upload_envelope import (
    MAX_SAMPLES,
    MAX_SIGNALS,
    POSITION,
    Envelope,
    Uint32,
    check_length,
    cut,
    is_position,
    offsets_must_rise,
)

T = TypeVar("T")
_BYTES = 8
_NOT_A_NUMBER = re.compile(rb"\b(NaN|Infinity)\b")


Offsets = Annotated[list[Uint32], msgspec.Meta(min_length=1, max_length=MAX_SAMPLES)]


class JsonUpload(Envelope):
    """The object as it is on the wire: what is JSON of an upload, and what is not, is what this says."""

    offsets_ms: Offsets
    signals: Annotated[dict[str, list[float | None]], msgspec.Meta(min_length=1, max_length=MAX_SIGNALS)]


class JsonHead(Envelope):
    """The object with its signals unread."""

    offsets_ms: Offsets
    signals: msgspec.Raw


_decoder = msgspec.json.Decoder(JsonUpload)
_head_decoder = msgspec.json.Decoder(JsonHead)
_parser = simdjson.Parser()


def read_json_head(body: bytes) -> JsonHead:
    """The object but for its signals; InvalidInput names the field that does not fit."""
    return _read(_head_decoder, body)


def _read(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = f"not an upload: {cut(str(error))}"
        raise InvalidInput(reason, field=cut(_field(body, error)), fix=_fix(body)) from error


def json_tables(
    heads: Mapping[int, JsonHead],
    bodies: Mapping[int, bytes],
    names: SignalNames,
    refused: dict[int, PitcallError],
) -> Iterator[SampleTable]:
    """The samples of uploads, their rows the keys of `heads`; what is wrong with the others is put into `refused`."""
    by_shape: dict[tuple[int, tuple[str, ...], str, tuple[tuple[str, str], ...]], list[int]] = {}
    columns: dict[int, Mapping[str, bytes]] = {}
    for place, head in heads.items():
        n = len(head.offsets_ms)
        try:
            columns[place] = _plain_columns(head) or _columns(_read(_decoder, bodies[place]))
            names.columns(head, tuple(columns[place]))
            for path, values in columns[place].items():
                check_length(path, len(values) // _BYTES, n)
        except InvalidInput as error:
            refused[place] = error
        else:
            shape = (n, tuple(columns[place]), head.vss, tuple(head.units.items()))
            by_shape.setdefault(shape, []).append(place)
    for (n, sent, _, _), places in by_shape.items():
        offsets = np.array([heads[place].offsets_ms for place in places], dtype=np.uint32)
        for row in np.flatnonzero((offsets[:, 1:] <= offsets[:, :-1]).any(axis=1)).tolist():
            refused[places[row]] = offsets_must_rise()
        table = {}
        for name, (path, scale) in zip(sent, names.columns(heads[places[0]], sent), strict=True):
            if not is_position(path):
                numbers = np.frombuffer(b"".join([columns[place][name] for place in places]), np.float64)
                table[path] = scaled(numbers.reshape(-1, n), scale)
        yield SampleTable(np.array(places, dtype=np.int64), offsets, table)


def _plain_columns(head: JsonHead) -> dict[str, bytes]:
    """The columns as float64 where all are plain numbers; nothing where they are not, or something looks odd.

    simdjson is some four times as fast as typed decoding, but lets nested lists pass and takes the first of two equal
    names: so it reads only what can be neither, and the typed decoder has the word on everything else.
    """
    text = bytes(head.signals)
    try:
        parsed: Any = _parser.parse(text)
        paths = list(parsed.keys())
        if not 0 < len(set(paths)) == len(paths) == text.count(b"[") <= MAX_SIGNALS:
            return {}
        return {path: bytes(parsed[path].as_buffer(of_type="d")) for path in paths}
    except (ValueError, TypeError, AttributeError, RuntimeError, LookupError):
        return {}


def _columns(wire: JsonUpload) -> dict[str, bytes]:
    """The columns of what the typed decoder has read as float64, NaN for a gap."""
    return {path: np.array(column, dtype=np.float64).tobytes() for path, column in wire.signals.items()}


def _field(body: bytes, error: Exception) -> str:
    """The path of what is wrong, with the name of the signal where the parser says only that it is one."""
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
    wire.units = {path: unit for path, unit in wire.units.items() if not is_position(path)}
    return msgspec.json.encode(wire)
