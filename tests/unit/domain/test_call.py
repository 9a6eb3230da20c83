"""The call: the cheapest day less the dealer's lead; dearer failures and wider windows never make it later."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.call import (
    DAY_MS,
    MOST_CHANCE,
    Call,
    ItemCost,
    best_day_ms,
    carried,
    dated_call,
    expected_cost,
    risk_call,
)
from domain.prediction import DueWindow
from tests.support.moments import NOW

LEAD = 28.0


def window(earliest: float, expected: float, latest: float) -> DueWindow:
    """A window of 90 % in days from now."""
    return DueWindow(*(NOW + round(days * DAY_MS) for days in (earliest, expected, latest)), 0.9)


def call_by(due: DueWindow, cost: ItemCost) -> int:
    found = dated_call(due, cost, LEAD, NOW).call_by_ms
    assert found is not None
    return found


costs = st.builds(
    ItemCost,
    work=st.floats(5, 10_000),
    on_road=st.floats(5, 10_000),
    visit=st.floats(0, 300),
    life_days=st.floats(30, 4_000),
)
halves = st.tuples(st.floats(0, 400), st.floats(-20, 900), st.floats(0, 400))
windows = halves.map(lambda h: window(h[1] - h[0], h[1], h[1] + h[2]))


@given(due=windows, cost=costs, dearer=st.floats(1, 50))
def test_a_dearer_failure_never_calls_later(due: DueWindow, cost: ItemCost, dearer: float) -> None:
    assert call_by(due, replace(cost, on_road=cost.on_road * dearer)) <= call_by(due, cost)


@given(due=windows, cost=costs, dearer=st.floats(1, 50))
def test_dearer_work_never_calls_earlier(due: DueWindow, cost: ItemCost, dearer: float) -> None:
    assert call_by(due, replace(cost, work=cost.work * dearer)) >= call_by(due, cost)


@given(half=halves, cost=costs, wider=st.floats(0, 400))
def test_a_wider_window_never_calls_later(half: tuple[float, float, float], cost: ItemCost, wider: float) -> None:
    lower, days, upper = half
    narrow = window(days - lower, days, days + upper)
    wide = window(days - lower - wider, days, days + upper + wider)
    assert call_by(wide, cost) <= call_by(narrow, cost)


@given(half=halves, cost=costs, by=st.integers(-300, 300))
def test_a_window_that_moves_by_days_moves_the_call_by_as_many(
    half: tuple[float, float, float], cost: ItemCost, by: int
) -> None:
    lower, days, upper = half
    before = window(days - lower, days, days + upper)
    moved = [None if ms is None else ms + by * DAY_MS for ms in (before.earliest_ms, before.expected_ms)]
    after = replace(before, earliest_ms=moved[0], expected_ms=moved[1], latest_ms=(before.latest_ms or 0) + by * DAY_MS)
    assert call_by(after, cost) == call_by(before, cost) + by * DAY_MS


@given(due=windows, cost=costs)
def test_where_a_failure_is_dear_the_work_is_done_before_the_earliest_date(due: DueWindow, cost: ItemCost) -> None:
    dear = replace(cost, on_road=cost.work / cost.life_days * 20 * 200)  # 5 % of any of these windows
    assert due.earliest_ms is not None
    assert call_by(due, dear) <= due.earliest_ms - LEAD * DAY_MS + 1


@given(due=windows, cost=costs, ahead=st.floats(0, 1))
def test_no_day_that_leaves_most_chances_is_cheaper_than_the_best(due: DueWindow, cost: ItemCost, ahead: float) -> None:
    """Against the cost itself, at any day until the one by which it fails with the most chance that is taken."""
    best = best_day_ms(due, cost)
    assert best is not None and due.expected_ms is not None
    now_ms = best - 200 * DAY_MS
    last = best_day_ms(due, replace(cost, work=1e12))
    assert last is not None and best <= last <= due.expected_ms
    day = now_ms + round(ahead * (last - now_ms))
    least = expected_cost(due, cost, best, now_ms)
    assert least <= expected_cost(due, cost, day, now_ms) + 1e-6 * (cost.work + cost.on_road)


@given(due=windows, cost=costs)
def test_nobody_is_called_for_a_day_by_which_it_may_well_have_failed(due: DueWindow, cost: ItemCost) -> None:
    best = best_day_ms(due, cost)
    assert best is not None and due.expected_ms is not None and due.earliest_ms is not None
    assume(due.expected_ms - due.earliest_ms > DAY_MS)
    risk_only = ItemCost(1e-6, 1.0, 0.0, 1e9)  # its cost is the probability of failing, and nothing else
    assert expected_cost(due, risk_only, best, due.earliest_ms - 10**12) <= MOST_CHANCE + 1e-6


@given(due=windows, cost=costs, day=st.floats(0, 900))
def test_costs_are_sums_of_what_may_happen(due: DueWindow, cost: ItemCost, day: float) -> None:
    spent = expected_cost(due, cost, NOW + round(day * DAY_MS), NOW)
    assert spent - cost.visit >= 0
    assert expected_cost(due, replace(cost, visit=0.0), NOW + round(day * DAY_MS), NOW) == pytest.approx(
        spent - cost.visit, abs=1e-6
    )


PADS = ItemCost(250, 300, 60, 1100)


def test_the_best_day_stands_where_another_day_of_life_costs_as_much_as_the_risk_of_it() -> None:
    due = window(170, 200, 230)
    best = best_day_ms(due, PADS)
    assert best is not None
    step = [expected_cost(due, PADS, best + n * DAY_MS, NOW) for n in (-1, 0, 1)]
    assert step[1] < step[0] and step[1] < step[2]
    assert (best - NOW) / DAY_MS == pytest.approx(200 - 49.5, abs=0.1)


def test_a_call_says_what_coming_now_costs_and_what_coming_later_does() -> None:
    early, due, past = (dated_call(window(d - 20, d, d + 20), PADS, LEAD, NOW) for d in (200, 60, 3))
    assert early.call_by_ms is not None and early.call_by_ms > NOW + 100 * DAY_MS
    assert early.cost_now is not None and early.cost_later is not None and early.cost_later < early.cost_now
    for call in (due, past):
        assert call.call_by_ms is not None and call.call_by_ms <= NOW and call.best_day_ms == NOW + LEAD * DAY_MS
        assert call.cost_now is not None and call.cost_later is not None and call.cost_now < call.cost_later


def test_a_date_without_doubt_is_the_best_day() -> None:
    call = dated_call(window(50, 50, 50), PADS, LEAD, NOW)
    assert (call.best_day_ms, call.call_by_ms) == (NOW + 50 * DAY_MS, NOW + 22 * DAY_MS)
    assert call.cost_later == PADS.visit, "on the day itself it is in time, and nothing is given away"
    assert dated_call(window(-9, -9, -9), PADS, LEAD, NOW).cost_now == PADS.on_road + PADS.visit


@pytest.mark.parametrize("due", [DueWindow(None, None, None, 0.9), DueWindow(NOW, None, None, 0.9)])
def test_what_is_out_of_sight_is_not_called(due: DueWindow) -> None:
    assert dated_call(due, PADS, LEAD, NOW) == Call(None, None, None, None)


def test_a_window_without_an_end_is_as_wide_above_as_below() -> None:
    open_ended = replace(window(100, 120, 140), latest_ms=None)
    assert expected_cost(open_ended, PADS, NOW, NOW) == expected_cost(window(100, 120, 140), PADS, NOW, NOW)


BATTERY = ItemCost(190, 300, 60)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.52, 0.9])
def test_a_hazard_is_seen_to_where_coming_for_nothing_costs_less_than_the_risk(share: float) -> None:
    call = risk_call({7: share / 9, 90: share}, BATTERY, 14, NOW, is_due=share >= BATTERY.risk)
    assert call.cost_now is not None and call.cost_later is not None
    assert (call.cost_now <= call.cost_later) is (share >= BATTERY.risk) is (call.call_by_ms == NOW)
    assert call.best_day_ms == (NOW + 14 * DAY_MS if share >= BATTERY.risk else None)


def test_a_shared_visit_lowers_the_risk_that_is_worth_it_and_a_dear_one_never_makes_it_certain() -> None:
    assert BATTERY.shared_risk < BATTERY.risk < 1.0
    assert ItemCost(10, 5, 500).risk == 0.99


@given(share=st.floats(0, 0.9), days=st.integers(1, 300))
def test_a_probability_is_carried_there_and_back(share: float, days: int) -> None:
    assert carried(carried(share, 90, days), days, 90) == pytest.approx(share, abs=1e-9)
