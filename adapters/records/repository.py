"""What all repositories share: a connection in a transaction, and the two databases' common tongue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Executable, Table
from sqlalchemy.dialects import postgresql, sqlite

from adapters.records.connection import Answer, Parameters, RecordsConnection
from adapters.records.statement import Statement
from domain.errors import Conflict


class Repository:
    """Reads and writes one concept over the unit of work's connection."""

    def __init__(self, connection: RecordsConnection) -> None:
        self._connection = connection
        self._is_postgres = connection.is_postgres

    def _insert(self, table: Table) -> Any:
        """An INSERT of this database's dialect, which knows ON CONFLICT."""
        return postgresql.insert(table) if self._is_postgres else sqlite.insert(table)

    async def _insert_new(self, table: Table, values: Mapping[str, Any]) -> bool:
        """Insert unless a row or unique index is in the way, without spoiling the transaction; whether it did."""
        return await self._changed(insert_new(table, self._is_postgres), values) == 1

    async def _insert_or_conflict(self, table: Table, values: Mapping[str, Any], message: str) -> None:
        if not await self._insert_new(table, values):
            raise Conflict(message)

    async def _one(self, query: Statement | Executable, parameters: Parameters = None) -> Any | None:
        rows = (await self._execute(query, parameters)).rows
        return rows[0] if rows else None

    async def _all(self, query: Statement | Executable, parameters: Parameters = None) -> Sequence[Any]:
        return (await self._execute(query, parameters)).rows

    async def _changed(self, change: Statement | Executable, parameters: Parameters = None) -> int:
        """How many rows a change met."""
        return (await self._execute(change, parameters)).changed

    async def _execute(self, statement: Statement | Executable, parameters: Parameters = None) -> Answer:
        return await self._connection.execute(statement, parameters)


@cache
def insert_new(table: Table, is_postgres: bool) -> Statement:
    """INSERT these columns of a row, unless something is in the way."""
    return Statement(clause_of_new(table, is_postgres))


def clause_of_new(table: Table, is_postgres: bool) -> Any:
    """The same for SQLAlchemy, to say where the row comes from."""
    insert = postgresql.insert(table) if is_postgres else sqlite.insert(table)
    # SQLAlchemy keeps the count of an INSERT only when asked to.
    return insert.on_conflict_do_nothing().inline().execution_options(preserve_rowcount=True)
