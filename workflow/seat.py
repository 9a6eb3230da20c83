"""From where somebody sees a car, and what they may see and do of it from there: its owner, and who drives it for them.

A driver sees how the car is and what it needs, and what is arranged since they drive it; where the owner lets them,
they book for the owner, under consents that the owner gave. Consents stay the owner's: a driver grants, narrows and
withdraws none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from domain.consent import ConsentGrant
from domain.dossier import ProposalDossier
from domain.errors import Forbidden, NotFound
from domain.people import Driving
from domain.proposal import BookingProposal, ProposalState
from workflow.known_dealer import known_dealer
from workflow.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class Seat:
    """Whose car it is, and since when it is seen; `driving` is there for a driver."""

    owner_id: str
    since_ms: int
    driving: Driving | None = None


async def seat_in(uow: UnitOfWork, customer_id: str, vehicle_id: str) -> Seat:
    """Where the customer sits in a car; NotFound when it is neither theirs nor lent to them.

    That somebody drives it does not end before the transaction does.
    """
    ownership = await uow.vehicles.ownership_of(vehicle_id)
    if ownership is not None and ownership.customer_id == customer_id:
        return Seat(customer_id, ownership.from_ms)
    driving = await uow.drivers.driving(vehicle_id, customer_id)
    if ownership is None or driving is None:
        raise NotFound("there is no such car")
    return Seat(ownership.customer_id, driving.from_ms, driving)


async def is_seen(uow: UnitOfWork, customer_id: str, vehicle_id: str) -> bool:
    """Whether the customer owns the car, or drives it."""
    try:
        await seat_in(uow, customer_id, vehicle_id)
    except NotFound:
        return False
    return True


async def owner_to_act_for(uow: UnitOfWork, customer_id: str, vehicle_id: str) -> str:
    """For whom the customer may act on a car: themselves, or the owner who lets them; NotFound or Forbidden."""
    seat = await seat_in(uow, customer_id, vehicle_id)
    _require_booking(seat)
    return seat.owner_id


async def grant_behind(uow: UnitOfWork, customer_id: str, proposal_id: str) -> ConsentGrant | None:
    """The grant behind a proposal that the customer may see or act on, locked; None when it is not theirs."""
    grant = await uow.consents.behind(proposal_id, customer_id)
    if grant is None and (owner_id := await uow.drivers.principal(customer_id, proposal_id)) is not None:
        grant = await uow.consents.behind(proposal_id, owner_id)
    return grant


async def proposal_to_act_on(uow: UnitOfWork, customer_id: str, proposal_id: str) -> BookingProposal:
    """The customer's proposal, or one that they may act on for its owner, locked; NotFound or Forbidden."""
    proposal = await uow.proposals.get(proposal_id, lock=True)
    if proposal is not None and proposal.customer_id == customer_id:
        return proposal
    if proposal is None or await uow.drivers.principal(customer_id, proposal_id) is None:
        raise NotFound("there is no such proposal")
    seat = await seat_in(uow, customer_id, proposal.vehicle_id)
    if not await is_shown(uow, seat, proposal):
        raise NotFound("there is no such proposal")
    _require_booking(seat)
    return proposal


async def is_shown(uow: UnitOfWork, seat: Seat, proposal: BookingProposal) -> bool:
    """Whether a proposal is seen from a seat: a driver sees no visit that was over before, and of drafts their own."""
    if seat.driving is None or proposal.customer_id != seat.owner_id:
        return proposal.customer_id == seat.owner_id
    if proposal.state is ProposalState.DRAFT:
        first, *_ = await uow.proposals.steps(proposal.proposal_id)
        return first.actor_id == seat.driving.customer_id
    return not proposal.state.is_over or proposal.created_ms >= seat.since_ms


async def dossier_of(uow: UnitOfWork, proposal: BookingProposal) -> ProposalDossier:
    """A proposal with its steps and its dealer, for its owner."""
    steps = await uow.proposals.steps(proposal.proposal_id)
    return ProposalDossier(proposal, tuple(steps), await known_dealer(uow, proposal.dealer_id))


async def dossier_from(uow: UnitOfWork, seat: Seat, proposal: BookingProposal, now_ms: int) -> ProposalDossier:
    """A proposal as it is seen from a seat.

    What was shared is for its owner; for a driver it is there while they may book and the owner consents to it.
    """
    dossier = await dossier_of(uow, proposal)
    if seat.driving is None:
        return dossier
    grant = await uow.consents.get(proposal.grant_id) if seat.driving.may_book else None
    is_read = grant is not None and grant.is_live(now_ms)
    return replace(dossier, proposal=proposal if is_read else proposal.outline, may_act=seat.driving.may_book)


def _require_booking(seat: Seat) -> None:
    if seat.driving is not None and not seat.driving.may_book:
        raise Forbidden("the owner of this car has not let you book for it: ask them to")
