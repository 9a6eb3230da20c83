"""Letters: which reminders went to whom in which, and which of them were opened."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select, update

from adapters.records.repository import Repository
from adapters.records.tables import letters
from workflow.outbox_rows import BegunLetter, OpenedLetter


class SqlLetters(Repository):
    async def begin(self, letter: BegunLetter, reminder_ids: Sequence[str], customer_id: str, vehicle_id: str) -> None:
        for reminder_id in reminder_ids:
            await self._insert_new(
                letters,
                {
                    "reminder_id": reminder_id,
                    "letter_id": letter.letter_id,
                    "customer_id": customer_id,
                    "vehicle_id": vehicle_id,
                    "token": letter.token,
                },
            )

    async def begun(self, reminder_ids: Sequence[str]) -> dict[str, BegunLetter]:
        query = select(letters.c.reminder_id, letters.c.letter_id, letters.c.token)
        rows = await self._all(query.where(letters.c.reminder_id.in_(reminder_ids)))
        return {row.reminder_id: BegunLetter(row.letter_id, row.token) for row in rows}

    async def sent(self, letter_id: str, at_ms: int) -> None:
        await self._execute(update(letters).where(letters.c.letter_id == letter_id).values(sent_ms=at_ms))

    async def last_sent_ms(self, customer_id: str) -> int | None:
        row = await self._one(
            select(func.max(letters.c.sent_ms).label("last_ms")).where(letters.c.customer_id == customer_id)
        )
        return None if row is None else row.last_ms

    async def opened(self, token: str, at_ms: int) -> OpenedLetter | None:
        row = await self._one(select(letters).where(letters.c.token == token).order_by(letters.c.reminder_id).limit(1))
        if row is None:
            return None
        first = update(letters).where(letters.c.token == token, letters.c.opened_ms.is_(None)).values(opened_ms=at_ms)
        return OpenedLetter(row.letter_id, row.customer_id, row.vehicle_id, await self._changed(first) > 0)
