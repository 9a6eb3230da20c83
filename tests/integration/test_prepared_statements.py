"""What a connection has prepared outlives a refused use case, and is made anew after a statement that failed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from adapters.records.patient_connection import PatientConnection

pytestmark = pytest.mark.postgres


@pytest.fixture
async def connection(postgres_database: str) -> AsyncIterator[PatientConnection]:
    url = make_url(postgres_database).set(drivername="postgresql").render_as_string(hide_password=False)
    async with await PatientConnection.connect(url) as opened:
        yield opened


async def ask(connection: PatientConnection, number: int) -> Any:
    cursor = await connection.execute("SELECT %s::int + 1", [number], prepare=True)
    return (await cursor.fetchone() or (None,))[0]


async def prepared(connection: PatientConnection) -> int:
    cursor = await connection.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%int + 1%'")
    return int((await cursor.fetchone() or (0,))[0])


async def test_a_sound_transaction_is_rolled_back_and_forgets_nothing(connection: PatientConnection) -> None:
    await connection.execute("CREATE TEMPORARY TABLE seen (n int)")
    await connection.commit()
    for number in range(5):
        await connection.execute("INSERT INTO seen VALUES (%s)", [number])
        assert await ask(connection, number) == number + 1
        await connection.rollback()
    assert await prepared(connection) == 1
    cursor = await connection.execute("SELECT count(*) FROM seen")
    assert await cursor.fetchone() == (0,), "and nothing of it is there"


async def test_after_a_statement_that_failed_the_connection_goes_on_as_new(connection: PatientConnection) -> None:
    for number in range(3):
        assert await ask(connection, number) == number + 1
        with pytest.raises(psycopg.errors.DivisionByZero):
            await connection.execute("SELECT 1 / 0")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            await connection.execute("SELECT 1")
        await connection.rollback()
    assert await ask(connection, 9) == 10
    await connection.rollback()
    await connection.rollback()
    assert await ask(connection, 10) == 11, "nothing to roll back is no harm"
