"""Who drives cars that are another's, and the invitations to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, bindparam, delete, select, update

from adapters.records.documents import from_document
from adapters.records.repository import Repository
from adapters.records.statement import Statement
from adapters.records.tables import (
    customers,
    driver_invitations,
    drivings,
    ownerships,
    proposal_steps,
    proposals,
    vehicles,
)
from adapters.records.vehicles import vehicle_of_row
from domain.people import DriverInvitation, Driving, Vehicle
from domain.proposal import Actor, ProposalStep

_PRESENT = drivings.c.until_ms.is_(None)
_OF_VEHICLE = Statement(
    select(drivings).where(drivings.c.vehicle_id == bindparam("of_vehicle"), _PRESENT).order_by(drivings.c.driving_id)
)


class SqlDrivers(Repository):
    async def invite(self, code_hash: str, invitation: DriverInvitation) -> None:
        row = {
            "code_hash": code_hash,
            "vehicle_id": invitation.vehicle_id,
            "owner_id": invitation.owner_id,
            "may_book": invitation.may_book,
            "expires_ms": invitation.expires_ms,
        }
        await self._insert_or_conflict(driver_invitations, row, "this code is in use already")

    async def invitation(self, code_hash: str, now_ms: int) -> DriverInvitation | None:
        row = await self._one(select(driver_invitations).where(*_good(code_hash, now_ms)))
        return None if row is None else _invitation(row)

    async def take_invitation(self, code_hash: str, now_ms: int) -> bool:
        return await self._changed(delete(driver_invitations).where(*_good(code_hash, now_ms))) > 0

    async def invitations(self, vehicle_id: str, now_ms: int) -> list[DriverInvitation]:
        rows = await self._all(
            select(driver_invitations)
            .where(driver_invitations.c.vehicle_id == vehicle_id, driver_invitations.c.expires_ms > now_ms)
            .order_by(driver_invitations.c.expires_ms, driver_invitations.c.code_hash)
        )
        return [_invitation(row) for row in rows]

    async def revoke_invitations(self, vehicle_id: str) -> int:
        return await self._changed(delete(driver_invitations).where(driver_invitations.c.vehicle_id == vehicle_id))

    async def forget_invitations(self, expired_ms: int) -> None:
        await self._execute(delete(driver_invitations).where(driver_invitations.c.expires_ms <= expired_ms))

    async def begin(self, driving: Driving) -> None:
        row = {
            "vehicle_id": driving.vehicle_id,
            "customer_id": driving.customer_id,
            "from_ms": driving.from_ms,
            "may_book": driving.may_book,
            "wants_reminders": driving.wants_reminders,
        }
        await self._insert_or_conflict(drivings, row, "this account drives the car already")

    async def let(self, vehicle_id: str, customer_id: str, *, may_book: bool) -> bool:
        change = update(drivings).where(*_of(vehicle_id, customer_id)).values(may_book=may_book)
        return await self._changed(change) > 0

    async def remind(self, vehicle_id: str, customer_id: str, *, wants_reminders: bool) -> bool:
        change = update(drivings).where(*_of(vehicle_id, customer_id)).values(wants_reminders=wants_reminders)
        return await self._changed(change) > 0

    async def end(self, vehicle_id: str, customer_id: str, until_ms: int) -> bool:
        change = update(drivings).where(*_of(vehicle_id, customer_id)).values(until_ms=until_ms)
        return await self._changed(change) > 0

    async def end_all(self, vehicle_id: str, until_ms: int) -> list[Driving]:
        change = update(drivings).where(drivings.c.vehicle_id == vehicle_id, _PRESENT).values(until_ms=until_ms)
        return [_driving(row) for row in await self._all(change.returning(drivings))]

    async def of_vehicle(self, vehicle_id: str) -> list[Driving]:
        return [_driving(row) for row in await self._all(_OF_VEHICLE, {"of_vehicle": vehicle_id})]

    async def names_by_car(self, owner_id: str) -> dict[str, list[str]]:
        rows = await self._all(
            select(drivings.c.vehicle_id, customers.c.name)
            .join(ownerships, ownerships.c.vehicle_id == drivings.c.vehicle_id)
            .join(customers, customers.c.customer_id == drivings.c.customer_id)
            .where(ownerships.c.customer_id == owner_id, ownerships.c.until_ms.is_(None), _PRESENT)
            .order_by(drivings.c.driving_id)
        )
        names: dict[str, list[str]] = {}
        for row in rows:
            names.setdefault(row.vehicle_id, []).append(row.name)
        return names

    async def driving(self, vehicle_id: str, customer_id: str) -> Driving | None:
        row = await self._one(select(drivings).where(*_of(vehicle_id, customer_id)).with_for_update(read=True))
        return None if row is None else _driving(row)

    async def driven_by(self, customer_id: str) -> list[tuple[Vehicle, Driving]]:
        rows = await self._all(
            select(vehicles, drivings)
            .join(drivings, drivings.c.vehicle_id == vehicles.c.vehicle_id)
            .where(drivings.c.customer_id == customer_id, _PRESENT)
            .order_by(drivings.c.driving_id)
        )
        return [(vehicle_of_row(row), _driving(row)) for row in rows]

    async def history(self, customer_id: str) -> list[Driving]:
        query = select(drivings).where(drivings.c.customer_id == customer_id).order_by(drivings.c.driving_id)
        return [_driving(row) for row in await self._all(query)]

    async def steps_of(self, customer_id: str) -> list[ProposalStep]:
        of_others = select(drivings.c.vehicle_id).where(drivings.c.customer_id == customer_id)
        rows = await self._all(
            select(proposal_steps.c.document)
            .join(proposals, proposals.c.proposal_id == proposal_steps.c.proposal_id)
            .where(proposals.c.vehicle_id.in_(of_others))
            .order_by(proposal_steps.c.proposal_id, proposal_steps.c.version)
        )
        steps = [from_document(row.document, ProposalStep) for row in rows]
        own = [step for step in steps if step.actor is Actor.DRIVER and step.actor_id == customer_id]
        return sorted(own, key=lambda step: step.time_ms)

    async def principal(self, customer_id: str, proposal_id: str) -> str | None:
        row = await self._one(
            select(proposals.c.customer_id)
            .join(drivings, drivings.c.vehicle_id == proposals.c.vehicle_id)
            .join(
                ownerships,
                (ownerships.c.vehicle_id == proposals.c.vehicle_id)
                & (ownerships.c.customer_id == proposals.c.customer_id),
            )
            .where(
                proposals.c.proposal_id == proposal_id,
                drivings.c.customer_id == customer_id,
                _PRESENT,
                ownerships.c.until_ms.is_(None),
            )
        )
        return None if row is None else str(row.customer_id)


def _of(vehicle_id: str, customer_id: str) -> tuple[Any, ...]:
    return (drivings.c.vehicle_id == vehicle_id, drivings.c.customer_id == customer_id, _PRESENT)


def _good(code_hash: str, now_ms: int) -> tuple[Any, ...]:
    return (driver_invitations.c.code_hash == code_hash, driver_invitations.c.expires_ms > now_ms)


def _invitation(row: Row[Any]) -> DriverInvitation:
    return DriverInvitation(row.vehicle_id, row.owner_id, row.may_book, row.expires_ms)


def _driving(row: Row[Any]) -> Driving:
    return Driving(row.vehicle_id, row.customer_id, row.from_ms, row.may_book, row.wants_reminders, row.until_ms)
