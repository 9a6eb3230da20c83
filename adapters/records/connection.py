"""A transaction's connection, as the repositories use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeAlias, TypeVar

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, Executable
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.records.statement import Statement

T = TypeVar("T")
Parameters: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


class Answer(NamedTuple):
    """What a statement gave: rows, whose columns are attributes, or how many it met."""

    rows: Sequence[Any]
    changed: int


class RecordsConnection:
    """Runs a `Statement` on PostgreSQL's driver, and by SQLAlchemy what is built for one call, or is for SQLite."""

    def __init__(self, connection: AsyncConnection, driver: psycopg.AsyncConnection | None) -> None:
        self._connection = connection
        self._driver = driver
        # One for all: a cursor that was used knows how to say the values that it has met.
        self._cursor = None if driver is None else driver.cursor(row_factory=namedtuple_row)
        self.is_postgres = driver is not None

    @classmethod
    async def open(cls, engine: AsyncEngine) -> RecordsConnection:
        """One of the engine's, with a transaction begun."""
        connection = await engine.connect()
        try:
            driver = await connection.run_sync(_begin)
        except BaseException:
            await connection.close()
            raise
        return cls(connection, driver if isinstance(driver, psycopg.AsyncConnection) else None)

    async def execute(self, statement: Statement | Executable, parameters: Parameters = None) -> Answer:
        """Run it, once or (many parameters) for each of them in turn."""
        if self._cursor is not None and isinstance(statement, Statement):
            return await self._run(self._cursor, statement, parameters)
        clause = statement.clause if isinstance(statement, Statement) else statement
        result = await self._connection.execute(clause, parameters)
        return Answer(result.all(), 0) if result.returns_rows else Answer((), result.rowcount)

    async def write(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each of these, in their order; nobody asks what it did, or waits for an answer in between."""
        if self._driver is None:
            await self._connection.execute(statement.clause, rows)
            return
        written = [statement.for_postgres(row) for row in rows]
        try:
            async with self._driver.cursor() as cursor:
                await cursor.executemany(written[0][0], [values for _, values in written])
        except psycopg.Error:
            await self._give_up_if_broken()
            raise

    @asynccontextmanager
    async def in_one_go(self) -> AsyncIterator[None]:
        """What is written within leaves without waiting for answers: they come with the last one's.

        SQLite has no line to wait for.
        """
        if self._driver is None:
            yield
        else:
            async with self._driver.pipeline():
                yield

    async def run_sync(self, function: Callable[[Connection], T]) -> T:
        """Run what is not asynchronous over it."""
        return await self._connection.run_sync(function)

    async def commit(self) -> None:
        """End the transaction well; close it after that."""
        await self._connection.commit()

    async def invalidate(self) -> None:
        """Keep it from being used again: nobody knows how its transaction stands."""
        await self._connection.invalidate()

    async def close(self) -> None:
        """Give it back; what was not committed is rolled back."""
        self._driver = self._cursor = None  # they are another's from here on
        await self._connection.close()

    async def _run(self, cursor: psycopg.AsyncCursor[Any], statement: Statement, parameters: Parameters) -> Answer:
        each = [parameters or {}] if parameters is None or isinstance(parameters, Mapping) else parameters
        changed = 0
        try:
            for one in each:
                await cursor.execute(*statement.for_postgres(one))
                if cursor.rownumber is not None:
                    return Answer(await cursor.fetchall(), 0)
                changed += cursor.rowcount
        except psycopg.Error:
            await self._give_up_if_broken()
            raise
        return Answer((), changed)

    async def _give_up_if_broken(self) -> None:
        """SQLAlchemy's pool must not get it back: it saw nothing of the failure."""
        if self._driver is not None and self._driver.closed:
            await self._connection.invalidate()


def _begin(connection: Connection) -> Any:
    """The driver's own connection, when a transaction has begun on it."""
    connection.begin()
    return connection.connection.driver_connection
