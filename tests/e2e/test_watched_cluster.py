"""Every process of a cluster can be watched, also while what it relies on is away."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.part import Part
from tests.servers.process import ServerProcess, free_port

PATIENCE_S = 90.0
PARTS = ("api", "worker", "outbox")


class Watched:
    """A process with its port for inside."""

    def __init__(self, stack: ExitStack, folder: Path, part: str, **settings: str) -> None:
        self.port = free_port()
        settings |= {"PITCALL_METRICS_PORT": str(self.port), "PITCALL_DATA_DIR": str(folder / part)}
        self.part = stack.enter_context(Part(folder / f"{part}.log", part, **settings))

    def get(self, path: str) -> httpx.Response:
        """What the port answers."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=20.0)

    def becomes(self, status: int) -> dict[str, Any]:
        """Wait until /readyz answers with this status; the answer."""
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            assert self.part.process.poll() is None, self.part.said()[-3000:]
            try:
                answer = self.get("/readyz")
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == status:
                found: dict[str, Any] = answer.json()
                return found
            time.sleep(0.2)
        raise AssertionError(f"it never answered {status}: {self.part.said()[-3000:]}")

    def metrics(self) -> dict[tuple[str, ...], float]:
        """Value by name and label values."""
        families = text_string_to_metric_families(self.get("/metrics").text)
        return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_each_process_tells_that_kafka_is_away_and_goes_on_when_it_is_back(
    tmp_path: Path, own_kafka_server: tuple[ServerProcess, str], postgres_database: str
) -> None:
    kafka, address = own_kafka_server
    settings = {
        "PITCALL_BROKER_URL": f"pitcall-kafka://{address}",
        "PITCALL_DATABASE_URL": postgres_database,
        "PITCALL_SNAPSHOT_KEY": "a key of this test, long enough for it",
        "PITCALL_KAFKA_PARTITIONS": "4",
        "PITCALL_HTTP_PORT": "0",
    }
    with ExitStack() as stack:
        parts: dict[str, Watched] = {}
        for name in PARTS:
            parts[name] = Watched(stack, tmp_path, name, **settings)
            parts[name].becomes(200)
        for name, part in parts.items():
            found = part.metrics()
            assert found["pitcall_ready",] == 1, name
            assert found["pitcall_log_lag_records", "telemetry-uploads"] == 0
            assert (("pitcall_state_vehicles",) in found) == (name == "worker")
        kafka.kill()
        for name, part in parts.items():
            assert "Kafka" in part.becomes(503)["reason"], name
            found = part.metrics()
            assert found["pitcall_ready",] == 0
            assert (found["pitcall_component_up", "log"], found["pitcall_component_up", "database"]) == (0, 1)
            assert ("pitcall_log_lag_records", "telemetry-uploads") not in found
        kafka.start()
        for part in parts.values():
            part.becomes(200)
        for part in parts.values():
            assert part.part.end() == 0
