"""Blocks hold what aiokafka itself would have given, record by record."""

import gzip
import random

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record._crc32c import crc as crc32c
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from streams.block import Record
from streams.fetched_blocks import _KeptRecords, _unpacked

HERE = TopicPartition("telemetry-uploads", 3)


def batch_at(base: int, records: list[tuple[bytes | None, bytes | None]], compression: int = 0) -> bytes:
    """A batch as a broker stores it: its records at `base` and behind."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=compression,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1_000_000,
    )
    for n, (key, value) in enumerate(records):
        headers = [("received-ms", b"%d" % n), ("reason", None)][: n % 3]
        assert builder.append(n, 1_700_000_000_000 + n, key, value, headers) is not None
    built = bytearray(builder.build())
    # The base offset comes before what the checksum covers.
    built[:8] = base.to_bytes(8, "big")
    return bytes(built)


def fetched(content: bytes, start: int) -> PartitionRecords:
    return PartitionRecords(HERE, MemoryRecords(content), [], start, None, None, True, READ_UNCOMMITTED)


@pytest.mark.parametrize("compression", [0, 1])
@pytest.mark.parametrize("start", [100, 107, 140, 143])
def test_the_same_records_and_the_same_next_offset(compression: int, start: int) -> None:
    chance = random.Random(start)
    batches = b"".join(
        batch_at(base, [(b"car-%d" % n, chance.randbytes(50)) for n in range(10)], compression)
        for base in (100, 110, 140)  # compaction has taken out what was between
    ) + batch_at(150, [(None, None), (b"car", None)])
    theirs, ours = fetched(batches, start), fetched(batches, start)
    expected = [Record(r.offset, r.key, r.value, r.timestamp, r.headers) for r in theirs]
    assert expected
    assert _unpacked(ours) == expected
    assert ours.next_fetch_offset == theirs.next_fetch_offset == 152


@pytest.mark.parametrize("compression", [0, 1])
def test_a_header_whose_name_is_no_text_spoils_nothing(compression: int) -> None:
    good = [(b"car-%d" % n, b"value") for n in range(3)]
    bad = bytearray(batch_at(103, good))
    at = bad.index(b"received-ms")
    bad[at : at + 2] = b"\xff\xfe"
    if compression:
        head, body = bad[:61], gzip.compress(bytes(bad[61:]))
        head[21:23] = (1).to_bytes(2, "big")
        head[8:12] = (49 + len(body)).to_bytes(4, "big")
        bad = head + body
    bad[17:21] = crc32c(bytes(bad[21:])).to_bytes(4, "big")
    content = batch_at(100, good) + bytes(bad) + batch_at(106, good)
    ours = PartitionRecords(HERE, _KeptRecords(content), [], 101, None, None, True, READ_UNCOMMITTED)
    records = _unpacked(ours)
    assert [(record.offset, record.value) for record in records] == [(n, b"value") for n in range(101, 109)]
    assert [record.headers for record in records[2:5]] == [
        (),
        (("\\xff\\xfeceived-ms", b"1"),),
        (("received-ms", b"2"), ("reason", None)),
    ]
    assert all(record.key == b"car-%d" % ((record.offset - 100) % 3) for record in records)
    assert ours.next_fetch_offset == 109


def test_workers_fetch_with_the_reader_that_can_read_again() -> None:
    assert fetcher.MemoryRecords is _KeptRecords


def test_a_batch_that_was_altered_is_refused() -> None:
    content = bytearray(batch_at(0, [(b"car", b"state")]))
    content[-3] ^= 1
    with pytest.raises(CorruptRecordException, match="another checksum"):
        _unpacked(fetched(bytes(content), 0))
