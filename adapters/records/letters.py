"""Letters: reminders that were sent, and which of them were opened."""

from __future__ import annotations

from sqlalchemy import func, select, update

from adapters.records.repository import Repository
from adapters.records.tables import letters
from workflow.outbox_rows import OpenedLetter


class SqlLetters(Repository):
    async def begin(self, reminder_id: str, customer_id: str, vehicle_id: str, token: str) -> str:
        own = {"reminder_id": reminder_id, "customer_id": customer_id, "vehicle_id": vehicle_id, "token": token}
        if await self._insert_new(letters, own):
            return token
        row = await self._one(select(letters.c.token).where(letters.c.reminder_id == reminder_id))
        return token if row is None else str(row.token)

    async def sent(self, reminder_id: str, at_ms: int) -> None:
        await self._execute(update(letters).where(letters.c.reminder_id == reminder_id).values(sent_ms=at_ms))

    async def last_sent_ms(self, customer_id: str) -> int | None:
        row = await self._one(
            select(func.max(letters.c.sent_ms).label("last_ms")).where(letters.c.customer_id == customer_id)
        )
        return None if row is None else row.last_ms

    async def opened(self, token: str, at_ms: int) -> OpenedLetter | None:
        row = await self._one(select(letters).where(letters.c.token == token))
        if row is None:
            return None
        first = update(letters).where(letters.c.token == token, letters.c.opened_ms.is_(None)).values(opened_ms=at_ms)
        return OpenedLetter(row.reminder_id, row.customer_id, row.vehicle_id, await self._changed(first) > 0)
