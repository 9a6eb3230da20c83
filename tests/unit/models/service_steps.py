"""Steps that the tests of service records and of the learner share."""

from __future__ import annotations

from collections.abc import Callable

from domain.service_record import ServiceOutcome, TrainingExample
from models.learner import Learner
from models.predictor import Predictor
from tests.unit.models.conftest import Car
from tests.unit.models.test_wear import OIL, PADS, record

BATTERY, FLUID = "battery_12v", "brake_fluid"
MEASURED, REPLACED, FAILED, OK = (
    ServiceOutcome.MEASURED,
    ServiceOutcome.REPLACED,
    ServiceOutcome.FAILED,
    ServiceOutcome.OK,
)


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
