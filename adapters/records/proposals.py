"""Booking proposals under an optimistic lock, and every step they took."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import BigInteger, Integer, Select, Text, bindparam, select, update

from adapters.records.connection import Parameters
from adapters.records.documents import from_document, to_document
from adapters.records.repository import Repository, clause_of_new
from adapters.records.statement import Statement
from adapters.records.tables import proposal_steps, proposals
from domain.errors import Conflict
from domain.proposal import BookingProposal, ProposalState, ProposalStep

_WAITING = [str(state) for state in ProposalState if not state.is_over]

_OF_ID = select(proposals.c.document).where(proposals.c.proposal_id == bindparam("of_proposal"))
_AS_STANDS, _LOCKED = Statement(_OF_ID), Statement(_OF_ID.with_for_update(key_share=True))
_NEWEST_FIRST = select(proposals.c.document).order_by(proposals.c.created_ms.desc(), proposals.c.proposal_id)
_OF_VEHICLE = Statement(_NEWEST_FIRST.where(proposals.c.vehicle_id == bindparam("of_vehicle")))
_UPDATE = Statement(
    update(proposals).where(
        proposals.c.proposal_id == bindparam("of_proposal"), proposals.c.version == bindparam("of_version")
    )
)
_ADD_STEP = {
    is_postgres: Statement(
        clause_of_new(proposal_steps, is_postgres).from_select(
            ["proposal_id", "version", "customer_id", "dealer_id", "time_ms", "document"],
            select(
                proposals.c.proposal_id,
                bindparam("of_version", type_=Integer),
                proposals.c.customer_id,
                proposals.c.dealer_id,
                bindparam("at_ms", type_=BigInteger),
                bindparam("as_document", type_=Text),
            ).where(proposals.c.proposal_id == bindparam("of_proposal")),
        )
    )
    for is_postgres in (False, True)
}


class SqlProposals(Repository):
    async def add(self, proposal: BookingProposal) -> None:
        await self._insert_or_conflict(proposals, _columns(proposal), "there is a proposal with this id already")

    async def update(self, proposal: BookingProposal) -> None:
        known = {"of_proposal": proposal.proposal_id, "of_version": proposal.version - 1}
        if await self._changed(_UPDATE, known | _columns(proposal)) == 0:
            raise Conflict("this proposal was changed by someone else just now; look at it again")

    async def replace_payload(self, proposal: BookingProposal) -> None:
        known = {"of_proposal": proposal.proposal_id, "of_version": proposal.version}
        if await self._changed(_UPDATE, known | _columns(proposal)) == 0:
            raise Conflict("this proposal was changed by someone else just now; look at it again")

    async def get(self, proposal_id: str, *, lock: bool = False) -> BookingProposal | None:
        row = await self._one(_LOCKED if lock else _AS_STANDS, {"of_proposal": proposal_id})
        return None if row is None else from_document(row.document, BookingProposal)

    async def of_vehicle(self, vehicle_id: str) -> list[BookingProposal]:
        return await self._list(_OF_VEHICLE, {"of_vehicle": vehicle_id})

    async def under_way(self, vehicle_ids: Collection[str]) -> list[BookingProposal]:
        return await self._list(
            _NEWEST_FIRST.where(proposals.c.vehicle_id.in_(vehicle_ids), proposals.c.state.in_(_WAITING))
        )

    async def of_dealer(self, dealer_id: str, states: Iterable[ProposalState] | None = None) -> list[BookingProposal]:
        query = _NEWEST_FIRST.where(proposals.c.dealer_id == dealer_id)
        if states is not None:
            query = query.where(proposals.c.state.in_([str(state) for state in states]))
        return await self._list(query)

    async def under_grant(self, grant_id: str) -> list[BookingProposal]:
        return await self._list(_NEWEST_FIRST.where(proposals.c.grant_id == grant_id))

    async def expired(self, now_ms: int) -> list[BookingProposal]:
        return await self._list(
            select(proposals.c.document)
            .where(proposals.c.state.in_(_WAITING), proposals.c.expires_ms <= now_ms)
            .order_by(proposals.c.expires_ms, proposals.c.proposal_id)
        )

    async def add_step(self, step: ProposalStep) -> None:
        row = {
            "of_proposal": step.proposal_id,
            "of_version": step.version,
            "at_ms": step.time_ms,
            "as_document": to_document(step),
        }
        if await self._changed(_ADD_STEP[self._is_postgres], row) == 0:
            raise Conflict("a step belongs to a proposal that is stored, and is recorded once")

    async def steps(self, proposal_id: str) -> list[ProposalStep]:
        rows = await self._all(
            select(proposal_steps.c.document)
            .where(proposal_steps.c.proposal_id == proposal_id)
            .order_by(proposal_steps.c.version)
        )
        return [from_document(row.document, ProposalStep) for row in rows]

    async def _list(self, query: Statement | Select[Any], parameters: Parameters = None) -> list[BookingProposal]:
        return [from_document(row.document, BookingProposal) for row in await self._all(query, parameters)]


def _columns(proposal: BookingProposal) -> dict[str, Any]:
    return {
        "proposal_id": proposal.proposal_id,
        "version": proposal.version,
        "state": str(proposal.state),
        "customer_id": proposal.customer_id,
        "vehicle_id": proposal.vehicle_id,
        "dealer_id": proposal.dealer_id,
        "grant_id": proposal.grant_id,
        "created_ms": proposal.created_ms,
        "expires_ms": proposal.expires_ms,
        "document": to_document(proposal),
    }
