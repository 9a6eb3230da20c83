"""Advisory locks of PostgreSQL that end with the transaction; SQLite has one writer at a time and needs none."""

from __future__ import annotations

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

# Two-number locks: the first number says what for, the second which one.
MIGRATION = 7401
# 7402 is the timeline's, which its own trigger takes.
SITE = 7403

_LOCK_ONE = text("SELECT pg_advisory_xact_lock(:purpose, hashtext(:name))").bindparams(bindparam("name"))


async def lock_site(connection: AsyncConnection, dealer_id: str) -> None:
    """Wait until no other transaction is about to hold slots of this dealer."""
    await connection.execute(_LOCK_ONE, {"purpose": SITE, "name": dealer_id})
