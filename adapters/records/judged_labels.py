"""The calibration ledger: each label once, beside what had been promised."""

from __future__ import annotations

from sqlalchemy import Select, case, delete, func, select

from adapters.records.documents import from_document, to_document
from adapters.records.repository import Repository
from adapters.records.tables import judged_labels, service_records
from domain.judged_label import JudgedLabel
from domain.model_quality import LabelCount


class SqlJudgedLabels(Repository):
    async def add(self, label: JudgedLabel) -> bool:
        return await self._insert_new(
            judged_labels,
            {
                "label_id": label.label_id,
                "vehicle_id": label.vehicle_id,
                "item": label.item,
                "known_ms": label.known_ms,
                "document": to_document(label),
            },
        )

    async def newest(self, item: str, limit: int) -> list[JudgedLabel]:
        return await self._labels(_newest_first(limit).where(judged_labels.c.item == item))

    async def counts(self, recent_from_ms: int) -> dict[str, LabelCount]:
        is_recent = case((judged_labels.c.known_ms > recent_from_ms, 1), else_=0)
        rows = await self._all(
            select(
                judged_labels.c.item,
                func.count().label("labels"),
                func.sum(is_recent).label("recent"),
                func.min(judged_labels.c.known_ms).label("first_ms"),
            ).group_by(judged_labels.c.item)
        )
        return {row.item: LabelCount(int(row.labels), int(row.recent), int(row.first_ms)) for row in rows}

    async def of_vehicle(
        self, vehicle_id: str, *, from_ms: int = 0, dealer_id: str | None = None, limit: int = 100
    ) -> list[JudgedLabel]:
        query = _newest_first(limit).where(
            judged_labels.c.vehicle_id == vehicle_id, judged_labels.c.known_ms >= from_ms
        )
        if dealer_id is not None:
            # A label bears the id of the service record that it comes from.
            query = query.join(service_records, service_records.c.record_id == judged_labels.c.label_id).where(
                service_records.c.vehicle_id == vehicle_id, service_records.c.dealer_id == dealer_id
            )
        return await self._labels(query)

    async def forget_vehicle(self, vehicle_id: str) -> int:
        return await self._changed(delete(judged_labels).where(judged_labels.c.vehicle_id == vehicle_id))

    async def forget_before(self, item: str, known_ms: int) -> int:
        return await self._changed(
            delete(judged_labels).where(judged_labels.c.item == item, judged_labels.c.known_ms < known_ms)
        )

    async def _labels(self, query: Select[tuple[str]]) -> list[JudgedLabel]:
        return [from_document(row.document, JudgedLabel) for row in await self._all(query)]


def _newest_first(limit: int) -> Select[tuple[str]]:
    by_time = judged_labels.c.known_ms.desc(), judged_labels.c.label_id.desc()
    return select(judged_labels.c.document).order_by(*by_time).limit(limit)
