"""`pitcall bench recover`: how long a worker takes to hold every car's state again.

*Cold*: a new process with nothing kept, which reads the whole changelog. *Resume*: the same again with the store
that the first one left on disk.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from adapters.catalogue_file import load_catalogue
from domain.errors import Conflict, PitcallError
from models.vehicle_state import StateLayout
from pitcall.bench.load import ATTRIBUTES
from pitcall.bench.recovering import RecoveringWorker, fingerprint
from streams.block import MAX_RECORDS
from streams.partitioning import partitions_for
from streams.table import BlockAppender
from streams.topics import (
    EMBEDDED_PARTITIONS,
    VEHICLE_STATES,
    changelog_name,
    create_topics,
    is_embedded,
)

CHANGELOG = changelog_name(VEHICLE_STATES)
WRITERS = 8
"""Blocks that are written at the same time while the changelog is filled."""
PROGRESS_S = 5.0


@dataclass(frozen=True)
class RecoverBench:
    """What to run. `broker_url` empty: the embedded log. `store`: memory or disk."""

    catalogue: Path
    broker_url: str = ""
    vehicles: int = 100_000
    partitions: int = 32
    store: str = "memory"


async def bench_recover(options: RecoverBench) -> dict[str, Any]:
    """Write so many states, and recover them in new processes; Conflict on a broker that already holds states."""
    with tempfile.TemporaryDirectory(prefix="pitcall-bench-") as room:
        folder = Path(room)
        broker_url = options.broker_url or f"pitcall-log://{folder}/log.sqlite"
        partitions = EMBEDDED_PARTITIONS if is_embedded(broker_url) else options.partitions
        await create_topics(broker_url, partitions=partitions)
        layout = StateLayout(load_catalogue(options.catalogue))
        begin = time.perf_counter()
        wanted = await _fill(options, broker_url, folder / "filling", partitions, layout)
        fill_s = time.perf_counter() - begin
        cold = await _recovered(broker_url, folder / "worker", partitions, options.store)
        figures = {
            "broker": "embedded" if is_embedded(broker_url) else "Kafka",
            "store": options.store,
            "vehicles": cold["vehicles"],
            "state_bytes": layout.size,
            "wall_s": round(cold["wall_s"], 3),
            "vehicles_per_s": round(cold["vehicles"] / cold["wall_s"], 1),
            "rss_mb": round(cold["rss_mb"], 1),
            "identical": cold["vehicles"] == options.vehicles and cold["fingerprint"] == str(wanted),
            "fill_s": round(fill_s, 3),
        }
        if options.store == "disk":
            again = await _recovered(broker_url, folder / "worker", partitions, options.store)
            figures |= {
                "disk_mb": round(again["disk_mb"], 1),
                "resume_s": round(again["wall_s"], 3),
                "resume_records_read": again["records_read"],
                "identical": figures["identical"] and again["fingerprint"] == str(wanted),
            }
        return figures


async def _recovered(broker_url: str, folder: Path, partitions: int, store: str) -> dict[str, Any]:
    """What a new process tells of its recovery."""
    _say(f"recovering in a new process ({store})")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pitcall.bench.recovering", broker_url, str(folder), str(partitions), store),
        stdout=PIPE,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    told, _ = await process.communicate()
    if process.returncode:
        raise PitcallError("the worker of the bench could not recover; what it said is above")
    return cast(dict[str, Any], json.loads(told))


async def _fill(options: RecoverBench, broker_url: str, folder: Path, partitions: int, layout: StateLayout) -> int:
    """Write a state for each car into the changelog; the fingerprint of all."""
    async with RecoveringWorker(broker_url, folder, partitions, is_on_disk=False) as worker:
        if worker.table.active_count():
            raise Conflict("this log holds states already: a bench takes one of its own")
        producer = cast(BlockAppender, worker.app.producer)
        blocks = _blocks(options, partitions, layout)
        total = written = 0
        said_s = time.monotonic()

        async def write() -> None:
            nonlocal total, written, said_s
            for partition, entries in blocks:
                total += fingerprint(partition, entries)
                await producer.append_batch(CHANGELOG, partition, entries)
                written += len(entries)
                if time.monotonic() - said_s >= PROGRESS_S:
                    said_s = time.monotonic()
                    _say(f"{written:,} of {options.vehicles:,} states are in the changelog")

        async with asyncio.TaskGroup() as writers:
            for _ in range(WRITERS):
                writers.create_task(write())
        return total


def _blocks(
    options: RecoverBench, partitions: int, layout: StateLayout
) -> Iterator[tuple[int, list[tuple[bytes, bytes]]]]:
    """Blocks of states, a different partition each time: half of a state's bytes are those of a new car's.

    The other half is noise, so that compression finds about what it finds in a fleet.
    """
    catalogue = load_catalogue(options.catalogue)
    template = np.frombuffer(layout.to_bytes(layout.empty(catalogue, ATTRIBUTES)), dtype=np.uint8)
    noise = np.random.default_rng(1)
    waiting: list[list[bytes]] = [[] for _ in range(partitions)]
    keys = [b"car-%07d" % vehicle for vehicle in range(options.vehicles)]
    for key, partition in zip(keys, partitions_for(keys, partitions), strict=True):
        waiting[partition].append(key)
        if len(waiting[partition]) == MAX_RECORDS:
            yield partition, _states(waiting[partition], template, noise)
            waiting[partition] = []
    for partition, keys in enumerate(waiting):
        if keys:
            yield partition, _states(keys, template, noise)


def _states(
    keys: list[bytes], template: np.ndarray[Any, np.dtype[np.uint8]], noise: np.random.Generator
) -> list[tuple[bytes, bytes]]:
    states = np.tile(template, (len(keys), 1))
    half = len(template) // 2
    states[:, half:] = noise.integers(0, 256, (len(keys), len(template) - half), dtype=np.uint8)
    return [(key, state.tobytes()) for key, state in zip(keys, states, strict=True)]


def _say(what: str) -> None:
    print(f"bench recover: {what}", file=sys.stderr, flush=True)  # noqa: T201
