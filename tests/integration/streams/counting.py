"""A worker that counts records per key in a table, exactly once in effect; also runnable, to be killed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from streams.agent import block_agent
from streams.app import StreamApp, create_app
from streams.block import Block
from streams.topics import DEAD_LETTERS, Topic, changelog_name, create_topics

PARTITIONS = 4
TABLE = "counts"


@dataclass
class Place:
    """Where a test works: a log, and names of its own in it."""

    broker_url: str
    data_dir: Path
    app_id: str
    sources: Sequence[str]
    is_on_disk: bool = False
    standby_replicas: int = 0

    async def prepare(self) -> None:
        """Create the topics."""
        topics = [
            *(Topic(name) for name in self.sources),
            Topic(DEAD_LETTERS),
            Topic(changelog_name(TABLE, self.app_id), is_compacted=True),
        ]
        await create_topics(self.broker_url, topics=topics, partitions=PARTITIONS)

    @property
    def arguments(self) -> list[str]:
        """What a program of its own is given to be a worker here, in the folder ``killed``."""
        store = "disk" if self.is_on_disk else "memory"
        folder = str(self.data_dir / "killed")
        return [self.broker_url, folder, self.app_id, store, str(self.standby_replicas), *self.sources]

    def worker(self, name: str = "worker", before: Callable[[Block], Awaitable[None]] | None = None) -> CountingWorker:
        """A worker on this log."""
        return CountingWorker(self, name, before)


@dataclass
class CountingWorker:
    """Counts records per key; the value holds the source offset beside the count, so that a replay changes nothing."""

    place: Place
    name: str
    before: Callable[[Block], Awaitable[None]] | None = None
    blocks: list[Block] = field(default_factory=list)
    crashes: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.app: StreamApp = create_app(
            self.place.broker_url,
            self.place.data_dir / self.name,
            app_id=self.place.app_id,
            partitions=PARTITIONS,
            on_crash=self.crashes.append,
            is_on_disk=self.place.is_on_disk,
            standby_replicas=self.place.standby_replicas,
        )
        self.table = self.app.block_table(TABLE)
        block_agent(self.app, "counter", self.place.sources, self._count)

    async def _count(self, block: Block) -> None:
        if self.before:
            await self.before(block)
        states: dict[bytes, dict[str, int]] = {}
        for record in block.records:
            key = record.key or b""
            state = states.get(key) or json.loads(self.table.get(block.partition, key) or b'{"count": 0}')
            if record.offset > state.get(block.topic, -1):
                states[key] = {**state, "count": state["count"] + 1, block.topic: record.offset}
        await self.table.write_block(
            block.partition, {key: json.dumps(state).encode() for key, state in states.items()}
        )
        self.blocks.append(block)

    async def __aenter__(self) -> CountingWorker:
        await self.app.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.app.stop()
        assert not self.crashes

    def counts(self) -> dict[str, int]:
        """Records counted per key, in this worker's partitions."""
        return {
            key.decode(): json.loads(value)["count"]
            for partition in range(PARTITIONS)
            for key, value in self.table.items(partition)
        }


async def run_for_ever(place: Place) -> None:
    """Work until killed, slowly enough to be killed in the middle."""

    async def dawdle(block: Block) -> None:
        await asyncio.sleep(0.02)

    async with place.worker(before=dawdle):
        sys.stdout.write("working\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    url, data_dir, app_id, is_on_disk, standby_replicas, *sources = sys.argv[1:]
    asyncio.run(run_for_ever(Place(url, Path(data_dir), app_id, sources, is_on_disk == "disk", int(standby_replicas))))
