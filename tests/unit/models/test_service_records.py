"""Service records: the baseline goes where it belongs, the car's own factor follows, labels teach the fleet once."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from domain.catalogue import Catalogue
from domain.service_record import ServiceOutcome
from domain.telemetry import VehicleAttributes
from models.fold import VehicleFold
from models.learner import Learner
from models.predictor import Predictor
from models.vehicle_state import DAY_MS, IMPLAUSIBLE_RECORD, StateLayout
from tests.unit.models.conftest import START_MS, Car, upload
from tests.unit.models.service_steps import BATTERY, FAILED, FLUID, MEASURED, OK, REPLACED, driven, measure, teach
from tests.unit.models.test_wear import predict, record


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
        start_ms = START_MS + 2 * DAY_MS + 8 * 3_600_000 + 17 * 300_000 + 1_000
        late = upload(braking, boot="day-2", seq=30, start_ms=start_ms)
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

    def test_a_label_says_who_had_predicted_it_what_was_read_and_since_when_the_part_wore(
        self, new_car: Callable[..., Car], predictor: Predictor
    ) -> None:
        pads = measure(driven(new_car, predictor), predictor, 11.0)
        assert pads is not None
        assert (pads.measured, pads.since_ms, pads.coverage) == (11.0, START_MS - DAY_MS, 0.9)
        assert pads.model_version == predictor.versions()[pads.item]

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

    def test_temperatures_are_said_as_people_say_them(self, car: Car, predictor: Predictor) -> None:
        assert "outside temperature 15 °C" in predict(predictor, car, BATTERY).reason

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
