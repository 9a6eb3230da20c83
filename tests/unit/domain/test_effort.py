"""Minutes: what steps take people, beside the telephone, by the table in docs/minutes-saved.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from domain.effort import BY_PHONE, CANCEL_BY_PHONE, MINUTES, MOVE_BY_PHONE, by_phone, spent
from domain.proposal import TRANSITIONS, Actor, ProposalState

PAGE = (Path(__file__).parents[3] / "docs" / "minutes-saved.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("actor", [Actor.CLOCK, Actor.CONSENT])
def test_what_nobody_does_takes_nobody_time(actor: Actor) -> None:
    assert {spent(state, actor) for state in ProposalState} == {0.0}


def test_every_step_that_a_person_takes_before_the_visit_counts() -> None:
    visit = {ProposalState.CHECKED_IN, ProposalState.COMPLETED, ProposalState.NO_SHOW}
    people = {Actor.OWNER, Actor.DEALER}
    steps = {(to, actor) for (_, to), actors in TRANSITIONS.items() for actor in actors & people if to not in visit}
    assert steps | {(ProposalState.DRAFT, Actor.OWNER)} == set(MINUTES)


def test_the_page_lists_the_figures_of_the_table() -> None:
    numbers = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", PAGE)}
    assert {BY_PHONE, MOVE_BY_PHONE, CANCEL_BY_PHONE, *MINUTES.values()} <= numbers


def test_a_move_is_not_another_booking() -> None:
    S = ProposalState  # noqa: N806 - as in the table
    assert by_phone(S.ACCEPTED, S.CONFIRMED) == BY_PHONE
    assert by_phone(S.CONFIRMED, S.CONFIRMED) == MOVE_BY_PHONE
    assert by_phone(S.CONFIRMED, S.CANCELLED) == CANCEL_BY_PHONE
    assert by_phone(None, S.DRAFT) == by_phone(S.SENT, S.EXPIRED) == 0.0
