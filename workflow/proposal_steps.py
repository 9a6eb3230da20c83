"""One step of a proposal: the row, its held slots, the step, the event and the dealer's notice move together."""

from __future__ import annotations

from dataclasses import replace

from domain.effort import by_phone, spent
from domain.need import NeedState
from domain.proposal import Actor, BookingProposal, ProposalState, ProposalStep
from workflow.history import tell
from workflow.notices import notify_of_visit
from workflow.outbox_rows import Delivery
from workflow.ports import UnitOfWork
from workflow.proposal_payload import webhook_text

# The events of design note 1's vocabulary; "sent" by an owner's counter-offer is a counter too.
EVENT_OF_STATE = {state: f"proposal-{state}" for state in ProposalState}
TOLD = frozenset({"accepted", "countered", "declined", "moved", "cancelled"})
"""What a dealer does that the owner hears of by letter: all that asks for an answer, or changes what was agreed."""
NEVER_LEFT = frozenset({ProposalState.DRAFT})
MOVED = "moved"
"""What an appointment is told as that was confirmed before and is at another time now."""


async def advance(
    uow: UnitOfWork,
    before: BookingProposal | None,
    after: BookingProposal,
    *,
    actor: Actor,
    actor_id: str,
    cause: str = "",
    channel: str = "api",
) -> BookingProposal:
    """Store the proposal's next version with everything that hangs on it, within the running transaction."""
    after = replace(
        after,
        minutes_spent=after.minutes_spent + spent(after.state, actor),
        minutes_by_phone=after.minutes_by_phone + by_phone(before.state if before else None, after.state),
    )
    if before is None:
        await uow.proposals.add(after)
    else:
        await uow.proposals.update(after)
    held = () if before is None else before.slots_held
    if not after.slots_held and held:
        await uow.holds.release(after.proposal_id)
    elif set(after.slots_held) != set(held):
        await uow.holds.hold(after.dealer_id, after.proposal_id, after.slots_held)
    now = after.updated_ms
    await uow.proposals.add_step(
        ProposalStep(after.proposal_id, after.version, after.state, actor, actor_id, now, cause, channel)
    )
    is_moved = before is not None and before.state is after.state is ProposalState.CONFIRMED
    await tell(
        uow,
        f"proposal-{MOVED}" if is_moved else EVENT_OF_STATE[after.state],
        event_id=f"{after.proposal_id}:{after.version}",
        vehicle_id=after.vehicle_id,
        time_ms=now,
        actor=str(actor),
        # The cause may be a person's own words: it stays in the database with the step.
        cause="",
        data={
            "proposal_id": after.proposal_id,
            "version": after.version,
            "state": str(after.state),
            "needs": len(after.need_ids),
            **({"minutes_saved": after.minutes_saved} if after.state is ProposalState.CONFIRMED else {}),
        },
        customer_id=after.customer_id,
        # A draft has not left: its dealer must not learn of it.
        dealer_id=None if _has_not_left(before, after) else after.dealer_id,
        channel=channel,
    )
    if actor is not Actor.DEALER and not _has_not_left(before, after):
        await _notify_dealer(uow, after, is_moved=is_moved)
    if actor is Actor.DEALER and (what := MOVED if is_moved else str(after.state)) in TOLD:
        await notify_of_visit(uow, after, what, now)
    return after


def _has_not_left(before: BookingProposal | None, after: BookingProposal) -> bool:
    """Whether the proposal is a draft, or ends as one: its dealer never heard of it."""
    was_draft = before is None or before.state is ProposalState.DRAFT
    return was_draft and after.state is not ProposalState.SENT


async def has_left(uow: UnitOfWork, proposal: BookingProposal) -> bool:
    """A draft that was withdrawn or ran out never left: its dealer has not heard of it."""
    if proposal.state in NEVER_LEFT:
        return False
    return any(step.state is ProposalState.SENT for step in await uow.proposals.steps(proposal.proposal_id))


async def _notify_dealer(uow: UnitOfWork, proposal: BookingProposal, *, is_moved: bool) -> None:
    """Queue the dealer's webhook. What carries data needs the grant; a withdrawal carries ids only."""
    dealer = await uow.people.dealer(proposal.dealer_id)
    if dealer is None or not dealer.webhook_url:
        return
    await uow.outbox.put(notice_of(proposal, is_moved=is_moved), proposal.updated_ms)


def notice_of(proposal: BookingProposal, *, is_moved: bool = False) -> Delivery:
    """What a dealer with a webhook is sent when a proposal has come to its state; the body goes byte for byte.

    `is_moved`: it had been confirmed before, for another time.
    """
    carries_data = proposal.state in (ProposalState.SENT, ProposalState.CONFIRMED)
    body = {
        "type": f"proposal.{MOVED if is_moved else proposal.state}",
        "proposal_id": proposal.proposal_id,
        "version": proposal.version,
        "time_ms": proposal.updated_ms,
    }
    if carries_data:
        slot = proposal.slot
        body["slot"] = {"start_ms": slot.start_ms, "end_ms": slot.end_ms} if slot else None
    return Delivery(
        delivery_id=f"{proposal.proposal_id}:{proposal.version}",
        dealer_id=proposal.dealer_id,
        grant_id=proposal.grant_id,
        kind=str(body["type"]),
        # The payload as the owner read it, to the byte.
        body=webhook_text(body, proposal.payload if carries_data else None),
        needs_consent=carries_data,
        subject=proposal.proposal_id,
    )


async def end_proposal(
    uow: UnitOfWork,
    proposal: BookingProposal,
    state: ProposalState,
    actor: Actor,
    actor_id: str,
    now_ms: int,
    cause: str,
    channel: str = "api",
) -> BookingProposal:
    """End a proposal without a visit, or with one of which nothing was told, and let the needs it had booked stand open
    again."""
    ended = await advance(
        uow,
        proposal,
        proposal.to(state, actor, now_ms, reason=cause),
        actor=actor,
        actor_id=actor_id,
        cause=cause,
        channel=channel,
    )
    # Only a visit that was agreed on books needs: a draft that was left over must not reopen another's.
    if proposal.state in (ProposalState.CONFIRMED, ProposalState.CHECKED_IN):
        await reopen_needs(uow, ended, now_ms)
    return ended


async def reopen_needs(uow: UnitOfWork, proposal: BookingProposal, now_ms: int) -> None:
    """Booked needs of the proposal that were not resolved become open again."""
    for need_id in proposal.need_ids:
        need = await uow.needs.get(need_id)
        if need is not None and need.state is NeedState.BOOKED:
            await uow.needs.update(need.to(NeedState.OPEN, now_ms))
            await tell(
                uow,
                "need-reopened",
                event_id=f"{need_id}:{proposal.proposal_id}:{proposal.version}",
                vehicle_id=need.vehicle_id,
                time_ms=now_ms,
                actor="clock",
                customer_id=proposal.customer_id,
                data={"need_id": need_id, "item": need.item},
            )
