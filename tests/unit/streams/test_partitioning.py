"""Keys go where Kafka's own clients put them, one by one or many together."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from streams.partitioning import partition_for, partitions_for


@given(keys=st.lists(st.binary(max_size=40), max_size=30), partitions=st.integers(1, 2_000))
def test_many_keys_are_hashed_as_the_client_library_hashes_each(keys: list[bytes], partitions: int) -> None:
    assert partitions_for(keys, partitions) == [(murmur2(key) & 0x7FFFFFFF) % partitions for key in keys]


@pytest.mark.parametrize(
    ("key", "hashed"),
    # From Kafka's own UtilsTest.testMurmur2 (org.apache.kafka.common.utils), its Java client's test of this hash.
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_a_key_goes_where_kafkas_java_client_puts_it(key: bytes, hashed: int) -> None:
    assert partition_for(key, 32) == (hashed & 0x7FFFFFFF) % 32
