"""A steady load for long: what is kept per upload, block, boot or request is given back, and memory has no slope."""

from __future__ import annotations

import gc
import os
import time
from collections import Counter, deque
from itertools import count
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pitcall.node import Node
from pitcall.settings import Settings
from streams.writers import LogUploads
from tests.e2e.part import api_part, url_of
from tests.faults.fleet import BOOT_UPLOADS, FleetSender, add_operator, drain, enrol
from tests.faults.in_process import CARS, a_fleet, all_handled
from tests.faults.worker_memory import Samples, resident_mb, second_half, slope_per_hour
from tests.servers.process import free_port
from tests.support.http_town import PlainPasswords

BATCH, BEAT_S = 20, 0.2
"""100 uploads a second: far below what it can do, so that nothing piles up that has to be explained."""
MAX_SLOPE_MB_PER_HOUR = 8.0
"""A leak of 25 bytes an upload would be more."""
SOAK_MINUTES = float(os.environ.get("PITCALL_SOAK_MINUTES", "120"))
SAMPLES = 360
WARM_ROUNDS, ROUNDS, ROUND = 3, 6, 400
CONTAINERS = (list, dict, set, deque)


def gauges_of(port: int) -> dict[str, float]:
    """The gauges without labels, and the sum of those with."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30.0).text
    return {
        family.name: sum(sample.value for sample in family.samples)
        for family in text_string_to_metric_families(text)
        if family.type == "gauge"
    }


def soak(sender: FleetSender, pid: int, minutes: float) -> Samples:
    """Send on a steady beat for so long; resident memory meanwhile."""
    began_s = time.monotonic()
    ends_s, samples = began_s + minutes * 60, Samples()
    for beat in count():
        due_s = began_s + beat * BEAT_S
        if due_s >= ends_s:
            return samples
        time.sleep(max(0.0, due_s - time.monotonic()))
        assert sender.send(range(beat * BATCH, (beat + 1) * BATCH))
        if due_s - began_s >= len(samples) * minutes * 60 / SAMPLES:
            samples.append((time.monotonic() - began_s, resident_mb(pid)))
    raise AssertionError("unreachable")


@pytest.mark.parametrize("minutes", [0.3, pytest.param(SOAK_MINUTES, marks=pytest.mark.long)], ids=["short", "long"])
def test_after_a_steady_load_nothing_is_held_and_memory_is_flat(tmp_path: Path, minutes: float) -> None:
    port = free_port()
    settings = {"PITCALL_DATA_DIR": str(tmp_path / "data"), "PITCALL_METRICS_PORT": str(port)}
    add_operator(**settings)
    with api_part(tmp_path / "api.log", **settings) as api:
        sender = FleetSender(enrol(url_of(api), CARS), url_of(api))
        assert sender.send_all(0, CARS)
        drain(sender.url)
        state_bytes = gauges_of(port)["pitcall_state_bytes"]
        samples = soak(sender, api.process.pid, minutes)
        drain(sender.url)
        sent = len(sender.acknowledged)
        gauges = gauges_of(port)
        assert sent > CARS * BOOT_UPLOADS or minutes < 1.0, "the control: cars have had several boots"
        assert gauges["pitcall_blocks_in_flight"] == 0
        assert gauges["pitcall_log_lag_records"] == gauges["pitcall_outbox_waiting"] == 0
        assert gauges["pitcall_dead_letters"] == gauges["pitcall_rejected_uploads"] == 0
        assert (gauges["pitcall_state_vehicles"], gauges["pitcall_state_bytes"]) == (CARS, state_bytes)
        assert api.end() == 0
        assert "Traceback" not in api.said()
    if minutes == SOAK_MINUTES:
        slope = slope_per_hour(second_half(samples))
        print(f"{sent:,} uploads in {minutes:g} min; RSS {samples[0][1]:.0f} to {samples[-1][1]:.0f} MB")  # noqa: T201
        assert slope < MAX_SLOPE_MB_PER_HOUR, f"{slope:.1f} MB/h; samples {samples[::20]}"


def held() -> Counter[str]:
    """How many objects of each type live, and how many elements all containers of a kind have."""
    gc.collect()
    found: Counter[str] = Counter()
    for living in gc.get_objects():
        kind = type(living)
        found[f"{kind.__module__}.{kind.__qualname__}"] += 1
        if kind in CONTAINERS:
            found[f"elements of {kind.__qualname__}"] += len(living)
    return found


async def test_no_round_of_uploads_leaves_an_object_behind(tmp_path: Path) -> None:
    async with Node(Settings(data_dir=tmp_path), passwords=PlainPasswords()) as node:
        fleet = await a_fleet(node)
        uploads = LogUploads(node.producer, node.office.wall)
        seen = []
        for number in range(WARM_ROUNDS + ROUNDS):
            for first in range(number * ROUND, (number + 1) * ROUND, BATCH):
                await uploads.append_many([fleet.logged(n) for n in range(first, first + BATCH)])
            await all_handled(node)
            seen.append(held())
        grown = Counter(seen[-1])
        grown.subtract(seen[WARM_ROUNDS - 1])
        # Less than one of eight uploads: what was handled last may still be in its agent's hands.
        kept = {kind: more for kind, more in grown.items() if more >= ROUNDS * ROUND // 8}
        assert kept == {}, "these grow with the uploads"
