"""The proposal's state machine: every pair of states × every actor, and which slots are held."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Conflict
from domain.proposal import TRANSITIONS, Actor, BookingProposal, ProposalState
from domain.slot import Slot
from tests.support.moments import DAY, HOUR, NOW

ASKED = Slot(NOW + DAY, NOW + DAY + HOUR, "bay-01")
OFFERED = (Slot(NOW + 2 * DAY, NOW + 2 * DAY + HOUR, "bay-01"), Slot(NOW + 3 * DAY, NOW + 3 * DAY + HOUR, "bay-02"))
S, A = ProposalState, Actor

# Design note 1's table, written down a second time from the design, not from the code.
DESIGN: dict[tuple[str, str], set[str]] = {
    ("draft", "sent"): {"owner"},
    ("draft", "withdrawn"): {"owner", "consent"},
    ("draft", "expired"): {"clock"},
    ("sent", "accepted"): {"dealer"},
    ("countered", "accepted"): {"dealer"},
    ("sent", "countered"): {"dealer"},
    ("countered", "sent"): {"owner"},
    ("accepted", "confirmed"): {"owner"},
    ("countered", "confirmed"): {"owner"},
    **{(state, "declined"): {"dealer"} for state in ("sent", "countered", "accepted")},
    **{(state, "expired"): {"clock"} for state in ("sent", "countered", "accepted")},
    **{(state, "withdrawn"): {"owner", "consent"} for state in ("sent", "countered", "accepted")},
    ("confirmed", "confirmed"): {"owner", "dealer"},
    ("confirmed", "cancelled"): {"owner", "dealer", "consent"},
    ("confirmed", "checked-in"): {"dealer"},
    ("confirmed", "no-show"): {"dealer", "clock"},
    ("checked-in", "completed"): {"dealer", "clock"},
}


def proposal(state: ProposalState, **changes: object) -> BookingProposal:
    base = BookingProposal(
        proposal_id="proposal-1",
        version=4,
        state=state,
        customer_id="owner-1",
        vehicle_id="car-1",
        dealer_id="dealer-1",
        grant_id="grant-1",
        need_ids=("need-1",),
        minutes=60,
        slot=ASKED,
        offered=OFFERED,
        payload="{}",
        created_ms=NOW,
        updated_ms=NOW,
        expires_ms=NOW + DAY,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_the_table_is_that_of_the_design() -> None:
    assert {(str(a), str(b)): {str(actor) for actor in who} for (a, b), who in TRANSITIONS.items()} == DESIGN


@pytest.mark.parametrize(("state", "to", "actor"), list(product(S, S, A)))
def test_what_stands_in_the_table_is_walked_and_everything_else_is_a_conflict(
    state: ProposalState, to: ProposalState, actor: Actor
) -> None:
    before = proposal(state)
    # A driver walks where the owner does.
    whose = "owner" if actor is A.DRIVER else str(actor)
    if whose in DESIGN.get((str(state), str(to)), set()):
        after = before.to(to, actor, NOW + 5)
        assert (after.state, after.version, after.updated_ms) == (to, 5, NOW + 5)
    else:
        with pytest.raises(Conflict):
            before.to(to, actor, NOW + 5)


@settings(deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from(S), st.sampled_from(A)), max_size=30))
def test_whatever_is_tried_versions_grow_by_one_and_an_end_is_an_end(
    steps: list[tuple[ProposalState, Actor]],
) -> None:
    now = proposal(S.DRAFT, version=1)
    for to, actor in steps:
        try:
            after = now.to(to, actor, NOW)
        except Conflict:
            continue
        assert not now.state.is_over
        assert after.version == now.version + 1
        assert after.slots_held == () or not after.state.is_over
        now = after


@pytest.mark.parametrize("state", [S.SENT, S.COUNTERED, S.ACCEPTED])
def test_nobody_answers_an_expired_proposal_any_more(state: ProposalState) -> None:
    for (source, to), actors in TRANSITIONS.items():
        for actor in actors & {A.OWNER, A.DEALER}:
            if source is state:
                with pytest.raises(Conflict, match="expired"):
                    proposal(state).to(to, actor, NOW + DAY)


@pytest.mark.parametrize("state", [S.SENT, S.COUNTERED, S.ACCEPTED])
def test_clock_and_consent_end_an_expired_proposal_all_the_same(state: ProposalState) -> None:
    assert proposal(state).to(S.EXPIRED, A.CLOCK, NOW + DAY).state is S.EXPIRED
    assert proposal(state).to(S.WITHDRAWN, A.CONSENT, NOW + DAY).state is S.WITHDRAWN


def test_a_confirmed_appointment_does_not_expire_with_the_offer() -> None:
    assert proposal(S.CONFIRMED).to(S.CHECKED_IN, A.DEALER, NOW + 2 * DAY).state is S.CHECKED_IN


@pytest.mark.parametrize(
    ("state", "held"),
    [
        (S.DRAFT, ()),
        (S.SENT, (ASKED,)),
        (S.COUNTERED, OFFERED),
        (S.ACCEPTED, (ASKED,)),
        (S.CONFIRMED, (ASKED,)),
        (S.CHECKED_IN, (ASKED,)),
        (S.COMPLETED, ()),
        (S.DECLINED, ()),
        (S.EXPIRED, ()),
        (S.WITHDRAWN, ()),
        (S.CANCELLED, ()),
        (S.NO_SHOW, ()),
    ],
)
def test_a_proposal_holds_the_slots_its_state_promises(state: ProposalState, held: tuple[Slot, ...]) -> None:
    assert proposal(state).slots_held == held


def test_a_proposal_without_a_slot_holds_none() -> None:
    assert proposal(S.SENT, slot=None).slots_held == ()


def test_open_is_what_waits_for_someone_and_over_is_what_has_no_way_on() -> None:
    assert {s for s in S if s.is_open} == {S.SENT, S.COUNTERED, S.ACCEPTED}
    assert {s for s in S if s.is_over} == {S.COMPLETED, S.DECLINED, S.EXPIRED, S.WITHDRAWN, S.CANCELLED, S.NO_SHOW}


def test_the_reason_of_an_end_is_kept() -> None:
    ended = proposal(S.SENT).to(S.DECLINED, A.DEALER, NOW, reason="full")
    assert ended.end_reason == "full"
    assert proposal(S.SENT, end_reason="earlier").to(S.ACCEPTED, A.DEALER, NOW).end_reason == "earlier"
