"""The timeline: every step, appended once, in one order that readers can follow without missing any.

A sequence number is given when a row is inserted, but the row is seen when its transaction commits; on PostgreSQL a
reader could so pass a number whose row comes to light later. There the table itself (a trigger) lets one transaction at
a time insert, until its commit: the numbers come to light in their order. Appends therefore wait in memory until the
unit of work ends (or reads the timeline itself), and leave together with the commit.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select, text

from adapters.records.connection import RecordsConnection
from adapters.records.documents import from_document, to_document
from adapters.records.repository import Repository, insert_new
from adapters.records.tables import CONFIRMED, event_counts, timeline
from domain.event import DomainEvent


class SqlTimeline(Repository):
    def __init__(self, connection: RecordsConnection) -> None:
        super().__init__(connection)
        self._appended: list[DomainEvent] = []

    async def append(self, event: DomainEvent) -> None:
        self._appended.append(event)

    async def flush(self) -> None:
        """Write what was appended; the unit of work calls it before it commits."""
        if not self._appended:
            return
        events, self._appended = self._appended, []
        await self._connection.write(insert_new(timeline, self._is_postgres), [_columns(event) for event in events])

    async def of_vehicle(self, vehicle_id: str, limit: int = 100) -> list[DomainEvent]:
        """The newest events of a car, newest first."""
        await self.flush()
        rows = await self._all(
            select(timeline.c.document)
            .where(timeline.c.vehicle_id == vehicle_id)
            .order_by(timeline.c.seq.desc())
            .limit(limit)
        )
        return [from_document(row.document, DomainEvent) for row in rows]

    async def after(
        self,
        seq: int,
        *,
        dealer_id: str | None = None,
        customer_id: str | None = None,
        vehicle_id: str | None = None,
        limit: int = 200,
    ) -> list[tuple[int, DomainEvent]]:
        await self.flush()
        query = select(timeline.c.seq, timeline.c.document).where(timeline.c.seq > seq)
        if dealer_id is not None:
            query = query.where(timeline.c.dealer_id == dealer_id)
        if customer_id is not None:
            query = query.where(timeline.c.customer_id == customer_id)
        if vehicle_id is not None:
            query = query.where(timeline.c.vehicle_id == vehicle_id)
        rows = await self._all(query.order_by(timeline.c.seq).limit(limit))
        return [(row.seq, from_document(row.document, DomainEvent)) for row in rows]

    async def newest_bookings(self, limit: int) -> list[DomainEvent]:
        await self.flush()
        query = select(timeline.c.document).where(text(CONFIRMED)).order_by(timeline.c.seq.desc()).limit(limit)
        return [from_document(row.document, DomainEvent) for row in await self._all(query)]

    async def newest_seq(self) -> int:
        await self.flush()
        row = await self._one(select(func.max(timeline.c.seq).label("seq")))
        return 0 if row is None or row.seq is None else int(row.seq)

    async def count(self) -> dict[str, int]:
        await self.flush()
        rows = await self._all(select(event_counts).order_by(event_counts.c.kind))
        return {row.kind: row.amount for row in rows}


def _columns(event: DomainEvent) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "kind": event.kind,
        "vehicle_id": event.vehicle_id,
        "customer_id": event.customer_id,
        "dealer_id": event.dealer_id,
        "time_ms": event.time_ms,
        "document": to_document(event),
    }
