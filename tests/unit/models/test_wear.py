"""Wear from exposures: numbers that add up, distance that nobody saw, and nothing without a cause."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from domain.prediction import Prediction
from domain.service_record import ServiceOutcome, ServiceRecord
from models.predictor import Predictor
from models.vehicle_state import DAY_MS
from tests.unit.models.conftest import START_MS, Car, stop_and_go

PADS, OIL = "front_brake_pads", "engine_oil"


def record(
    item: str = PADS,
    outcome: ServiceOutcome = ServiceOutcome.REPLACED,
    *,
    days: float = -400,
    odometer_m: int = 40_000_000,
    value: float | None = None,
    record_id: str = "r-1",
    vehicle: str = "car-1",
    teaches: bool = True,
) -> ServiceRecord:
    unit = "mm" if item == PADS else "%"
    return ServiceRecord(
        record_id, vehicle, item, outcome, START_MS + round(days * DAY_MS), odometer_m, value, unit, teaches=teaches
    )


def predict(predictor: Predictor, car: Car, item: str = PADS) -> Prediction:
    (found,) = predictor.predict([car.state], [car.vehicle], items=[item])
    return found


def constant(n: int) -> list[float]:
    return [60.0] * n


@pytest.fixture
def known(new_car: Callable[..., Car], predictor: Predictor) -> Car:
    """New pads and oil at 55,000 km; enrolled at 60,000 km; three days of stop and go."""
    car = new_car()
    for one in (record(odometer_m=55_000_000), record(OIL, days=-60, odometer_m=55_000_000)):
        assert car.fold.apply_service(car.state, one, predictor) is None
    car.drive_days(3)
    return car


@pytest.mark.parametrize("item", [PADS, OIL])
def test_contributions_add_up_to_what_remains(predictor: Predictor, known: Car, item: str) -> None:
    found = predict(predictor, known, item)
    assert sum(part.amount for part in found.contributions) == pytest.approx(found.features["remaining"], abs=1e-9)
    assert found.contributions[0].name == "anchor" and all(part.amount <= 0 for part in found.contributions[1:])


def test_health_and_window_follow_from_what_remains(predictor: Predictor, known: Car) -> None:
    found = predict(predictor, known)
    left = found.features["remaining"] - 3
    assert found.health == pytest.approx(left / 9)
    assert found.window.expected_ms is not None
    days = (found.window.expected_ms - found.event_ms) / DAY_MS
    assert days == pytest.approx(left / found.features["worn_per_day"], rel=1e-6)
    assert found.remaining_km == pytest.approx(days * found.features["km_per_day"], rel=1e-6)
    assert found.window.earliest_ms is not None and found.window.earliest_ms < found.window.expected_ms


def test_distance_that_nobody_saw_counts_by_what_this_car_does_per_km(predictor: Predictor, known: Car) -> None:
    found = predict(predictor, known)
    seen = float(known.state["exposure"][0])
    over_km = float(known.state["exposure_m"][0]) / 1000
    per_km = (seen + 20 * 0.040) / (over_km + 20)
    assert found.features["unseen_km"] == pytest.approx(5_000, rel=0.01)
    assert found.features["brake_energy_slow"] == pytest.approx(seen + per_km * found.features["unseen_km"], rel=1e-6)


def test_a_lost_upload_is_made_up_for_by_the_odometer(new_car: Callable[..., Car], predictor: Predictor) -> None:
    whole, lossy = new_car(), new_car()
    for car in (whole, lossy):
        car.fold.apply_service(car.state, record(days=-1, odometer_m=59_990_000), predictor)
    whole.drive_days(10)
    for _ in range(10):
        lossy.odometer_m += 5 * (whole.odometer_m - 6e7) / 200  # five uploads of a day that never came
        lossy.drive_days(1, uploads=15)
    assert predict(predictor, lossy).features["remaining"] == pytest.approx(
        predict(predictor, whole).features["remaining"], abs=0.01
    )


def test_the_reason_can_be_worked_out_again_from_the_numbers(predictor: Predictor, known: Car) -> None:
    found = predict(predictor, known)
    assert f"About {found.features['remaining']:.1f} mm of 12 mm are left" in found.reason
    assert f"lost about {found.features['worn']:.1f} mm" in found.reason
    assert "Since 55,000 km" in found.reason and "You brake more in traffic than most: 99 % of the wear" in found.reason


class TestWithoutBraking:
    """Brake energy at zero, at the source: no pad need can open, whatever the past."""

    @pytest.mark.parametrize("anchor", [None, 11.0, 5.0, 3.3, 3.05])
    @pytest.mark.parametrize("days", [1, 2, 10])
    def test_no_date_can_be_said(
        self, new_car: Callable[..., Car], predictor: Predictor, anchor: float | None, days: int
    ) -> None:
        car = new_car()
        car.fold.apply_service(car.state, record(days=-900, odometer_m=15_000_000), predictor)
        if anchor is not None:
            measured = record(outcome=ServiceOutcome.MEASURED, days=-30, odometer_m=59_000_000, value=anchor)
            car.fold.apply_service(car.state, measured, predictor)
        car.drive_days(days, speed=constant)
        found = predict(predictor, car)
        assert (found.window.earliest_ms, found.window.expected_ms, found.window.latest_ms) == (None, None, None)
        assert found.remaining_km is None and "no date can be said" in found.reason

    def test_the_unseen_distance_loses_its_weight_with_every_km_without_braking(
        self, new_car: Callable[..., Car], predictor: Predictor
    ) -> None:
        car, worn = new_car(), []
        car.fold.apply_service(car.state, record(), predictor)
        for _ in range(3):
            car.drive_days(2, speed=constant)
            worn.append(predict(predictor, car).features["worn"])
        assert worn[0] > worn[1] > worn[2] and worn[2] < 0.2

    def test_pads_measured_below_the_limit_are_due_all_the_same(
        self, new_car: Callable[..., Car], predictor: Predictor
    ) -> None:
        car = new_car()
        car.fold.apply_service(car.state, record(days=-30, odometer_m=59_000_000), predictor)
        measured = record(outcome=ServiceOutcome.MEASURED, days=-1, odometer_m=59_990_000, value=2.8)
        car.fold.apply_service(car.state, measured, predictor)
        car.drive_days(2, speed=constant)
        found = predict(predictor, car)
        assert found.window.expected_ms == found.event_ms and found.health == 0.0


def test_oil_follows_the_fuel(new_car: Callable[..., Car], predictor: Predictor) -> None:
    thirsty, thrifty = new_car(), new_car()
    for car, air in ((thirsty, 24.0), (thrifty, 6.0)):
        car.fold.apply_service(car.state, record(OIL, days=-60, odometer_m=50_000_000), predictor)
        car.drive_days(3, air_mass=air)
    soon, late = (predict(predictor, car, OIL) for car in (thirsty, thrifty))
    assert soon.features["remaining"] < late.features["remaining"]
    assert soon.window.expected_ms is not None and late.window.expected_ms is not None
    assert soon.window.expected_ms < late.window.expected_ms


def test_without_fuel_only_age_is_left_of_the_oils_wear(new_car: Callable[..., Car], predictor: Predictor) -> None:
    car = new_car()
    car.fold.apply_service(car.state, record(OIL, days=-100, odometer_m=50_000_000), predictor)
    car.drive_days(5, air_mass=0.0)
    parts = {part.name: -part.amount for part in predict(predictor, car, OIL).contributions}
    assert parts["days"] == pytest.approx(0.137 * 104.4, rel=0.01)
    assert parts["fuel"] < 0.15 * parts["days"]


def test_a_car_of_which_nothing_is_known_gets_the_prior_and_a_wide_window(
    new_car: Callable[..., Car], predictor: Predictor, known: Car
) -> None:
    car = new_car()
    car.drive_days(3)
    guess, sure = predict(predictor, car), predict(predictor, known)
    assert guess.features["anchor"] == 7.5 and guess.features["anchor_sd"] == pytest.approx(9 / math.sqrt(12))
    assert guess.is_ready and "Nobody told us" in guess.reason
    assert guess.window.earliest_ms is not None and sure.window.earliest_ms is not None
    assert guess.window.latest_ms is None or sure.window.latest_ms is not None


def test_little_driving_is_not_enough_to_speak(new_car: Callable[..., Car], predictor: Predictor) -> None:
    car = new_car()
    car.drive_days(1, uploads=5)
    assert not predict(predictor, car).is_ready
    car.drive_days(1, uploads=10)
    assert predict(predictor, car).is_ready


def test_worn_out_is_due_now_and_the_latest_is_never_before(new_car: Callable[..., Car], predictor: Predictor) -> None:
    car = new_car()
    car.fold.apply_service(car.state, record(days=-1, odometer_m=59_990_000), predictor)
    measured = record(outcome=ServiceOutcome.MEASURED, days=-0.5, odometer_m=59_995_000, value=3.0)
    car.fold.apply_service(car.state, measured, predictor)
    car.drive_days(10)
    found = predict(predictor, car)
    assert found.health == 0.0 and found.window.expected_ms == found.event_ms == found.window.earliest_ms
    assert found.window.latest_ms is not None and found.window.latest_ms >= found.event_ms


def test_harder_driving_ahead_brings_the_date_nearer(new_car: Callable[..., Car], predictor: Predictor) -> None:
    gentle, hard = new_car(), new_car()
    for car, top in ((gentle, 40.0), (hard, 75.0)):
        car.fold.apply_service(car.state, record(days=-1, odometer_m=59_990_000), predictor)
        car.drive_days(5, speed=lambda n, top=top: stop_and_go(n, top))  # type: ignore[misc]
    late, soon = predict(predictor, gentle), predict(predictor, hard)
    assert soon.remaining_km is not None and late.remaining_km is not None
    assert soon.remaining_km < late.remaining_km


def test_a_signal_that_the_car_does_not_send_is_replaced_by_the_typical_car(
    new_car: Callable[..., Car], predictor: Predictor
) -> None:
    car = new_car()
    car.fold.apply_service(car.state, record(OIL, days=-60, odometer_m=55_000_000), predictor)
    car.drive_days(3, air_mass=[None] * 300)
    found = predict(predictor, car, OIL)
    km = (int(car.state["odometer_m"]) - 55_000_000) / 1000
    assert found.features["fuel"] == pytest.approx(0.08 * km, rel=1e-6)


def test_a_car_that_stood_for_two_months_still_knows_its_habits(
    new_car: Callable[..., Car], predictor: Predictor, known: Car
) -> None:
    before = predict(predictor, known).features["worn_per_day"]
    known.day += 60
    known.drive_days(1, uploads=1)
    after = predict(predictor, known)
    assert 0 < after.features["worn_per_day"] < before
    assert after.remaining_km is not None
