"""From needs to a proposal: a draft whose JSON the owner reads first, then the sending of exactly that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.consent import ConsentGrant, GrantEnd, Permit
from domain.errors import Conflict, InvalidInput, NotFound
from domain.need import MaintenanceNeed
from domain.people import Dealer, Vehicle
from domain.proposal import BookingProposal, ProposalState
from domain.site import Demand
from domain.slot import Slot
from workflow.consents import end_grant
from workflow.known_dealer import known_dealer
from workflow.ports import Office, UnitOfWork
from workflow.proposal_payload import render_payload
from workflow.proposal_steps import advance, end_proposal
from workflow.seat import grant_behind, owner_to_act_for, proposal_to_act_on
from workflow.slot_choice import demand_of, find_slot, pick_slot

PROPOSAL_OPEN_MS = 3 * 86_400_000  # an unanswered proposal gives its slot back after three days
NOTE_LENGTH = 500
GIVEN_WITH_DRAFT_MS = 60_000  # a consent that is older than this before its draft was not given for it


async def draft_proposal(
    office: Office,
    *,
    customer_id: str,
    vehicle_id: str,
    need_ids: Sequence[str],
    dealer_id: str,
    start_ms: int,
    grant_id: str,
    note: str = "",
    loaner: bool = False,
) -> BookingProposal:
    """A draft under a live grant; its `payload` is what would leave. Nothing leaves and nothing is held yet."""
    now = office.clock.now_ms()
    if not need_ids:
        raise InvalidInput("a proposal has at least one need", field="need_ids", fix="name the needs to be done")
    if len(note) > NOTE_LENGTH:
        raise InvalidInput("the note is too long", field="note", fix=f"use at most {NOTE_LENGTH} characters")
    async with office.unit_of_work() as uow:
        # The grant is locked before all else, as a withdrawal and a sale do.
        grant = await uow.consents.get(grant_id, lock=True)
        vehicle = await uow.vehicles.owned(vehicle_id, customer_id)
        owner_id = customer_id
        if vehicle is None:
            owner_id = await owner_to_act_for(uow, customer_id, vehicle_id)
            vehicle = await uow.vehicles.owned(vehicle_id, owner_id)
        if vehicle is None:
            raise NotFound("there is no such car")
        permit = _permit(grant, owner_id, vehicle_id, dealer_id, now)
        dealer = await known_dealer(uow, dealer_id)
        needs = [await _live_need(uow, vehicle_id, need_id) for need_id in dict.fromkeys(need_ids)]
        demand = demand_of(office.catalogue, [need.item for need in needs], wants_loaner=loaner)
        slot = await find_slot(uow, dealer, start_ms, demand, now)
        proposal = await _draft(uow, office, permit, vehicle, dealer, needs, slot, demand, note, now)
        return await advance(uow, None, proposal, actor=proposal.hand_of(customer_id), actor_id=customer_id)


async def _draft(
    uow: UnitOfWork,
    office: Office,
    permit: Permit,
    vehicle: Vehicle,
    dealer: Dealer,
    needs: list[MaintenanceNeed],
    slot: Slot,
    demand: Demand,
    note: str,
    now: int,
) -> BookingProposal:
    customer = await uow.people.customer(permit.grant.customer_id)
    if customer is None:
        raise NotFound("there is no such customer")
    assessments = await uow.assessments.of_vehicle(vehicle.vehicle_id)
    proposal_id = office.ids.new("proposal")
    payload = render_payload(
        permit,
        proposal_id=proposal_id,
        catalogue=office.catalogue,
        customer=customer,
        vehicle=vehicle,
        odometer_m=max((a.odometer_m for a in assessments), default=None),
        needs=needs,
        slot=slot,
        wants_loaner=demand.wants_loaner,
        note=note,
        created_ms=now,
        controller=office.controller,
    )
    return BookingProposal(
        proposal_id=proposal_id,
        version=1,
        state=ProposalState.DRAFT,
        customer_id=customer.customer_id,
        vehicle_id=vehicle.vehicle_id,
        dealer_id=dealer.dealer_id,
        grant_id=permit.grant.grant_id,
        need_ids=tuple(need.need_id for need in needs),
        minutes=demand.minutes,
        slot=slot,
        offered=(),
        payload=payload,
        created_ms=now,
        updated_ms=now,
        expires_ms=now + PROPOSAL_OPEN_MS,
        note=note,
        skills=demand.skills,
        wants_loaner=demand.wants_loaner,
    )


async def send_proposal(office: Office, *, customer_id: str, proposal_id: str, channel: str = "api") -> BookingProposal:
    """Send the draft as it was shown; its slot is held from here on."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        # The grant is locked before the proposal, as a withdrawal does.
        grant = await grant_behind(uow, customer_id, proposal_id)
        draft = await proposal_to_act_on(uow, customer_id, proposal_id)
        permit = _permit(grant, draft.customer_id, draft.vehicle_id, draft.dealer_id, now)
        return await propose(uow, permit, draft, now, customer_id, channel)


async def discard_draft(office: Office, *, customer_id: str, proposal_id: str, channel: str = "api") -> bool:
    """Put a draft away, and with it the consent that its maker gave for it alone; whether one has ended so."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        grant = await grant_behind(uow, customer_id, proposal_id)
        draft = await proposal_to_act_on(uow, customer_id, proposal_id)
        if draft.state is not ProposalState.DRAFT:
            raise Conflict(f"only a draft is put away, and this proposal is {draft.state}")
        first, *_ = await uow.proposals.steps(proposal_id)
        is_owners = first.actor_id == customer_id == draft.customer_id
        if grant is not None and grant.end is None and is_owners and await _is_for_it_alone(uow, grant, draft):
            await end_grant(uow, office, grant, GrantEnd.WITHDRAWN, customer_id)
            return True
        hand = draft.hand_of(customer_id)
        await end_proposal(uow, draft, ProposalState.WITHDRAWN, hand, customer_id, now, "put away", channel)
        return False


async def _is_for_it_alone(uow: UnitOfWork, grant: ConsentGrant, draft: BookingProposal) -> bool:
    """Whether a consent was given in one go with its draft, and nothing else was ever drafted under it."""
    given_before_ms = draft.created_ms - grant.granted_ms
    return 0 <= given_before_ms <= GIVEN_WITH_DRAFT_MS and len(await uow.proposals.under_grant(grant.grant_id)) == 1


async def propose(
    uow: UnitOfWork, permit: Permit, draft: BookingProposal, now_ms: int, actor_id: str, channel: str
) -> BookingProposal:
    """The step by which data leaves: it takes a Permit, and only a live grant makes one."""
    if permit.grant.grant_id != draft.grant_id:
        raise Conflict("the draft was made under another consent")
    if draft.state is not ProposalState.DRAFT:
        raise Conflict(f"only a draft is sent, and this proposal is {draft.state}")
    for need_id in draft.need_ids:
        need = await _live_need(uow, draft.vehicle_id, need_id)
        await _not_proposed_elsewhere(uow, draft, need_id)
        # Written though unchanged: two sends of one need to two dealers meet here, and the later one looks again.
        await uow.needs.update(need)
    dealer = await uow.people.dealer(draft.dealer_id)
    if dealer is None or draft.slot is None:
        raise NotFound("there is no such dealer")
    # Another may have taken the bay since the draft: whatever is free at that time will do.
    slot = await pick_slot(uow, dealer, draft.slot.start_ms, draft.demand, now_ms)
    actor = draft.hand_of(actor_id)
    sent = draft.to(ProposalState.SENT, actor, now_ms)
    sent = replace(sent, slot=slot, expires_ms=min(now_ms + PROPOSAL_OPEN_MS, slot.start_ms))
    return await advance(uow, draft, sent, actor=actor, actor_id=actor_id, channel=channel)


def _permit(grant: ConsentGrant | None, customer_id: str, vehicle_id: str, dealer_id: str, now_ms: int) -> Permit:
    if grant is None or grant.customer_id != customer_id:
        raise NotFound("there is no such consent")
    return grant.permit(now_ms, vehicle_id=vehicle_id, dealer_id=dealer_id)


async def _live_need(uow: UnitOfWork, vehicle_id: str, need_id: str) -> MaintenanceNeed:
    need = await uow.needs.get(need_id)
    if need is None or need.vehicle_id != vehicle_id:
        raise NotFound("there is no such need")
    if not need.state.is_live:
        raise Conflict(f"the need is {need.state}: there is nothing to book")
    return need


async def _not_proposed_elsewhere(uow: UnitOfWork, draft: BookingProposal, need_id: str) -> None:
    taken = (ProposalState.CONFIRMED, ProposalState.CHECKED_IN)
    for other in await uow.proposals.of_vehicle(draft.vehicle_id):
        if other.proposal_id == draft.proposal_id or need_id not in other.need_ids:
            continue
        if other.state.is_open or other.state in taken:
            raise Conflict("this need stands in another proposal already: withdraw that one first")
