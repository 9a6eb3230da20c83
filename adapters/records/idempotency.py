"""Replies kept under the caller's Idempotency-Key."""

from __future__ import annotations

from sqlalchemy import select

from adapters.records.repository import Repository
from adapters.records.tables import idempotent_replies as replies


class SqlIdempotency(Repository):
    async def get(self, account_id: str, key: str) -> tuple[str, int, str] | None:
        row = await self._one(select(replies).where(replies.c.account_id == account_id, replies.c.key == key))
        return None if row is None else (row.fingerprint, row.status, row.body)

    async def put(self, account_id: str, key: str, fingerprint: str, status: int, body: str, now_ms: int) -> None:
        """Conflict when the same call is answered already: two came at once, and this one must leave nothing."""
        row = {
            "account_id": account_id,
            "key": key,
            "fingerprint": fingerprint,
            "status": status,
            "body": body,
            "created_ms": now_ms,
        }
        await self._insert_or_conflict(replies, row, "this call was answered just now; ask again for its answer")
