"""The records database: opened once, handed out as units of work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.records import migrating
from adapters.records.engine import open_engine
from adapters.records.unit_of_work import OneAtATime, SqlUnitOfWork
from workflow.patience import patiently

T = TypeVar("T")


def open_records(database_url: str, *, connections: int = 10) -> Records:
    """The records behind a SQLAlchemy URL (`sqlite+aiosqlite:///…`, `postgresql+psycopg://…`).

    Nothing is connected yet. `connections` bounds the pool on PostgreSQL. InvalidInput for a URL of another kind.
    """
    return Records(open_engine(database_url, connections=connections))


class Records:
    """One database with its pool; belongs to the event loop that first uses it, and is closed at the end."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._queue = OneAtATime() if engine.dialect.name == "sqlite" else None

    def unit_of_work(self) -> SqlUnitOfWork:
        """A fresh unit of work: `async with records.unit_of_work() as work: …`."""
        return SqlUnitOfWork(self.engine, self._queue)

    async def run(self, use_case: Callable[[], Awaitable[T]]) -> T:
        """Run a use case that opens its own unit of work, afresh a few times when others were in the way."""
        return await patiently(use_case)

    async def migrate(self, revision: str = "head") -> None:
        """Bring the schema up to date; harmless when it is, and when several processes do it at once."""
        async with self.unit_of_work() as work:
            await work.run_sync(lambda connection: migrating.upgrade(connection, revision))

    async def downgrade(self, revision: str = "base") -> None:
        """Take the schema back, and with it what it held."""
        async with self.unit_of_work() as work:
            await work.run_sync(lambda connection: migrating.downgrade(connection, revision))

    async def ping(self) -> str:
        """The server's name and version; Unavailable when it doesn't answer."""
        async with self.unit_of_work() as work:
            return await work.run_sync(_version)

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


def _version(connection: Connection) -> str:
    if connection.dialect.name == "sqlite":
        return f"SQLite {connection.execute(text('SELECT sqlite_version()')).scalar_one()}"
    # Debian adds its package's version in brackets.
    version = str(connection.execute(text("SHOW server_version")).scalar_one())
    return f"PostgreSQL {version.split()[0]}"
