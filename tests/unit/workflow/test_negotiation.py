"""Between owner and dealer: every answer holds what it promises, and every end gives it back."""

from __future__ import annotations

import asyncio
import json

import pytest

from domain.errors import Conflict, InvalidInput, NotFound, SlotTaken
from domain.need import NeedState
from domain.proposal import MISSED_AFTER_MS, UNTOLD_END_MS, UNTOLD_VISIT_MS, Actor, BookingProposal, ProposalState
from tests.support.moments import DAY, MINUTE, NOW
from tests.support.outlets import KeptWebhooks, dispatch_deliveries
from tests.support.town import TOMORROW, Garage, Household, Town
from workflow import negotiate, visit
from workflow.consents import end_run_out
from workflow.dossiers import desk_entry, funnel, proposal_of
from workflow.negotiate import expire_proposals
from workflow.propose import PROPOSAL_OPEN_MS, send_proposal

S = ProposalState
OTHER = TOMORROW + DAY
THIRD = TOMORROW + 2 * DAY


# The dealer's answers.


async def test_accepted_and_confirmed_the_hold_becomes_the_appointment(
    town: Town, home: Household, garage: Garage
) -> None:
    booked = await town.confirmed(home, garage)
    assert (booked.state, booked.slot and booked.slot.start_ms) == (S.CONFIRMED, TOMORROW)
    assert (await town.live_need(home)).state is NeedState.BOOKED
    assert await town.busy(garage) == 1
    steps = (await proposal_of(town.office, customer_id=home.id, proposal_id=booked.proposal_id)).steps
    assert [(str(step.state), str(step.actor)) for step in steps] == [
        ("draft", "owner"),
        ("sent", "owner"),
        ("accepted", "dealer"),
        ("confirmed", "owner"),
    ]
    assert [step.version for step in steps] == [1, 2, 3, 4]


async def test_offered_slots_are_held_and_the_one_taken_is_the_appointment(
    town: Town, home: Household, garage: Garage
) -> None:
    sent = await town.sent(home, garage)
    offer = await negotiate.counter(
        town.office, proposal_id=sent.proposal_id, starts_ms=[THIRD, OTHER, OTHER], **garage.party
    )
    assert [slot.start_ms for slot in offer.offered] == [OTHER, THIRD]
    assert await town.busy(garage) == 2
    with pytest.raises(SlotTaken):
        await town.sent(await town.household(), garage, start_ms=THIRD)
    for start_ms in (None, TOMORROW):
        with pytest.raises(InvalidInput) as refused:
            await negotiate.confirm(town.office, customer_id=home.id, proposal_id=sent.proposal_id, start_ms=start_ms)
        assert refused.value.field == "start_ms"
    taken = await negotiate.confirm(town.office, customer_id=home.id, proposal_id=sent.proposal_id, start_ms=THIRD)
    assert (taken.slot and taken.slot.start_ms, taken.offered) == (THIRD, ())
    assert await town.busy(garage) == 1


async def test_a_single_offer_is_taken_without_naming_it(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    await negotiate.counter(town.office, proposal_id=sent.proposal_id, starts_ms=[OTHER], **garage.party)
    taken = await negotiate.confirm(town.office, customer_id=home.id, proposal_id=sent.proposal_id)
    assert taken.slot and taken.slot.start_ms == OTHER


@pytest.mark.parametrize("starts_ms", [[], [OTHER + n * DAY for n in range(4)], [NOW - DAY]])
async def test_an_offer_is_one_to_three_times_ahead(
    town: Town, home: Household, garage: Garage, starts_ms: list[int]
) -> None:
    sent = await town.sent(home, garage)
    with pytest.raises(InvalidInput) as refused:
        await negotiate.counter(town.office, proposal_id=sent.proposal_id, starts_ms=starts_ms, **garage.party)
    assert refused.value.field in ("starts_ms", "start_ms")
    assert (await town.stored(sent)).state is S.SENT


async def test_offers_that_overlap_take_a_bay_each_or_are_not_made(town: Town, home: Household, garage: Garage) -> None:
    close = [OTHER, OTHER + 30 * MINUTE]
    sent = await town.sent(home, garage)
    with pytest.raises(SlotTaken):
        await negotiate.counter(town.office, proposal_id=sent.proposal_id, starts_ms=close, **garage.party)
    assert (await town.stored(sent)).state is S.SENT
    wide = await town.garage(bays=2)
    sent = await town.sent(await town.household(), wide)
    offer = await negotiate.counter(town.office, proposal_id=sent.proposal_id, starts_ms=close, **wide.party)
    assert {slot.bay_id for slot in offer.offered} == {"bay-01", "bay-02"}
    assert await town.busy(wide) == 2


async def test_the_dealer_may_offer_a_time_that_overlaps_the_one_asked_for(
    town: Town, home: Household, garage: Garage
) -> None:
    sent = await town.sent(home, garage)
    start_ms = TOMORROW + 30 * MINUTE
    offer = await negotiate.counter(town.office, proposal_id=sent.proposal_id, starts_ms=[start_ms], **garage.party)
    assert [slot.start_ms for slot in offer.offered] == [start_ms]


async def test_the_owner_counters_back_and_the_dealer_accepts(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    await negotiate.counter(town.office, proposal_id=sent.proposal_id, starts_ms=[OTHER], **garage.party)
    again = await negotiate.counter_back(town.office, customer_id=home.id, proposal_id=sent.proposal_id, start_ms=THIRD)
    assert (again.state, again.offered, await town.busy(garage)) == (S.SENT, (), 1)
    accepted = await negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    assert accepted.slot and accepted.slot.start_ms == THIRD


@pytest.mark.parametrize("state", [S.DRAFT, S.SENT, S.ACCEPTED])
async def test_only_an_offer_is_countered_back(
    town: Town, home: Household, garage: Garage, state: ProposalState
) -> None:
    """From a draft above all: that would send what the owner has not been shown."""
    proposal = await town.draft(home, garage, await town.grant(home, garage), await town.need(home))
    if state is not S.DRAFT:
        await send_proposal(town.office, customer_id=home.id, proposal_id=proposal.proposal_id)
    if state is S.ACCEPTED:
        await negotiate.accept(town.office, proposal_id=proposal.proposal_id, **garage.party)
    with pytest.raises(Conflict):
        await negotiate.counter_back(town.office, customer_id=home.id, proposal_id=proposal.proposal_id, start_ms=THIRD)
    assert (await town.stored(proposal)).state is state


async def test_after_an_offer_the_dealer_may_take_the_owners_time_after_all(
    town: Town, home: Household, garage: Garage
) -> None:
    sent = await town.sent(home, garage)
    await negotiate.counter(town.office, proposal_id=sent.proposal_id, starts_ms=[OTHER], **garage.party)
    accepted = await negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    assert (accepted.slot and accepted.slot.start_ms, accepted.offered) == (TOMORROW, ())


async def test_unless_somebody_else_has_it_by_then(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    await negotiate.counter(town.office, proposal_id=sent.proposal_id, starts_ms=[OTHER], **garage.party)
    await town.sent(await town.household(), garage)
    with pytest.raises(SlotTaken):
        await negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    assert (await town.stored(sent)).state is S.COUNTERED


async def test_nobody_confirms_what_the_dealer_has_not_answered(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    with pytest.raises(Conflict):
        await negotiate.confirm(town.office, customer_id=home.id, proposal_id=sent.proposal_id)


async def test_a_second_answer_is_a_conflict(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    await negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    with pytest.raises(Conflict):
        await negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party)


async def test_two_answers_at_once_and_one_counts(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    answers = await asyncio.gather(
        negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party),
        negotiate.decline(town.office, proposal_id=sent.proposal_id, **garage.party),
        negotiate.withdraw(town.office, customer_id=home.id, proposal_id=sent.proposal_id),
        return_exceptions=True,
    )
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert refused
    assert all(isinstance(answer, Conflict) for answer in refused)


# Ends without a visit.


async def test_every_end_gives_slots_back_and_lets_the_need_stand(town: Town, home: Household, garage: Garage) -> None:
    async def decline(p: BookingProposal) -> BookingProposal:
        return await negotiate.decline(town.office, proposal_id=p.proposal_id, reason="full", **garage.party)

    async def withdraw(p: BookingProposal) -> BookingProposal:
        return await negotiate.withdraw(town.office, customer_id=home.id, proposal_id=p.proposal_id)

    for end, state, reason in ((decline, S.DECLINED, "full"), (withdraw, S.WITHDRAWN, "withdrawn by the owner")):
        ended = await end(await town.sent(home, garage))
        assert (ended.state, ended.end_reason, await town.busy(garage)) == (state, reason, 0)
        assert (await town.live_need(home)).state is NeedState.OPEN


@pytest.mark.parametrize("answer", ["none", "accept", "counter"])
async def test_what_nobody_answers_expires_by_the_clock(
    town: Town, home: Household, garage: Garage, answer: str
) -> None:
    sent = await town.sent(home, garage, start_ms=TOMORROW + 10 * DAY)
    if answer == "accept":
        await negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    if answer == "counter":
        await negotiate.counter(
            town.office, proposal_id=sent.proposal_id, starts_ms=[TOMORROW + 11 * DAY], **garage.party
        )
    town.clock.set((await town.stored(sent)).expires_ms - 1)
    assert await expire_proposals(town.office) == 0
    town.later(1)
    for late in (
        negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party),
        negotiate.confirm(town.office, customer_id=home.id, proposal_id=sent.proposal_id),
    ):
        with pytest.raises(Conflict):
            await late
    assert await expire_proposals(town.office) == 1
    assert await expire_proposals(town.office) == 0
    assert ((await town.stored(sent)).state, await town.busy(garage)) == (S.EXPIRED, 0)


async def test_a_forgotten_draft_expires_and_its_dealer_never_hears_of_it(
    town: Town, home: Household, garage: Garage
) -> None:
    draft = await town.draft(home, garage, await town.grant(home, garage), await town.need(home))
    town.later(PROPOSAL_OPEN_MS)
    assert await expire_proposals(town.office) == 1
    with pytest.raises(NotFound):
        await desk_entry(town.office, dealer_id=garage.id, proposal_id=draft.proposal_id)
    async with town.records.unit_of_work() as uow:
        assert await uow.deliveries.claim(10, town.wall.now_ms(), 1, per_dealer=9) == []
        heard = [event.kind for _, event in await uow.timeline.after(0, dealer_id=garage.id)]
    assert [kind for kind in heard if kind.startswith("proposal")] == []


async def test_each_new_turn_has_its_own_three_days(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage, start_ms=TOMORROW + 20 * DAY)
    town.later(2 * DAY)
    offer = await negotiate.counter(
        town.office, proposal_id=sent.proposal_id, starts_ms=[TOMORROW + 21 * DAY], **garage.party
    )
    assert offer.expires_ms == NOW + 2 * DAY + PROPOSAL_OPEN_MS


async def test_an_owner_cancels_and_the_need_stands_again(town: Town, home: Household, garage: Garage) -> None:
    booked = await town.confirmed(home, garage)
    cancelled = await negotiate.cancel(
        town.office, customer_id=home.id, proposal_id=booked.proposal_id, reason="away that day"
    )
    assert (cancelled.state, cancelled.end_reason) == (S.CANCELLED, "away that day")
    assert (await town.live_need(home)).state is NeedState.OPEN
    assert await town.busy(garage) == 0
    assert (await town.sent(home, garage)).state is S.SENT, "and may be proposed anew"


@pytest.mark.parametrize("how", ["withdrawn", "runs out"])
async def test_a_draft_that_is_left_over_does_not_reopen_what_another_visit_has_booked(
    town: Town, home: Household, garage: Garage, how: str
) -> None:
    rival, need = await town.garage(), await town.need(home)
    left_over = await town.draft(home, rival, await town.grant(home, rival), need)
    chosen = await town.draft(home, garage, await town.grant(home, garage), need, start_ms=TOMORROW + 9 * DAY)
    await send_proposal(town.office, customer_id=home.id, proposal_id=chosen.proposal_id)
    await negotiate.accept(town.office, proposal_id=chosen.proposal_id, **garage.party)
    await negotiate.confirm(town.office, customer_id=home.id, proposal_id=chosen.proposal_id)
    if how == "withdrawn":
        await negotiate.withdraw(town.office, customer_id=home.id, proposal_id=left_over.proposal_id)
    else:
        town.later(PROPOSAL_OPEN_MS)
        assert await expire_proposals(town.office) == 1
    assert (await town.stored(left_over)).state in (S.WITHDRAWN, S.EXPIRED)
    assert (await town.live_need(home)).state is NeedState.BOOKED
    assert (await town.stored(chosen)).state is S.CONFIRMED


async def test_a_car_that_did_not_come_is_a_no_show_half_an_hour_after_its_slot_began(
    town: Town, home: Household, garage: Garage
) -> None:
    booked = await town.confirmed(home, garage)
    for wait_ms in (0, DAY, MISSED_AFTER_MS - 1):
        town.later(wait_ms)
        with pytest.raises(Conflict, match="half an hour"):
            await visit.no_show(town.office, proposal_id=booked.proposal_id, **garage.party)
    town.later(1)
    ended = await visit.no_show(town.office, proposal_id=booked.proposal_id, **garage.party)
    assert ended.state is S.NO_SHOW
    assert (await town.live_need(home)).state is NeedState.OPEN


async def test_an_appointment_is_moved_by_either_and_its_old_time_is_free_again(
    town: Town, home: Household, garage: Garage
) -> None:
    booked = await town.confirmed(home, garage)
    moved = await negotiate.move(town.office, customer_id=home.id, proposal_id=booked.proposal_id, start_ms=OTHER)
    assert moved.slot and (moved.state, moved.slot.start_ms) == (S.CONFIRMED, OTHER)
    assert moved.version == booked.version + 1 and moved.expires_ms == moved.slot.end_ms + UNTOLD_VISIT_MS
    again = await negotiate.move_by_dealer(town.office, proposal_id=booked.proposal_id, start_ms=THIRD, **garage.party)
    assert again.slot and again.slot.start_ms == THIRD and await town.busy(garage) == 1
    assert (await town.live_need(home)).state is NeedState.BOOKED
    rival = await town.confirmed(await town.household(), garage, start_ms=OTHER)
    with pytest.raises(SlotTaken):
        await negotiate.move(town.office, customer_id=home.id, proposal_id=booked.proposal_id, start_ms=OTHER)
    assert (await town.stored(rival)).state is S.CONFIRMED
    assert (await town.stored(booked)).slot == again.slot


async def test_a_dealer_with_a_webhook_hears_that_it_moved_and_where_to(
    town: Town, home: Household, garage: Garage
) -> None:
    booked = await town.confirmed(home, garage)
    moved = await negotiate.move(town.office, customer_id=home.id, proposal_id=booked.proposal_id, start_ms=OTHER)
    hooks = KeptWebhooks()
    await dispatch_deliveries(town.office, hooks)
    _, delivery, _ = hooks.kept[-1]
    assert delivery.kind == "proposal.moved" and delivery.delivery_id == f"{booked.proposal_id}:{moved.version}"
    assert json.loads(delivery.body)["slot"]["start_ms"] == OTHER and delivery.needs_consent


async def test_what_cannot_be_moved_says_why(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    own = {"customer_id": home.id, "proposal_id": sent.proposal_id}
    with pytest.raises(Conflict, match="is sent"):
        await negotiate.move(town.office, start_ms=OTHER, **own)
    await negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    await negotiate.confirm(town.office, **own)
    with pytest.raises(Conflict, match="not confirmed once more"):
        await negotiate.confirm(town.office, **own)
    with pytest.raises(InvalidInput, match="already"):
        await negotiate.move(town.office, start_ms=TOMORROW, **own)
    town.later(DAY)
    with pytest.raises(Conflict, match="has come"):
        await negotiate.move(town.office, start_ms=OTHER, **own)


async def test_a_dealer_cancels_with_a_reason_and_the_need_stands_open_again(
    town: Town, home: Household, garage: Garage
) -> None:
    booked = await town.confirmed(home, garage)
    ended = await negotiate.cancel_by_dealer(
        town.office, proposal_id=booked.proposal_id, reason="the lift is broken", **garage.party
    )
    assert (ended.state, ended.end_reason) == (S.CANCELLED, "the lift is broken")
    assert (await town.live_need(home)).state is NeedState.OPEN and await town.busy(garage) == 0


async def test_a_visit_of_which_nobody_tells_did_not_take_place_after_a_week(
    town: Town, home: Household, garage: Garage
) -> None:
    booked = await town.confirmed(home, garage)
    assert booked.slot is not None
    town.later(booked.slot.end_ms - town.clock.now_ms() + UNTOLD_VISIT_MS - 1)
    assert await expire_proposals(town.office) == 0
    town.later(1)
    assert await expire_proposals(town.office) == 1
    assert (await town.stored(booked)).state is S.NO_SHOW
    assert (await town.live_need(home)).state is NeedState.OPEN
    assert await town.busy(garage) == 0
    with pytest.raises(Conflict, match="no-show"):
        await visit.check_in(town.office, odometer_m=1, proposal_id=booked.proposal_id, **garage.party)


async def test_a_visit_whose_end_nobody_tells_is_over_after_a_month_and_left_its_needs_undone(
    town: Town, home: Household, garage: Garage
) -> None:
    booked = await town.confirmed(home, garage)
    town.later(DAY)
    await visit.check_in(town.office, odometer_m=1, proposal_id=booked.proposal_id, **garage.party)
    town.later(UNTOLD_END_MS - 1)
    assert await expire_proposals(town.office) == 0
    town.later(1)
    assert await expire_proposals(town.office) == 1
    ended = await town.stored(booked)
    assert (ended.state, ended.end_reason) == (S.COMPLETED, "nobody told how the visit ended")
    assert (await town.live_need(home)).state is NeedState.OPEN
    async with town.records.unit_of_work() as uow:
        assert (await uow.proposals.steps(booked.proposal_id))[-1].actor is Actor.CLOCK


async def test_what_is_not_theirs_is_not_there_for_anybody(town: Town, home: Household, garage: Garage) -> None:
    sent, stranger, rival = await town.sent(home, garage), await town.owner(), await town.garage()
    for step in (negotiate.move, negotiate.move_by_dealer):
        party = {"customer_id": stranger.customer_id} if step is negotiate.move else rival.party
        with pytest.raises(NotFound):
            await step(town.office, proposal_id=sent.proposal_id, start_ms=OTHER, **party)
    for owner_step in (negotiate.confirm, negotiate.withdraw, negotiate.cancel):
        with pytest.raises(NotFound):
            await owner_step(town.office, customer_id=stranger.customer_id, proposal_id=sent.proposal_id)
    with pytest.raises(NotFound):
        await negotiate.counter_back(
            town.office, customer_id=stranger.customer_id, proposal_id=sent.proposal_id, start_ms=OTHER
        )
    with pytest.raises(NotFound):
        await proposal_of(town.office, customer_id=stranger.customer_id, proposal_id=sent.proposal_id)
    for answer in (negotiate.accept, negotiate.decline, negotiate.cancel_by_dealer, visit.no_show):
        with pytest.raises(NotFound):
            await answer(town.office, proposal_id=sent.proposal_id, **rival.party)


async def test_a_visit_ends_with_the_consent_it_stood_under(town: Town, home: Household, garage: Garage) -> None:
    need = await town.need(home)
    grant = await town.grant(home, garage, expires_ms=NOW + DAY)
    draft = await town.draft(home, garage, grant, need, start_ms=TOMORROW + 2 * DAY)
    sent = await send_proposal(town.office, customer_id=home.id, proposal_id=draft.proposal_id)
    await negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    await negotiate.confirm(town.office, customer_id=home.id, proposal_id=sent.proposal_id)
    assert await end_run_out(town.office) == 0
    town.later(DAY)
    assert await end_run_out(town.office) == 1
    assert await end_run_out(town.office) == 0
    assert ((await town.stored(sent)).state, await town.busy(garage)) == (S.CANCELLED, 0)
    assert (await town.live_need(home)).state is NeedState.OPEN


async def test_one_need_goes_to_one_dealer_at_a_time(town: Town, home: Household, garage: Garage) -> None:
    other = await town.garage()
    need = await town.need(home)
    drafts = [await town.draft(home, place, await town.grant(home, place), need) for place in (garage, other)]
    sends = await asyncio.gather(
        *(send_proposal(town.office, customer_id=home.id, proposal_id=draft.proposal_id) for draft in drafts),
        return_exceptions=True,
    )
    assert sorted(isinstance(sent, Conflict) for sent in sends) == [False, True]


async def test_a_booking_tells_what_it_saved_against_the_telephone(town: Town, home: Household, garage: Garage) -> None:
    sent = await town.sent(home, garage)
    assert (await town.stored(sent)).minutes_saved is None, "nothing is agreed on yet"
    await negotiate.accept(town.office, proposal_id=sent.proposal_id, **garage.party)
    booked = await negotiate.confirm(town.office, customer_id=home.id, proposal_id=sent.proposal_id)
    assert booked.minutes_saved == (await town.stored(sent)).minutes_saved == 11.2
    await negotiate.move(town.office, customer_id=home.id, proposal_id=sent.proposal_id, start_ms=OTHER)
    assert (await town.stored(sent)).minutes_saved == round(14 + 6 - 2.8 - 0.3, 1)
    assert (await funnel(town.office, {})).minutes_saved == 11.2, "a move is no booking of its own"
