"""Every part is followed to its limit, also when it was taken out before."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.years.calendar_law import check_law
from simulators.years.demand import DayDemand
from simulators.years.pad_law import PadLaw
from simulators.years.parts import PartLedger
from tests.unit.simulators.years.conftest import CARS, DAYS, START_DAY, RunFleet


def demand(day: int, cars: int, **changes: float) -> DayDemand:
    values = {name: np.zeros(cars) for name in DayDemand.__slots__ if name != "day"}
    values |= {"is_built": np.ones(cars), "ambient_c": np.full(cars, 15.0), "lowest_c": np.full(cars, 10.0)}
    values |= {name: np.full(cars, value) for name, value in changes.items()}
    return DayDemand(day=day, **values)


def pads(cars: int = 3) -> PadLaw:
    law = PadLaw(np.ones(cars, dtype=bool), np.random.default_rng(1), is_front=True)
    law.begin(np.full(cars, 100), np.zeros(cars), np.ones(cars))
    return law


def test_a_part_taken_out_goes_on_to_its_limit_on_paper() -> None:
    law = pads()
    for day in range(100, 150):
        law.step(demand(day, 3, front_mm=0.1))
        law.note_limits(day)
    law.replace(np.array([1]), 150)
    for day in range(150, 400):
        law.step(demand(day, 3, front_mm=0.1))
        law.note_limits(day)
    book = law.ledger
    assert book.car.tolist() == [0, 1, 2, 1]
    assert book.removed_day.tolist() == [-1, 150, -1, -1]
    assert (book.limit_day[:3] > 200).all()  # 9 mm at 0.065 mm a day, with scatter
    assert abs(int(book.limit_day[3] - book.limit_day[1]) - 50) <= 30


def test_more_parts_than_places_lose_only_the_eldest_that_wait() -> None:
    law = pads(1)
    for day in range(100, 105):
        law.replace(np.array([0]), day)
    assert law.row[:, 0].tolist()[0] == 5
    assert sorted(law.row[1:, 0].tolist()) == [2, 3, 4]


def test_nothing_brakes_nothing_but_rust() -> None:
    law = pads()
    law.step(demand(100, 3))
    assert law.left_mm[0] == pytest.approx(12.0, abs=0.002)


def test_the_check_is_due_by_days_or_by_kilometres() -> None:
    law = check_law(np.ones(2, dtype=bool), np.random.default_rng(1))
    law.begin(np.zeros(2, dtype=np.int64), np.zeros(2), np.ones(2))
    for day in range(400):
        asked = demand(day, 2)
        asked.km[1] = 200.0
        law.step(asked)
        law.note_limits(day)
    assert law.ledger.limit_day.tolist() == [364, 149]


def test_a_ledger_grows_and_keeps_what_it_has() -> None:
    book = PartLedger()
    for day in range(40):
        book.add(np.arange(100), np.full(100, day))
    assert book.size == 4_000
    assert book.installed_day[::100].tolist() == list(range(40))
    assert (book.limit_day == -1).all()


def test_lives_are_in_order_and_each_car_has_one_part_at_a_time(ran: RunFleet) -> None:
    for item, lives in ran.fleet.truth.lives.items():
        reached = lives.limit_day >= 0
        assert (lives.limit_day[reached] >= lives.installed_day[reached]).all(), item
        removed = lives.removed_day >= 0
        assert (lives.removed_day[removed] >= lives.installed_day[removed]).all(), item
        assert lives.limit_day.max(initial=-1) < ran.fleet.truth.followed_until
        for day in (START_DAY, START_DAY + DAYS - 1):
            at = lives.in_use(day, CARS)
            on_road = (lives.installed_day <= day) & ((lives.removed_day < 0) | (lives.removed_day > day))
            assert on_road.sum() == (at >= 0).sum(), item


def test_most_limits_are_known_and_some_were_never_reached_on_the_road(ran: RunFleet) -> None:
    """What was taken out early is what no workshop learns, and a model must be judged on too."""
    lives = ran.fleet.truth.lives["front_brake_pads"]
    taken = (lives.removed_day >= START_DAY) & (lives.removed_day < START_DAY + DAYS)
    assert (lives.limit_day[taken] >= 0).mean() > 0.85
    early = lives.limit_day[taken] > lives.removed_day[taken]
    assert 0.3 < early.mean() < 0.98


def test_the_truth_answers_for_the_part_in_use(ran: RunFleet) -> None:
    truth = ran.fleet.truth
    limit = truth.limit_day("front_brake_pads", START_DAY + 100)
    lives = truth.lives["front_brake_pads"]
    at = lives.in_use(START_DAY + 100, CARS)
    assert (limit[at >= 0] == lives.limit_day[at[at >= 0]]).all()
    assert (limit[at < 0] == -1).all()
    with pytest.raises(KeyError):
        truth.limit_day("horn", START_DAY)
