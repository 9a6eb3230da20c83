"""Reading many uploads at once, in either encoding: columns of those that can be used, and what is wrong with others.

One upload that is broken spoils no other. `workflow.upload_codec` reads single ones by the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from domain.errors import Forbidden, InvalidInput, PitcallError, TooLarge
from domain.telemetry import VehicleAttributes
from models.upload_block import CodeReport, SampleTable, UploadBlock
from workflow.signal_names import SignalNames
from workflow.upload_binary import BinaryHead, binary_tables, is_binary, read_binary_head
from workflow.upload_envelope import MAX_UPLOAD_BYTES, Codes, Envelope, check_head, check_origins
from workflow.upload_json import JsonHead, json_tables, read_json_head

_VEHICLE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Arrival(NamedTuple):
    """An upload as it came: of the car that its credential or key names, or (None) of the one that it names itself."""

    vehicle_id: str | None
    body: bytes
    received_ms: int
    attributes: VehicleAttributes = VehicleAttributes()


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of arrivals: those at `places`, rising, are in `block`, in order; the others were `refused`."""

    block: UploadBlock
    places: Sequence[int]
    refused: dict[int, PitcallError]


def read_uploads(arrivals: Sequence[Arrival], names: SignalNames) -> Reading:
    """Read uploads of the signals of a catalogue; columns have the catalogue's paths and units.

    Refused is, naming the field and the fix: TooLarge, InvalidInput, or Forbidden (it names another car than its
    credential). JSON's NaN and Infinity are no JSON. Positions are left out.
    """
    refused: dict[int, PitcallError] = {}
    wires: dict[int, Envelope] = {}
    for place, arrival in enumerate(arrivals):
        try:
            wires[place] = _read_head(arrival, names)
        except PitcallError as error:
            refused[place] = error
    tables = list(_tables(arrivals, wires, names, refused))
    for table in tables:
        _check_rest(table, wires, names, refused)
    places = [place for place in wires if place not in refused]
    return Reading(_block(arrivals, wires, names, places, tables), places, refused)


def _read_head(arrival: Arrival, names: SignalNames) -> Envelope:
    body = arrival.body
    if len(body) > MAX_UPLOAD_BYTES:
        raise TooLarge(
            f"an upload has at most {MAX_UPLOAD_BYTES:,} bytes, this one has {len(body):,}",
            field="$",
            fix="send fewer samples at a time",
        )
    head = read_binary_head(body) if is_binary(body) else read_json_head(body)
    car = head.vehicle_id if arrival.vehicle_id is None else arrival.vehicle_id
    if car is None or not _VEHICLE_ID.fullmatch(car):
        raise InvalidInput("no car is named", field="vehicle_id", fix="the id that the car got when it was enrolled")
    if head.vehicle_id not in (None, car):
        raise Forbidden(
            "vehicle_id: the credential belongs to another car than the payload names",
            field="vehicle_id",
            fix="leave it out: the credential says which car it is",
        )
    names.check_version(head.vss)
    check_head(head)
    return head


def _tables(
    arrivals: Sequence[Arrival],
    wires: dict[int, Envelope],
    names: SignalNames,
    refused: dict[int, PitcallError],
) -> Iterator[SampleTable]:
    """The samples in tables whose rows are places; what can't be used is put into `refused`."""
    bodies = {place: arrivals[place].body for place in wires}
    if binary := {place: wire for place, wire in wires.items() if isinstance(wire, BinaryHead)}:
        yield from binary_tables(binary, bodies, names, refused)
    if plain := {place: wire for place, wire in wires.items() if isinstance(wire, JsonHead)}:
        yield from json_tables(plain, bodies, names, refused)


def _check_rest(
    table: SampleTable, wires: dict[int, Envelope], names: SignalNames, refused: dict[int, PitcallError]
) -> None:
    for place in table.rows.tolist():
        if place in refused:
            continue
        if not table.columns:
            fix = "send signals of the catalogue"
            refused[place] = InvalidInput("nothing but positions", field="signals", fix=fix)
        elif wires[place].origins:
            try:
                check_origins(_origins(wires[place], names), table.columns)
            except InvalidInput as error:
                refused[place] = error


def _origins(wire: Envelope, names: SignalNames) -> dict[str, str]:
    """Where values come from, by the catalogue's paths."""
    return {names.path(wire.vss, name): origin for name, origin in wire.origins.items()}


def _block(
    arrivals: Sequence[Arrival],
    wires: dict[int, Envelope],
    names: SignalNames,
    places: Sequence[int],
    tables: Sequence[SampleTable],
) -> UploadBlock:
    row_of = np.full(len(arrivals), -1, dtype=np.int64)
    row_of[list(places)] = np.arange(len(places))
    own = [wires[place] for place in places]
    return UploadBlock(
        vehicle_ids=[arrivals[place].vehicle_id or wires[place].vehicle_id or "" for place in places],
        boot_ids=np.array([wire.boot_id.encode() for wire in own], dtype="S36"),
        seqs=np.array([wire.seq for wire in own], dtype=np.int64),
        start_ms=np.array([wire.start_ms for wire in own], dtype=np.int64),
        received_ms=np.array([arrivals[place].received_ms for place in places], dtype=np.int64),
        attributes=[arrivals[place].attributes for place in places],
        origins=[_origins(wire, names) if wire.origins else wire.origins for wire in own],
        codes=[_report(row, wire.codes) for row, wire in enumerate(own) if wire.codes is not None],
        tables=[kept for table in tables if len((kept := _renumbered(table, row_of)).rows)],
    )


def _report(row: int, codes: Codes) -> CodeReport:
    is_whole = codes.stored is not None
    added = codes.added if codes.stored is None else codes.stored
    return CodeReport(row, tuple(sorted(set(added))), tuple(sorted(set(codes.removed))), is_whole)


def _renumbered(table: SampleTable, row_of: Any) -> SampleTable:
    """The table with rows of the block in place of places, without those that were refused."""
    rows = row_of[table.rows]
    if (rows >= 0).all():
        return SampleTable(rows, table.offsets_ms, table.columns)
    kept = np.flatnonzero(rows >= 0)
    columns = {path: values[kept] for path, values in table.columns.items()}
    return SampleTable(rows[kept], table.offsets_ms[kept], columns)
