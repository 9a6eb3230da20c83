"""The binary encoding of a telemetry upload, schema 1: a msgpack map of the JSON's fields with typed columns.

`offsets_ms` and each column of `signals` are msgpack extension values: type 1 holds float32, type 2 uint32, both as
raw little-endian bytes. A gap is any NaN among float32, and 4,294,967,295 among uint32. The odometer is uint32, since
float32 loses metres above 16,777 km. Format: https://github.com/msgpack/msgpack/blob/master/spec.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.msgpack import Ext

from domain.errors import InvalidInput
from domain.telemetry import TelemetryUpload
from workflow.messages import field_of
from workflow.upload_column import Column
from workflow.upload_envelope import (
    MAX_SAMPLES,
    MAX_SIGNALS,
    Envelope,
    check_length,
    cut,
    is_position,
    offsets_must_rise,
)

FLOAT32, UINT32 = 1, 2
GAP = 0xFFFF_FFFF
ODOMETER = "Vehicle.TraveledDistance"
WIDTH = 4
FIX = "send the msgpack map of upload schema 1, as documented"


class BinaryUpload(Envelope):
    """The map as it is on the wire."""

    offsets_ms: Ext
    signals: Annotated[dict[str, Ext], msgspec.Meta(min_length=1, max_length=MAX_SIGNALS)]


_decoder = msgspec.msgpack.Decoder(BinaryUpload)


def is_binary(body: bytes) -> bool:
    """Whether the body is msgpack: a map or array there begins with a byte that no JSON text begins with."""
    return body[:1] >= b"\x80"


def read_binary(body: bytes) -> BinaryUpload:
    """The map; InvalidInput names the field that does not fit."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"not an upload: {cut(str(error))}", field=_field(error), fix=FIX) from error


def _field(error: Exception) -> str:
    field, text = field_of(error), str(error)
    if field == "$" and "field `" in text:
        return cut(text.split("field `", 1)[1].split("`", 1)[0]) or "$"
    return field


def samples_of(wire: BinaryUpload) -> tuple[list[int], dict[str, Column]]:
    """The offsets and the columns without positions; InvalidInput names what is not as long or not typed as said."""
    offsets = _offsets(wire.offsets_ms)
    floats: list[str] = []
    columns: dict[str, Column] = {}
    for path, column in wire.signals.items():
        size = len(_raw(column))
        check_length(path, size // WIDTH, len(offsets))
        if column.code not in (FLOAT32, UINT32) or size % WIDTH:
            raise InvalidInput(
                "not a typed column", field=f"signals.{cut(path)}", fix="extension type 1 (float32) or 2 (uint32)"
            )
        if column.code == FLOAT32 and path == ODOMETER:
            raise InvalidInput("float32 loses metres", field=f"signals.{path}", fix="send uint32 metres, type 2")
        if is_position(path):
            continue
        if column.code == FLOAT32:
            floats.append(path)
        columns[path] = _whole_numbers(column) if column.code == UINT32 else Column(_NOTHING)
    # All float columns in one piece: numpy's price is per call.
    table = np.frombuffer(b"".join(_raw(wire.signals[path]) for path in floats), "<f4").reshape(-1, len(offsets))
    if np.isinf(table).any():
        path = floats[int(np.isinf(table).any(axis=1).argmax())]
        raise InvalidInput("an infinite value", field=f"signals.{path}", fix="send NaN for a gap")
    for path, values in zip(floats, table, strict=True):
        columns[path] = Column(values)
    return offsets, columns


_NOTHING: npt.NDArray[Any] = np.empty(0, np.float32)


def _raw(column: Ext) -> bytes:
    return bytes(column.data)  # bytes already, and not copied, when it came from the decoder


def _offsets(column: Ext) -> list[int]:
    size = len(_raw(column))
    if column.code != UINT32 or size % WIDTH or not WIDTH <= size <= WIDTH * MAX_SAMPLES:
        raise InvalidInput(
            "not the offsets of samples", field="offsets_ms", fix=f"extension type 2, 1 to {MAX_SAMPLES:,} uint32"
        )
    offsets = np.frombuffer(_raw(column), "<u4")
    if (offsets[1:] <= offsets[:-1]).any():
        raise offsets_must_rise()
    return list(offsets.tolist())


def _whole_numbers(column: Ext) -> Column:
    numbers = np.frombuffer(_raw(column), "<u4")
    values = numbers.astype(np.float64)
    values[numbers == GAP] = np.nan
    return Column(values)


def strip_binary(body: bytes) -> bytes:
    """The body, which was read before, without its positions."""
    wire = read_binary(body)
    wire.signals = {path: column for path, column in wire.signals.items() if not is_position(path)}
    wire.origins = {path: origin for path, origin in wire.origins.items() if not is_position(path)}
    return msgspec.msgpack.encode(wire)


def encode_binary(upload: TelemetryUpload) -> bytes:
    """The upload in the binary encoding; analogue values are rounded to float32.

    Raises InvalidInput for what float32 (or uint32 metres) cannot hold.
    """
    whole = {
        "schema": 1,
        "vss": "6.0",
        "vehicle_id": upload.id.vehicle_id,
        "boot_id": upload.id.boot_id,
        "seq": upload.id.seq,
        "start_ms": upload.start_ms,
        "offsets_ms": Ext(UINT32, np.asarray(upload.offsets_ms, dtype="<u4").tobytes()),
        "signals": _typed(upload.columns),
        "origins": dict(upload.origins),
    }
    return msgspec.msgpack.encode(whole)


def _typed(columns: Mapping[str, Sequence[float | None]]) -> dict[str, Ext]:
    typed = {}
    for path, column in columns.items():
        values = np.array(column, dtype=np.float64)
        if path == ODOMETER:
            gaps = np.isnan(values)
            metres = np.where(gaps, 0.0, np.rint(values))
            if ((metres < 0) | (metres >= GAP)).any():
                raise InvalidInput("not a distance", field=f"signals.{path}", fix=f"metres, 0 to {GAP - 1:,}")
            numbers = metres.astype("<u4")
            numbers[gaps] = GAP
            typed[path] = Ext(UINT32, numbers.tobytes())
            continue
        with np.errstate(over="ignore"):
            floats = values.astype("<f4")
        if np.isinf(floats).any():
            raise InvalidInput("a value beyond float32", field=f"signals.{path}", fix="a value below 3.4e38")
        typed[path] = Ext(FLOAT32, floats.tobytes())
    return typed
