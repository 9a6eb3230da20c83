"""Maintenance needs: at most one live per car and item."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, Select, bindparam, select, update

from adapters.records.connection import Parameters, RecordsConnection
from adapters.records.documents import from_document, to_document
from adapters.records.repository import Repository
from adapters.records.statement import Statement
from adapters.records.tables import needs
from domain.errors import Conflict, TryAgain
from domain.need import MaintenanceNeed, NeedState

_OF_ID = Statement(select(needs).where(needs.c.need_id == bindparam("of_need")))
_LIVE = Statement(
    select(needs).where(
        needs.c.vehicle_id == bindparam("of_vehicle"), needs.c.item == bindparam("of_item"), needs.c.is_live
    )
)
_NEXT_VERSION = {needs.c.row_version: needs.c.row_version + 1}
_CHANGE = update(needs).where(needs.c.need_id == bindparam("of_need")).values(_NEXT_VERSION)
_UPDATE = Statement(_CHANGE)
_UPDATE_AS_READ = Statement(_CHANGE.where(needs.c.row_version == bindparam("of_version")))


class SqlNeeds(Repository):
    """A need has no version of its own, so the row has: what was read here is written only if nobody was faster."""

    def __init__(self, connection: RecordsConnection) -> None:
        super().__init__(connection)
        self._read: dict[str, int] = {}

    async def add(self, need: MaintenanceNeed) -> None:
        row = _columns(need) | {"row_version": 1}
        await self._insert_or_conflict(needs, row, f"this car has a live need for {need.item} already")
        self._read[need.need_id] = 1

    async def update(self, need: MaintenanceNeed) -> None:
        known = self._read.get(need.need_id)
        values = {"of_need": need.need_id} | _columns(need)
        if known is None:
            changed = await self._changed(_UPDATE, values)
        else:
            changed = await self._changed(_UPDATE_AS_READ, {"of_version": known} | values)
        if changed == 0:
            if known is None:
                raise Conflict("there is no such need to change")
            raise TryAgain("this need was changed by someone else just now")
        if known is not None:
            self._read[need.need_id] = known + 1

    async def get(self, need_id: str) -> MaintenanceNeed | None:
        return await self._need(_OF_ID, {"of_need": need_id})

    async def live(self, vehicle_id: str, item: str) -> MaintenanceNeed | None:
        return await self._need(_LIVE, {"of_vehicle": vehicle_id, "of_item": item})

    async def live_of(self, vehicle_ids: Collection[str]) -> list[MaintenanceNeed]:
        rows = await self._all(select(needs).where(needs.c.vehicle_id.in_(sorted(vehicle_ids)), needs.c.is_live))
        return [self._of_row(row) for row in rows]

    async def latest(self, vehicle_id: str, item: str) -> MaintenanceNeed | None:
        return await self._need(
            select(needs)
            .where(needs.c.vehicle_id == vehicle_id, needs.c.item == item)
            .order_by(needs.c.opened_ms.desc(), needs.c.is_live.desc(), needs.c.updated_ms.desc(), needs.c.need_id)
            .limit(1)
        )

    async def of_vehicle(self, vehicle_id: str, *, live_only: bool = True) -> list[MaintenanceNeed]:
        query = select(needs).where(needs.c.vehicle_id == vehicle_id)
        if live_only:
            query = query.where(needs.c.is_live)
        rows = await self._all(query.order_by(needs.c.opened_ms, needs.c.item, needs.c.need_id))
        return [self._of_row(row) for row in rows]

    async def snoozed_until(self, now_ms: int) -> list[MaintenanceNeed]:
        rows = await self._all(
            select(needs)
            .where(needs.c.state == str(NeedState.SNOOZED), needs.c.snoozed_until_ms <= now_ms)
            .order_by(needs.c.snoozed_until_ms, needs.c.need_id)
        )
        return [self._of_row(row) for row in rows]

    async def _need(self, query: Statement | Select[Any], parameters: Parameters = None) -> MaintenanceNeed | None:
        row = await self._one(query, parameters)
        return None if row is None else self._of_row(row)

    def _of_row(self, row: Row[Any]) -> MaintenanceNeed:
        self._read[row.need_id] = row.row_version
        return from_document(row.document, MaintenanceNeed)


def _columns(need: MaintenanceNeed) -> dict[str, Any]:
    return {
        "need_id": need.need_id,
        "vehicle_id": need.vehicle_id,
        "item": need.item,
        "state": str(need.state),
        "is_live": need.state.is_live,
        "opened_ms": need.opened_ms,
        "updated_ms": need.updated_ms,
        "snoozed_until_ms": need.snoozed_until_ms,
        "document": to_document(need),
    }
