"""The dealer with an id, within a transaction that runs already."""

from __future__ import annotations

from domain.errors import NotFound
from domain.people import Dealer
from workflow.ports import UnitOfWork


async def known_dealer(uow: UnitOfWork, dealer_id: str) -> Dealer:
    """The dealer; NotFound when there is none."""
    dealer = await uow.people.dealer(dealer_id)
    if dealer is None:
        raise NotFound("there is no such dealer")
    return dealer
