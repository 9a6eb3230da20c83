"""`pitcall bench recover`: how long a worker takes to hold every car's state again, from the changelog alone."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adapters.catalogue_file import load_catalogue
from domain.errors import Conflict, PitcallError
from models.vehicle_state import StateLayout
from pitcall.bench.load import ATTRIBUTES
from streams.agent import block_agent
from streams.app import StreamApp, create_app
from streams.block import MAX_RECORDS, Block
from streams.table import BlockTable
from streams.topics import (
    EMBEDDED_PARTITIONS,
    TELEMETRY_UPLOADS,
    VEHICLE_STATES,
    changelog_name,
    create_topics,
    is_embedded,
    partition_for,
)

CHANGELOG = changelog_name(VEHICLE_STATES)


@dataclass(frozen=True)
class RecoverBench:
    """What to run. `broker_url` empty: the embedded log."""

    catalogue: Path
    broker_url: str = ""
    vehicles: int = 100_000
    partitions: int = 32


class _Worker:
    """An app with the table of states and nothing to do."""

    def __init__(self, broker_url: str, data_dir: Path, partitions: int) -> None:
        self._crashes: list[BaseException] = []
        self.app: StreamApp = create_app(broker_url, data_dir, on_crash=self._crashes.append, partitions=partitions)
        self.table: BlockTable = self.app.block_table(VEHICLE_STATES)
        block_agent(self.app, "vehicles", [TELEMETRY_UPLOADS], self._refuse)

    async def _refuse(self, block: Block) -> None:
        raise PitcallError("nobody should send anything here")

    async def __aenter__(self) -> _Worker:
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


async def bench_recover(options: RecoverBench) -> dict[str, Any]:
    """Write so many states, forget them, and recover; raises Conflict on a broker that already holds states."""
    with tempfile.TemporaryDirectory(prefix="pitcall-bench-") as room:
        folder = Path(room)
        broker_url = options.broker_url or f"pitcall-log://{folder}/log.sqlite"
        partitions = EMBEDDED_PARTITIONS if is_embedded(broker_url) else options.partitions
        await create_topics(broker_url, partitions=partitions)
        layout = StateLayout(load_catalogue(options.catalogue))
        template = layout.empty(load_catalogue(options.catalogue), ATTRIBUTES)
        async with _Worker(broker_url, folder, partitions) as worker:
            if len(worker.table):
                raise Conflict("this log holds states already: a bench takes one of its own")
            for partition, cars in enumerate(_cars_by_partition(options.vehicles, partitions)):
                for start in range(0, len(cars), MAX_RECORDS):
                    block = cars[start : start + MAX_RECORDS]
                    await worker.table.write_block(partition, {_key(n): _state(layout, template, n) for n in block})
            wanted = _digest(worker.table, partitions)
        begin = time.perf_counter()
        async with _Worker(broker_url, folder, partitions) as worker:
            wall_s = time.perf_counter() - begin
            found, count = _digest(worker.table, partitions), len(worker.table)
    return {
        "broker": "embedded" if is_embedded(broker_url) else "Kafka",
        "vehicles": count,
        "state_bytes": layout.size,
        "wall_s": round(wall_s, 3),
        "vehicles_per_s": round(count / wall_s, 1),
        "identical": found == wanted and count == options.vehicles,
    }


def _key(vehicle: int) -> bytes:
    return f"car-{vehicle:07d}".encode()


def _cars_by_partition(vehicles: int, partitions: int) -> list[list[int]]:
    cars: list[list[int]] = [[] for _ in range(partitions)]
    for vehicle in range(vehicles):
        cars[partition_for(_key(vehicle), partitions)].append(vehicle)
    return cars


def _state(layout: StateLayout, template: np.void, vehicle: int) -> bytes:
    """A state that is this car's alone."""
    template["odometer_m"] = 10_000_000 + vehicle
    template["observed_m"] = vehicle / 7
    return layout.to_bytes(template)


def _digest(table: BlockTable, partitions: int) -> str:
    """SHA-256 over every key and value, by partition and key."""
    digest = hashlib.sha256()
    for partition in range(partitions):
        items: Iterable[tuple[bytes, bytes]] = table.items(partition)
        for key, value in sorted(items):
            digest.update(b"%d %d %d " % (partition, len(key), len(value)) + key + value)
    return digest.hexdigest()
