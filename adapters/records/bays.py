"""Held slots: no bay is ever promised twice for one moment."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from adapters.records.advisory_locks import lock_bay
from adapters.records.repository import Repository
from adapters.records.tables import bay_holds
from domain.errors import SlotTaken
from domain.slot import Slot

_EXCLUSION_VIOLATION = "23P01"
_TRIGGER_MESSAGE = "bay_holds_no_overlap"


class SqlBays(Repository):
    async def hold(self, dealer_id: str, proposal_id: str, slots: Sequence[Slot]) -> None:
        # In a savepoint: a use case that hears SlotTaken may offer something else in the same transaction.
        wanted = sorted(set(slots), key=lambda slot: (slot.bay_id, slot.start_ms, slot.end_ms))
        try:
            async with self._connection.begin_nested():
                if self._is_postgres:
                    # Two inserts into one exclusion constraint wait for each other and deadlock; a queue per bay
                    # before it spares that. The constraint stands all the same, for whoever does not queue.
                    for bay_id in sorted({slot.bay_id for slot in wanted}):
                        await lock_bay(self._connection, dealer_id, bay_id)
                await self.release(proposal_id)
                for slot in wanted:
                    await self._connection.execute(
                        insert(bay_holds).values(
                            dealer_id=dealer_id,
                            bay_id=slot.bay_id,
                            start_ms=slot.start_ms,
                            end_ms=slot.end_ms,
                            proposal_id=proposal_id,
                        )
                    )
        except IntegrityError as error:
            if _is_overlap(error):
                raise SlotTaken("the bay is held or booked for an overlapping time") from error
            raise

    async def release(self, proposal_id: str) -> None:
        await self._connection.execute(delete(bay_holds).where(bay_holds.c.proposal_id == proposal_id))

    async def busy(self, dealer_id: str, from_ms: int, until_ms: int) -> list[Slot]:
        rows = await self._all(
            select(bay_holds)
            .where(bay_holds.c.dealer_id == dealer_id, bay_holds.c.start_ms < until_ms, bay_holds.c.end_ms > from_ms)
            .order_by(bay_holds.c.start_ms, bay_holds.c.bay_id)
        )
        return [Slot(row.start_ms, row.end_ms, row.bay_id) for row in rows]

    async def overlaps(self) -> int:
        first, second = bay_holds.alias(), bay_holds.alias()
        row = await self._one(
            select(func.count().label("pairs")).select_from(
                first.join(
                    second,
                    and_(
                        first.c.dealer_id == second.c.dealer_id,
                        first.c.bay_id == second.c.bay_id,
                        first.c.hold_id < second.c.hold_id,
                        first.c.start_ms < second.c.end_ms,
                        second.c.start_ms < first.c.end_ms,
                    ),
                )
            )
        )
        return 0 if row is None else int(row.pairs)


def _is_overlap(error: IntegrityError) -> bool:
    return getattr(error.orig, "sqlstate", None) == _EXCLUSION_VIOLATION or _TRIGGER_MESSAGE in str(error.orig)
