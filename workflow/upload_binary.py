"""The binary encoding of a telemetry upload, schema 1: a msgpack map of the JSON's fields with typed columns.

`offsets_ms` and each column of `signals` are msgpack extension values: type 1 holds float32, type 2 uint32, both as
raw little-endian bytes. A gap is any NaN among float32, and 4,294,967,295 among uint32. The odometer is uint32, since
float32 loses metres above 16,777 km. Format: https://github.com/msgpack/msgpack/blob/master/spec.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec.msgpack import Ext

from domain.errors import InvalidInput, PitcallError
from domain.telemetry import TelemetryUpload
from models.upload_block import SampleTable
from workflow.messages import field_of
from workflow.signal_names import NamedColumn, SignalNames
from workflow.upload_column import scaled
from workflow.upload_envelope import (
    MAX_SAMPLES,
    MAX_SIGNALS,
    Envelope,
    check_length,
    cut,
    is_position,
    offsets_must_rise,
)
from workflow.upload_skeleton import ColumnPlace, column_place, column_places

T = TypeVar("T")

FLOAT32, UINT32 = 1, 2
GAP = 0xFFFF_FFFF
ODOMETER = "Vehicle.TraveledDistance"
WIDTH = 4
FIX = "send the msgpack map of upload schema 1, as documented"


class BinaryUpload(Envelope):
    """The map as it is on the wire."""

    offsets_ms: Ext
    signals: Annotated[dict[str, Ext], msgspec.Meta(min_length=1, max_length=MAX_SIGNALS)]


class BinaryHead(Envelope):
    """The map with its samples unread."""

    offsets_ms: msgspec.Raw
    signals: msgspec.Raw


_decoder = msgspec.msgpack.Decoder(BinaryUpload)
_head_decoder = msgspec.msgpack.Decoder(BinaryHead)


def is_binary(body: bytes) -> bool:
    """Whether the body is msgpack: a map or array there begins with a byte that no JSON text begins with."""
    return body[:1] >= b"\x80"


def read_binary_head(body: bytes) -> BinaryHead:
    """The map but for its samples; InvalidInput names the field that does not fit."""
    return _read(_head_decoder, body)


def _read(decoder: msgspec.msgpack.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"not an upload: {cut(str(error))}", field=cut(field_of(error)), fix=FIX) from error


def binary_tables(
    heads: Mapping[int, BinaryHead],
    bodies: Mapping[int, bytes],
    names: SignalNames,
    refused: dict[int, PitcallError],
) -> Iterator[SampleTable]:
    """The samples of uploads, their rows the keys of `heads`; what is wrong with the others is put into `refused`.

    Uploads of one skeleton are taken together: what is around their values is the same, byte for byte.
    """
    by_size: dict[tuple[int, int, str, tuple[tuple[str, str], ...]], list[int]] = {}
    for place, head in heads.items():
        size = (len(head.offsets_ms), len(head.signals), head.vss, tuple(head.units.items()))
        by_size.setdefault(size, []).append(place)
    for (split, *_), places in by_size.items():
        rows = np.array(places, dtype=np.int64)
        samples = b"".join([part for place in places for part in (heads[place].offsets_ms, heads[place].signals)])
        cells = np.frombuffer(samples, np.uint8).reshape(len(places), -1)
        while len(rows):
            first = int(rows[0])
            try:
                skeleton = _skeleton(bodies[first], cells[0].tobytes(), split, names)
            except InvalidInput as error:
                # Others may be wrong in the same way, or not: each is told its own.
                refused[first] = error
                rows, cells = rows[1:], cells[1:]
                continue
            around = cells[:, skeleton.around]
            same = (around == around[0]).all(axis=1)
            if same.all():
                yield _table(rows, cells, skeleton, refused)
                break
            yield _table(rows[same], cells[same], skeleton, refused)
            rows, cells = rows[~same], cells[~same]


class _Skeleton(NamedTuple):
    """Where offsets and columns stand in the samples of an upload, and which bytes are around the values."""

    offsets: ColumnPlace
    columns: list[ColumnPlace]
    named: list[NamedColumn]
    around: npt.NDArray[np.int64]


def _skeleton(body: bytes, samples: bytes, split: int, names: SignalNames) -> _Skeleton:
    """The skeleton of an upload; InvalidInput for what is wrong with it whatever its values are."""
    wire = _read(_decoder, body)  # says which field is of the wrong type
    offsets = column_place(samples)
    if offsets.code != UINT32 or offsets.size % WIDTH or not WIDTH <= offsets.size <= WIDTH * MAX_SAMPLES:
        raise InvalidInput(
            "not the offsets of samples", field="offsets_ms", fix=f"extension type 2, 1 to {MAX_SAMPLES:,} uint32"
        )
    columns = [place._replace(start=place.start + split) for place in column_places(samples[split:])]
    named = names.columns(wire, tuple(place.path for place in columns))
    for place, column in zip(columns, named, strict=True):
        _check_column(place, column, offsets.size)
    is_around = np.ones(len(samples), dtype=np.bool_)
    for place in (offsets, *columns):
        is_around[place.start : place.stop] = False
    return _Skeleton(offsets, columns, named, np.flatnonzero(is_around))


def _check_column(place: ColumnPlace, column: NamedColumn, size: int) -> None:
    check_length(place.path, place.size // WIDTH, size // WIDTH)
    if place.code not in (FLOAT32, UINT32) or place.size % WIDTH:
        raise InvalidInput(
            "not a typed column", field=f"signals.{cut(place.path)}", fix="extension type 1 (float32) or 2 (uint32)"
        )
    if place.code == FLOAT32 and column.path == ODOMETER and column.scale is None:
        raise InvalidInput("float32 loses metres", field=f"signals.{place.path}", fix="send uint32 metres, type 2")


def _table(
    rows: npt.NDArray[np.int64],
    cells: npt.NDArray[np.uint8],
    skeleton: _Skeleton,
    refused: dict[int, PitcallError],
) -> SampleTable:
    """The table of uploads with one skeleton; those whose values can't be are put into `refused`."""
    offsets = _values(cells, skeleton.offsets)
    falls = (offsets[:, 1:] <= offsets[:, :-1]).any(axis=1)
    for row in np.flatnonzero(falls).tolist():
        refused[int(rows[row])] = offsets_must_rise()
    columns: dict[str, npt.NDArray[Any]] = {}
    for place, (path, scale) in zip(skeleton.columns, skeleton.named, strict=True):
        if is_position(path):
            continue
        values = _values(cells, place)
        if place.code == UINT32:
            columns[path] = scaled(np.where(values == GAP, np.nan, values.astype(np.float64)), scale)
            continue
        for row in np.flatnonzero(np.isinf(values).any(axis=1)).tolist():
            infinite = InvalidInput("an infinite value", field=f"signals.{place.path}", fix="send NaN for a gap")
            refused.setdefault(int(rows[row]), infinite)
        columns[path] = scaled(values, scale)
    return SampleTable(rows, offsets, columns)


def _values(cells: npt.NDArray[np.uint8], place: ColumnPlace) -> npt.NDArray[Any]:
    """The values of a column of all uploads, shape (m, n)."""
    form = "<f4" if place.code == FLOAT32 else "<u4"
    return np.ascontiguousarray(cells[:, place.start : place.stop]).view(form)


def strip_binary(body: bytes) -> bytes:
    """The body, which was read before, without its positions."""
    wire = _read(_decoder, body)
    wire.signals = {path: column for path, column in wire.signals.items() if not is_position(path)}
    wire.origins = {path: origin for path, origin in wire.origins.items() if not is_position(path)}
    wire.units = {path: unit for path, unit in wire.units.items() if not is_position(path)}
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
