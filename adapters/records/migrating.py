"""Migrations, run from the program: nobody needs Alembic's own command line, though it would work."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from adapters.records.advisory_locks import MIGRATION


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the schema up to `revision`, all of it or nothing, inside the connection's transaction."""
    command.upgrade(_configuration(connection), revision)


def downgrade(connection: Connection, revision: str = "base") -> None:
    """Take the schema back to `revision`."""
    command.downgrade(_configuration(connection), revision)


def _configuration(connection: Connection) -> Config:
    if connection.dialect.name == "postgresql":
        # api, worker and outbox start at the same time; one migrates, the others wait and find it done.
        connection.execute(text("SELECT pg_advisory_xact_lock(:purpose, 0)"), {"purpose": MIGRATION})
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    return configuration
