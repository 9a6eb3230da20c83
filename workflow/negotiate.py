"""Between owner and dealer: accept, counter, decline, confirm, cancel; and the clock that ends what nobody answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.consent import ConsentGrant
from domain.errors import Conflict, ConsentMissing, InvalidInput, NotFound
from domain.need import NeedState
from domain.proposal import Actor, BookingProposal, ProposalState
from domain.slot import Slot
from workflow.history import tell
from workflow.known_dealer import known_dealer
from workflow.ports import Office, UnitOfWork
from workflow.proposal_steps import advance, end_proposal
from workflow.propose import PROPOSAL_OPEN_MS
from workflow.seat import grant_behind, proposal_to_act_on
from workflow.slot_choice import pick_slot

OFFERS = (1, 3)


async def of_consenting_owner(uow: UnitOfWork, customer_id: str, proposal_id: str, now_ms: int) -> BookingProposal:
    """The owner's proposal, for the owner or who acts for them, with a live grant behind it, both locked.

    NotFound, Forbidden or ConsentMissing otherwise. The grant is locked before the proposal everywhere, as a withdrawal
    does: two that cross would deadlock.
    """
    grant = await grant_behind(uow, customer_id, proposal_id)
    proposal = await proposal_to_act_on(uow, customer_id, proposal_id)
    if grant is None or not grant.is_live(now_ms):
        raise ConsentMissing("the consent for this dealer was withdrawn or has run out: grant it again first")
    return proposal


async def of_dealer(uow: UnitOfWork, dealer_id: str, proposal_id: str, now_ms: int) -> BookingProposal:
    """The dealer's proposal, locked and with a live grant behind it; NotFound when it is not theirs or never left.

    A car that is checked in needs no grant any more: what the workshop found comes in, and nothing goes out.
    """
    return (await with_grant(uow, dealer_id, proposal_id, now_ms))[0]


async def with_grant(
    uow: UnitOfWork, dealer_id: str, proposal_id: str, now_ms: int
) -> tuple[BookingProposal, ConsentGrant | None]:
    """As `of_dealer`, and the grant with it."""
    grant = await uow.consents.behind(proposal_id, dealer_id)
    proposal = await uow.proposals.get(proposal_id, lock=True)
    if proposal is None or proposal.dealer_id != dealer_id or proposal.state is ProposalState.DRAFT:
        raise NotFound("there is no such proposal")
    if proposal.state is not ProposalState.CHECKED_IN and (grant is None or not grant.is_live(now_ms)):
        raise ConsentMissing("the owner has withdrawn the consent, or it has run out")
    return proposal, grant


async def accept(
    office: Office, *, dealer_id: str, actor_id: str, proposal_id: str, channel: str = "api"
) -> BookingProposal:
    """The dealer takes the owner's slot."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        before = await of_dealer(uow, dealer_id, proposal_id, now)
        after = before.to(ProposalState.ACCEPTED, Actor.DEALER, now)
        if before.state is ProposalState.COUNTERED:
            if before.slot is None:
                raise NotFound("the owner asked for no slot")
            dealer = await known_dealer(uow, dealer_id)
            slot = await pick_slot(uow, dealer, before.slot.start_ms, before.demand, now, but_of=proposal_id)
            after = replace(after, slot=slot, offered=())
        after = _extend(after, now)
        return await advance(uow, before, after, actor=Actor.DEALER, actor_id=actor_id, channel=channel)


async def counter(
    office: Office, *, dealer_id: str, actor_id: str, proposal_id: str, starts_ms: Sequence[int], channel: str = "api"
) -> BookingProposal:
    """The dealer offers one to three other slots, each held while the offer stands."""
    fewest, most = OFFERS
    starts = sorted(set(starts_ms))
    if not fewest <= len(starts) <= most:
        raise InvalidInput(f"offer {fewest} to {most} times", field="starts_ms", fix="give start times in ms, UTC")
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        before = await of_dealer(uow, dealer_id, proposal_id, now)
        dealer = await known_dealer(uow, dealer_id)
        offered: list[Slot] = []
        for start in starts:
            # Offers may overlap in time where there is room for all of them, since each is held.
            offered.append(await pick_slot(uow, dealer, start, before.demand, now, but_of=proposal_id, also=offered))
        after = replace(before.to(ProposalState.COUNTERED, Actor.DEALER, now), offered=tuple(offered))
        after = _extend(after, now)
        return await advance(uow, before, after, actor=Actor.DEALER, actor_id=actor_id, channel=channel)


async def decline(
    office: Office, *, dealer_id: str, actor_id: str, proposal_id: str, reason: str = "", channel: str = "api"
) -> BookingProposal:
    """The dealer cannot do it."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        before = await of_dealer(uow, dealer_id, proposal_id, now)
        return await end_proposal(
            uow, before, ProposalState.DECLINED, Actor.DEALER, actor_id, now, reason or "declined", channel
        )


async def confirm(
    office: Office, *, customer_id: str, proposal_id: str, start_ms: int | None = None, channel: str = "api"
) -> BookingProposal:
    """The owner, or who acts for them, takes the accepted slot or one offered: the hold becomes the appointment."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        before = await of_consenting_owner(uow, customer_id, proposal_id, now)
        hand = before.hand_of(customer_id)
        if before.state is ProposalState.CONFIRMED:
            raise Conflict("it is confirmed already: an appointment is moved, not confirmed once more")
        slot = _chosen(before, start_ms)
        after = replace(before.to(ProposalState.CONFIRMED, hand, now), slot=slot, offered=())
        after = replace(after, expires_ms=after.ends_untold_ms)
        after = await advance(uow, before, after, actor=hand, actor_id=customer_id, channel=channel)
        await _book_needs(uow, after, hand, now)
        return after


def _by(hand: Actor) -> str:
    return "by the owner" if hand is Actor.OWNER else "for the owner"


def _chosen(proposal: BookingProposal, start_ms: int | None) -> Slot | None:
    if proposal.state is not ProposalState.COUNTERED:
        return proposal.slot
    for slot in proposal.offered:
        if slot.start_ms == start_ms or (start_ms is None and len(proposal.offered) == 1):
            return slot
    raise InvalidInput("this time was not offered", field="start_ms", fix="take one of the offered times")


async def _book_needs(uow: UnitOfWork, proposal: BookingProposal, hand: Actor, now_ms: int) -> None:
    for need_id in proposal.need_ids:
        need = await uow.needs.get(need_id)
        if need is not None and need.state.is_live and need.state is not NeedState.BOOKED:
            await uow.needs.update(need.to(NeedState.BOOKED, now_ms))
            await tell(
                uow,
                "need-booked",
                event_id=f"{need_id}:{proposal.proposal_id}",
                vehicle_id=need.vehicle_id,
                time_ms=now_ms,
                actor=str(hand),
                customer_id=proposal.customer_id,
                data={"need_id": need_id, "item": need.item},
            )


async def counter_back(
    office: Office, *, customer_id: str, proposal_id: str, start_ms: int, channel: str = "api"
) -> BookingProposal:
    """The owner asks for yet another time: the proposal is sent anew with that slot held."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        before = await of_consenting_owner(uow, customer_id, proposal_id, now)
        hand = before.hand_of(customer_id)
        if before.state is not ProposalState.COUNTERED:
            raise Conflict(f"the dealer has offered no other time: the proposal is {before.state}")
        dealer = await known_dealer(uow, before.dealer_id)
        slot = await pick_slot(uow, dealer, start_ms, before.demand, now, but_of=proposal_id)
        after = replace(before.to(ProposalState.SENT, hand, now), slot=slot, offered=())
        after = _extend(after, now)
        return await advance(
            uow, before, after, actor=hand, actor_id=customer_id, cause="another time", channel=channel
        )


async def withdraw(office: Office, *, customer_id: str, proposal_id: str, channel: str = "api") -> BookingProposal:
    """The owner takes the proposal back before it is confirmed."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        before = await proposal_to_act_on(uow, customer_id, proposal_id)
        hand = before.hand_of(customer_id)
        return await end_proposal(
            uow, before, ProposalState.WITHDRAWN, hand, customer_id, now, f"withdrawn {_by(hand)}", channel
        )


async def cancel(
    office: Office, *, customer_id: str, proposal_id: str, reason: str = "", channel: str = "api"
) -> BookingProposal:
    """The owner cancels a confirmed appointment."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        before = await proposal_to_act_on(uow, customer_id, proposal_id)
        hand = before.hand_of(customer_id)
        why = reason or f"cancelled {_by(hand)}"
        return await end_proposal(uow, before, ProposalState.CANCELLED, hand, customer_id, now, why, channel)


async def move(
    office: Office, *, customer_id: str, proposal_id: str, start_ms: int, channel: str = "api"
) -> BookingProposal:
    """The owner moves the appointment to another free time of the dealer's, who hears of it."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        before = await of_consenting_owner(uow, customer_id, proposal_id, now)
        hand = before.hand_of(customer_id)
        return await _moved(uow, before, start_ms, hand, customer_id, now, channel)


async def move_by_dealer(
    office: Office, *, dealer_id: str, actor_id: str, proposal_id: str, start_ms: int, channel: str = "api"
) -> BookingProposal:
    """The dealer moves the appointment to another of its free times; the owner may move it again, or cancel."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        before = await of_dealer(uow, dealer_id, proposal_id, now)
        return await _moved(uow, before, start_ms, Actor.DEALER, actor_id, now, channel)


async def _moved(
    uow: UnitOfWork, before: BookingProposal, start_ms: int, actor: Actor, actor_id: str, now_ms: int, channel: str
) -> BookingProposal:
    if before.state is not ProposalState.CONFIRMED or before.slot is None:
        raise Conflict(f"only an appointment can be moved: this proposal is {before.state}")
    if now_ms >= before.slot.start_ms:
        raise Conflict("the time of this appointment has come: it can no longer be moved")
    if start_ms == before.slot.start_ms:
        raise InvalidInput("the appointment is at this time already", field="start_ms", fix="choose another time")
    dealer = await known_dealer(uow, before.dealer_id)
    slot = await pick_slot(uow, dealer, start_ms, before.demand, now_ms, but_of=before.proposal_id)
    after = replace(before.to(ProposalState.CONFIRMED, actor, now_ms), slot=slot)
    after = replace(after, expires_ms=after.ends_untold_ms)
    return await advance(uow, before, after, actor=actor, actor_id=actor_id, cause="moved", channel=channel)


async def cancel_by_dealer(
    office: Office, *, dealer_id: str, actor_id: str, proposal_id: str, reason: str = "", channel: str = "api"
) -> BookingProposal:
    """The dealer cancels a confirmed appointment; its needs stand open again."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        before = await of_dealer(uow, dealer_id, proposal_id, now)
        why = reason or "cancelled by the dealer"
        return await end_proposal(uow, before, ProposalState.CANCELLED, Actor.DEALER, actor_id, now, why, channel)


async def expire_proposals(office: Office) -> int:
    """End what nobody answered in time, and visits of which nobody told the end; how many those were."""
    now = office.clock.now_ms()
    async with office.unit_of_work() as uow:
        due = 0
        for proposal in await uow.proposals.expired(now):
            end = proposal.ended_by_clock(now)
            if end is not None:
                await end_proposal(uow, proposal, end[0], Actor.CLOCK, "clock", now, end[1], "clock")
                due += 1
    return due


def _extend(proposal: BookingProposal, now_ms: int) -> BookingProposal:
    """Whoever's turn it is now has three days, and never longer than until the first slot begins."""
    first = min((slot.start_ms for slot in proposal.slots_held), default=now_ms + PROPOSAL_OPEN_MS)
    return replace(proposal, expires_ms=min(now_ms + PROPOSAL_OPEN_MS, first))
