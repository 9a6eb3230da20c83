"""An upload from its bytes, schema 1, in either encoding, and everything that can be wrong with one.

JSON: {"schema": 1, "vss": "6.0", "vehicle_id": …, "boot_id": …, "seq": …, "start_ms": …, "offsets_ms": […],
 "signals": {VSS path: [value or null, …]}, "origins": {VSS path: "recorded" | "simulated"}}
Binary: the same fields in msgpack with typed columns, see `upload_binary`. The first byte tells which it is.
"""

from __future__ import annotations

import json
import math
import operator
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated

import msgspec

from domain.errors import Forbidden, InvalidInput, TooLarge
from domain.telemetry import TelemetryUpload, UploadId
from workflow.messages import field_of
from workflow.upload_binary import BinaryUpload, encode_binary, is_binary, read_binary, samples_of, strip_binary
from workflow.upload_envelope import (
    MAX_SAMPLES,
    MAX_SIGNALS,
    MAX_UPLOAD_BYTES,
    POSITION,
    Envelope,
    Uint32,
    check_envelope,
    check_length,
    check_origins,
    cut,
    is_position,
    offsets_must_rise,
)

__all__ = [
    "MAX_SAMPLES",
    "MAX_UPLOAD_BYTES",
    "decode_fleet_upload",
    "decode_upload",
    "encode_binary",
    "is_binary",
    "without_position",
]

_NOT_A_NUMBER = re.compile(rb"\b(NaN|Infinity)\b")
_VEHICLE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAMED_FIELD = re.compile(r"(?:unknown|missing required) field `([^`]*)`")


class _JsonUpload(Envelope):
    offsets_ms: Annotated[list[Uint32], msgspec.Meta(min_length=1, max_length=MAX_SAMPLES)]
    signals: Annotated[dict[str, list[float | None]], msgspec.Meta(min_length=1, max_length=MAX_SIGNALS)]


_decoder = msgspec.json.Decoder(_JsonUpload)


def decode_upload(body: bytes, *, vehicle_id: str, received_ms: int, known_signals: Collection[str]) -> TelemetryUpload:
    """The upload of the car that the credential, or the key of its record, names.

    A gap is None in a column, and NaN where numpy reads a column of the binary encoding whole; no value is infinite.
    Raises TooLarge, InvalidInput (naming the field) or Forbidden (the payload names another car). JSON's NaN and
    Infinity are no JSON and are refused by the parser.
    """
    wire = _read(body)
    if wire.vehicle_id not in (None, vehicle_id):
        raise Forbidden(
            "vehicle_id: the credential belongs to another car than the payload names",
            field="vehicle_id",
            fix="leave it out: the credential says which car it is",
        )
    return _upload(wire, vehicle_id, received_ms, known_signals)


def decode_fleet_upload(body: bytes, *, received_ms: int, known_signals: Collection[str]) -> TelemetryUpload:
    """The upload of the car that it names itself, for callers who then check that they may speak for that car.

    Raises as `decode_upload` does; InvalidInput too when it names none.
    """
    wire = _read(body)
    if wire.vehicle_id is None or not _VEHICLE_ID.fullmatch(wire.vehicle_id):
        raise InvalidInput("no car is named", field="vehicle_id", fix="the id that the car got when it was enrolled")
    return _upload(wire, wire.vehicle_id, received_ms, known_signals)


def _read(body: bytes) -> _JsonUpload | BinaryUpload:
    if len(body) > MAX_UPLOAD_BYTES:
        raise TooLarge(
            f"an upload has at most {MAX_UPLOAD_BYTES:,} bytes, this one has {len(body):,}",
            field="$",
            fix="send fewer samples at a time",
        )
    if is_binary(body):
        return read_binary(body)
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = f"not an upload: {cut(str(error))}"
        raise InvalidInput(reason, field=cut(_field(body, error)), fix=_fix(body)) from error


def _upload(
    wire: _JsonUpload | BinaryUpload, vehicle_id: str, received_ms: int, known_signals: Collection[str]
) -> TelemetryUpload:
    check_envelope(wire, wire.signals, known_signals)
    offsets, columns = samples_of(wire) if isinstance(wire, BinaryUpload) else _samples_of(wire)
    check_origins(wire.origins, wire.signals)
    return TelemetryUpload(
        id=UploadId(vehicle_id, wire.boot_id, wire.seq),
        start_ms=wire.start_ms,
        offsets_ms=offsets,
        columns=columns,
        received_ms=received_ms,
        origins=wire.origins,
    )


def _samples_of(wire: _JsonUpload) -> tuple[list[int], Mapping[str, Sequence[float | None]]]:
    if not all(map(operator.lt, wire.offsets_ms, wire.offsets_ms[1:])):
        raise offsets_must_rise()
    for path, column in wire.signals.items():
        check_length(path, len(column), len(wire.offsets_ms))
    return wire.offsets_ms, {path: column for path, column in wire.signals.items() if not is_position(path)}


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


def without_position(body: bytes) -> bytes:
    """The body, which was read before, as it came, or re-encoded without position signals when it has any."""
    if is_binary(body):
        return strip_binary(body) if POSITION.encode() in body else body
    # JSON may spell any letter as an escape: a body with a backslash is looked at, not searched.
    if POSITION.encode() not in body and b"\\" not in body:
        return body
    wire = _decoder.decode(body)
    wire.signals = {path: column for path, column in wire.signals.items() if not is_position(path)}
    wire.origins = {path: origin for path, origin in wire.origins.items() if not is_position(path)}
    return msgspec.json.encode(wire)
