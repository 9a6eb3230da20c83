"""Service records: the baseline goes where it belongs, the car's own factor follows, labels teach the fleet once."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from domain.catalogue import Catalogue
from domain.errors import DamagedSnapshot, InvalidInput, NotFound
from domain.service_record import ServiceOutcome, TrainingExample
from domain.telemetry import VehicleAttributes
from models.fold import VehicleFold
from models.learner import Learner
from models.predictor import Predictor
from models.snapshot import LARGEST, pack_snapshot
from models.vehicle_state import DAY_MS, IMPLAUSIBLE_RECORD, StateLayout
from tests.unit.models.conftest import KEY, START_MS, Car, upload
from tests.unit.models.test_wear import OIL, PADS, predict, record

BATTERY, FLUID = "battery_12v", "brake_fluid"
MEASURED, REPLACED, FAILED, OK = (
    ServiceOutcome.MEASURED,
    ServiceOutcome.REPLACED,
    ServiceOutcome.FAILED,
    ServiceOutcome.OK,
)


@pytest.fixture
def learner(catalogue: Catalogue) -> Learner:
    return Learner(catalogue, KEY)


def driven(new_car: Callable[..., Car], predictor: Predictor, days: int = 10, vehicle: str = "car-1") -> Car:
    """New pads and oil a day before the first drive."""
    car = new_car(vehicle)
    for item in (PADS, OIL):
        car.fold.apply_service(car.state, record(item, days=-1, odometer_m=59_990_000, vehicle=vehicle), predictor)
    car.drive_days(days)
    return car


def measure(
    car: Car, predictor: Predictor, value: float, *, outcome: ServiceOutcome = MEASURED, **more: object
) -> TrainingExample | None:
    one = record(
        outcome=outcome,
        days=car.day,
        odometer_m=int(car.odometer_m),
        value=value,
        record_id=f"{car.vehicle}-{value}",
        vehicle=car.vehicle,
        **more,  # type: ignore[arg-type]
    )
    return car.fold.apply_service(car.state, one, predictor)


def teach(learner: Learner, predictor: Predictor, example: TrainingExample | None, offset: int = 0) -> None:
    assert example is not None and learner.learn(example)
    assert predictor.install(example.item, learner.snapshot(example.item, offset))


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


class TestBaselines:
    def test_a_replacement_makes_it_as_new(self, new_car: Callable[..., Car], predictor: Predictor) -> None:
        car = driven(new_car, predictor)
        measure(car, predictor, 4.0, outcome=REPLACED)
        assert predict(predictor, car).features["remaining"] == pytest.approx(12.0, abs=1e-6)

    def test_a_record_that_arrives_late_is_set_where_it_belongs(
        self, new_car: Callable[..., Car], predictor: Predictor
    ) -> None:
        late, punctual = driven(new_car, predictor, 5), driven(new_car, predictor, 5)
        done = record(days=5, odometer_m=int(punctual.odometer_m), record_id="r-2")
        punctual.fold.apply_service(punctual.state, done, predictor)
        for car in (late, punctual):
            car.drive_days(15)
        late.fold.apply_service(late.state, done, predictor)
        one, other = (predict(predictor, car).features for car in (late, punctual))
        assert one["brake_energy_slow"] == pytest.approx(other["brake_energy_slow"], rel=1e-4)
        assert one["remaining"] == pytest.approx(other["remaining"], abs=1e-4)

    def test_within_a_day_the_odometer_says_how_much_of_it_was_before(
        self, new_car: Callable[..., Car], predictor: Predictor
    ) -> None:
        car = driven(new_car, predictor, 5)
        start, whole = car.odometer_m, float(car.state["exposure"][0])
        car.drive_days(1)
        gained = float(car.state["exposure"][0]) - whole
        half = int((start + car.odometer_m) / 2)
        car.fold.apply_service(car.state, record(days=5.4, odometer_m=half, record_id="r-2"), predictor)
        assert predict(predictor, car).features["brake_energy_slow"] == pytest.approx(gained / 2, rel=0.02)

    def test_older_than_the_ring_it_is_set_in_proportion(
        self, new_car: Callable[..., Car], predictor: Predictor
    ) -> None:
        car = driven(new_car, predictor, 60)
        whole = float(car.state["exposure"][0])
        at_m = int(6e7 + (car.odometer_m - 6e7) / 4)
        car.fold.apply_service(car.state, record(days=15, odometer_m=at_m, record_id="r-2"), predictor)
        assert predict(predictor, car).features["brake_energy_slow"] == pytest.approx(0.75 * whole, rel=0.05)

    def test_an_older_record_and_the_same_one_again_change_nothing(
        self, new_car: Callable[..., Car], predictor: Predictor
    ) -> None:
        car = driven(new_car, predictor, 2)
        before = car.state.tobytes()
        for days in (-1, -300):
            assert car.fold.apply_service(car.state, record(days=days), predictor) is None
        assert car.fold.apply_service(car.state, record("sunroof"), predictor) is None
        assert car.state.tobytes() == before

    def test_looked_at_and_found_in_order_says_nothing_of_the_wear(
        self, new_car: Callable[..., Car], predictor: Predictor
    ) -> None:
        car = driven(new_car, predictor, 2)
        before = predict(predictor, car).features
        one = record(outcome=OK, days=2, odometer_m=int(car.odometer_m), record_id="r-2")
        assert car.fold.apply_service(car.state, one, predictor) is None
        assert predict(predictor, car).features == before

    @pytest.mark.parametrize("odometer_m", [6_000_000, 600_000_000])
    def test_an_odometer_typo_in_a_record_is_flagged_and_makes_nothing_overdue(
        self, new_car: Callable[..., Car], predictor: Predictor, odometer_m: int
    ) -> None:
        car, right = driven(new_car, predictor, 10), driven(new_car, predictor, 10)
        for days, name in ((5, "r-2"), (10, "r-3")):
            at_m = int(6e7 + (car.odometer_m - 6e7) * days / 10)
            for one, noted_m in ((car, odometer_m), (right, at_m)):
                one.fold.apply_service(one.state, record(days=days, odometer_m=noted_m, record_id=name), predictor)
            assert int(car.state["flags"]) & IMPLAUSIBLE_RECORD and not int(right.state["flags"])
            found, expected = (predict(predictor, one).features["remaining"] for one in (car, right))
            assert found == pytest.approx(expected, abs=0.005)

    def test_a_past_record_beyond_the_first_reading_counts_by_its_date(
        self, new_car: Callable[..., Car], predictor: Predictor
    ) -> None:
        car = new_car()
        car.drive_days(3)
        car.fold.apply_service(car.state, record(days=-100, odometer_m=90_000_000), predictor)
        assert int(car.state["flags"]) & IMPLAUSIBLE_RECORD
        found = predict(predictor, car).features
        assert found["unseen_km"] == pytest.approx(100 * found["km_per_day"], rel=0.01)

    def test_a_past_record_without_an_odometer_counts_by_its_date(
        self, new_car: Callable[..., Car], predictor: Predictor
    ) -> None:
        car = new_car()
        car.fold.apply_service(car.state, record(days=-50, odometer_m=0), predictor)
        car.drive_days(3)
        found = predict(predictor, car).features
        assert found["unseen_km"] == pytest.approx(50 * found["km_per_day"], rel=0.02)

    def test_uploads_of_before_a_service_that_arrive_after_it_do_not_count_as_wear_since(
        self, new_car: Callable[..., Car], predictor: Predictor, fold: VehicleFold
    ) -> None:
        car = driven(new_car, predictor, 3)
        measure(car, predictor, 11.0, outcome=REPLACED)
        braking = [*range(100, 0, -1)] * 3
        late = upload(braking, boot="day-2", seq=30, start_ms=START_MS + 2 * DAY_MS + 6 * 3_600_000)
        (outcome,) = fold.fold(car.state, [late], car.attributes)
        assert outcome.is_folded and predict(predictor, car).features["worn"] == pytest.approx(0.0, abs=1e-9)

    def test_brake_fluid_follows_the_calendar(self, new_car: Callable[..., Car], predictor: Predictor) -> None:
        car = new_car()
        car.drive_days(1)
        unknown = predict(predictor, car, FLUID)
        assert not unknown.is_ready and unknown.window.expected_ms is None and "nobody told us" in unknown.reason
        car.fold.apply_service(car.state, record(FLUID, days=-700), predictor)
        car.fold.apply_service(car.state, record(FLUID, OK, days=0.5), predictor)
        found = predict(predictor, car, FLUID)
        assert found.window.expected_ms == START_MS + 30 * DAY_MS and found.is_ready
        assert sum(part.amount for part in found.contributions) == pytest.approx(found.features["days_left"])
        assert "24 months" in found.reason

    def test_the_first_brake_fluid_is_as_old_as_the_car(
        self, catalogue: Catalogue, layout: StateLayout, fold: VehicleFold, predictor: Predictor
    ) -> None:
        young = VehicleAttributes(built_ms=START_MS - 100 * DAY_MS)
        car = Car(fold, layout.empty(catalogue, young), young)
        car.drive_days(1)
        assert predict(predictor, car, FLUID).window.expected_ms == START_MS + 630 * DAY_MS


class TestLabels:
    def test_a_measurement_is_paired_with_what_was_predicted(
        self, new_car: Callable[..., Car], predictor: Predictor
    ) -> None:
        car = driven(new_car, predictor)
        before = predict(predictor, car).features
        example = measure(car, predictor, 11.0)
        assert example is not None and example.target == pytest.approx(1.0)
        assert example.predicted == pytest.approx(before["worn"])
        assert example.lower is not None and example.upper is not None
        assert example.lower < before["worn"] < example.upper
        assert example.features["brake_energy_slow"] == pytest.approx(before["brake_energy_slow"])

    def test_without_consent_the_car_learns_but_the_fleet_does_not(
        self, new_car: Callable[..., Car], predictor: Predictor
    ) -> None:
        car = driven(new_car, predictor)
        assert measure(car, predictor, 9.0, teaches=False) is None
        found = predict(predictor, car).features
        assert found["remaining"] == pytest.approx(9.0) and found["car_factor"] > 1.0

    @pytest.mark.parametrize("value", [-50.0, 14.0, math.nan, math.inf])
    def test_a_value_no_pad_can_have_is_flagged_and_not_believed(
        self, new_car: Callable[..., Car], predictor: Predictor, value: float
    ) -> None:
        car = driven(new_car, predictor)
        before = predict(predictor, car).features["remaining"]
        assert measure(car, predictor, value) is None
        assert int(car.state["flags"]) & IMPLAUSIBLE_RECORD
        assert predict(predictor, car).features["remaining"] == before

    def test_a_pad_that_grew_was_another_pad_and_teaches_nothing(
        self, new_car: Callable[..., Car], predictor: Predictor
    ) -> None:
        car = driven(new_car, predictor)
        assert measure(car, predictor, 5.0) is not None
        car.drive_days(1)
        assert measure(car, predictor, 9.0) is None
        assert predict(predictor, car).features["remaining"] == pytest.approx(9.0)

    def test_nothing_is_taught_from_a_past_that_nobody_saw(
        self, new_car: Callable[..., Car], predictor: Predictor
    ) -> None:
        car = new_car()
        car.fold.apply_service(car.state, record(), predictor)
        past = record(outcome=MEASURED, days=-30, odometer_m=59_000_000, value=7.0, record_id="r-2")
        assert car.fold.apply_service(car.state, past, predictor) is None
        car.drive_days(2)
        past = record(outcome=MEASURED, days=-20, odometer_m=59_500_000, value=6.5, record_id="r-3")
        assert car.fold.apply_service(car.state, past, predictor) is None
        assert predict(predictor, car).features["anchor"] == 6.5

    def test_an_unknown_beginning_teaches_nothing(self, new_car: Callable[..., Car], predictor: Predictor) -> None:
        car = new_car()
        car.drive_days(5)
        assert measure(car, predictor, 6.0) is None
        assert predict(predictor, car).features["remaining"] == pytest.approx(6.0)


class TestBatteryLabels:
    @pytest.fixture
    def car(self, new_car: Callable[..., Car], predictor: Predictor) -> Car:
        car = new_car()
        car.fold.apply_service(car.state, record(BATTERY, days=-1200), predictor)
        self.starts(car, 4, 12.1, 9.4)
        return car

    @staticmethod
    def starts(car: Car, days: int, rest: float, dip: float) -> None:
        rpm = [0.0] * 6 + [220.0] + [850.0] * 293
        car.drive_days(days, uploads=1, rpm=rpm, voltage=[rest] * 6 + [dip] + [14.2] * 293)

    @pytest.mark.parametrize(
        ("outcome", "value", "target"),
        [
            (FAILED, None, 1.0),
            (OK, None, 0.0),
            (REPLACED, 11.8, 1.0),
            (REPLACED, 12.6, 0.0),
            (MEASURED, 12.5, 0.0),
            (REPLACED, None, None),
            (REPLACED, 12.2, None),
        ],
    )
    def test_what_was_found_becomes_failure_sound_or_nothing(
        self, car: Car, predictor: Predictor, outcome: ServiceOutcome, value: float | None, target: float | None
    ) -> None:
        one = record(BATTERY, outcome, days=car.day, value=value, record_id="r-9")
        example = car.fold.apply_service(car.state, one, predictor)
        assert (example.target if example else None) == target
        if example:
            assert example.features["rest_voltage"] == pytest.approx(12.1) and example.predicted is not None

    def test_a_weak_battery_is_a_risk_and_the_numbers_say_why(self, car: Car, predictor: Predictor) -> None:
        found = predict(predictor, car, BATTERY)
        assert found.is_ready and found.probability[7] < found.probability[30] < found.probability[90]
        log_odds = sum(part.amount for part in found.contributions)
        assert found.probability[30] == pytest.approx(1 / (1 + math.exp(-log_odds)))
        assert "12.10 V" in found.reason and "9.40 V" in found.reason
        assert found.window.expected_ms is not None and found.window.earliest_ms is not None

    def test_a_new_battery_forgets_the_readings_of_the_old_one(self, car: Car, predictor: Predictor) -> None:
        before = predict(predictor, car, BATTERY).probability[30]
        car.fold.apply_service(car.state, record(BATTERY, days=car.day, record_id="r-9"), predictor)
        after = predict(predictor, car, BATTERY)
        assert not after.is_ready and after.probability[30] < before
        self.starts(car, 4, 12.7, 10.8)
        assert predict(predictor, car, BATTERY).health > 0.9

    def test_failures_and_sound_ones_teach_in_their_direction(
        self, car: Car, predictor: Predictor, learner: Learner
    ) -> None:
        before = predict(predictor, car, BATTERY).probability[30]
        failed = car.fold.apply_service(car.state, record(BATTERY, FAILED, days=car.day, record_id="r-9"), predictor)
        self.starts(car, 4, 12.1, 9.4)
        car.state["items"][BATTERY]["set_ms"] = START_MS - 1200 * DAY_MS
        teach(learner, predictor, failed)
        assert predict(predictor, car, BATTERY).probability[30] > before

    def test_a_record_of_long_ago_is_not_paired_with_the_readings_of_today(
        self, car: Car, predictor: Predictor
    ) -> None:
        self.starts(car, 30, 12.1, 9.4)
        assert car.fold.apply_service(car.state, record(BATTERY, FAILED, days=3), predictor) is None
        assert predict(predictor, car, BATTERY).is_ready

    def test_an_unseen_battery_is_not_spoken_about(self, new_car: Callable[..., Car], predictor: Predictor) -> None:
        car = new_car()
        car.drive_days(3)
        found = predict(predictor, car, BATTERY)
        assert not found.is_ready and "Nobody told us" in found.reason


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
    once = predictor.predict([car.state], ["car-1"], ["car-1/day-1/19"])
    again = predictor.predict([car.state], ["car-1"], ["car-1/day-1/19"])
    other = predictor.predict([car.state], ["car-1"], ["car-1/day-1/20"])
    assert [p.id for p in once] == [p.id for p in again] and once == again
    assert len({p.id for p in (*once, *other)}) == 8
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
