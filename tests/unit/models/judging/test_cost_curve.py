"""The cost curve, held against walking through lives and against what renewal theory says."""

from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from models.judging.cost_curve import YEAR_MS, Costs, cost_curve
from models.judging.lives import lives_of
from models.judging.services import NONE, ItemServices
from tests.unit.models.judging.fleets import UNTIL, Fleet, fleets

COSTS = Costs(on_the_road=5.0, planned=2.0)
scores = st.sampled_from([0.0, 0.2, 0.5, 0.9, float("nan")])


@given(fleets, st.data(), st.booleans(), st.integers(0, 4))
def test_each_point_is_what_walking_through_the_lives_costs(
    fleet: Fleet, data: st.DataObject, acts_below: bool, lead: int
) -> None:
    costs = Costs(5.0, 2.0, lead)
    lives = lives_of(fleet.services, fleet.vehicle, fleet.time_ms, UNTIL)
    drawn = data.draw(st.lists(scores, min_size=len(fleet.decided), max_size=len(fleet.decided)))
    score = np.array(drawn)[lives.order]
    curve = cost_curve(lives, score, costs, unit="", acts_below=acts_below, action=0.5)
    rows = list(zip(lives.life.tolist(), lives.time_ms.tolist(), score.tolist(), strict=True))
    if sum(lives.ended_ms - lives.entered_ms) == 0:
        assert curve is None
        return
    assert curve is not None
    assert curve.at_action is not None
    for point in (*curve.points, curve.at_action):
        road = planned = served = 0
        for life in range(len(lives)):
            own = [(time, s) for whose, time, s in rows if whose == life]
            acted = [time for time, s in own if (s <= point.threshold if acts_below else s >= point.threshold)]
            end = int(lives.ended_ms[life])
            if acted and acted[0] + lead < end:
                planned, end = planned + 1, acted[0] + lead
            else:
                road += bool(lives.is_failed[life])
            served += end - own[0][0]
        assert (point.on_the_road, point.planned) == (road, planned)
        cost = (5.0 * road + 2.0 * planned) / (served / YEAR_MS) if served else None
        assert point.per_year == (pytest.approx(cost) if cost is not None else None)
    # The truth never costs more than never acting, nor does the best schedule.
    assert curve.schedule <= curve.never + 1e-9
    assert lead > 0 or curve.truth <= curve.never


def aged_fleet(rng: np.random.Generator, shape: float) -> tuple[ItemServices, np.ndarray, np.ndarray]:
    """2,000 vehicles whose one item fails after a Weibull life of scale 1,000, all watched from new."""
    life = np.maximum(1, (1000 * rng.weibull(shape, 2000)).astype(np.int64))
    services = ItemServices.of(np.arange(2000), life, ["failed"] * 2000)
    return services, np.arange(2000), np.zeros(2000, dtype=np.int64)


def test_without_ageing_no_schedule_is_better_than_waiting_by_more_than_chance() -> None:
    services, vehicle, time_ms = aged_fleet(np.random.default_rng(1), 1.0)
    curve = cost_curve(lives_of(services, vehicle, time_ms, 10**6), np.zeros(2000), COSTS, unit="")
    assert curve is not None
    assert curve.schedule == pytest.approx(curve.never, rel=0.02)


def test_with_ageing_the_best_schedule_is_that_of_age_replacement() -> None:
    services, vehicle, time_ms = aged_fleet(np.random.default_rng(2), 4.0)
    curve = cost_curve(lives_of(services, vehicle, time_ms, 10**6), np.zeros(2000), COSTS, unit="")
    assert curve is not None
    # Barlow & Hunter: cost(T) = (c_f F(T) + c_p R(T)) / ∫₀ᵀ R, here summed step by step.
    steps = np.arange(1, 3000)
    survival = np.exp(-((steps / 1000) ** 4))
    cost = (5.0 * (1 - survival) + 2.0 * survival) / np.cumsum(survival)
    assert curve.schedule == pytest.approx(float(cost.min()) * YEAR_MS, rel=0.03)
    assert curve.schedule_days is not None
    assert curve.schedule_days * 86_400_000 == pytest.approx(int(steps[cost.argmin()]), rel=0.2)
    assert exp(-((curve.schedule_days * 86_400) ** 4)) > 0.5  # well before half of them have failed


def test_a_life_that_was_entered_late_says_nothing_of_its_youth() -> None:
    services = ItemServices.of([1, 1], [100, 1100], ["replaced", "failed"])
    lives = lives_of(services, np.array([1]), np.array([900]), 5000)
    curve = cost_curve(lives, np.array([0.1]), COSTS, unit="")
    assert curve is not None
    # Served 200 of its 1,000; planned work at any age before 800 would have been before anybody looked.
    assert curve.years == pytest.approx(200 / YEAR_MS)
    assert (curve.schedule, curve.schedule_days) == (curve.never, None)


def test_the_truth_cannot_avert_what_comes_before_the_lead_is_over() -> None:
    lives = lives_of(ItemServices.of([1], [5], ["failed"]), np.array([1]), np.array([0]), 100)
    in_time, too_late = (
        cost_curve(lives, np.array([0.1]), Costs(5.0, 2.0, lead), unit="", action=0.9) for lead in (5, 6)
    )
    assert in_time is not None and too_late is not None
    assert in_time.truth == pytest.approx(in_time.never * 2 / 5)
    assert too_late.truth == too_late.never


def test_work_that_is_done_at_once_for_ever_has_no_cost_per_year() -> None:
    lives = lives_of(ItemServices.of([1], [5], ["failed"]), np.array([1]), np.array([0]), 100)
    curve = cost_curve(lives, np.array([0.7]), COSTS, unit="", action=0.5)
    assert curve is not None and curve.at_action is not None
    assert (curve.at_action.per_year, curve.at_action.planned) == (None, 1)
    assert lives.begun_ms.tolist() == [NONE]


def test_scores_that_say_nothing_give_a_curve_without_points() -> None:
    lives = lives_of(ItemServices.of([1], [5], ["failed"]), np.array([1]), np.array([0]), 100)
    curve = cost_curve(lives, np.array([np.nan]), COSTS, unit="")
    assert curve is not None
    assert (curve.points, curve.at_action) == ((), None)


@pytest.mark.parametrize(
    ("road", "planned", "lead", "field"),
    [(1.0, 1.0, 0, "planned"), (1.0, 0.0, 0, "planned"), (2.0, 1.0, -1, "lead_ms")],
)
def test_costs_that_leave_nothing_to_win_are_refused(road: float, planned: float, lead: int, field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        Costs(road, planned, lead)
    assert raised.value.field == field
