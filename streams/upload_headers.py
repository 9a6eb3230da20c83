"""The headers of an upload's record: when the edge received it, and what the fold must know of the car."""

from __future__ import annotations

from functools import lru_cache

from domain.errors import InvalidInput
from domain.telemetry import VehicleAttributes
from streams.block import Record
from workflow.messages import decode_attributes
from workflow.upload_envelope import EARLIEST_MS, LATEST_MS

MAX_ATTRIBUTES_BYTES = 1_000
_DIGITS = 15
_attributes = lru_cache(maxsize=4_096)(decode_attributes)


def received_ms(record: Record) -> int:
    """Receipt of the upload, ms UTC: of the header `received-ms`, or the record's own time where a maker gives none.

    InvalidInput when the header is no time.
    """
    for name, value in record.headers:
        if name == "received-ms":
            return _time(value)
    return record.timestamp_ms if EARLIEST_MS <= record.timestamp_ms <= LATEST_MS else 0


def attributes(record: Record) -> VehicleAttributes:
    """The car's attributes of the header `attributes`, or those of an ordinary car; InvalidInput when it has others."""
    for name, value in record.headers:
        if name == "attributes":
            if value and len(value) > MAX_ATTRIBUTES_BYTES:
                raise InvalidInput(
                    f"the header has {len(value):,} bytes",
                    field="attributes",
                    fix=f"a car's attributes, in at most {MAX_ATTRIBUTES_BYTES:,} bytes",
                )
            return _attributes(value or b"{}")
    return VehicleAttributes()


@lru_cache(maxsize=1_024)
def _time(value: bytes | None) -> int:
    if value and len(value) <= _DIGITS and value.isdigit() and EARLIEST_MS <= int(value) <= LATEST_MS:
        return int(value)
    raise InvalidInput(
        "the header is no time of receipt", field="received-ms", fix="ms since 1970, UTC, between 2000 and 2100"
    )
