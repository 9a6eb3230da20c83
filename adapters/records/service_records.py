"""What the workshops found."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from adapters.records.documents import from_document, to_document
from adapters.records.repository import Repository
from adapters.records.statement import Statement
from adapters.records.tables import ownerships, proposals, service_records
from domain.service_record import ServiceRecord

_PARTIES = Statement(
    select(proposals.c.customer_id, proposals.c.dealer_id).where(proposals.c.proposal_id == bindparam("of_proposal"))
)


class SqlServiceRecords(Repository):
    async def add(self, record: ServiceRecord, proposal_id: str | None) -> bool:
        customer_id, dealer_id = await self._parties(record, proposal_id)
        return await self._insert_new(
            service_records,
            {
                "record_id": record.record_id,
                "vehicle_id": record.vehicle_id,
                "item": record.item,
                "performed_ms": record.performed_ms,
                "proposal_id": proposal_id,
                "customer_id": customer_id,
                "dealer_id": dealer_id,
                "document": to_document(record),
            },
        )

    async def of_vehicle(self, vehicle_id: str) -> list[ServiceRecord]:
        rows = await self._all(
            select(service_records.c.document)
            .where(service_records.c.vehicle_id == vehicle_id)
            .order_by(service_records.c.performed_ms, service_records.c.record_id)
        )
        return [from_document(row.document, ServiceRecord) for row in rows]

    async def of_owner(self, vehicle_id: str, customer_id: str) -> list[ServiceRecord]:
        rows = await self._all(
            select(service_records.c.document)
            .where(service_records.c.vehicle_id == vehicle_id, service_records.c.customer_id == customer_id)
            .order_by(service_records.c.performed_ms, service_records.c.record_id)
        )
        return [from_document(row.document, ServiceRecord) for row in rows]

    async def _parties(self, record: ServiceRecord, proposal_id: str | None) -> tuple[str | None, str | None]:
        """Whose it is: the parties of the visit, or whoever owns the car now."""
        if proposal_id is not None:
            visit = await self._one(_PARTIES, {"of_proposal": proposal_id})
            if visit is not None:
                return visit.customer_id, visit.dealer_id
        owner = await self._one(
            select(ownerships.c.customer_id).where(
                ownerships.c.vehicle_id == record.vehicle_id, ownerships.c.until_ms.is_(None)
            )
        )
        return (None if owner is None else owner.customer_id), None
