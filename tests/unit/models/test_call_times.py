"""The calls of a block are those of its predictions one by one, and let go of no need that the rule keeps."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.call import ItemCost, best_day_ms
from domain.need import NeedRule
from domain.prediction import DueWindow
from models.call_times import CallTimes
from models.vehicle_state import DAY_MS, UNKNOWN
from tests.support.moments import NOW
from tests.support.predictions import wear

RULES = [
    NeedRule(ItemCost(250, 300, 60, 1100)),
    NeedRule(ItemCost(45, 10, 60, 500), lead_days=7, join_within_days=0, hold_days=30),
    NeedRule(ItemCost(8000, 600, 60, 3650), lead_days=60, join_within_days=40, hold_days=1),
    NeedRule(ItemCost(190, 300, 60), lead_days=0),
]
CALLS = CallTimes(RULES)

said = st.one_of(st.none(), st.tuples(st.floats(0, 500), st.floats(-5, 900)))
cars = st.lists(st.tuples(*(said for _ in RULES)), min_size=1, max_size=6)


def moment(days: float) -> int:
    return NOW + round(days * DAY_MS)


@given(cars=cars)
def test_a_block_gives_the_calls_of_its_predictions_one_by_one(
    cars: list[tuple[tuple[float, float] | None, ...]],
) -> None:
    earliest, expected = (
        np.array([[UNKNOWN if own is None else moment(own[1] - back * own[0]) for own in car] for car in cars])
        for back in (1, 0)
    )
    event_ms = np.full(len(cars), NOW)
    ahead = CALLS.days_ahead(event_ms, earliest, expected)
    let_go = CALLS.let_go(event_ms, earliest, expected)
    for row, car in enumerate(cars):
        for place, (rule, own) in enumerate(zip(RULES, car, strict=True)):
            if own is None:
                assert np.isinf(ahead[row, place]) and let_go[row, place]
                continue
            window = DueWindow(moment(own[1] - own[0]), moment(own[1]), None, 0.9)
            best = best_day_ms(window, rule.cost)
            assert best is not None
            assert abs((best - NOW) / DAY_MS - rule.lead_days - ahead[row, place]) < 1e-6
            is_let_go = rule.lets_go(wear(0, window=window))
            assert is_let_go or not let_go[row, place], "what may keep a need is told"
            limit = ahead[row, place] - rule.join_within_days - max(rule.hold_days, own[0] * 0.616)
            assert bool(let_go[row, place]) is is_let_go or abs(limit) < 0.2


def test_a_car_says_the_same_whoever_else_is_in_the_block() -> None:
    rnd = np.random.default_rng(3)
    expected = NOW + (rnd.uniform(-5, 700, (300, len(RULES))) * DAY_MS).astype(np.int64)
    earliest = expected - (rnd.uniform(0, 300, expected.shape) * DAY_MS).astype(np.int64)
    event_ms = NOW - rnd.integers(0, DAY_MS, len(expected))
    together = CALLS.days_ahead(event_ms, earliest, expected)
    alone = [CALLS.days_ahead(event_ms[[n]], earliest[[n]], expected[[n]]) for n in range(len(expected))]
    assert together.tobytes() == np.concatenate(alone).tobytes()
