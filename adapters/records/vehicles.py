"""Cars, their credentials, claim codes, and who owns them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, select, update

from adapters.records.documents import from_document, to_document
from adapters.records.repository import Repository
from adapters.records.statement import Statement
from adapters.records.tables import (
    claim_codes,
    enrolment_tokens,
    enrolments,
    ownerships,
    vehicle_credentials,
    vehicles,
)
from domain.errors import Conflict
from domain.people import Ownership, Vehicle
from domain.telemetry import VehicleAttributes

_OF_ID = Statement(select(vehicles).where(vehicles.c.vehicle_id == bindparam("of_vehicle")))
_OWNED = Statement(
    select(vehicles)
    .join(ownerships, ownerships.c.vehicle_id == vehicles.c.vehicle_id)
    .where(
        vehicles.c.vehicle_id == bindparam("of_vehicle"),
        ownerships.c.customer_id == bindparam("of_customer"),
        ownerships.c.until_ms.is_(None),
    )
)
_OWNER = Statement(
    select(ownerships.c.customer_id).where(
        ownerships.c.vehicle_id == bindparam("of_vehicle"), ownerships.c.until_ms.is_(None)
    )
)


class SqlVehicles(Repository):
    async def add(self, vehicle: Vehicle) -> None:
        await self._insert_or_conflict(vehicles, _columns(vehicle), "there is a car with this id already")

    async def get(self, vehicle_id: str) -> Vehicle | None:
        row = await self._one(_OF_ID, {"of_vehicle": vehicle_id})
        return None if row is None else vehicle_of_row(row)

    async def update(self, vehicle: Vehicle) -> None:
        change = update(vehicles).where(vehicles.c.vehicle_id == vehicle.vehicle_id).values(**_columns(vehicle))
        if await self._changed(change) == 0:
            raise Conflict("there is no such car to change")

    async def add_credential(self, credential_hash: str, vehicle_id: str, created_ms: int) -> None:
        row = {"credential_hash": credential_hash, "vehicle_id": vehicle_id, "created_ms": created_ms}
        await self._insert_or_conflict(vehicle_credentials, row, "this credential is in use already")

    async def by_credential(self, credential_hash: str) -> Vehicle | None:
        row = await self._one(
            select(vehicles)
            .join(vehicle_credentials, vehicle_credentials.c.vehicle_id == vehicles.c.vehicle_id)
            .where(vehicle_credentials.c.credential_hash == credential_hash)
        )
        return None if row is None else vehicle_of_row(row)

    async def add_enrolment_token(self, token_hash: str, created_ms: int) -> None:
        await self._insert_new(enrolment_tokens, {"token_hash": token_hash, "created_ms": created_ms})

    async def is_enrolment_token(self, token_hash: str) -> bool:
        query = select(enrolment_tokens.c.token_hash).where(enrolment_tokens.c.token_hash == token_hash)
        return await self._one(query) is not None

    async def add_enrolment(self, token_hash: str, vehicle_id: str) -> None:
        row = {"vehicle_id": vehicle_id, "token_hash": token_hash}
        await self._insert_or_conflict(enrolments, row, "this car is enrolled already")

    async def enrolled_with(self, token_hash: str, vehicle_ids: Collection[str]) -> list[Vehicle]:
        rows = await self._all(
            select(vehicles)
            .join(enrolments, enrolments.c.vehicle_id == vehicles.c.vehicle_id)
            .where(enrolments.c.token_hash == token_hash, vehicles.c.vehicle_id.in_(vehicle_ids))
            .order_by(vehicles.c.vehicle_id)
        )
        return [vehicle_of_row(row) for row in rows]

    async def set_claim_code(self, vehicle_id: str, code_hash: str, expires_ms: int) -> None:
        insert = self._insert(claim_codes).values(vehicle_id=vehicle_id, code_hash=code_hash, expires_ms=expires_ms)
        await self._connection.execute(
            insert.on_conflict_do_update(
                index_elements=[claim_codes.c.vehicle_id],
                set_={"code_hash": insert.excluded.code_hash, "expires_ms": insert.excluded.expires_ms},
            )
        )

    async def take_claim_code(self, code_hash: str, now_ms: int) -> str | None:
        # One statement, so that of two who come at once with one code only one gets the car.
        row = await self._one(
            delete(claim_codes)
            .where(claim_codes.c.code_hash == code_hash, claim_codes.c.expires_ms > now_ms)
            .returning(claim_codes.c.vehicle_id)
        )
        return None if row is None else str(row.vehicle_id)

    async def showing_code(self, code_hash: str, now_ms: int) -> str | None:
        shown = (claim_codes.c.code_hash == code_hash) & (claim_codes.c.expires_ms > now_ms)
        row = await self._one(select(claim_codes.c.vehicle_id).where(shown))
        return None if row is None else str(row.vehicle_id)

    async def own(self, ownership: Ownership) -> None:
        await self._connection.execute(
            update(ownerships)
            .where(ownerships.c.vehicle_id == ownership.vehicle_id, ownerships.c.until_ms.is_(None))
            .values(until_ms=ownership.from_ms)
        )
        row = {
            "vehicle_id": ownership.vehicle_id,
            "customer_id": ownership.customer_id,
            "from_ms": ownership.from_ms,
            "until_ms": ownership.until_ms,
        }
        await self._insert_or_conflict(ownerships, row, "someone else became the owner of this car just now")

    async def disown(self, vehicle_id: str, customer_id: str, until_ms: int) -> None:
        change = (
            update(ownerships)
            .where(
                ownerships.c.vehicle_id == vehicle_id,
                ownerships.c.customer_id == customer_id,
                ownerships.c.until_ms.is_(None),
            )
            .values(until_ms=until_ms)
        )
        if await self._changed(change) == 0:
            raise Conflict("the car is not this owner's any more")

    async def owner_of(self, vehicle_id: str) -> str | None:
        row = await self._one(_OWNER, {"of_vehicle": vehicle_id})
        return None if row is None else str(row.customer_id)

    async def ownership_of(self, vehicle_id: str, *, is_held: bool = False, lock: bool = False) -> Ownership | None:
        query = select(ownerships.c.customer_id, ownerships.c.from_ms).where(
            ownerships.c.vehicle_id == vehicle_id, ownerships.c.until_ms.is_(None)
        )
        if is_held or lock:
            query = query.with_for_update(read=not lock)
        row = await self._one(query)
        return None if row is None else Ownership(vehicle_id, row.customer_id, row.from_ms)

    async def owned(self, vehicle_id: str, customer_id: str) -> Vehicle | None:
        row = await self._one(_OWNED, {"of_vehicle": vehicle_id, "of_customer": customer_id})
        return None if row is None else vehicle_of_row(row)

    async def owned_by(self, customer_id: str) -> list[Vehicle]:
        rows = await self._all(
            select(vehicles)
            .join(ownerships, ownerships.c.vehicle_id == vehicles.c.vehicle_id)
            .where(ownerships.c.customer_id == customer_id, ownerships.c.until_ms.is_(None))
            .order_by(ownerships.c.ownership_id)
        )
        return [vehicle_of_row(row) for row in rows]

    async def count(self) -> int:
        row = await self._one(select(func.count().label("cars")).select_from(vehicles))
        return 0 if row is None else int(row.cars)


def _columns(vehicle: Vehicle) -> dict[str, Any]:
    return {
        "vehicle_id": vehicle.vehicle_id,
        "make": vehicle.make,
        "model": vehicle.model,
        "model_year": vehicle.model_year,
        "attributes": to_document(vehicle.attributes),
        "vin": vehicle.vin,
        "label": vehicle.label,
    }


def vehicle_of_row(row: Row[Any]) -> Vehicle:
    """The car of a row of `vehicles`."""
    return Vehicle(
        vehicle_id=row.vehicle_id,
        make=row.make,
        model=row.model,
        model_year=row.model_year,
        attributes=from_document(row.attributes, VehicleAttributes),
        vin=row.vin,
        label=row.label,
    )
