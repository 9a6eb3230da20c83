"""The suite's promise for InfluxDB: the version asked for, real, and on its own data after a kill."""

from pathlib import Path

import pytest
from influxdb_client import InfluxDBClient

from adapters.history import open_history
from domain.errors import Unavailable
from domain.signal_history import SignalAggregate
from tests.servers import influxdb
from tests.servers.availability import MissingServerError

HOUR = 3_600_000


async def test_it_is_the_version_the_compose_file_runs(influx_server: influxdb.Influx) -> None:
    history = open_history(influx_server.url("signals"), token=influx_server.token)
    try:
        assert await history.ping() == f"InfluxDB {influxdb.VERSION}"
    finally:
        await history.close()
    compose = Path(__file__).parents[2] / "docker-compose.yml"
    assert f"image: influxdb:{influxdb.VERSION}\n" in compose.read_text()


async def test_what_it_acknowledged_is_there_after_a_kill(own_influx_server: influxdb.Influx) -> None:
    history = open_history(own_influx_server.url("signals"), token=own_influx_server.token, retention_days=36_500)
    start_ms = 1_760_000_000_000
    try:
        await history.append([SignalAggregate("car-1", "Vehicle.Speed", start_ms, start_ms, 1, 2.0, 2.0, 2.0)])
        own_influx_server.server.kill()
        own_influx_server.server.start()
        points = await history.span("car-1", "Vehicle.Speed", start_ms, start_ms + HOUR, 1)
        assert [point.mean for point in points] == [2.0]
    finally:
        await history.close()


async def test_a_bucket_is_brought_to_the_retention_that_is_set(influx_server: influxdb.Influx) -> None:
    for days in (30, 400):
        history = open_history(influx_server.url("kept"), token=influx_server.token, retention_days=days)
        try:
            await history.append([])
            assert await history.span("car-1", "Vehicle.Speed", 0, HOUR, 1) == []
        finally:
            await history.close()
        with InfluxDBClient(f"http://{influx_server.address}", influx_server.token, org=influxdb.ORG) as client:
            (bucket,) = client.buckets_api().find_buckets(name="kept").buckets
            assert [rule.every_seconds for rule in bucket.retention_rules] == [days * 86_400]


async def test_an_organisation_that_is_not_there_is_named(influx_server: influxdb.Influx) -> None:
    url = influx_server.url("signals").replace(f"/{influxdb.ORG}/", "/nobody/")
    history = open_history(url, token=influx_server.token)
    try:
        with pytest.raises(Unavailable, match=r'organization name "nobody" not found'):
            await history.ping()
    finally:
        await history.close()


def test_without_its_tools_it_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(MissingServerError, match=r"^InfluxDB is missing: install .*apt-get install [^\n]*$"):
        influxdb.find()


def test_go_is_told_the_hash_of_what_it_builds() -> None:
    recorded = (influxdb.RECIPE / "go.sum").read_text()
    assert f"github.com/influxdata/influxdb/v2 v{influxdb.VERSION} h1:" in recorded
    assert f"github.com/influxdata/influxdb/v2 v{influxdb.VERSION}\n" in (influxdb.RECIPE / "go.mod").read_text()
