"""The processes of a cluster: `pitcall api`, `worker` and `outbox` on a real Kafka with a real PostgreSQL."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.catalogue_file import load_catalogue
from pitcall.settings import Settings
from tests.e2e.part import Part, Person, api_part, refusal, run, url_of
from tests.e2e.recording import cut_recording
from tests.servers.process import ServerProcess, free_port

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

OPERATOR, PASSWORD = "ops@pitcall.example", "a-long-password-of-this-test"
PATIENCE_S = 180.0
DAY_MS = 86_400_000


class Cluster:
    """The settings that all processes share, and the processes that were started, each in a folder of its own."""

    def __init__(self, folder: Path, kafka: str, database_url: str) -> None:
        self.folder = folder
        self.settings = {
            "PITCALL_BROKER_URL": f"pitcall-kafka://{kafka}",
            "PITCALL_DATABASE_URL": database_url,
            "PITCALL_KAFKA_PARTITIONS": "4",
            "PITCALL_SNAPSHOT_KEY": "a-key-of-this-test-that-is-long-enough",
        }
        self.parts = ExitStack()
        self.url = ""

    def start(self, part: str, name: str = "") -> Part:
        """Start a process; returns when it says that it runs."""
        name = name or part
        started = Part(self.folder / f"{name}.log", part, **self.of(name))
        self.parts.enter_context(started)
        started.wait_for(rf"^pitcall {part} is running$")
        return started

    def start_api(self) -> Part:
        """Start the API on a free port."""
        api = api_part(self.folder / "api.log", **self.of("api"))
        self.parts.enter_context(api)
        self.url = url_of(api)
        return api

    def of(self, name: str) -> dict[str, str]:
        """The settings of one process."""
        return {**self.settings, "PITCALL_DATA_DIR": str(self.folder / name)}

    def add_operator(self) -> None:
        """The first account."""
        added = run("operator", "add", "--email", OPERATOR, "--name", "Opera Tor", given=PASSWORD, **self.of("api"))
        assert added.returncode == 0, added.stderr

    def replay(self, recording: Path) -> tuple[str, ...]:
        """The command that replays a recording here, with its own dates, so that it gives the same at any time."""
        account = ("--url", self.url, "--email", OPERATOR, "--password", PASSWORD)
        return ("simulate", "replay", str(recording), "--as-recorded", *account, "--json")


@contextmanager
def a_cluster(folder: Path, kafka: str, database_url: str) -> Iterator[Cluster]:
    """A cluster without processes; those that still run at the end are killed."""
    cluster = Cluster(folder, kafka, database_url)
    with cluster.parts:
        yield cluster


def eventually(ask: Callable[[], Any]) -> Any:
    """The first answer that is not empty."""
    ends = time.monotonic() + PATIENCE_S
    while not (answer := ask()):
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.2)
    return answer


def seen_of(cluster: Cluster, figures: dict[str, Any]) -> list[dict[str, Any]]:
    """What the API tells the owner of a replayed car, without what differs from car to car."""
    with Person(cluster.url, figures["email"], figures["password"]) as owner:
        car = owner.get(f"/v1/me/vehicles/{figures['vehicle_id']}")
    assessments = sorted(car["assessments"], key=lambda assessment: str(assessment["item"]))
    return [{key: value for key, value in a.items() if key != "prediction_id"} for a in assessments]


def is_drained(operator: Person) -> bool:
    """Whether nothing is in flight any more."""
    return bool(operator.get("/v1/operator/waiting")["waiting"] == 0)


def figures_of(out: str) -> dict[str, Any]:
    """What a command printed with --json."""
    figures = json.loads(out)
    assert isinstance(figures, dict)
    return figures


def test_three_processes_turn_a_drive_into_a_need_and_stop_when_told(
    tmp_path: Path, own_kafka_broker: str, postgres_database: str
) -> None:
    recording = cut_recording(tmp_path / "mine.parquet", 1)
    with a_cluster(tmp_path, own_kafka_broker, postgres_database) as cluster:
        parts = [cluster.start_api(), cluster.start("worker"), cluster.start("outbox")]
        cluster.add_operator()
        done = run(*cluster.replay(recording))
        assert done.returncode == 0, done.stderr
        figures = figures_of(done.stdout)
        with Person(cluster.url, OPERATOR, PASSWORD) as operator:
            eventually(lambda: is_drained(operator))
            assert operator.get("/v1/operator/funnel")["uploads"] == figures["uploads"]
        seen = seen_of(cluster, figures)
        assert {a["item"] for a in seen} == set(load_catalogue(Settings().catalogue).items_of("petrol"))
        with Person(cluster.url, figures["email"], figures["password"]) as owner:
            # Through the records, the outbox and a topic to the worker, and back as a need.
            car = f"/v1/me/vehicles/{figures['vehicle_id']}"
            performed = seen[0]["event_ms"] - 1100 * DAY_MS
            fluid = {"item": "brake_fluid", "outcome": "replaced", "performed_ms": performed, "odometer_m": 9_000_000}
            owner.post(f"{car}/service-history", {"records": [fluid]})
            assert eventually(lambda: owner.get(car)["needs"])[0]["item"] == "brake_fluid"
        healthy = run("doctor", "--json", **cluster.of("api"))
        assert healthy.returncode == 0, healthy.stdout
        assert figures_of(healthy.stdout)["healthy"] is True
        for part in parts:
            assert part.end() == 0, part.said()


def test_a_worker_that_is_killed_loses_nothing_and_another_takes_over(
    tmp_path: Path, own_kafka_broker: str, postgres_database: str
) -> None:
    recording = cut_recording(tmp_path / "mine.parquet", 6)
    with a_cluster(tmp_path, own_kafka_broker, postgres_database) as cluster:
        cluster.start_api()
        killed = cluster.start("worker", "first-worker")
        cluster.start("outbox")
        cluster.add_operator()
        with Person(cluster.url, OPERATOR, PASSWORD) as operator:
            replay = Part(tmp_path / "replay.log", *cluster.replay(recording))
            cluster.parts.enter_context(replay)
            eventually(lambda: operator.get("/v1/operator/funnel")["predictions"] >= 8)
            killed.end(signal.SIGKILL)
            # The edge takes uploads all the same: they wait in the log.
            assert replay.process.wait(PATIENCE_S) == 0, replay.said()
            disturbed = figures_of(replay.said().strip().splitlines()[-1])
            # A second car of the same drives, of which the killed worker saw nothing.
            again = run(*cluster.replay(recording))
            assert again.returncode == 0, again.stderr
            assert not is_drained(operator), "the control: there is work left that nobody does"
            cluster.start("worker", "second-worker")
            eventually(lambda: is_drained(operator))
            assert operator.get("/v1/operator/funnel")["uploads"] == 2 * disturbed["uploads"]
        assert seen_of(cluster, disturbed)
        assert seen_of(cluster, disturbed) == seen_of(cluster, figures_of(again.stdout))


def test_the_doctor_says_which_part_is_away(
    tmp_path: Path, own_kafka_server: tuple[ServerProcess, str], postgres_database: str
) -> None:
    server, address = own_kafka_server
    with a_cluster(tmp_path, address, postgres_database) as cluster:
        assert cluster.start("worker").end() == 0
        here = cluster.of("worker")
        assert run("doctor", **here).returncode == 0
        elsewhere = f"postgresql+psycopg://somebody:a-secret@127.0.0.1:{free_port()}/nothing"
        without_records = run("doctor", **{**here, "PITCALL_DATABASE_URL": elsewhere})
        assert without_records.returncode == 1
        assert fails(without_records.stdout) == ["records"]
        assert "a-secret" not in without_records.stdout + without_records.stderr
        server.kill()
        without_log = run("doctor", **here)
        assert without_log.returncode == 1
        assert fails(without_log.stdout) == ["log"]
        assert "Kafka" in refusal("worker", **here)


def fails(printed: str) -> list[str]:
    """The components that the doctor says fail, each on a line of its own."""
    return [line.split()[0] for line in printed.splitlines() if "FAILS: " in line]
