"""BenchWorker: the vehicles agent with its table and taught models, predicting from every upload.

It is the product's app, agent, fold, models and table; only the policy that leaves predictions out is off. Needs,
learning and history read other topics and are not part of it. Also a program of its own: a worker process that says
`ready` on standard output, begins when it reads `go`, begins no more when it reads `hold`, and ends in order when its
input ends.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from adapters.catalogue_file import load_catalogue
from domain.catalogue import Catalogue
from models.fold import VehicleFold
from models.predictor import Predictor
from models.vehicle_state import StateLayout
from pitcall.bench.teaching import taught_snapshots
from pitcall.heap import freeze_start
from streams.agent import blocks_agent
from streams.agents.vehicles import VehiclesAgent
from streams.app import create_app
from streams.block import Block
from streams.producer import record_producer
from streams.topics import TELEMETRY_UPLOADS, VEHICLE_STATES

KEY = b"a key for benches, which keep no secret"


class BenchWorker:
    """One worker; it waits in front of its first block until `go` is set, so that a topic can be filled meanwhile."""

    def __init__(
        self,
        broker_url: str,
        data_dir: Path,
        catalogue: Catalogue,
        partitions: int | None,
        on_crash: Callable[[BaseException], None],
        *,
        is_on_disk: bool,
        standbys: int = 0,
    ) -> None:
        layout = StateLayout(catalogue)
        predictor = Predictor(catalogue, KEY)
        for item, snapshot in taught_snapshots(catalogue, KEY).items():
            predictor.install(item, snapshot)
        self.go = asyncio.Event()
        self.app = create_app(
            broker_url,
            data_dir,
            on_crash=on_crash,
            partitions=partitions,
            is_on_disk=is_on_disk,
            standby_replicas=standbys,
        )
        self.table = self.app.block_table(VEHICLE_STATES)
        self._producer = record_producer(broker_url)
        fold = VehicleFold(catalogue, layout)
        self._vehicles = VehiclesAgent(
            self.table, self._producer, catalogue, layout, fold, predictor, predict_always=True
        )
        blocks_agent(self.app, "vehicles", [TELEMETRY_UPLOADS], self._handle)

    async def _handle(self, blocks: Sequence[Block]) -> None:
        await self.go.wait()
        await self._vehicles.handle(blocks)

    async def start(self) -> None:
        """Start, and return when the table is recovered."""
        await self._producer.start()
        await self.app.start()
        manager: Any = self.app.tables
        await manager.recovery.completed.wait()

    async def stop(self) -> None:
        """Stop in order."""
        await self.app.stop()
        await self._producer.stop()


async def run(data_dir: str, broker_url: str, catalogue: str, partitions: int, store: str, standbys: int) -> int:
    """Be a worker process until standard input ends; 1 when a part crashed."""
    loop = asyncio.get_running_loop()
    is_over = asyncio.Event()
    crashes: list[BaseException] = []

    def on_crash(error: BaseException) -> None:
        crashes.append(error)
        is_over.set()

    worker = BenchWorker(
        broker_url,
        Path(data_dir),
        load_catalogue(Path(catalogue)),
        partitions,
        on_crash,
        is_on_disk=store == "disk",
        standbys=standbys,
    )

    def listen() -> None:
        for line in sys.stdin:
            say = {"go": worker.go.set, "hold": worker.go.clear}
            loop.call_soon_threadsafe(say[line.strip()])
        loop.call_soon_threadsafe(is_over.set)

    await worker.start()
    freeze_start()
    listening = asyncio.create_task(asyncio.to_thread(listen))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await is_over.wait()
    if crashes:
        sys.stderr.write(f"the worker crashed: {type(crashes[0]).__name__}: {crashes[0]}\n")
        return 1
    await worker.stop()
    await listening
    return 0


if __name__ == "__main__":
    folder, url, file, count, kept, others = sys.argv[1:]
    sys.exit(asyncio.run(run(folder, url, file, int(count), kept, int(others))))
