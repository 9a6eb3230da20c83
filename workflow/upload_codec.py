"""The JSON encoding of a telemetry upload, schema 1, and everything that can be wrong with one.

{"schema": 1, "vss": "6.0", "vehicle_id": …, "boot_id": …, "seq": …, "start_ms": …, "offsets_ms": […],
 "signals": {VSS path: [value or null, …]}, "origins": {VSS path: "recorded" | "simulated"}}
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Collection, Mapping
from typing import Annotated

import msgspec

from domain.errors import Forbidden, InvalidInput, TooLarge
from domain.telemetry import RECORDED, SIMULATED, TelemetryUpload, UploadId
from workflow.messages import field_of

MAX_UPLOAD_BYTES = 1_048_576
MAX_SAMPLES = 3_600
MAX_SIGNALS = 200
POSITION = "Vehicle.CurrentLocation."  # a trajectory is never kept: dropped before the log sees it
_NOT_A_NUMBER = re.compile(rb"\b(NaN|Infinity)\b")
_NAMED_FIELD = re.compile(r"(?:unknown|missing required) field `([^`]*)`")
_BOOT_ID = re.compile(r"[A-Za-z0-9-]{1,36}")

Uint32 = Annotated[int, msgspec.Meta(ge=0, le=4_294_967_295)]
# Milliseconds from 2000 to 2100: outside it is no clock but a mistake of unit.
EventTime = Annotated[int, msgspec.Meta(ge=946_684_800_000, le=4_102_444_800_000)]


class _Wire(msgspec.Struct, forbid_unknown_fields=True):
    schema: int
    boot_id: str
    seq: Uint32
    start_ms: EventTime
    offsets_ms: Annotated[list[Uint32], msgspec.Meta(min_length=1, max_length=MAX_SAMPLES)]
    signals: Annotated[dict[str, list[float | None]], msgspec.Meta(min_length=1, max_length=MAX_SIGNALS)]
    vss: str = "6.0"
    vehicle_id: str | None = None
    origins: dict[str, str] = {}


_decoder = msgspec.json.Decoder(_Wire)


def decode_upload(body: bytes, *, vehicle_id: str, received_ms: int, known_signals: Collection[str]) -> TelemetryUpload:
    """The upload of the car that the credential names.

    Raises TooLarge, InvalidInput (naming the field) or Forbidden (the payload names another car). JSON's NaN and
    Infinity are no JSON and are refused by the parser.
    """
    if len(body) > MAX_UPLOAD_BYTES:
        raise TooLarge(
            f"an upload has at most {MAX_UPLOAD_BYTES:,} bytes, this one has {len(body):,}",
            field="$",
            fix="send fewer samples at a time",
        )
    try:
        wire = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"not an upload: {error}", field=_field(body, error), fix=_fix(body)) from error
    if wire.vehicle_id not in (None, vehicle_id):
        raise Forbidden("vehicle_id: the credential belongs to another car than the payload names")
    _check(wire, known_signals)
    return TelemetryUpload(
        id=UploadId(vehicle_id, wire.boot_id, wire.seq),
        start_ms=wire.start_ms,
        offsets_ms=wire.offsets_ms,
        columns={path: column for path, column in wire.signals.items() if not path.startswith(POSITION)},
        received_ms=received_ms,
        origins=wire.origins,
    )


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


def _check(wire: _Wire, known_signals: Collection[str]) -> None:
    if wire.schema != 1:
        raise InvalidInput(f"schema {wire.schema} is not known", field="schema", fix="send schema 1")
    if wire.vss != "6.0":
        raise InvalidInput(f"VSS {wire.vss!r} is not known", field="vss", fix="name signals by VSS 6.0")
    if not _BOOT_ID.fullmatch(wire.boot_id):
        raise InvalidInput("not a boot id", field="boot_id", fix="1 to 36 letters, digits or dashes")
    if any(b <= a for a, b in zip(wire.offsets_ms, wire.offsets_ms[1:], strict=False)):
        raise InvalidInput("offsets must rise", field="offsets_ms", fix="send samples in order, each time once")
    for path, column in wire.signals.items():
        if len(column) != len(wire.offsets_ms):
            raise InvalidInput(
                f"{len(column)} values for {len(wire.offsets_ms)} offsets",
                field=f"signals.{path}",
                fix="one value or null per offset",
            )
        if path not in known_signals and not path.startswith(POSITION):
            raise InvalidInput(
                "unknown signal", field=f"signals.{path}", fix="leave it out, or add it to the catalogue"
            )
    _check_origins(wire.origins, wire.signals)


def _check_origins(origins: Mapping[str, str], signals: Mapping[str, object]) -> None:
    for path, origin in origins.items():
        if path not in signals or origin not in (RECORDED, SIMULATED):
            raise InvalidInput(
                f"origin {origin!r} of a signal", field=f"origins.{path}", fix="recorded or simulated, of a signal sent"
            )


def without_position(body: bytes) -> bytes:
    """The body as it came, or re-encoded without position signals when it has any."""
    # JSON may spell any letter as an escape: a body with a backslash is looked at, not searched.
    if POSITION.encode() not in body and b"\\" not in body:
        return body
    wire = _decoder.decode(body)
    wire.signals = {path: column for path, column in wire.signals.items() if not path.startswith(POSITION)}
    wire.origins = {path: origin for path, origin in wire.origins.items() if not path.startswith(POSITION)}
    return msgspec.json.encode(wire)
