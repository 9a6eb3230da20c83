"""What a run left in the embedded log, record by record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from streams.block import Record
from streams.local_log import LocalLog


def log_url(data_dir: Path) -> str:
    """The embedded log of a run."""
    return f"pitcall-log://{data_dir / 'log.sqlite'}"


def records_in(log: LocalLog, topic: str) -> Iterator[tuple[int, Record]]:
    """Every record of a topic with its partition, partition by partition in order."""
    for partition in range(log.partitions(topic)):
        start = 0
        while records := log.read(topic, partition, start):
            start = records[-1].offset + 1
            for record in records:
                yield partition, record
