"""What is set aside fits into a log, whatever a maker wrote, and says what was cut and where it stood."""

from __future__ import annotations

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from streams.block import Headers, Record
from streams.producer import MAX_RECORD_BYTES
from streams.set_aside import set_aside

SAID = {"reason": "€" * 10_000}


@pytest.mark.parametrize(
    ("key", "size", "headers", "cut"),
    [
        (b"k" * 20_000, 983_000, (), {"cut-key-bytes"}),
        (b"k" * 999_900, 1, (), {"cut-key-bytes"}),
        (b"car", 983_000, (("", b""),) * 9_000, {"cut-headers"}),
        (b"car", 983_000, (("a", b"v" * 8_191),), set()),
        (b"car", 1_040_000, (("a", None), ("b", b"v" * 9_000)), {"cut-headers", "cut-from-bytes"}),
        (None, 0, (), set()),
    ],
)
def test_whatever_a_broker_took_fits_when_it_is_set_aside(
    key: bytes | None, size: int, headers: Headers, cut: set[str]
) -> None:
    record = set_aside("aside", "telemetry-uploads", 3, Record(7, key, b"x" * size, 1, headers), SAID)
    whole = DefaultRecordBatchBuilder.estimate_size_in_bytes(record.key, record.value, list(record.headers))
    assert whole <= MAX_RECORD_BYTES
    own = dict(record.headers)
    assert {name for name in own if name.startswith("cut-")} == cut
    assert (own["topic"], own["partition"], own["offset"]) == (b"telemetry-uploads", b"3", b"7")


def test_what_fits_is_set_aside_as_it_came() -> None:
    came = Record(7, b"car", b"value", 1, (("received-ms", b"17"), ("empty", b"")))
    record = set_aside("aside", "uploads", 0, came, {"reason": "why"})
    assert (record.topic, record.key, record.value, record.timestamp_ms) == ("aside", b"car", b"value", 1)
    assert record.headers[:3] == (*came.headers, ("reason", b"why"))
