"""The database goes away under load: agents wait without acknowledging, nothing is lost, and recovery drains."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import pytest
from sqlalchemy import make_url

from streams.lag import LagReader, lag_reader
from streams.topics import DEAD_LETTERS, PREDICTIONS, TELEMETRY_UPLOADS
from tests.e2e.part import Part, url_of
from tests.faults.audit import assert_equal, effects_of, undisturbed
from tests.faults.installation import Installation, drained, lag_of, make_database, until
from tests.servers.postgres import Cluster
from tests.support.fault_proxy import FaultProxy

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

NEW_CARS = 12
"""Cars that first send something at each step."""


class Site(Installation):
    """A worker and an API on Kafka, and PostgreSQL behind a proxy; uploads come straight to the topic."""

    def __init__(self, folder: Path, kafka: str, database_url: str, proxy: FaultProxy) -> None:
        through = make_url(database_url).set(port=proxy.port).render_as_string(hide_password=False)
        super().__init__(folder, kafka, through)
        self.proxy = proxy
        self.known = 0
        self.turns = 1
        self.running_worker: Part
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[LagReader]:
        """A worker and an API, and how far the worker is behind."""
        with (
            self.worker("worker") as self.running_worker,
            self.api() as api,
        ):
            await asyncio.to_thread(self.running_worker.wait_for, r"^pitcall worker is running$")
            self.url = await asyncio.to_thread(url_of, api)
            async with lag_reader(self.broker_url) as lag:
                yield lag
            assert await asyncio.to_thread(self.running_worker.end) == 0, self.running_worker.said()
            assert await asyncio.to_thread(api.end) == 0, api.said()
        assert "Traceback" not in self.running_worker.said() + api.said()

    async def send_first(self) -> None:
        """The first uploads of cars that were not heard of yet: each has a prediction that is told."""
        first, self.known = self.known, self.known + NEW_CARS
        assert self.known <= len(self.fleet.cars)
        await self.send(range(first, self.known))

    async def send_more(self, count: int) -> None:
        """More of cars that were."""
        await self.send([self.turns * len(self.fleet.cars) + car for car in range(min(count, self.known))])
        self.turns += 1

    async def at_the_edge(self) -> httpx.Response:
        """What the edge answers to a batch now."""
        headers = {"Authorization": f"Bearer {self.fleet.token}"}
        async with httpx.AsyncClient(base_url=self.url, timeout=90.0, headers=headers) as cloud:
            return await cloud.post("/v1/telemetry/batch", content=msgspec.msgpack.encode([self.fleet.body(0)]))


async def wait_out(site: Site, lag: LagReader, outage_s: float) -> None:
    """While the database is away: uploads are worked off, predictions wait, nothing of them is acknowledged."""
    waits = site.running_worker.said().count("agent needs waits with")
    began_s = time.monotonic()
    handled = await predictions_handled(lag)
    await site.send_first()

    async def has_noticed() -> bool:
        return site.running_worker.said().count("agent needs waits with") > waits

    async def is_folded() -> bool:
        return not await lag_of(lag, TELEMETRY_UPLOADS)

    await until(is_folded)
    await until(has_noticed)
    refused = await site.at_the_edge()
    assert refused.status_code == 503, refused.text
    assert int(refused.headers["retry-after"]) >= 1
    assert "the records database does not answer" in refused.json()["detail"]
    while time.monotonic() - began_s < outage_s:
        await site.send_more(4)
        await asyncio.sleep(0.5)
    await until(is_folded)
    assert await predictions_handled(lag) == handled
    assert await lag_of(lag, PREDICTIONS) >= NEW_CARS
    assert (await lag.ends((DEAD_LETTERS,)))[DEAD_LETTERS] == 0
    assert site.running_worker.process.poll() is None, site.running_worker.said()


async def predictions_handled(lag: LagReader) -> int:
    """How many predictions are acknowledged."""
    behind = await lag_of(lag, PREDICTIONS)
    return (await lag.ends((PREDICTIONS,)))[PREDICTIONS] - behind


async def outage(site: Site, lag: LagReader, cluster: Cluster, fault: str, outage_s: float) -> None:
    """One outage of this kind, and what comes after it."""
    await drained(lag)
    if fault == "stopped":
        await asyncio.to_thread(cluster.server.kill)
    elif fault == "frozen":
        site.proxy.fall_silent()
    else:
        site.proxy.truncate_after(0)
    await wait_out(site, lag, outage_s)
    if fault == "stopped":
        await asyncio.to_thread(cluster.server.start)
    site.proxy.heal()
    await site.send_first()
    # The promise: an outage of a minute is drained in two.
    await drained(lag, within_s=max(2 * outage_s, 30.0))


@pytest.mark.parametrize(
    ("faults", "outage_s"),
    [
        (("stopped", "cut"), 3.0),
        pytest.param(("stopped", "frozen", "cut", "stopped"), 60.0, marks=pytest.mark.long),
    ],
    ids=["short", "long"],
)
async def test_while_postgresql_is_away_needs_wait_and_nothing_is_lost(
    tmp_path: Path, own_kafka_broker: str, own_postgres_cluster: Cluster, faults: tuple[str, ...], outage_s: float
) -> None:
    cluster = own_postgres_cluster
    url = await asyncio.to_thread(make_database, cluster, "ours", "template1")
    async with FaultProxy(cluster.port) as proxy:
        site = Site(tmp_path, own_kafka_broker, url, proxy)
        await site.enrol(cars=(2 * len(faults) + 1) * NEW_CARS)
        before = await asyncio.to_thread(make_database, cluster, "before", "ours")
        async with site.running() as lag:
            await site.send_first()
            for fault in faults:
                await outage(site, lag, cluster, fault, outage_s)
    disturbed = await effects_of(site.broker_url, url)
    (tmp_path / "again").mkdir()
    assert_equal(disturbed, await undisturbed(site.broker_url, tmp_path / "again", before))
