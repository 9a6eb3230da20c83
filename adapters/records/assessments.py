"""Assessments: the newest prediction per car and item; and evidence: predictions kept whole for a later label."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import bindparam, case, delete, func, select

from adapters.records.documents import from_document, to_document
from adapters.records.repository import Repository
from adapters.records.statement import Statement
from adapters.records.tables import assessments, evidence
from domain.prediction import Prediction

_OF_VEHICLE = Statement(
    select(assessments.c.document)
    .where(assessments.c.vehicle_id == bindparam("of_vehicle"))
    .order_by(assessments.c.item)
)


class SqlAssessments(Repository):
    async def upsert(self, predictions: Sequence[Prediction]) -> None:
        newest: dict[tuple[str, str], Prediction] = {}
        for prediction in predictions:
            key = (prediction.vehicle_id, prediction.item)
            if key not in newest or prediction.event_ms >= newest[key].event_ms:
                newest[key] = prediction
        if not newest:
            return
        insert = self._insert(assessments)
        # In the order of the key, so that two batches over the same cars wait for each other instead of deadlocking.
        await self._connection.execute(
            insert.on_conflict_do_update(
                index_elements=[assessments.c.vehicle_id, assessments.c.item],
                set_={"event_ms": insert.excluded.event_ms, "document": insert.excluded.document},
                where=assessments.c.event_ms <= insert.excluded.event_ms,
            ),
            [
                {"vehicle_id": vehicle_id, "item": item, "event_ms": p.event_ms, "document": to_document(p)}
                for (vehicle_id, item), p in sorted(newest.items(), key=lambda entry: entry[0])
            ],
        )

    async def of_vehicle(self, vehicle_id: str) -> list[Prediction]:
        rows = await self._all(_OF_VEHICLE, {"of_vehicle": vehicle_id})
        return [from_document(row.document, Prediction) for row in rows]

    async def heard(self, vehicle_ids: Collection[str]) -> dict[str, tuple[int, bool]]:
        # Looked for in the text: to read the documents of a fleet, which are many, would hold everybody else up.
        is_ready = case((assessments.c.document.contains('"is_ready":true'), 1), else_=0)
        rows = await self._all(
            select(
                assessments.c.vehicle_id,
                func.max(assessments.c.event_ms).label("heard_ms"),
                func.max(is_ready).label("is_ready"),
            )
            .where(assessments.c.vehicle_id.in_(vehicle_ids))
            .group_by(assessments.c.vehicle_id)
        )
        return {row.vehicle_id: (row.heard_ms, bool(row.is_ready)) for row in rows}

    async def forget_vehicle(self, vehicle_id: str) -> None:
        await self._execute(delete(assessments).where(assessments.c.vehicle_id == vehicle_id))

    async def keep_evidence(self, prediction: Prediction, why: str, kept_ms: int) -> None:
        await self._insert_new(
            evidence,
            {
                "prediction_id": prediction.id,
                "vehicle_id": prediction.vehicle_id,
                "item": prediction.item,
                "event_ms": prediction.event_ms,
                "why": why,
                "kept_ms": kept_ms,
                "document": to_document(prediction),
            },
        )

    async def evidence(self, prediction_id: str) -> Prediction | None:
        row = await self._one(select(evidence.c.document).where(evidence.c.prediction_id == prediction_id))
        return None if row is None else from_document(row.document, Prediction)
