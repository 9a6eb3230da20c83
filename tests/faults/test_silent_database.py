"""A connection to PostgreSQL that is half-open, reset or cut: the unit of work ends, and the next one does well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import make_url, text

from adapters.records.patient_connection import PatientConnection
from adapters.records.records import Records, open_records
from domain.errors import Unavailable
from tests.support.fault_proxy import FaultProxy

pytestmark = pytest.mark.postgres

PATIENCE_S = 60.0
"""How long these tests wait for what would otherwise never end."""


@pytest.fixture
async def proxy(postgres_database: str) -> AsyncIterator[FaultProxy]:
    port = make_url(postgres_database).port
    assert port is not None
    async with FaultProxy(port) as running:
        yield running


@pytest.fixture
async def records(proxy: FaultProxy, postgres_database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Records]:
    monkeypatch.setattr(PatientConnection, "patience_s", 1.0)
    url = make_url(postgres_database).set(port=proxy.port).render_as_string(hide_password=False)
    opened = open_records(url, connections=2)
    await opened.migrate()
    yield opened
    await opened.close()


async def refused(records: Records, query: str = "SELECT 1") -> str:
    """What a unit of work is told that can't be done."""
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(Unavailable) as told:
            async with records.unit_of_work() as work:
                await work.run_sync(lambda connection: connection.execute(text(query)))
    return str(told.value)


async def test_a_server_that_falls_silent_is_away_and_not_waited_for_without_end(
    records: Records, proxy: FaultProxy
) -> None:
    proxy.fall_silent()
    # The pooled connection, and a fresh one: neither is ever answered.
    for _ in range(2):
        assert "does not answer" in await refused(records)
    assert proxy.swallowed > 0
    proxy.heal()
    assert (await records.ping()).startswith("PostgreSQL")


async def test_silence_in_the_middle_of_a_transaction_ends_it(records: Records, proxy: FaultProxy) -> None:
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(Unavailable, match="does not answer"):
            async with records.unit_of_work() as work:
                await work.run_sync(lambda connection: connection.execute(text("CREATE TABLE half (done INTEGER)")))
                proxy.fall_silent()
    proxy.heal()
    async with records.unit_of_work() as work:
        found = await work.run_sync(lambda c: c.execute(text("SELECT to_regclass('half')")).scalar_one())
    assert found is None


async def test_a_reset_and_a_cut_answer_are_an_outage_of_one_unit_of_work(records: Records, proxy: FaultProxy) -> None:
    resets = proxy.resets
    with pytest.raises(Unavailable, match="does not answer"):
        async with records.unit_of_work() as work:
            proxy.reset()
            await work.run_sync(lambda connection: connection.execute(text("SELECT 1")))
    assert proxy.resets == resets + 1
    assert (await records.ping()).startswith("PostgreSQL")
    proxy.truncate_after(3_000)
    assert "does not answer" in await refused(records, "SELECT repeat('x', 1000000)")
    proxy.heal()
    assert (await records.ping()).startswith("PostgreSQL")


async def test_a_slow_line_is_only_slow(records: Records, proxy: FaultProxy) -> None:
    proxy.delay(0.05)
    assert (await records.ping()).startswith("PostgreSQL")
