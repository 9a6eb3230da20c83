"""Nothing is said to be ready before it has its state back, and how far that is can be seen all the while."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from adapters.catalogue_file import load_catalogue
from domain.telemetry import VehicleAttributes
from models.vehicle_state import StateLayout
from pitcall.node import Node
from pitcall.readings import take_readings
from pitcall.settings import Settings
from streams.local_log import Entry, LocalLog
from streams.partitioning import partition_for
from streams.topics import VEHICLE_STATES, changelog_name, create_topics

CARS = 20_000


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    """An installation whose log holds the states of many cars."""
    made = Settings(data_dir=tmp_path)
    catalogue = load_catalogue(made.catalogue)
    layout = StateLayout(catalogue)
    state = layout.to_bytes(layout.empty(catalogue, VehicleAttributes()))
    url = f"pitcall-log://{(tmp_path / 'log.sqlite').resolve()}"
    await create_topics(url)
    with LocalLog.shared(url) as log:
        topic = changelog_name(VEHICLE_STATES)
        keys = [f"car-{number}".encode() for number in range(CARS)]
        await log.append([Entry(topic, partition_for(key, log.partitions(topic)), key, state, 1) for key in keys])
    return made


async def test_readiness_waits_for_recovery_and_shows_its_progress(settings: Settings) -> None:
    node = Node(settings)
    assert await node.readiness() == {"ready": False, "reason": "it is starting"}
    starting = asyncio.create_task(node.start())
    seen: list[dict[str, Any]] = []
    try:
        while not starting.done():
            seen.append(await node.readiness())
            assert not seen[-1]["ready"]
            assert (await take_readings(node))["pitcall_ready"] == 0
            await asyncio.sleep(0)
        await starting
        ready = await node.readiness()
        readings = await take_readings(node)
    finally:
        await node.stop()
    progress = [answer["recovery"]["progress"] for answer in seen if "recovery" in answer]
    remaining = [answer["recovery"]["remaining"] for answer in seen if "recovery" in answer]
    assert progress == sorted(progress)
    assert any(0 < part < 1 for part in progress)
    assert max(remaining) > 0
    assert ready["ready"]
    assert ready["recovered"]
    assert ready["recovery"] == {"remaining": 0, "progress": 1.0}
    assert readings["pitcall_ready"] == 1
    assert readings["pitcall_state_vehicles"] == CARS
    assert readings["pitcall_state_bytes"] == CARS * node.worker.state_bytes  # type: ignore[union-attr]
