"""`pitcall state rebuild`: the states that a worker keeps on disk, wiped and read from the changelog again."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from domain.errors import NotFound
from pitcall.settings import Settings, log_url, variable
from streams.app import states_folder
from streams.disk_store import DiskStore
from streams.state_rebuild import rebuild_states
from streams.topics import EMBEDDED_PARTITIONS, VEHICLE_STATES, changelog_name

PROGRESS_S = 5.0


async def run_state(options: argparse.Namespace, settings: Settings) -> int:
    """Rebuild the states of the data folder, and print what that took."""
    result = await _rebuild(settings)
    text = json.dumps(result) if options.json else "\n".join(f"{name:<14} {value}" for name, value in result.items())
    print(text)  # noqa: T201
    return 0


async def _rebuild(settings: Settings) -> dict[str, Any]:
    broker_url = log_url(settings)
    partitions = EMBEDDED_PARTITIONS if settings.is_embedded else settings.kafka_partitions
    store = DiskStore(states_folder(settings.data_dir, VEHICLE_STATES), partitions)
    begin = time.perf_counter()
    said_s = time.monotonic()

    def say(records: int) -> None:
        nonlocal said_s
        if time.monotonic() - said_s >= PROGRESS_S:
            said_s = time.monotonic()
            print(f"pitcall state rebuild: {records:,} records are read", file=sys.stderr, flush=True)  # noqa: T201

    try:
        rebuilt = await rebuild_states(store, broker_url, changelog_name(VEHICLE_STATES), say)
    except NotFound as error:
        raise NotFound(f"{error}; name the folder of a worker that keeps them by {variable('data_dir')}") from error
    return {**rebuilt, "wall_s": round(time.perf_counter() - begin, 3)}
