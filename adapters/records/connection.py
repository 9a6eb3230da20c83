"""A transaction's connection, as the repositories use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeAlias, TypeVar

import aiosqlite
import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, Executable
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.records.statement import Statement

T = TypeVar("T")
_CLOSED = "this connection was given back"
Parameters: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


class Answer(NamedTuple):
    """What a statement gave: rows, whose columns are attributes, or how many it met."""

    rows: Sequence[Any]
    changed: int


class RecordsConnection:
    """Runs a `Statement` on the database's driver, and by SQLAlchemy what is built for one call."""

    def __init__(self, connection: AsyncConnection, driver: Any) -> None:
        """`driver`: the connection of psycopg or aiosqlite that SQLAlchemy's pool has lent."""
        self._connection = connection
        self._postgres = driver if isinstance(driver, psycopg.AsyncConnection) else None
        self._sqlite = driver if isinstance(driver, aiosqlite.Connection) else None
        # One for all: a cursor that was used knows how to say the values that it has met.
        self._cursor = None if self._postgres is None else self._postgres.cursor(row_factory=namedtuple_row)
        self.is_postgres = self._postgres is not None

    @classmethod
    async def open(cls, engine: AsyncEngine) -> RecordsConnection:
        """One of the engine's, with a transaction begun."""
        connection = await engine.connect()
        try:
            driver = await connection.run_sync(_begin)
        except BaseException:
            await connection.close()
            raise
        return cls(connection, driver)

    async def execute(self, statement: Statement | Executable, parameters: Parameters = None) -> Answer:
        """Run it, once or (many parameters) for each of them in turn."""
        if isinstance(statement, Statement):
            each = [parameters or {}] if parameters is None or isinstance(parameters, Mapping) else parameters
            if self._cursor is not None:
                return await self._run_on_postgres(self._cursor, statement, each)
            if self._sqlite is not None:
                return await self._run_on_sqlite(self._sqlite, statement, each)
            raise RuntimeError(_CLOSED)
        result = await self._connection.execute(statement, parameters)
        return Answer(result.all(), 0) if result.returns_rows else Answer((), result.rowcount)

    async def write(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each of these, in their order; nobody asks what it did, or waits for an answer in between."""
        written = [statement.for_driver(row, is_postgres=self.is_postgres) for row in rows]
        text, values = written[0][0], [own for _, own in written]
        if self._sqlite is not None:
            await self._sqlite.executemany(text, values)
            return
        if self._postgres is None:
            raise RuntimeError(_CLOSED)
        try:
            async with self._postgres.cursor() as cursor:
                await cursor.executemany(text, values)
        except psycopg.Error:
            await self._give_up_if_broken()
            raise

    @asynccontextmanager
    async def in_one_go(self) -> AsyncIterator[None]:
        """What is written within leaves without waiting for answers: they come with the last one's.

        SQLite has no line to wait for.
        """
        if self._postgres is None:
            yield
        else:
            async with self._postgres.pipeline():
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
        self._postgres = self._sqlite = self._cursor = None  # they are another's from here on
        await self._connection.close()

    async def _run_on_postgres(
        self, cursor: psycopg.AsyncCursor[Any], statement: Statement, each: Sequence[Mapping[str, Any]]
    ) -> Answer:
        changed = 0
        try:
            for one in each:
                await cursor.execute(*statement.for_driver(one, is_postgres=True))
                if cursor.rownumber is not None:
                    return Answer(await cursor.fetchall(), 0)
                changed += cursor.rowcount
        except psycopg.Error:
            await self._give_up_if_broken()
            raise
        return Answer((), changed)

    async def _run_on_sqlite(
        self, driver: aiosqlite.Connection, statement: Statement, each: Sequence[Mapping[str, Any]]
    ) -> Answer:
        changed = 0
        for one in each:
            text, values = statement.for_driver(one, is_postgres=False)
            if statement.returns_rows:
                return Answer(statement.rows(await driver.execute_fetchall(text, values)), 0)
            cursor = await driver.execute(text, values)
            changed += cursor.rowcount
        return Answer((), changed)

    async def _give_up_if_broken(self) -> None:
        """SQLAlchemy's pool must not get it back: it saw nothing of the failure."""
        if self._postgres is not None and self._postgres.closed:
            await self._connection.invalidate()


def _begin(connection: Connection) -> Any:
    """The driver's own connection, when a transaction has begun on it."""
    connection.begin()
    return connection.connection.driver_connection
