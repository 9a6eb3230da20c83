"""What is told: all that may change a need, and what a person would see move; needs live as if all were told."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.catalogue_file import load_catalogue
from domain.catalogue import Catalogue
from domain.need import MaintenanceNeed, NeedState, is_new_evidence, open_need, weigh
from domain.prediction import Prediction
from domain.service_record import ServiceOutcome
from models.causes import Causes
from models.prediction_row import IS_DATED, IS_KNOWN, IS_READY, IS_TOLD, PredictionLayout, Rows
from models.predictor import Predictor
from models.told import Telling, forget_told
from models.vehicle_state import DAY_MS, UNKNOWN, StateLayout
from models.words import words
from tests.unit.models.conftest import CATALOGUE, START_MS, Car
from tests.unit.models.test_wear import PADS, record

FLEET = load_catalogue(CATALOGUE.with_name("ten_items.yaml"))
STATES, ROWS = StateLayout(FLEET), PredictionLayout(FLEET)
TELLING = Telling(FLEET, ROWS)
HOUR_MS = 3_600_000


@dataclass
class Office:
    """What becomes of the needs of a car, as the use cases make them of the predictions that they hear."""

    catalogue: Catalogue = FLEET
    live: dict[str, MaintenanceNeed] = field(default_factory=dict)
    latest: dict[str, MaintenanceNeed] = field(default_factory=dict)
    served_ms: dict[str, int] = field(default_factory=dict)
    steps: list[tuple[object, ...]] = field(default_factory=list)

    def hear(self, prediction: Prediction) -> None:
        item, rule = prediction.item, self.catalogue.items[prediction.item].need_rule
        if self.served_ms.get(item, 0) > prediction.served_ms:
            return
        need, latest = self.live.get(item), self.latest.get(item)
        if need is None:
            is_older = latest is not None and prediction.event_ms <= latest.event_ms
            is_refused = latest is not None and latest.state is NeedState.DISMISSED
            is_news = latest is None or not is_refused or is_new_evidence(latest, prediction)
            if rule.calls(prediction) and not is_older and is_news:
                self._keep(open_need(f"need-{prediction.id}", prediction, rule, prediction.event_ms))
            return
        self._keep(weigh(need, prediction, rule, prediction.event_ms))

    def act(self, item: str, state: NeedState, at_ms: int) -> bool:
        """A person books, dismisses or gives up a visit; false when there is no need that this could happen to."""
        need = self.live.get(item)
        allowed = {NeedState.OPEN: NeedState.BOOKED, NeedState.BOOKED: NeedState.OPEN}
        if need is None or (state is NeedState.OPEN and need.state is not allowed[state]):
            return False
        if state is NeedState.BOOKED and need.state is not NeedState.OPEN:
            return False
        self._keep(need.to(state, at_ms))
        return True

    def serve(self, item: str, at_ms: int) -> None:
        self.served_ms[item] = at_ms
        if item in self.live:
            self._keep(self.live[item].to(NeedState.RESOLVED, at_ms))

    def _keep(self, need: MaintenanceNeed) -> None:
        before = self.latest.get(need.item)
        self.latest[need.item] = need
        self.live[need.item] = need
        if not need.state.is_live:
            del self.live[need.item]
        shown = (need.need_id, need.state, need.severity, need.window, need.prediction_id, need.updated_ms)
        if before is None or shown != (
            before.need_id, before.state, before.severity, before.window, before.prediction_id, before.updated_ms,
        ):  # fmt: skip
            self.steps.append(shown)


class History:
    """A car whose predictions wander as no car's would: dates and chances rise, fall, jump and go out of sight."""

    def __init__(self, seed: int) -> None:
        self.rnd = random.Random(seed)
        self.states = STATES.block(FLEET, [None], [0])
        self.event_ms = START_MS
        self.days = {item: self.rnd.uniform(0, 120) for item in ROWS.items}
        self.chance = {item: self.rnd.uniform(0, 0.3) for item in ROWS.items}
        self.served_ms = dict.fromkeys(ROWS.items, 0)
        self.is_ready = {item: self.rnd.random() < 0.8 for item in ROWS.items}

    def step(self) -> Rows:
        rnd = self.rnd
        self.event_ms += rnd.choice([1, HOUR_MS, 7 * HOUR_MS, 30 * HOUR_MS, 3 * DAY_MS])
        rows = ROWS.empty(1)
        rows["event_ms"], rows["cause"]["boot"] = self.event_ms, b"b"
        rows["cause"]["seq"] = rnd.randrange(2**31)
        for item, (kind, place) in ROWS.places.items():
            self._wander(item)
            own = rows[kind][0, place]
            ready = self.is_ready[item] * IS_READY
            own["flags"], own["served_ms"] = ready | IS_KNOWN | IS_DATED, self.served_ms[item]
            days = self.days[item]
            for name, off in (("earliest_ms", -3), ("expected_ms", 0), ("latest_ms", 9)):
                own[name] = UNKNOWN if days > 150 else self.event_ms + round(max(0.0, days + off) * DAY_MS)
            own["health"] = min(max(days / 200, 0), 1)
            if kind == "hazard":
                own["probability"] = self.chance[item]
                own["health"] = 1 - min(1.0, self.chance[item] / 0.2)
        return rows

    def _wander(self, item: str) -> None:
        rnd = self.rnd
        self.days[item] = max(-5.0, self.days[item] + rnd.choice([-0.3, -1, 0, 0, 0.2, 2, -4, rnd.gauss(0, 20)]))
        moved = self.chance[item] + rnd.choice([0, 0, 0.004, -0.004, rnd.gauss(0, 0.05)])
        self.chance[item] = min(max(moved, 0.0), 1.0)
        if rnd.random() < 0.04:
            self.is_ready[item] = not self.is_ready[item]
        if rnd.random() < 0.03:
            self.days[item] = rnd.choice([20.0, 44.9, 45.1, 90.0, 400.0])

    def serve(self, item: str) -> None:
        self.served_ms[item] = self.event_ms + 1
        self.days[item], self.chance[item] = 200.0, 0.01
        forget_told(self.states[0], STATES, item)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1_000_000), times=st.sampled_from([1, 1, 3]))
def test_needs_open_move_and_close_as_if_every_prediction_were_told(seed: int, times: int) -> None:
    """Each event is predicted `times` over, as when another item of the car is serviced: that counts as one."""
    history, rnd = History(seed), random.Random(seed)
    hears_all, hears_told = Office(), Office()
    offices = (hears_all, hears_told)
    count = told = 0
    for _ in range(100):
        made = history.step()
        for rows in [made.copy() for _ in range(times)]:
            marks = TELLING.tell(history.states, np.array([0]), rows)[0]
            for item, is_told in zip(ROWS.items, marks.tolist(), strict=True):
                prediction = words(FLEET, ROWS, rows[0], "car-1", item)
                hears_all.hear(prediction)
                if is_told:
                    hears_told.hear(prediction)
                count, told = count + 1, told + is_told
        item, act = rnd.choice(ROWS.items), rnd.random()
        if act < 0.02:
            history.serve(item)
            for office in offices:
                office.serve(item, history.served_ms[item])
        elif act < 0.4:
            done = rnd.choice([NeedState.BOOKED, NeedState.DISMISSED, NeedState.OPEN, NeedState.OPEN])
            have_acted = {office.act(item, done, history.event_ms) for office in offices}
            assert len(have_acted) == 1
            if done is NeedState.OPEN and have_acted == {True}:
                forget_told(history.states[0], STATES)
        assert hears_told.steps == hears_all.steps
    assert told < count


def test_a_real_car_is_told_seldom_and_its_needs_are_the_same(
    new_car: Callable[..., Car], predictor: Predictor, layout: StateLayout
) -> None:
    catalogue = predictor.catalogue
    telling, car = Telling(catalogue, predictor.rows), new_car()
    hears_all, hears_told = Office(catalogue), Office(catalogue)
    count = told = 0

    def predict() -> None:
        nonlocal count, told
        states = np.array([car.state], dtype=layout.dtype)
        rows = predictor.predict_many(states, Causes.newest(states))
        marks = telling.tell(states, np.array([0]), rows)[0]
        car.state["told"], car.state["told_ms"] = states[0]["told"], states[0]["told_ms"]
        for item, is_told in zip(predictor.rows.items, marks.tolist(), strict=True):
            if predictor.rows.is_absent(rows[0], item):
                assert not is_told
                continue
            prediction = words(catalogue, predictor.rows, rows[0], "car-1", item)
            hears_all.hear(prediction)
            if is_told:
                hears_told.hear(prediction)
            if item != PADS:  # they come near their limit, and then all of them is told
                count, told = count + 1, told + is_told

    for item in catalogue.items:
        car.fold.apply_service(
            car.state, record(item, days=-30, odometer_m=59_000_000, record_id=f"r-{item}"), predictor
        )
    for day in range(25):
        for _ in range(2):
            car.drive_days(1, uploads=1)
            predict()
        if day == 12:
            low = record(outcome=ServiceOutcome.MEASURED, days=car.day, odometer_m=0, value=3.02, record_id="r-low")
            car.fold.apply_service(car.state, low, predictor)
            predict()
    assert hears_told.steps == hears_all.steps and hears_all.live[PADS].state is NeedState.OPEN
    assert told < 0.4 * count


class Told:
    """One wear item, told once, far from any need; each step says what the next prediction says, and when."""

    def __init__(self) -> None:
        self.states = STATES.block(FLEET, [None], [0])
        self.now = 0.0
        for day in range(5):  # enough to have spoken against any need
            self.next(day, expected=400.0, health=0.6)

    def next(self, day: float, *, expected: float | None = 400.0, health: float = 0.6, served: int = 0) -> bool:
        """Whether the front pads are told when due in so many days from the start."""
        rows = ROWS.empty(1)
        rows["event_ms"] = START_MS + round(day * DAY_MS)
        for kind in ROWS.by_kind:
            own = rows[kind]
            own["flags"], own["health"], own["served_ms"] = IS_READY | IS_DATED, health, served
            for name in ("earliest_ms", "expected_ms", "latest_ms"):
                own[name] = UNKNOWN if expected is None else START_MS + round(expected * DAY_MS)
        marks = TELLING.tell(self.states, np.array([0]), rows)
        assert ((rows["wear"]["flags"][0] & IS_TOLD) != 0).tolist() == marks[0, : len(ROWS.by_kind["wear"])].tolist()
        return bool(marks[0, ROWS.items.index(PADS)])


class TestWhatMovesMaterially:
    def test_what_stays_as_it_was_told_is_not_told_again_before_a_week_is_over(self) -> None:
        car = Told()
        assert [car.next(4 + k) for k in range(1, 8)] == [False] * 6 + [True]

    @pytest.mark.parametrize(("health", "is_told"), [(0.595, False), (0.605, False), (0.589, True), (0.611, True)])
    def test_health_by_a_hundredth(self, health: float, is_told: bool) -> None:
        assert Told().next(5.5, health=health) is is_told

    @pytest.mark.parametrize(("expected", "is_told"), [(381.0, False), (379.0, True), (419.0, False), (422.0, True)])
    def test_a_date_by_a_twentieth_of_the_time_left(self, expected: float, is_told: bool) -> None:
        assert Told().next(5.5, expected=expected) is is_told

    def test_a_date_that_goes_out_of_sight_or_comes_into_it(self) -> None:
        car = Told()
        assert car.next(5.1, expected=None) and not car.next(5.2, expected=None) and car.next(5.3)

    def test_a_slow_drift_is_told_once_it_has_added_up(self) -> None:
        car = Told()
        told = [expected for expected in range(399, 349, -1) if car.next(5.5, expected=float(expected))]
        assert told == [380, 361]

    def test_near_a_need_everything_is_told(self) -> None:
        car = Told()
        assert [car.next(6 + k / 10, expected=50.9) for k in range(5)] == [True] * 5
        assert car.next(7, expected=53.0)

    def test_a_service_is_told_whatever_it_says(self) -> None:
        car = Told()
        forget_told(car.states[0], STATES, PADS)
        assert car.next(5.5)


def test_a_service_record_makes_its_item_told_and_no_other(
    new_car: Callable[..., Car], predictor: Predictor, layout: StateLayout
) -> None:
    car = new_car()
    car.drive_days(1)
    car.state["told"]["verdict"] = 3
    assert car.fold.apply_service(car.state, record(), predictor) is None
    changed = [item for item, told in zip(layout.told_items, car.state["told"], strict=True) if told["verdict"] == 0]
    assert changed == [PADS]
    car.state["told"]["verdict"] = 3
    car.fold.apply_service(car.state, replace(record(), record_id="r-2"), predictor)
    assert (car.state["told"]["verdict"] == 3).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100_000), cut=st.integers(1, 4))
def test_what_is_told_of_a_car_is_the_same_whoever_else_is_in_the_block(seed: int, cut: int) -> None:
    cars = [History(seed + n) for n in range(5)]
    together = np.concatenate([car.states for car in cars])
    split = together.copy()
    for _ in range(6):
        rows = np.concatenate([car.step() for car in cars])
        alike = rows.copy()
        order = np.array([3, 0, 4, 1, 2])
        TELLING.tell(together, order, rows[order])
        TELLING.tell(split, order[:cut], alike[order[:cut]])
        TELLING.tell(split, order[cut:], alike[order[cut:]])
        assert together.tobytes() == split.tobytes()
