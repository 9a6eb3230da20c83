"""What all repositories share: a connection in a transaction, and the two databases' common tongue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, Row, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict


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
        insert = self._insert(table).values(**values).on_conflict_do_nothing().inline()
        # SQLAlchemy keeps the count of an INSERT only when asked to.
        done = await self._connection.execute(insert, execution_options={"preserve_rowcount": True})
        return done.rowcount == 1

    async def _insert_or_conflict(self, table: Table, values: Mapping[str, Any], message: str) -> None:
        if not await self._insert_new(table, values):
            raise Conflict(message)

    async def _one(self, query: Executable) -> Row[Any] | None:
        return (await self._connection.execute(query)).first()

    async def _all(self, query: Executable) -> Sequence[Row[Any]]:
        return (await self._connection.execute(query)).all()

    async def _changed(self, change: Executable) -> int:
        """How many rows an UPDATE or DELETE met."""
        return int((await self._connection.execute(change)).rowcount)
