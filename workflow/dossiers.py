"""What each reader may see, gathered in one transaction. Nothing here gives data that the reader may not have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from domain.dossier import CarDossier, DealerDesk, DeskEntry, Funnel, ProposalDossier
from domain.errors import NotFound
from domain.event import DomainEvent
from domain.people import Vehicle
from domain.proposal import BookingProposal, ProposalState
from workflow.calibration_ledger import dealers_ledger, owners_ledger
from workflow.known_dealer import known_dealer
from workflow.ports import Office, UnitOfWork
from workflow.proposal_steps import NEVER_LEFT, has_left

BOOKINGS = 200  # so many of the newest tell what a booking saves


async def cars_of(office: Office, customer_id: str) -> list[Vehicle]:
    """The customer's cars."""
    async with office.unit_of_work() as uow:
        await uow.show_only(customer_id)
        return await uow.vehicles.owned_by(customer_id)


async def car_dossier(office: Office, *, customer_id: str, vehicle_id: str) -> CarDossier:
    """All about one of the customer's cars; NotFound for anybody else's.

    Of what is over only what happened since the car is theirs: a former owner's past is not the car's.
    """
    async with office.unit_of_work() as uow:
        await uow.show_only(customer_id)
        vehicle = await uow.vehicles.get(vehicle_id)
        customer = await uow.people.customer(customer_id)
        ownership = await uow.vehicles.ownership_of(vehicle_id)
        if vehicle is None or customer is None or ownership is None or ownership.customer_id != customer_id:
            raise NotFound("there is no such car")
        since_ms = ownership.from_ms
        needs = await uow.needs.of_vehicle(vehicle_id, live_only=False)
        proposals = [p for p in await uow.proposals.of_vehicle(vehicle_id) if p.customer_id == customer_id]
        grants = await uow.consents.of_customer(customer_id)
        timeline = await uow.timeline.of_vehicle(vehicle_id)
        return CarDossier(
            now_ms=office.clock.now_ms(),
            customer=customer,
            vehicle=vehicle,
            assessments=tuple(await uow.assessments.of_vehicle(vehicle_id)),
            needs=tuple(need for need in needs if need.state.is_live),
            past_needs=tuple(n for n in needs if not n.state.is_live and n.opened_ms >= since_ms),
            proposals=tuple([await dossier_of(uow, p) for p in proposals]),
            grants=tuple(g for g in grants if g.vehicle_id == vehicle_id),
            service_records=tuple(await uow.service_records.of_owner(vehicle_id, customer_id)),
            timeline=tuple(
                event
                for event in timeline
                if event.customer_id == customer_id or (event.customer_id is None and event.time_ms >= since_ms)
            ),
            ledger=await owners_ledger(uow, vehicle_id),
        )


async def timeline_of(
    office: Office, *, customer_id: str, vehicle_id: str | None, after_seq: int, limit: int
) -> list[tuple[int, DomainEvent]]:
    """What happened to the customer, of one of their cars or of all, from a place on, the oldest first."""
    async with office.unit_of_work() as uow:
        await uow.show_only(customer_id)
        if vehicle_id is not None and await uow.vehicles.owner_of(vehicle_id) != customer_id:
            raise NotFound("there is no such car")
        return await uow.timeline.after(after_seq, customer_id=customer_id, vehicle_id=vehicle_id, limit=limit)


async def proposal_of(office: Office, *, customer_id: str, proposal_id: str) -> ProposalDossier:
    """One of the customer's proposals."""
    async with office.unit_of_work() as uow:
        await uow.show_only(customer_id)
        proposal = await uow.proposals.get(proposal_id)
        if proposal is None or proposal.customer_id != customer_id:
            raise NotFound("there is no such proposal")
        return await dossier_of(uow, proposal)


async def dossier_of(uow: UnitOfWork, proposal: BookingProposal) -> ProposalDossier:
    """A proposal with its steps and its dealer, within a transaction that runs already."""
    dealer = await known_dealer(uow, proposal.dealer_id)
    return ProposalDossier(proposal, tuple(await uow.proposals.steps(proposal.proposal_id)), dealer)


async def dealer_desk(office: Office, *, dealer_id: str, states: Iterable[ProposalState] | None = None) -> DealerDesk:
    """The dealer's queue: what waits for an answer first, then by slot. Drafts never left and are not in it."""
    now = office.clock.now_ms()
    wanted = frozenset(states if states is not None else ProposalState) - NEVER_LEFT
    async with office.unit_of_work() as uow:
        await uow.show_only(dealer_id)
        dealer = await known_dealer(uow, dealer_id)
        proposals = await uow.proposals.of_dealer(dealer_id, wanted)
        entries = [await _entry(uow, proposal, now) for proposal in proposals if await has_left(uow, proposal)]
    entries.sort(key=lambda entry: _urgency(entry.proposal))
    return DealerDesk(now, dealer, tuple(entries))


def _urgency(proposal: BookingProposal) -> tuple[int, int]:
    order = (ProposalState.SENT, ProposalState.CHECKED_IN, ProposalState.CONFIRMED, ProposalState.ACCEPTED,
             ProposalState.COUNTERED)  # fmt: skip
    rank = order.index(proposal.state) if proposal.state in order else len(order)
    start = proposal.slot.start_ms if proposal.slot else proposal.updated_ms
    return rank, start if rank < len(order) else -proposal.updated_ms


async def desk_entry(office: Office, *, dealer_id: str, proposal_id: str) -> DeskEntry:
    """One proposal as its dealer may see it; NotFound for another dealer's and for drafts."""
    async with office.unit_of_work() as uow:
        await uow.show_only(dealer_id)
        proposal = await uow.proposals.get(proposal_id)
        if proposal is None or proposal.dealer_id != dealer_id or not await has_left(uow, proposal):
            raise NotFound("there is no such proposal")
        entry = await _entry(uow, proposal, office.clock.now_ms())
        if entry.payload is None:
            return entry
        return replace(entry, ledger=await dealers_ledger(uow, proposal))


async def _entry(uow: UnitOfWork, proposal: BookingProposal, now_ms: int) -> DeskEntry:
    """The payload only while a live grant stands behind it: the page is a path to the dealer like any other."""
    grant = await uow.consents.get(proposal.grant_id)
    is_live = grant is not None and grant.is_live(now_ms)
    if not is_live:
        return DeskEntry(proposal.without_data(), None, ())
    steps = await uow.proposals.steps(proposal.proposal_id)
    return DeskEntry(proposal, json.loads(proposal.payload), tuple(steps))


async def funnel(office: Office, model_versions: Mapping[str, str], volumes: Mapping[str, int] | None = None) -> Funnel:
    """The chain in numbers, from signal to invoice, with the newest steps; ids only, no personal data.

    `volumes` are what the log counts (uploads, predictions).
    """
    async with office.unit_of_work() as uow:
        counts = await uow.timeline.count()
        counts["vehicles"] = await uow.vehicles.count()
        newest = await uow.timeline.newest_seq()
        recent = [event for _, event in await uow.timeline.after(max(0, newest - 30))]
        booked = await uow.timeline.newest_bookings(BOOKINGS)
    counts |= volumes or {}
    saved = [float(event.data["minutes_saved"]) for event in booked if "minutes_saved" in event.data]
    mean = sum(saved) / len(saved) if saved else None
    return Funnel(office.clock.now_ms(), counts, dict(model_versions), tuple(reversed(recent)), mean)
