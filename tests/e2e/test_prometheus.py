"""A real Prometheus reads a running process, and answers every query of the dashboard and the rules."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.records import open_records
from tests.architecture.queries import DEPLOY, queries
from tests.conftest import without
from tests.e2e.part import Part, api_part, run, url_of
from tests.servers import prometheus
from tests.servers.availability import MissingServerError
from tests.servers.process import free_port
from tests.servers.prometheus import Prometheus
from tests.support.labels import a_year_of_labels

OPERATOR, PASSWORD = "ops@pitcall.example", "a-long-password-of-this-test"
CARS = 3
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes an API to which a few cars have sent a day of driving, after a year of labels."""
    folder, port = tmp_path_factory.mktemp("watched"), free_port()
    settings = {"PITCALL_DATA_DIR": str(folder / "data"), "PITCALL_METRICS_PORT": str(port)}
    try:
        prometheus.find()
    except MissingServerError as missing:
        without(missing)
    (folder / "data").mkdir()
    asyncio.run(_label(folder / "data"))
    with api_part(folder / "log", **settings) as api:
        url = url_of(api)
        _drive(url, settings)
        reader = prometheus.start({"pitcall-api": f"127.0.0.1:{port}"}, DEPLOY / "prometheus" / "rules.yml")
        with reader.server:
            yield reader
        assert _is_alive(api)


async def _label(data_dir: Path) -> None:
    """Labels in the ledger before the first scrape: its figures are kept for a minute."""
    records = open_records(f"sqlite+aiosqlite:///{data_dir / 'records.sqlite'}")
    try:
        await records.migrate()
        async with records.unit_of_work() as uow:
            for label in a_year_of_labels(now_ms=round(time.time() * 1000)):
                await uow.judged_labels.add(label)
    finally:
        await records.close()


def _drive(url: str, settings: dict[str, str]) -> None:
    added = run("operator", "add", "--email", OPERATOR, "--name", "Opera Tor", given=PASSWORD + "\n", **settings)
    assert added.returncode == 0, added.stderr
    account = ("--url", url, "--email", OPERATOR, "--password", PASSWORD)
    done = run("simulate", "fleet", "--cars", str(CARS), "--days", "1", *account, "--json")
    assert done.returncode == 0, done.stderr


def _is_alive(api: Part) -> bool:
    return api.process.poll() is None


def value(reader: Prometheus, query: str) -> float:
    """The one value of a query, or NaN while there is none."""
    found = reader.ask(query)
    return float(found[0]["value"][1]) if found else float("nan")


def until(reader: Prometheus, query: str, expected: float) -> None:
    ends = time.monotonic() + PATIENCE_S
    while (found := value(reader, query)) != expected:
        assert time.monotonic() < ends, f"{query} is {found}, not {expected}"
        time.sleep(0.2)


def test_what_happened_is_what_prometheus_read(watched: Prometheus) -> None:
    until(watched, "pitcall_ready", 1)
    until(watched, "sum(pitcall_log_lag_records)", 0)
    until(watched, "pitcall_state_vehicles", CARS)
    accepted = value(watched, 'pitcall_uploads_total{result="accepted"}')
    assert accepted > 0
    until(watched, 'pitcall_records_handled_total{agent="vehicles", topic="telemetry-uploads"}', accepted)
    assert value(watched, "pitcall_prediction_delay_seconds_count") > 0
    assert value(watched, "pitcall_prediction_delay_seconds_bucket{le='3600.0'}") > 0
    assert (
        value(watched, "sum(pitcall_state_bytes) / sum(pitcall_state_vehicles)") <= 2_750
    )  # of the whole car; ten items fit in 2,048


def test_every_query_of_the_dashboard_has_an_answer(watched: Prometheus) -> None:
    asked = [query.expression.replace("$__rate_interval", "1m") for query in queries() if query.place[:5] == "panel"]
    ends = time.monotonic() + PATIENCE_S
    # A rate needs two scrapes.
    while (silent := [query for query in asked if not watched.ask(query)]) and time.monotonic() < ends:
        time.sleep(0.5)
    assert silent == []


def test_every_rule_is_loaded_and_none_speaks_of_a_system_that_is_well(watched: Prometheus) -> None:
    ends = time.monotonic() + PATIENCE_S
    while {rule["health"] for rule in watched.rules()} == {"unknown"} and time.monotonic() < ends:
        time.sleep(0.2)
    rules = watched.rules()
    assert len(rules) == sum(query.place[:5] != "panel" for query in queries())
    assert {rule["health"] for rule in rules} == {"ok"}
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []
