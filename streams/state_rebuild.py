"""Wiping the states that are kept on disk, and reading them from the changelog again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing

from domain.errors import NotFound
from streams.disk_store import DiskStore
from streams.topic_scan import scan_blocks


async def rebuild_states(
    store: DiskStore, broker_url: str, changelog: str, on_progress: Callable[[int], None]
) -> dict[str, int]:
    """Rebuild every partition that is kept; how many partitions, states and records read.

    `on_progress` is told the records read so far. Killed in the middle it leaves partitions complete to some offset,
    which a worker reads on from. Raises Conflict while a worker has the store, NotFound when nothing is kept, and
    what `scan_blocks` raises.
    """
    if not store.kept():
        raise NotFound(f"no states are kept in {store.folder}")
    store.open()
    try:
        partitions = store.kept()
        for partition in partitions:
            store.wipe(partition)
            store.hold(partition)
        records = 0
        async with aclosing(scan_blocks(broker_url, changelog, partitions)) as blocks:
            async for block in blocks:
                entries = [(record.key or b"", record.value) for record in block.records]
                store.apply(block.partition, entries, block.last)
                records += len(entries)
                on_progress(records)
        return {
            "partitions": len(partitions),
            "states": sum(map(store.count, partitions)),
            "records_read": records,
        }
    finally:
        store.close()
