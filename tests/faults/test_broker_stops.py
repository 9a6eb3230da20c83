"""Kafka is killed and started again on its data, or frozen for a while, under load: what was acknowledged is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from adapters.catalogue_file import load_catalogue
from pitcall.settings import Settings
from streams.lag import lag_reader
from tests.e2e.part import url_of
from tests.faults.audit import assert_equal, effects_of, undisturbed, uploads_in
from tests.faults.fleet import FleetSender
from tests.faults.installation import Installation, drained, make_database, until
from tests.servers.postgres import Cluster
from tests.servers.process import ServerProcess
from workflow.signal_names import SignalNames

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

CARS = 24
STEADY_S = 1.0
"""Between two faults, so that something is under way."""


class Cloud:
    """A maker's cloud that sends without end, a batch at a time, and again what was not acknowledged."""

    def __init__(self, sender: FleetSender) -> None:
        self.sender = sender
        self.sent = 0
        self._is_over = False
        self.sending = asyncio.create_task(asyncio.to_thread(self._send_without_end))

    def _send_without_end(self) -> None:
        """Until `stop`."""
        while not self._is_over:
            if self.sender.send(range(self.sent, self.sent + CARS)):
                self.sent += CARS

    def has_more_acknowledged(self) -> Callable[[], Awaitable[bool]]:
        """Asks whether more is acknowledged than now; fails when sending has failed."""
        now = len(self.sender.acknowledged)

        async def has_more() -> bool:
            if self.sending.done():
                self.sending.result()
            return len(self.sender.acknowledged) > now

        return has_more

    def stop(self) -> None:
        """Begin nothing new."""
        self._is_over = True


async def befall(server: ServerProcess, fault: str, away_s: float) -> None:
    """One fault from its beginning to its end."""
    if fault == "killed":
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(away_s)
        await asyncio.to_thread(server.start)
    else:
        server.freeze()
        await asyncio.sleep(away_s)
        server.thaw()


@pytest.mark.parametrize(
    ("faults", "away_s"),
    [
        (("killed", "frozen"), 3.0),
        pytest.param(("frozen", "killed", "frozen", "killed"), 60.0, marks=pytest.mark.long),
    ],
    ids=["short", "long"],
)
async def test_what_was_acknowledged_is_there_after_the_broker_was_not(
    tmp_path: Path,
    own_kafka_server: tuple[ServerProcess, str],
    own_postgres_cluster: Cluster,
    faults: Sequence[str],
    away_s: float,
) -> None:
    server, address = own_kafka_server
    url = await asyncio.to_thread(make_database, own_postgres_cluster, "ours", "template1")
    site = Installation(tmp_path, address, url)
    await site.enrol(CARS)
    before = await asyncio.to_thread(make_database, own_postgres_cluster, "before", "ours")
    with site.worker("one") as one, site.worker("two") as two, site.api() as api:
        for worker in (one, two):
            await asyncio.to_thread(worker.wait_for, r"^pitcall worker is running$")
        cloud = Cloud(FleetSender(site.fleet, await asyncio.to_thread(url_of, api)))
        try:
            async with lag_reader(site.broker_url) as lag:
                for fault in faults:
                    await until(cloud.has_more_acknowledged())
                    await asyncio.sleep(STEADY_S)
                    await befall(server, fault, away_s)
                    # The control: uploads come in again, without anybody's help.
                    await until(cloud.has_more_acknowledged())
                    await drained(lag, within_s=120.0)
        finally:
            cloud.stop()
        await cloud.sending
        async with lag_reader(site.broker_url) as lag:
            await drained(lag)
        for part in (one, two, api):
            # Nobody had to start anything again.
            assert part.process.poll() is None, part.said()[-2000:]
            assert await asyncio.to_thread(part.end) == 0, part.said()[-2000:]
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in cloud.sender.refusals)
    names = SignalNames(load_catalogue(Settings().catalogue))
    there = await uploads_in(site.broker_url, names)
    assert {site.fleet.identity(n) for n in cloud.sender.acknowledged} <= there
    (tmp_path / "again").mkdir()
    assert_equal(await effects_of(site.broker_url, url), await undisturbed(site.broker_url, tmp_path / "again", before))
