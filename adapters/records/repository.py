"""What all repositories share: a connection in a transaction, and the two databases' common tongue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import CursorResult, Executable, Row, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict

Parameters: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


class Repository:
    """Reads and writes one concept over the unit of work's connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._is_postgres = connection.dialect.name == "postgresql"

    def _insert(self, table: Table) -> Any:
        """An INSERT of this database's dialect, which knows ON CONFLICT."""
        return postgresql.insert(table) if self._is_postgres else sqlite.insert(table)

    async def _insert_new(self, table: Table, values: Mapping[str, Any]) -> bool:
        """Insert unless a row or unique index is in the way, without spoiling the transaction; whether it did."""
        return await self._changed(insert_new(table, self._is_postgres), values) == 1

    async def _insert_or_conflict(self, table: Table, values: Mapping[str, Any], message: str) -> None:
        if not await self._insert_new(table, values):
            raise Conflict(message)

    async def _one(self, query: Executable, parameters: Parameters = None) -> Row[Any] | None:
        return (await self._execute(query, parameters)).first()

    async def _all(self, query: Executable, parameters: Parameters = None) -> Sequence[Row[Any]]:
        return (await self._execute(query, parameters)).all()

    async def _changed(self, change: Executable, parameters: Parameters = None) -> int:
        """How many rows a change met."""
        return int((await self._execute(change, parameters)).rowcount)

    async def _write(self, change: Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        """A change for each of these rows, in their order, of which nobody asks what it did."""
        if self._is_postgres:
            # One by one they leave in a pipeline, if there is one; of many at once the driver awaits the results.
            for row in rows:
                await self._connection.execute(change, row)
        else:
            await self._connection.execute(change, rows)

    async def _execute(self, statement: Executable, parameters: Parameters = None) -> CursorResult[Any]:
        return await self._connection.execute(statement, parameters)


@cache
def insert_new(table: Table, is_postgres: bool) -> Any:
    # Made once: to build and hash a statement with its values for each row costs more than to run it.
    insert = postgresql.insert(table) if is_postgres else sqlite.insert(table)
    # SQLAlchemy keeps the count of an INSERT only when asked to.
    return insert.on_conflict_do_nothing().inline().execution_options(preserve_rowcount=True)
