"""Calls under their caller's Idempotency-Key: claimed before they act, kept with their reply once they have."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from adapters.records.repository import Repository
from adapters.records.tables import idempotent_calls as calls
from workflow.ports import KeptCall, KeptReply


class SqlIdempotency(Repository):
    async def claim(self, caller_id: str, key: str, fingerprint: str, *, now_ms: int, until_ms: int) -> KeptCall | None:
        lapsed = (calls.c.status.is_(None)) & (calls.c.claimed_until_ms <= now_ms)
        statement = self._insert(calls).values(
            caller_id=caller_id, key=key, fingerprint=fingerprint, claimed_until_ms=until_ms, created_ms=now_ms
        )
        # One statement, so that of two who come at once one gets the row and the other finds it taken.
        take = statement.on_conflict_do_update(
            index_elements=[calls.c.caller_id, calls.c.key],
            set_={"claimed_until_ms": until_ms},
            where=lapsed & (calls.c.fingerprint == fingerprint),
        ).returning(calls.c.claimed_until_ms)
        if await self._one(take) is not None:
            return None
        row = await self._one(select(calls).where(calls.c.caller_id == caller_id, calls.c.key == key))
        if row is None:
            return KeptCall(fingerprint)  # released a moment ago: its caller looks again
        return KeptCall(row.fingerprint, None if row.status is None else KeptReply(row.status, row.body))

    async def keep(self, caller_id: str, key: str, reply: KeptReply, *, until_ms: int) -> bool:
        mine = (calls.c.caller_id == caller_id) & (calls.c.key == key) & (calls.c.claimed_until_ms == until_ms)
        change = update(calls).where(mine, calls.c.status.is_(None)).values(status=reply.status, body=reply.body)
        return await self._changed(change) == 1

    async def release(self, caller_id: str, key: str, *, until_ms: int) -> None:
        mine = (calls.c.caller_id == caller_id) & (calls.c.key == key) & (calls.c.claimed_until_ms == until_ms)
        await self._connection.execute(delete(calls).where(mine, calls.c.status.is_(None)))

    async def forget_before(self, created_ms: int) -> None:
        await self._connection.execute(delete(calls).where(calls.c.created_ms < created_ms))
