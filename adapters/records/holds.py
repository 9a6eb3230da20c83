"""Held slots: no bay, technician or loaner car is ever promised twice for one moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, select

from adapters.records.advisory_locks import lock_site
from adapters.records.connection import RecordsConnection
from adapters.records.repository import Repository, insert_new
from adapters.records.statement import Statement
from adapters.records.tables import resource_holds
from domain.errors import SlotTaken
from domain.site import Resource, ResourceKind
from domain.slot import Hold, Slot

_TRIGGER_MESSAGE = "resource_holds_no_overlap"
_RELEASE = Statement(
    delete(resource_holds)
    .where(resource_holds.c.proposal_id == bindparam("of_proposal"))
    .returning(*(column for column in resource_holds.c if column.name != "hold_id"))
)
_HELD = resource_holds.c
_AT_ONE_TIME = (
    select(_HELD.kind, _HELD.resource_id, _HELD.start_ms, _HELD.end_ms)
    .where(
        _HELD.dealer_id == bindparam("of_dealer"),
        _HELD.start_ms < bindparam("until_ms"),
        _HELD.end_ms > bindparam("from_ms"),
    )
    .order_by(_HELD.start_ms, _HELD.kind, _HELD.resource_id)
)
_BUSY = Statement(_AT_ONE_TIME)
_BUSY_WITH_OTHERS = Statement(_AT_ONE_TIME.where(_HELD.proposal_id != bindparam("but_of")))


class SqlHolds(Repository):
    def __init__(self, connection: RecordsConnection) -> None:
        super().__init__(connection)
        self._turns: set[str] = set()

    async def take_turn(self, dealer_id: str) -> None:
        if self._is_postgres and dealer_id not in self._turns:
            await lock_site(self._connection, dealer_id)
            self._turns.add(dealer_id)

    async def hold(self, dealer_id: str, proposal_id: str, slots: Sequence[Slot]) -> None:
        # Two inserts into one exclusion constraint wait for each other and deadlock; a queue per site before it spares
        # that. The constraint stands all the same, for whoever does not queue.
        await self.take_turn(dealer_id)
        rows = [
            {
                "dealer_id": dealer_id,
                "kind": str(hold.resource.kind),
                "resource_id": hold.resource.resource_id,
                "start_ms": hold.start_ms,
                "end_ms": hold.end_ms,
                "proposal_id": proposal_id,
            }
            for slot in sorted(set(slots))
            for hold in slot.holds
        ]
        before = [row._asdict() for row in await self._all(_RELEASE, {"of_proposal": proposal_id})]
        if not rows or await self._could_insert(rows):
            return
        # Put back: a use case that hears SlotTaken may offer something else in the same transaction.
        await self.release(proposal_id)
        if before:
            await self._could_insert(before)
        raise SlotTaken("this time is held or booked by somebody else: choose another")

    async def release(self, proposal_id: str) -> None:
        await self._execute(_RELEASE, {"of_proposal": proposal_id})

    async def _could_insert(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Insert them; False, and perhaps some inserted, when one overlaps what is held."""
        try:
            return await self._changed(insert_new(resource_holds, self._is_postgres), rows) == len(rows)
        except sqlite3.IntegrityError as error:
            # SQLite's trigger undoes the statement, and no more.
            if _TRIGGER_MESSAGE in str(error):
                return False
            raise

    async def busy(self, dealer_id: str, from_ms: int, until_ms: int, *, but_of: str | None = None) -> list[Hold]:
        asked = {"of_dealer": dealer_id, "from_ms": from_ms, "until_ms": until_ms}
        if but_of is None:
            rows = await self._all(_BUSY, asked)
        else:
            rows = await self._all(_BUSY_WITH_OTHERS, asked | {"but_of": but_of})
        return [Hold(Resource(ResourceKind(row.kind), row.resource_id), row.start_ms, row.end_ms) for row in rows]

    async def overlaps(self) -> int:
        first, second = resource_holds.alias(), resource_holds.alias()
        row = await self._one(
            select(func.count().label("pairs")).select_from(
                first.join(
                    second,
                    and_(
                        first.c.dealer_id == second.c.dealer_id,
                        first.c.kind == second.c.kind,
                        first.c.resource_id == second.c.resource_id,
                        first.c.hold_id < second.c.hold_id,
                        first.c.start_ms < second.c.end_ms,
                        second.c.start_ms < first.c.end_ms,
                    ),
                )
            )
        )
        return 0 if row is None else int(row.pairs)
