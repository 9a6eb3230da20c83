"""Headers of uploads and rejects are a maker's own: whatever they are, they are read or refused."""

from __future__ import annotations

import pytest

from domain.errors import InvalidInput
from streams.block import Headers, Record
from streams.rejects import _reject
from streams.upload_headers import MAX_ATTRIBUTES_BYTES, attributes


def record(*headers: tuple[str, bytes | None]) -> Record:
    return Record(5, b"car", b"{}", 1, headers)  # type: ignore[arg-type]  # Kafka has null values


def test_attributes_that_are_longer_than_any_cars_are_refused_unread() -> None:
    assert attributes(record(("attributes", b"{}".ljust(MAX_ATTRIBUTES_BYTES)))).powertrain == "petrol"
    with pytest.raises(InvalidInput) as refused:
        attributes(record(("attributes", b"{}".ljust(MAX_ATTRIBUTES_BYTES + 1))))
    assert refused.value.field == "attributes"


@pytest.mark.parametrize("name", ["replay-of", "reason", "topic"])
def test_a_reject_with_a_null_header_can_be_read(name: str) -> None:
    headers: Headers = (("reason", b"why"), ("topic", b"t"), ("partition", b"0"), ("offset", b"1"))
    found = _reject(0, record(*headers, (name, None)), set())
    assert found.reject_id == ("telemetry-rejects/0/5" if name == "topic" else "t/0/1")
    assert found.reason == ("unknown" if name == "reason" else "why")
    assert found.replay_of == ""
