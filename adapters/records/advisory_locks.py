"""Advisory locks of PostgreSQL that end with the transaction; SQLite has one writer at a time and needs none."""

from __future__ import annotations

from sqlalchemy import text

from adapters.records.connection import RecordsConnection
from adapters.records.statement import Statement

# Two-number locks: the first number says what for, the second which one.
MIGRATION = 7401
# 7402 is the timeline's, which its own trigger takes.
SITE = 7403

_LOCK_ONE = Statement(text("SELECT pg_advisory_xact_lock(:purpose, hashtext(:name))"))


async def lock_site(connection: RecordsConnection, dealer_id: str) -> None:
    """Wait until no other transaction is about to hold slots of this dealer."""
    await connection.execute(_LOCK_ONE, {"purpose": SITE, "name": dealer_id})
