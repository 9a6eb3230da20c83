"""A block: what one partition had ready, handed to an agent as one message.

Faust's cost is per message, not per byte, so both transports hand over up to `MAX_RECORDS` records of one partition
at once, and everything behind them (acknowledging, committing, writing state) is done per block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

MAX_RECORDS = 512
"""Most records in one block: about 2.6 MB of JSON uploads, and a few milliseconds of work."""

Headers = tuple[tuple[str, bytes], ...]


class Record(NamedTuple):
    """One record of a topic's partition. `timestamp_ms` is UTC; a `value` of None is a tombstone."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: Headers = ()


class Block:
    """Consecutive records of one partition, in offset order.

    A block is known by its identity, not by its offsets: after a rebalance the same records come again in blocks with
    other boundaries, and acknowledging one of the old blocks must not count for a new one.
    `is_done` becomes true when the block is acknowledged, `is_revoked` when its partition was taken away or read
    again: whoever still works on it must stop, for the records are, or will be, handed out again.
    """

    __slots__ = ("__weakref__", "is_done", "is_revoked", "partition", "records", "topic")

    def __init__(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        if not records:
            raise ValueError("a block holds at least one record")
        self.topic = topic
        self.partition = partition
        self.records: Sequence[Record] = records
        self.is_done = False
        self.is_revoked = False

    @property
    def first(self) -> int:
        """Offset of the first record."""
        return self.records[0].offset

    @property
    def last(self) -> int:
        """Offset of the last record."""
        return self.records[-1].offset

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        return f"<Block {self.topic}[{self.partition}] {self.first}..{self.last}>"


def blocks_of(topic: str, partition: int, records: Sequence[Record], size: int = MAX_RECORDS) -> Iterable[Block]:
    """Cut the records of a partition into blocks of at most `size`."""
    for start in range(0, len(records), size):
        yield Block(topic, partition, records[start : start + size])
