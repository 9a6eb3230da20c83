"""RecoveringWorker: the table of states and nothing to do. As a program: recover, and tell what that took.

It prints one JSON object: the seconds from the start of the app until the table was complete, the highest resident
memory until then, how many states there are, their fingerprint, and the changelog records it read for them.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from domain.errors import PitcallError
from streams.agent import block_agent
from streams.app import StreamApp, create_app
from streams.block import Block
from streams.table import BlockTable
from streams.topics import TELEMETRY_UPLOADS, VEHICLE_STATES

_FINGERPRINT_BYTES = 16


class RecoveringWorker:
    """An app with the table of states; in use once the table is complete."""

    def __init__(self, broker_url: str, data_dir: Path, partitions: int, *, is_on_disk: bool) -> None:
        self._crashes: list[BaseException] = []
        self.app: StreamApp = create_app(
            broker_url, data_dir, on_crash=self._crashes.append, partitions=partitions, is_on_disk=is_on_disk
        )
        self.table: BlockTable = self.app.block_table(VEHICLE_STATES)
        block_agent(self.app, "vehicles", [TELEMETRY_UPLOADS], self._refuse)

    async def _refuse(self, block: Block) -> None:
        raise PitcallError("nobody should send anything here")

    async def __aenter__(self) -> RecoveringWorker:
        await self.app.start()
        manager: Any = self.app.tables
        await manager.recovery.completed.wait()
        self._check()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.app.stop()
        self._check()

    def _check(self) -> None:
        if self._crashes:
            raise PitcallError(f"the worker of the bench crashed: {self._crashes[0]!r}")


def fingerprint(partition: int, items: Iterable[tuple[bytes, bytes]]) -> int:
    """A number that stands for the keys and values of a partition, in whatever order; those of partitions add up."""
    total = 0
    for key, value in items:
        said = blake2b(b"%d %d %d " % (partition, len(key), len(value)), digest_size=_FINGERPRINT_BYTES)
        said.update(key + value)
        total += int.from_bytes(said.digest(), "big")
    return total


async def run(broker_url: str, data_dir: str, partitions: int, *, is_on_disk: bool) -> dict[str, Any]:
    """Recover once, in this process."""
    worker = RecoveringWorker(broker_url, Path(data_dir), partitions, is_on_disk=is_on_disk)
    begin = time.perf_counter()
    async with worker:
        wall_s = time.perf_counter() - begin
        rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        states = worker.table.states
        return {
            "wall_s": wall_s,
            "rss_mb": rss_mb,
            "vehicles": worker.table.active_count(),
            "fingerprint": str(sum(fingerprint(p, states.items(p)) for p in range(partitions))),
            "records_read": worker.table.records_read(),
            "disk_mb": states.bytes_on_disk() / 1e6,
        }


if __name__ == "__main__":
    url, folder, count, store = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(run(url, folder, int(count), is_on_disk=store == "disk"))))
