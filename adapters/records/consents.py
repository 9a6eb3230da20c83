"""Consent grants, versioned."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import bindparam, or_, select, update

from adapters.records.documents import from_document, to_document
from adapters.records.repository import Repository
from adapters.records.statement import Statement
from adapters.records.tables import consent_grants as grants
from adapters.records.tables import consent_versions, proposals
from domain.consent import ConsentGrant, Purpose
from domain.errors import Conflict

_OF_ID = select(grants.c.document).where(grants.c.grant_id == bindparam("of_grant"))
_AS_STANDS = Statement(_OF_ID)
# NO KEY: others may still insert rows that refer to the grant, but none may change it.
_LOCKED = Statement(_OF_ID.with_for_update(key_share=True))
_BEHIND_LOCKED = Statement(
    select(grants.c.document)
    .join(proposals, proposals.c.grant_id == grants.c.grant_id)
    .where(
        proposals.c.proposal_id == bindparam("of_proposal"),
        or_(proposals.c.customer_id == bindparam("of_party"), proposals.c.dealer_id == bindparam("of_party")),
    )
    .with_for_update(key_share=True, of=grants)
)
_LIVE = Statement(
    select(grants.c.document)
    .where(
        grants.c.vehicle_id == bindparam("of_vehicle"),
        grants.c.purpose == bindparam("for_purpose"),
        grants.c.withdrawn_ms.is_(None),
        or_(grants.c.expires_ms.is_(None), grants.c.expires_ms > bindparam("at_ms")),
    )
    .order_by(grants.c.granted_ms, grants.c.grant_id)
)


class SqlConsents(Repository):
    async def add(self, grant: ConsentGrant) -> None:
        await self._insert_or_conflict(grants, _columns(grant), "there is a consent with this id already")
        await self._insert_new(consent_versions, _version(grant))

    async def update(self, grant: ConsentGrant) -> None:
        """Conflict unless the stored version is one less: of two changes at once, the second is told."""
        change = (
            update(grants)
            .where(grants.c.grant_id == grant.grant_id, grants.c.version == grant.version - 1)
            .values(**_columns(grant))
        )
        if await self._changed(change) == 0:
            raise Conflict("this consent was changed by someone else just now")
        await self._insert_new(consent_versions, _version(grant))

    async def get(self, grant_id: str, *, lock: bool = False) -> ConsentGrant | None:
        row = await self._one(_LOCKED if lock else _AS_STANDS, {"of_grant": grant_id})
        return None if row is None else from_document(row.document, ConsentGrant)

    async def behind(self, proposal_id: str, party_id: str) -> ConsentGrant | None:
        row = await self._one(_BEHIND_LOCKED, {"of_proposal": proposal_id, "of_party": party_id})
        return None if row is None else from_document(row.document, ConsentGrant)

    async def steady(self, grant_ids: Collection[str]) -> dict[str, ConsentGrant]:
        # SHARE: those who send under one grant do not keep each other waiting; who withdraws it waits for them.
        query = (
            select(grants.c.grant_id, grants.c.document)
            .where(grants.c.grant_id.in_(grant_ids))
            .with_for_update(read=True, skip_locked=True)
        )
        return {row.grant_id: from_document(row.document, ConsentGrant) for row in await self._all(query)}

    async def of_customer(self, customer_id: str) -> list[ConsentGrant]:
        rows = await self._all(
            select(grants.c.document)
            .where(grants.c.customer_id == customer_id)
            .order_by(grants.c.granted_ms, grants.c.grant_id)
        )
        return [from_document(row.document, ConsentGrant) for row in rows]

    async def live(self, vehicle_id: str, purpose: Purpose, now_ms: int) -> list[ConsentGrant]:
        asked = {"of_vehicle": vehicle_id, "for_purpose": str(purpose), "at_ms": now_ms}
        return [from_document(row.document, ConsentGrant) for row in await self._all(_LIVE, asked)]

    async def run_out(self, now_ms: int, limit: int) -> list[ConsentGrant]:
        rows = await self._all(
            select(grants.c.document)
            .where(grants.c.ended_ms.is_(None), grants.c.expires_ms <= now_ms)
            .order_by(grants.c.expires_ms, grants.c.grant_id)
            .limit(limit)
        )
        return [from_document(row.document, ConsentGrant) for row in rows]

    async def standing(self, vehicle_id: str) -> list[ConsentGrant]:
        rows = await self._all(
            select(grants.c.document)
            .where(grants.c.vehicle_id == vehicle_id, grants.c.ended_ms.is_(None))
            .order_by(grants.c.grant_id)
        )
        return [from_document(row.document, ConsentGrant) for row in rows]

    async def versions(self, grant_id: str) -> list[ConsentGrant]:
        rows = await self._all(
            select(consent_versions.c.document)
            .where(consent_versions.c.grant_id == grant_id)
            .order_by(consent_versions.c.version)
        )
        return [from_document(row.document, ConsentGrant) for row in rows]

    async def permitting(self, vehicle_ids: Collection[str], purpose: Purpose, now_ms: int) -> set[str]:
        rows = await self._all(
            select(grants.c.vehicle_id)
            .where(
                grants.c.vehicle_id.in_(vehicle_ids),
                grants.c.purpose == str(purpose),
                grants.c.withdrawn_ms.is_(None),
                or_(grants.c.expires_ms.is_(None), grants.c.expires_ms > now_ms),
            )
            .distinct()
        )
        return {str(row.vehicle_id) for row in rows}


def _version(grant: ConsentGrant) -> dict[str, Any]:
    return {"grant_id": grant.grant_id, "version": grant.version, "document": to_document(grant)}


def _columns(grant: ConsentGrant) -> dict[str, Any]:
    return {
        "grant_id": grant.grant_id,
        "version": grant.version,
        "customer_id": grant.customer_id,
        "vehicle_id": grant.vehicle_id,
        "purpose": str(grant.purpose),
        "dealer_id": grant.dealer_id,
        "granted_ms": grant.granted_ms,
        "expires_ms": grant.expires_ms,
        "withdrawn_ms": grant.withdrawn_ms,
        "ended_ms": grant.changed_ms if grant.end is not None else grant.withdrawn_ms,
        "document": to_document(grant),
    }
