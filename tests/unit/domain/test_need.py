"""A need opens, moves and closes with hysteresis, and nothing old or repeated changes it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.call import ItemCost
from domain.errors import Conflict
from domain.need import (
    LIVE,
    TRANSITIONS,
    MaintenanceNeed,
    NeedRule,
    NeedState,
    Severity,
    has_moved,
    is_new_evidence,
    open_need,
    weigh,
)
from domain.prediction import DueWindow, Prediction
from tests.support.moments import DAY, NOW
from tests.support.predictions import hazard, wear, window

PADS = NeedRule(ItemCost(250, 300, 60, 1100))  # of the tests' windows the best day is 5.1 days before the expected
BATTERY = NeedRule(ItemCost(190, 300, 60), action_probability=0.2, join_probability=0.15, close_probability=0.1)


def pads_need(days: float = 20) -> MaintenanceNeed:
    return open_need("need-1", wear(days), PADS, NOW)


def later(days: float | None, n: int) -> Prediction:
    """The n-th prediction after the one that opened the need, an hour apart."""
    return wear(days, event_ms=NOW + n * 3_600_000, seq=n)


@pytest.mark.parametrize(("days", "calls"), [(33.1, True), (33.2, False), (-3, True), (None, False)])
def test_a_wear_item_calls_a_dealers_lead_before_its_best_day(days: float | None, calls: bool) -> None:
    assert PADS.calls(wear(days)) is calls


@pytest.mark.parametrize(("days", "lets_go"), [(64.1, False), (64.2, True), (20, False), (None, True)])
def test_it_is_let_go_only_well_beyond_where_it_called(days: float | None, lets_go: bool) -> None:
    assert PADS.lets_go(wear(days)) is lets_go


@pytest.mark.parametrize(("share", "calls", "lets_go"), [(0.2, True, False), (0.15, False, False), (0.09, False, True)])
def test_a_hazard_calls_and_is_let_go_by_its_probability(share: float, calls: bool, lets_go: bool) -> None:
    assert (BATTERY.calls(hazard(share)), BATTERY.lets_go(hazard(share))) == (calls, lets_go)


def test_a_hazard_that_says_nothing_of_the_horizon_does_not_call() -> None:
    assert not BATTERY.calls(hazard(0.9, probability={7: 0.9}))


def test_a_model_that_is_still_learning_neither_calls_nor_speaks_against() -> None:
    assert not PADS.calls(wear(1, is_ready=False))
    assert not PADS.lets_go(wear(400, is_ready=False))
    need = pads_need()
    assert weigh(need, replace(later(400, 1), is_ready=False), PADS, NOW) is need


@pytest.mark.parametrize(
    ("days", "severity"), [(7, Severity.URGENT), (8, Severity.SOON), (21, Severity.SOON), (22, Severity.ADVISORY)]
)
def test_the_nearer_the_day_the_more_pressing(days: float, severity: Severity) -> None:
    assert PADS.severity(wear(days)) is severity


@pytest.mark.parametrize(("share", "severity"), [(0.2, Severity.SOON), (0.4, Severity.URGENT)])
def test_a_hazard_is_urgent_at_twice_its_action_level(share: float, severity: Severity) -> None:
    assert BATTERY.severity(hazard(share)) is severity


def test_a_need_cites_the_prediction_it_rests_on() -> None:
    prediction = wear(20)
    need = open_need("need-1", prediction, PADS, NOW + 5)
    assert (need.state, need.opened_ms, need.updated_ms) == (NeedState.OPEN, NOW + 5, NOW + 5)
    assert (need.prediction_id, need.uploads, need.features) == (
        prediction.id,
        prediction.uploads,
        dict(prediction.features),
    )
    assert need.reason == prediction.reason
    assert need.model_version == prediction.model_version


def test_a_need_moves_when_the_date_moved_materially() -> None:
    moved = weigh(pads_need(20), later(10, 1), PADS, NOW + 9)
    assert moved.window == later(10, 1).window
    assert (moved.prediction_id, moved.updated_ms, moved.state) == (later(10, 1).id, NOW + 9, NeedState.OPEN)


def test_a_need_is_not_told_anew_for_a_day() -> None:
    after = weigh(pads_need(20), later(19, 1), PADS, NOW + 9)
    assert (after.window, after.prediction_id, after.updated_ms) == (window(20), wear(20).id, NOW)


def test_a_need_that_became_more_pressing_is_told_even_if_the_date_hardly_moved() -> None:
    need = pads_need(8)
    after = weigh(need, later(6.5, 1), PADS, NOW)
    assert (need.severity, after.severity) == (Severity.SOON, Severity.URGENT)


def test_one_prediction_that_speaks_against_does_not_close_a_need_and_three_in_a_row_do() -> None:
    need = pads_need()
    for n in (1, 2):
        need = weigh(need, later(90, n), PADS, NOW)
        assert (need.state, need.contrary) == (NeedState.OPEN, n)
    closed = weigh(need, later(90, 3), PADS, NOW + 7)
    assert (closed.state, closed.end_reason, closed.updated_ms) == (
        NeedState.CLOSED,
        "the evidence has gone",
        NOW + 7,
    )


def test_one_odd_day_does_not_close_a_need_however_often_it_speaks() -> None:
    patient = replace(PADS, closes_after_days=3)
    need = pads_need()
    for hours in range(1, 24):
        need = weigh(need, later(90, hours), patient, NOW)
    assert need.state is NeedState.OPEN
    assert weigh(need, later(90, 1 + 3 * 24 - 1), patient, NOW).state is NeedState.OPEN
    assert weigh(need, later(90, 1 + 3 * 24), patient, NOW).state is NeedState.CLOSED


def test_the_count_begins_again_when_a_prediction_speaks_for_the_need() -> None:
    need = pads_need()
    for n, days in enumerate([90, 90, 20, 90, 90], start=1):
        need = weigh(need, later(days, n), PADS, NOW)
    assert (need.state, need.contrary) == (NeedState.OPEN, 2)


def test_between_the_two_levels_nothing_opens_and_nothing_closes() -> None:
    between = later(50, 1)
    assert not PADS.calls(between)
    need = pads_need()
    for n in range(1, 20):
        need = weigh(need, later(50, n), PADS, NOW)
    assert need.state is NeedState.OPEN


def test_a_need_says_what_it_was_called_by() -> None:
    call = pads_need(20).call
    assert call == PADS.call(wear(20)) and call is not None
    assert call.call_by_ms == pytest.approx(NOW + (20 - 5.14 - 28) * DAY, abs=0.01 * DAY)
    assert call.best_day_ms == NOW + 28 * DAY, "the best day that a dealer can still have"
    moved = weigh(pads_need(20), later(10, 1), PADS, NOW)
    assert moved.call == PADS.call(later(10, 1))


@settings(deadline=None)
@given(
    spread=st.floats(0.0, 200.0),
    opened=st.floats(-5.0, 60.0),
    noise=st.lists(st.floats(-1.0, 1.0), min_size=3, max_size=30),
    is_joined=st.booleans(),
)
def test_noise_within_the_standard_deviation_of_the_window_never_closes_a_need(
    spread: float, opened: float, noise: list[float], is_joined: bool
) -> None:
    """Whether it was called for itself or joined another."""

    def said(days: float, n: int) -> Prediction:
        at = NOW + n * DAY
        half, expected = round(spread * math.log(19) * math.sqrt(3) / math.pi * DAY), at + round(days * DAY)
        return wear(0, event_ms=at, seq=n, window=DueWindow(expected - half, expected, expected + half, 0.9))

    first = said(opened, 0)
    assume(PADS.joins(first, [NOW + 28 * DAY]) if is_joined else PADS.calls(first))
    need = open_need("need-1", first, PADS, NOW)
    for n, off in enumerate(noise, start=1):
        need = weigh(need, said(opened + off * spread, n), PADS, NOW)
    assert need.state is NeedState.OPEN


@pytest.mark.parametrize(
    ("days", "visits", "joins"),
    [
        (40, [NOW + 28 * DAY], True),
        (40, [NOW + 21 * DAY], True),  # nobody comes sooner than a dealer can have them
        (47, [NOW + 28 * DAY], True),
        (47.5, [NOW + 28 * DAY], False),  # its own call is more than a fortnight away
        (40, [NOW + 60 * DAY], False),
        (40, [NOW + 60 * DAY, NOW + 30 * DAY], True),
        (40, [], False),
        (None, [NOW + 28 * DAY], False),
    ],
)
def test_an_item_joins_a_visit_that_is_near_its_own_best_day(
    days: float | None, visits: list[int], joins: bool
) -> None:
    assert not PADS.calls(wear(40))
    assert PADS.joins(wear(days), visits) is joins
    assert not PADS.joins(wear(days, is_ready=False), visits)


def test_an_item_whose_life_is_dear_joins_nothing_that_costs_more_than_a_visit() -> None:
    dear = NeedRule(ItemCost(8_000, 20_000, 60, 1000))
    assert dear.joins(wear(37), [NOW + 28 * DAY])
    assert not dear.joins(wear(46), [NOW + 28 * DAY])


@pytest.mark.parametrize(("share", "joins"), [(0.15, True), (0.14, False)])
def test_a_hazard_joins_a_visit_at_a_lower_probability(share: float, joins: bool) -> None:
    assert not BATTERY.calls(hazard(share))
    assert BATTERY.joins(hazard(share), [NOW + 28 * DAY]) is joins
    assert not BATTERY.joins(hazard(share), [NOW + 90 * DAY])


@pytest.mark.parametrize("state", sorted(LIVE - {NeedState.BOOKED}))
def test_every_live_need_but_a_booked_one_closes_itself(state: NeedState) -> None:
    need = replace(pads_need(), state=state)
    for n in range(1, 4):
        need = weigh(need, later(90, n), PADS, NOW)
    assert need.state is NeedState.CLOSED


def test_a_booked_need_never_closes_by_itself() -> None:
    need = replace(pads_need(), state=NeedState.BOOKED)
    for n in range(1, 30):
        need = weigh(need, later(None, n), PADS, NOW)
    assert need.state is NeedState.BOOKED


histories = st.lists(
    st.tuples(st.integers(-3, 12), st.sampled_from([5.0, 19.0, 20.0, 33.0, 50.0, 90.0, None])), min_size=1, max_size=12
)


@settings(deadline=None)
@given(history=histories)
def test_a_replay_of_everything_so_far_changes_nothing(history: list[tuple[int, float | None]]) -> None:
    def play(need: MaintenanceNeed) -> MaintenanceNeed:
        for n, days in history:
            if need.state.is_live:
                need = weigh(need, later(days, n), PADS, NOW)
        return need

    once = play(pads_need())
    assert play(once) == once


@settings(deadline=None)
@given(history=histories)
def test_a_prediction_that_is_not_newer_than_the_evidence_changes_nothing(
    history: list[tuple[int, float | None]],
) -> None:
    need = replace(pads_need(), event_ms=NOW + 20 * 3_600_000)
    for n, days in history:
        assert weigh(need, later(days, n), PADS, NOW + DAY) is need


@pytest.mark.parametrize("to", NeedState)
@pytest.mark.parametrize("state", NeedState)
def test_only_the_arrows_of_the_table_are_walked(state: NeedState, to: NeedState) -> None:
    need = replace(pads_need(), state=state)
    if to in TRANSITIONS[state]:
        assert need.to(to, NOW + 1).state is to
    else:
        with pytest.raises(Conflict, match=f"a need that is {state} cannot become {to}"):
            need.to(to, NOW + 1)


def test_the_arrows_are_those_of_the_design() -> None:
    """Design note 1: which need may become what; a snooze that runs out lets the need be reminded again."""
    ended = {NeedState.RESOLVED, NeedState.CLOSED, NeedState.DISMISSED}
    expected = {
        NeedState.OPEN: {NeedState.REMINDED, NeedState.SNOOZED, NeedState.BOOKED} | ended,
        NeedState.REMINDED: {NeedState.SNOOZED, NeedState.BOOKED} | ended,
        NeedState.SNOOZED: {NeedState.REMINDED, NeedState.BOOKED} | ended,
        NeedState.BOOKED: {NeedState.OPEN} | ended,
    }
    assert {state: expected.get(state, set()) for state in NeedState} == TRANSITIONS
    assert expected.keys() == LIVE


def test_a_snooze_keeps_its_end_and_loses_it_on_waking() -> None:
    snoozed = pads_need().to(NeedState.SNOOZED, NOW, until_ms=NOW + DAY)
    assert (snoozed.snoozed_until_ms, snoozed.was_reminded) == (NOW + DAY, False)
    woken = snoozed.to(NeedState.REMINDED, NOW + DAY)
    assert (woken.snoozed_until_ms, woken.was_reminded) == (None, True)


def test_a_need_remembers_that_its_owner_was_reminded() -> None:
    need = pads_need().to(NeedState.REMINDED, NOW).to(NeedState.BOOKED, NOW).to(NeedState.OPEN, NOW)
    assert need.was_reminded


def test_an_end_keeps_its_reason() -> None:
    assert pads_need().to(NeedState.DISMISSED, NOW, reason="done elsewhere").end_reason == "done elsewhere"


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [(20, 23, True), (20, 22.9, False), (20, 17, True), (None, None, False), (None, 20, True), (20, None, True)],
)
def test_a_window_moves_by_three_days_or_in_and_out_of_sight(
    before: float | None, after: float | None, moved: bool
) -> None:
    assert has_moved(window(before), window(after)) is moved


@pytest.mark.parametrize(("days", "is_new"), [(20, False), (6.1, False), (6, True), (None, False)])
def test_a_dismissed_need_returns_only_when_due_two_weeks_earlier(days: float | None, is_new: bool) -> None:
    dismissed = pads_need(20).to(NeedState.DISMISSED, NOW)
    assert is_new_evidence(dismissed, wear(days, event_ms=NOW)) is is_new


@pytest.mark.parametrize(("share", "is_new"), [(0.2, False), (0.29, False), (0.31, True)])
def test_a_dismissed_hazard_returns_only_when_half_as_likely_again(share: float, is_new: bool) -> None:
    dismissed = open_need("need-1", hazard(0.2), BATTERY, NOW).to(NeedState.DISMISSED, NOW)
    assert is_new_evidence(dismissed, hazard(share)) is is_new


def test_a_date_that_comes_into_sight_is_new_evidence() -> None:
    dismissed = replace(pads_need(), window=window(None)).to(NeedState.DISMISSED, NOW)
    assert is_new_evidence(dismissed, wear(300))


def test_a_window_runs_from_earliest_to_latest_and_may_have_no_end() -> None:
    assert DueWindow(NOW, NOW + 1, None, 0.9).latest_ms is None
    with pytest.raises(ValueError, match="from earliest over expected to latest"):
        DueWindow(NOW + 2, NOW + 1, None, 0.9)
