"""A record that is set aside, as a reject or a dead letter: as it came, but never larger than what a log takes.

A broker takes records from a maker whose key, headers and value together leave no room for what is said of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from streams.block import Headers, Record
from streams.producer import NewRecord
from workflow.upload_envelope import MAX_UPLOAD_BYTES

MAX_KEY_BYTES = 1_024
MAX_HEADERS, MAX_HEADER_BYTES = 64, 8_192
MAX_TEXT_BYTES = 2_000
MAX_CUT_BYTES = 65_536
"""Of a value that is over the limit so much is kept: it is of no more use, but shows what it was."""


def set_aside(topic: str, source: str, partition: int, record: Record, said: Mapping[str, str]) -> NewRecord:
    """The record for `topic`, with what is `said` of it and where it stood in `source`, which is its id there."""
    key, value = record.key or b"", record.value
    headers: Headers = record.headers
    if (
        len(headers) > MAX_HEADERS
        or sum(len(name.encode()) + len(text or b"") for name, text in headers) > MAX_HEADER_BYTES
    ):
        headers = (("cut-headers", str(len(headers)).encode()),)
    if len(key) > MAX_KEY_BYTES:
        headers = (*headers, ("cut-key-bytes", str(len(key)).encode()))
        key = key[:MAX_KEY_BYTES]
    if value is not None and len(value) > MAX_UPLOAD_BYTES:
        headers = (*headers, ("cut-from-bytes", str(len(value)).encode()))
        value = value[:MAX_CUT_BYTES]
    own = {name: text.encode(errors="replace")[:MAX_TEXT_BYTES] for name, text in said.items()}
    where = {"topic": source, "partition": str(partition), "offset": str(record.offset)}
    headers = (*headers, *own.items(), *((name, text.encode()) for name, text in where.items()))
    return NewRecord(topic, key, value, record.timestamp_ms, headers)
