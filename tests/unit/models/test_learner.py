"""What labels teach: each once, with bounded influence, by snapshots that predictors install; one car another."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from domain.catalogue import Catalogue
from domain.errors import DamagedSnapshot, InvalidInput, NotFound
from domain.service_record import TrainingExample
from models.causes import Causes
from models.learner import Learner
from models.predictor import Predictor
from models.snapshot import LARGEST, pack_snapshot
from models.vehicle_state import StateLayout
from tests.unit.models.conftest import KEY, Car
from tests.unit.models.service_steps import BATTERY, FLUID, REPLACED, driven, measure, teach
from tests.unit.models.test_wear import OIL, PADS, predict


class TestWhatOneCarTeachesAnother:
    @pytest.mark.parametrize(("surprise", "sign"), [(+1.5, -1), (-0.4, +1)])
    def test_more_wear_than_predicted_takes_from_what_others_have_left_and_less_gives(
        self, new_car: Callable[..., Car], predictor: Predictor, learner: Learner, surprise: float, sign: int
    ) -> None:
        one, other = driven(new_car, predictor, 30), driven(new_car, predictor, 12, "car-2")
        before = predict(predictor, other)
        teach(learner, predictor, measure(one, predictor, predict(predictor, one).features["remaining"] - surprise))
        after = predict(predictor, other)
        assert (after.features["remaining"] - before.features["remaining"]) * sign > 0
        assert after.remaining_km is not None and before.remaining_km is not None
        assert (after.remaining_km - before.remaining_km) * sign > 0
        assert after.model_version != before.model_version

    def test_it_holds_for_a_car_with_a_factor_of_its_own(
        self, new_car: Callable[..., Car], predictor: Predictor, learner: Learner
    ) -> None:
        one, other = driven(new_car, predictor, 30), driven(new_car, predictor, 12, "car-2")
        one.state["items"][PADS]["factor"] = 1.4
        before = predict(predictor, other).features["remaining"]
        # Less than predicted of this car, though more than of any ordinary one.
        teach(learner, predictor, measure(one, predictor, predict(predictor, one).features["remaining"] + 0.1))
        assert predict(predictor, other).features["remaining"] > before

    def test_the_car_itself_believes_its_own_measurement_most(
        self, new_car: Callable[..., Car], predictor: Predictor
    ) -> None:
        one = driven(new_car, predictor, 30)
        remaining = predict(predictor, one).features["remaining"]
        measure(one, predictor, remaining - 1.5)
        after = predict(predictor, one)
        assert after.features["remaining"] == pytest.approx(remaining - 1.5, abs=0.01)
        assert 1.0 < after.features["car_factor"] < 3.0

    def test_many_cars_bring_the_fleet_to_the_truth(
        self, new_car: Callable[..., Car], predictor: Predictor, learner: Learner
    ) -> None:
        for k in range(25):
            car = driven(new_car, predictor, 15 + k % 5, f"car-{k}")
            worn = predict(predictor, car).features
            truth = 0.006 * (worn["brake_energy_slow"] + worn["brake_energy_fast"])
            teach(learner, predictor, measure(car, predictor, 12 - truth, outcome=REPLACED), k)
        car = driven(new_car, predictor, 20, "last")
        found = predict(predictor, car).features
        assert found["worn"] / found["brake_energy_slow"] == pytest.approx(0.006, rel=0.1)
        assert predictor.digest() == learner.digest()


class TestLearner:
    @pytest.fixture
    def example(self, new_car: Callable[..., Car], predictor: Predictor) -> TrainingExample:
        found = measure(driven(new_car, predictor), predictor, 11.0)
        assert found is not None
        return found

    def test_a_label_teaches_once_even_over_a_restart(
        self, catalogue: Catalogue, learner: Learner, example: TrainingExample
    ) -> None:
        assert learner.learn(example) and not learner.learn(example)
        fresh = Learner(catalogue, KEY)
        assert fresh.restore(PADS, learner.snapshot(PADS, 17))
        assert not fresh.learn(example)
        assert fresh.source_offset(PADS) == 17 and fresh.digest() == learner.digest()
        assert fresh.versions()[PADS] == 1 and fresh.version_name(PADS) == learner.model(PADS).name

    def test_an_older_snapshot_takes_nothing_back(
        self, catalogue: Catalogue, learner: Learner, example: TrainingExample
    ) -> None:
        old = learner.snapshot(PADS, 0)
        learner.learn(example)
        assert not learner.restore(PADS, old) and learner.versions()[PADS] == 1

    def test_calendar_items_have_nothing_to_learn(self, learner: Learner, example: TrainingExample) -> None:
        assert not learner.learn(replace(example, item=FLUID))
        with pytest.raises(NotFound):
            learner.learn(replace(example, item="sunroof"))

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
    @pytest.mark.parametrize("where", ["target", "brake_energy_slow", "car_factor", "predicted", "predicted_sd"])
    def test_numbers_that_are_none_leave_every_model_as_it_was(
        self, learner: Learner, example: TrainingExample, where: str, bad: float
    ) -> None:
        before = learner.digest()
        if where in ("target", "predicted"):
            poisoned = replace(example, **{where: bad})  # type: ignore[arg-type]
        else:
            poisoned = replace(example, features={**example.features, where: bad})
        with pytest.raises(InvalidInput):
            learner.learn(poisoned)
        battery = TrainingExample("x", "car-1", BATTERY, 0, {"rest_voltage": bad}, 1.0)
        with pytest.raises(InvalidInput):
            learner.learn(battery)
        assert learner.digest() == before and not learner.versions()[PADS]

    def test_the_influence_of_one_car_is_bounded(self, learner: Learner, example: TrainingExample) -> None:
        liar = [replace(example, label_id=f"l-{i}", target=9.0) for i in range(200)]
        for one in liar:
            learner.learn(one)
        estimator = learner.model(PADS).wear
        assert estimator is not None
        lied = estimator.predict_one(example.features)
        honest = Learner(learner._catalogue, KEY)
        for i in range(200):
            honest.learn(replace(example, label_id=f"h-{i}", vehicle_id=f"car-{i}", target=9.0))
        crowd = honest.model(PADS).wear
        assert crowd is not None and lied < crowd.predict_one(example.features)

    def test_the_model_is_the_same_whoever_learns_the_same_labels(
        self, catalogue: Catalogue, example: TrainingExample
    ) -> None:
        one, other = Learner(catalogue, KEY), Learner(catalogue, KEY)
        for learner in (one, other):
            for i in range(30):
                learner.learn(replace(example, label_id=f"l-{i}", vehicle_id=f"car-{i % 7}", target=0.5 + i / 50))
        assert one.digest() == other.digest()
        assert one.snapshot(PADS, 3) == other.snapshot(PADS, 3)

    def test_after_tens_of_thousands_of_labels_a_snapshot_is_still_small(
        self, learner: Learner, example: TrainingExample
    ) -> None:
        own = learner._item(PADS)
        for i in range(8_192):
            own.labels[i.to_bytes(8, "big")] = None
            own.cars[i.to_bytes(8, "big")] = i
        assert learner.learn(example)
        assert len(own.labels) == len(own.cars) == 8_192
        assert len(learner.snapshot(PADS, 0)) < LARGEST // 2

    def test_windows_follow_the_labels_that_were_predicted(self, learner: Learner, example: TrainingExample) -> None:
        before = learner.model(PADS).windows.width
        for i in range(30):
            learner.learn(replace(example, label_id=f"l-{i}", vehicle_id=f"car-{i}", target=11.0))
        assert learner.model(PADS).windows.width > before
        assert learner.learn(replace(example, label_id="bare", predicted=None))


class TestInstalling:
    def test_only_a_newer_version_is_installed(
        self, new_car: Callable[..., Car], predictor: Predictor, learner: Learner
    ) -> None:
        first = learner.snapshot(PADS, 0)
        assert not predictor.install(PADS, first)  # the prior is what serves already
        example = measure(driven(new_car, predictor), predictor, 11.0)
        teach(learner, predictor, example)
        assert not predictor.install(PADS, first) and predictor.version(PADS) == 1
        assert predictor.versions()[PADS].startswith("1-")

    def test_a_damaged_one_is_refused_and_the_former_serves_on(
        self, catalogue: Catalogue, new_car: Callable[..., Car], predictor: Predictor, learner: Learner
    ) -> None:
        car = driven(new_car, predictor)
        example = measure(car, predictor, 11.0)
        assert example is not None and learner.learn(example)
        good, before = learner.snapshot(PADS, 0), predictor.digest()
        model = learner.model(PADS).content()
        nonsense = [
            good[:-1],
            pack_snapshot({}, KEY),
            pack_snapshot({"model": {"version": 9}}, KEY),
            pack_snapshot({"model": {**model, "moment": [math.nan, 1.0]}}, KEY),
            pack_snapshot({"model": {**model, "moment": [1.0]}}, KEY),
            pack_snapshot({"model": {**model, "information": [0.0] * 4}}, KEY),
            pack_snapshot({"model": {**model, "names": ["a", "b"]}}, KEY),
        ]
        for data in nonsense:
            with pytest.raises(DamagedSnapshot):
                predictor.install(PADS, data)
        with pytest.raises(DamagedSnapshot):
            predictor.install(OIL, good)
        with pytest.raises(NotFound):
            predictor.install("sunroof", good)
        assert predictor.digest() == before and predictor.install(PADS, good)
        for data in (pack_snapshot({}, KEY), pack_snapshot({"model": model}, KEY)):
            with pytest.raises(DamagedSnapshot):
                Learner(catalogue, KEY).restore(PADS, data)
        unequal = {"model": model, "labels": b"", "cars": b"12345678", "counts": [], "source_offset": 0}
        with pytest.raises(DamagedSnapshot):
            Learner(catalogue, KEY).restore(PADS, pack_snapshot(unequal, KEY))

    def test_a_battery_model_travels_too(self, catalogue: Catalogue, predictor: Predictor, learner: Learner) -> None:
        learner.learn(TrainingExample("l", "c", BATTERY, 0, {"rest_voltage": 11.9, "crank_dip": 9.0}, 1.0))
        assert predictor.install(BATTERY, learner.snapshot(BATTERY, 0))
        assert predictor.model(BATTERY).digest == learner.model(BATTERY).digest


def test_ids_of_predictions_repeat_with_their_cause_and_tell_items_and_causes_apart(
    new_car: Callable[..., Car], predictor: Predictor
) -> None:
    car = driven(new_car, predictor, 2)

    def of(seq: int) -> Causes:
        return Causes(np.array([b"day-1"], dtype="S36"), np.array([seq], dtype=np.uint32), np.array([-1]))

    once = predictor.predict([car.state], ["car-1"], of(19))
    again = predictor.predict([car.state], ["car-1"], of(19))
    other = predictor.predict([car.state], ["car-1"], of(20))
    assert [p.id for p in once] == [p.id for p in again] and once == again
    assert len(once) == len(predictor.catalogue.items_of("petrol"))
    assert len({p.id for p in (*once, *other)}) == 2 * len(once)
    assert [p.id for p in predictor.predict([car.state], ["car-1"])] == [p.id for p in once]


def test_after_a_service_record_predictions_have_ids_of_their_own(
    layout: StateLayout, new_car: Callable[..., Car], predictor: Predictor
) -> None:
    car = driven(new_car, predictor, 1)
    before = predictor.predict([car.state], ["car-1"])
    layout.set_offset(car.state, "service-records", 5)
    assert not {p.id for p in before} & {p.id for p in predictor.predict([car.state], ["car-1"])}


def test_a_car_that_never_sent_anything_gets_no_prediction(new_car: Callable[..., Car], predictor: Predictor) -> None:
    assert predictor.predict([new_car().state], ["car-1"]) == []


def test_predictions_cite_the_uploads_they_rest_on(new_car: Callable[..., Car], predictor: Predictor) -> None:
    car = driven(new_car, predictor, 2)
    cited = predict(predictor, car).uploads
    assert [(part.boot_id, part.first_seq, part.last_seq) for part in cited] == [("day-0", 0, 19), ("day-1", 0, 19)]
