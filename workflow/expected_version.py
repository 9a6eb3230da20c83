"""Deciding on what one has seen: a use case that changes a proposal only while it has one of the expected versions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

from domain.errors import ChangedMeanwhile
from domain.proposal import BookingProposal
from workflow.ports import Office, Proposals, UnitOfWork


def expecting(office: Office, proposal_id: str, versions: frozenset[int]) -> Office:
    """The office, whose transactions end with ChangedMeanwhile when they would change another version of the proposal.

    The look and the change are in one transaction: nobody comes in between.
    """

    @asynccontextmanager
    async def unit_of_work() -> AsyncIterator[UnitOfWork]:
        async with office.unit_of_work() as uow:
            uow.proposals = cast(Proposals, _Expecting(uow.proposals, proposal_id, versions))
            yield uow

    return replace(office, unit_of_work=cast(Any, unit_of_work))


class _Expecting:
    """Proposals as they are, but for an update of the one that is watched."""

    def __init__(self, proposals: Proposals, proposal_id: str, versions: frozenset[int]) -> None:
        self._proposals = proposals
        self._proposal_id = proposal_id
        self._versions = versions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._proposals, name)

    async def update(self, proposal: BookingProposal) -> None:
        """As the port's; each version follows the one that it changes."""
        if proposal.proposal_id == self._proposal_id and proposal.version - 1 not in self._versions:
            raise ChangedMeanwhile("the proposal has changed since you read it: read it again and decide anew")
        await self._proposals.update(proposal)
