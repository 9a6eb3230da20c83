"""A single upload from its bytes, schema 1, in either encoding, and everything that can be wrong with one.

The first byte tells which encoding it is: `upload_json` or `upload_binary`. Many at once: `upload_reading`.
"""

from __future__ import annotations

from domain.telemetry import TelemetryUpload, UploadId
from models.upload_block import UploadBlock
from workflow.signal_names import SignalNames
from workflow.upload_binary import encode_binary, is_binary, strip_binary
from workflow.upload_column import Column
from workflow.upload_envelope import MAX_SAMPLES, MAX_UPLOAD_BYTES, POSITION
from workflow.upload_json import strip_json
from workflow.upload_reading import Arrival, read_uploads

__all__ = ["MAX_SAMPLES", "MAX_UPLOAD_BYTES", "decode_upload", "encode_binary", "is_binary", "without_position"]


def decode_upload(body: bytes, *, vehicle_id: str | None, received_ms: int, names: SignalNames) -> TelemetryUpload:
    """The upload of the car that the credential, or the key of its record, names; None: of the one it names itself.

    A gap is None in a column, and NaN where numpy reads it whole; no value is infinite. Raises TooLarge, InvalidInput
    (naming the field) or Forbidden (the payload names another car).
    """
    reading = read_uploads([Arrival(vehicle_id, body, received_ms)], names)
    for error in reading.refused.values():
        raise error
    return upload_of(reading.block, 0)


def upload_of(block: UploadBlock, row: int) -> TelemetryUpload:
    """Upload `row` of a block by itself."""
    table, place = next((t, t.rows.tolist().index(row)) for t in block.tables if row in t.rows)
    return TelemetryUpload(
        id=UploadId(block.vehicle_ids[row], block.boot_ids[row].decode(), int(block.seqs[row])),
        start_ms=int(block.start_ms[row]),
        offsets_ms=table.offsets_ms[place].tolist(),
        columns={path: Column(values[place]) for path, values in table.columns.items()},
        received_ms=int(block.received_ms[row]),
        origins=block.origins[row],
    )


def without_position(body: bytes) -> bytes:
    """The body, which was read before, as it came, or re-encoded without position signals when it has any."""
    if is_binary(body):
        return strip_binary(body) if POSITION.encode() in body else body
    return strip_json(body)
