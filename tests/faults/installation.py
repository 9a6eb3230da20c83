"""An installation on Kafka and PostgreSQL whose processes are killed: its settings, its cars, its workers, its lag."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from psycopg import sql

from adapters.clocks import WallClock
from streams.lag import LagReader
from streams.producer import record_producer
from streams.topics import EMBEDDED_PARTITIONS, PREDICTIONS, TELEMETRY_UPLOADS
from streams.writers import LogUploads
from tests.e2e.part import Part, api_part, url_of
from tests.faults.audit import KEY
from tests.faults.fleet import FaultFleet, add_operator, enrol
from tests.servers.postgres import ROLE, Cluster

PATIENCE_S = 180.0


class Installation:
    """Workers and an API; uploads come straight to the topic, as a maker's cloud writes them.

    It has as many partitions as the embedded log, so that what it has done can be audited.
    """

    def __init__(self, folder: Path, kafka: str, database_url: str) -> None:
        self.folder = folder
        self.broker_url = f"pitcall-kafka://{kafka}"
        self.settings = {
            "PITCALL_BROKER_URL": self.broker_url,
            "PITCALL_DATABASE_URL": database_url,
            "PITCALL_KAFKA_PARTITIONS": str(EMBEDDED_PARTITIONS),
            "PITCALL_SNAPSHOT_KEY": KEY,
        }
        self.fleet: FaultFleet

    def of(self, name: str) -> dict[str, str]:
        """The settings of one process."""
        return {**self.settings, "PITCALL_DATA_DIR": str(self.folder / name)}

    def worker(self, name: str) -> Part:
        """Start a worker with the folder of this name."""
        return Part(self.folder / f"{name}.log", "worker", **self.of(name))

    def api(self) -> Part:
        """Start an API on a free port."""
        return api_part(self.folder / "api.log", **self.of("api"))

    async def enrol(self, cars: int) -> None:
        """Enrol the fleet by an API that ends afterwards, so that its database can be copied."""
        await asyncio.to_thread(lambda: add_operator(**self.of("first")))
        with api_part(self.folder / "first.log", **self.of("first")) as api:
            self.fleet = await asyncio.to_thread(lambda: enrol(url_of(api), cars))
            assert await asyncio.to_thread(api.end) == 0

    async def send(self, numbers: Sequence[int]) -> None:
        """Append these uploads of the fleet: the database has no part in it."""
        async with record_producer(self.broker_url) as producer:
            await LogUploads(producer, WallClock()).append_many([self.fleet.logged(n) for n in numbers])


async def lag_of(lag: LagReader, topic: str) -> int:
    """How many records of a topic the workers have not acknowledged."""
    return sum((await lag.lag((topic,))).values())


async def until(ask: Callable[[], Awaitable[bool]], within_s: float = PATIENCE_S) -> float:
    """Return when the answer is yes; the seconds it took."""
    began_s = time.monotonic()
    async with asyncio.timeout(within_s):
        while not await ask():  # noqa: ASYNC110 - other processes have no event for this
            await asyncio.sleep(0.1)
    return time.monotonic() - began_s


async def drained(lag: LagReader, within_s: float = PATIENCE_S) -> float:
    """Return when every upload and every prediction is worked off; the seconds it took."""

    async def is_drained() -> bool:
        return not await lag_of(lag, TELEMETRY_UPLOADS) and not await lag_of(lag, PREDICTIONS)

    return await until(is_drained, within_s)


def make_database(cluster: Cluster, name: str, template: str) -> str:
    """Make a database of the product's role as a copy of one that nobody uses now; its URL."""
    command = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
    with cluster.superuser() as connection:
        connection.execute(command.format(sql.Identifier(name), sql.Identifier(template), sql.Identifier(ROLE)))
    return cluster.url(name)
