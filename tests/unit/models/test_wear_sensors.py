"""Sensors of wear: a car that reads its own parts is believed as far as driving bears it out, and teaches others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalogue_file import load_catalogue
from domain.catalogue import Catalogue
from domain.catalogue_reader import InvalidCatalogue, read_catalogue
from domain.prediction import Prediction
from domain.service_record import ServiceOutcome
from models.predictor import Predictor
from models.vehicle_state import DAY_MS, StateLayout
from models.wear_sensors import remember_readings
from tests.unit.models.conftest import CATALOGUE, KEY, START_MS, Car, upload
from tests.unit.models.label_streams import learnt, pads
from tests.unit.models.service_steps import driven, teach
from tests.unit.models.test_wear import OIL, PADS, predict, record

CAR = load_catalogue(CATALOGUE)
LAYOUT = StateLayout(CAR)
PLACE = LAYOUT.sensed.index(PADS)
UNKNOWN = -1


def reads(car: Car, worn_pct: float, *, days_ago: float = 0.0) -> None:
    """The sensor of the front pads read so much, that long before the car's newest drive."""
    car.state["sensed"][PLACE] = (int(car.state["last_ms"]) // 1000 - round(days_ago * 86_400), worn_pct)


def told(predictor: Predictor, car: Car) -> Prediction:
    found = predict(predictor, car)
    assert sum(part.amount for part in found.contributions) == pytest.approx(found.features["remaining"], abs=1e-6)
    return found


def width_days(found: Prediction) -> float:
    window = found.window
    assert window.earliest_ms is not None and window.latest_ms is not None
    return (window.latest_ms - window.earliest_ms) / DAY_MS


@pytest.fixture
def predictor(catalogue: Catalogue) -> Predictor:
    """Of a fleet that has measured the pads of sixty cars."""
    predictor = Predictor(catalogue, KEY)
    assert predictor.install(PADS, learnt(catalogue, pads(60, seed=4)).snapshot(PADS, 60))
    return predictor


@pytest.fixture
def car(new_car: Callable[..., Car], predictor: Predictor) -> Car:
    """New pads a day before forty days of stop and go; by that alone they have lost about 2.1 of 9 mm."""
    return driven(new_car, predictor, days=40)


def wear_on(car: Car, energy_mj: float) -> None:
    """So much more was braked since the pads were new."""
    car.state["items"][PADS]["exposure"] -= [energy_mj, 0.0]


def test_a_reading_moves_what_remains_and_narrows_the_window(predictor: Predictor, car: Car) -> None:
    before = told(predictor, car)
    worn_mm = 12.0 - before.features["remaining"]
    reads(car, 100 * 1.3 * worn_mm / 9)
    after = told(predictor, car)
    assert 12.0 - after.features["remaining"] == pytest.approx(1.3 * worn_mm, rel=0.15)
    assert after.features["car_factor"] > before.features["car_factor"], "it wears its pads faster than most"
    assert after.features["car_factor_sd"] < before.features["car_factor_sd"]
    assert after.window.expected_ms < before.window.expected_ms and width_days(after) < width_days(before)


def test_of_pads_that_nobody_told_of_the_sensor_tells_all(predictor: Predictor, new_car: Callable[..., Car]) -> None:
    car = new_car()
    car.drive_days(20)
    guess = told(predictor, car)
    reads(car, 60.0)
    found = told(predictor, car)
    assert found.features["remaining"] == pytest.approx(12 - 0.6 * 9, abs=0.2)
    assert width_days(found) < 0.6 * width_days(guess)
    assert "own sensor" in found.reason and "Nobody told us" not in found.reason
    languages = [found.reason_in(language) for language in ("de", "fr", "zh")]
    assert ["Sensor" in languages[0], "capteur" in languages[1], "传感器" in languages[2]] == [True] * 3


def test_a_reason_says_that_the_sensor_is_in_its_figures(predictor: Predictor, car: Car) -> None:
    assert "sensor" not in told(predictor, car).reason
    reads(car, 25.0)
    found = told(predictor, car)
    assert found.reason.endswith("What the car's own sensor reads is in these figures.")
    assert "by what the car's own sensor reads now" in found.contributions[0].text


@pytest.mark.parametrize("worn_pct", [0.0, 5.0, 90.0, 99.0])
def test_a_broken_sensor_changes_nothing(predictor: Predictor, car: Car, worn_pct: float) -> None:
    """Stuck, drifted or shorted: it says what three standard deviations of the driving don't bear out."""
    wear_on(car, 700.0)
    before = told(predictor, car)
    assert 7.0 < before.features["remaining"] < 8.5, "half of the pads is gone by the driving"
    reads(car, worn_pct)
    assert told(predictor, car) == before


def test_what_a_scale_can_not_say_contradicts_nothing(predictor: Predictor, car: Car) -> None:
    """At 100 % the limit is reached; that the driving says a little more is gone may well be so."""
    wear_on(car, 2_300.0)
    before = told(predictor, car)
    assert 1.0 < before.features["remaining"] < 3.0
    reads(car, 100.0)
    assert told(predictor, car) == before


def test_an_old_reading_and_one_of_the_former_pads_are_not_heeded(predictor: Predictor, car: Car) -> None:
    before = told(predictor, car)
    reads(car, 25.0, days_ago=3)
    assert told(predictor, car) == before
    car.fold.apply_service(car.state, record(days=car.day, odometer_m=int(car.odometer_m)), predictor)
    fresh = told(predictor, car)
    reads(car, 25.0)
    assert told(predictor, car) == fresh


def service(car: Car, predictor: Predictor, item: str = OIL, *, teaches: bool = True, name: str = "r-9") -> list[Any]:
    one = record(item, days=car.day, odometer_m=int(car.odometer_m), record_id=name, teaches=teaches)
    return [example for example in car.fold.serve(car.state, one, predictor) if example.label_id.endswith("/sensor")]


def test_a_visit_for_anything_reads_the_sensor_out_and_that_teaches_cars_without(
    catalogue: Catalogue, predictor: Predictor, new_car: Callable[..., Car], car: Car
) -> None:
    other = driven(new_car, predictor, days=40, vehicle="car-2")
    before = told(predictor, other)
    reads(car, 100 * 1.3 * (12.0 - before.features["remaining"]) / 9)
    (label,) = service(car, predictor)
    assert (label.item, label.label_id) == (PADS, f"r-9/{PADS}/sensor")
    assert label.target == pytest.approx(12.0 - label.measured) and label.target > label.predicted
    own = car.state["items"][PADS]
    assert own["set_ms"] == int(car.state["sensed"][PLACE]["at_s"]) * 1000
    assert own["anchor"] == pytest.approx(label.measured) and own["factor"] > 1.0
    teach(learnt(catalogue, pads(60, seed=4)), predictor, label)
    assert told(predictor, other).features["remaining"] < before.features["remaining"]


def test_a_reading_teaches_once_and_only_with_consent(predictor: Predictor, car: Car) -> None:
    reads(car, 25.0)
    twin = replace(car, state=car.state.copy())
    assert service(twin, predictor, teaches=False) == []
    assert len(service(car, predictor)) == 1
    assert service(car, predictor, "cabin_filter", name="r-10") == [], "the same visit, another item"


def test_of_pads_that_a_workshop_looks_at_its_own_word_counts(predictor: Predictor, car: Car) -> None:
    reads(car, 25.0)
    assert service(car, predictor, PADS) == []
    assert car.state["items"][PADS]["anchor"] == 12.0


def test_pads_near_their_end_are_left_to_the_workshop(predictor: Predictor, car: Car) -> None:
    wear_on(car, 1_200.0)
    reads(car, 65.0)
    assert "sensor" in told(predictor, car).reason
    assert service(car, predictor) == []


def test_gauge_and_sensor_of_one_visit_are_one_label(predictor: Predictor, car: Car) -> None:
    reads(car, 25.0)
    assert len(service(car, predictor)) == 1
    measured = record(
        PADS, ServiceOutcome.MEASURED, days=car.day, odometer_m=int(car.odometer_m), value=10.0, record_id="r-11"
    )
    assert car.fold.serve(car.state, measured, predictor) == []
    assert car.state["items"][PADS]["anchor"] == 10.0, "the gauge's word is the last"


@given(
    readings=st.lists(
        st.tuples(st.integers(0, 5), st.one_of(st.just(float("nan")), st.floats(0, 100, width=32))), max_size=8
    ),
    dice=st.randoms(use_true_random=False),
)
def test_the_newest_reading_stays_in_whatever_order_uploads_come(readings: list[tuple[int, float]], dice: Any) -> None:
    turned = readings.copy()
    dice.shuffle(turned)
    kept = []
    for order in (readings, turned):
        states = LAYOUT.block(CAR, [None], [0])
        for second, value in order:
            values = np.full((1, len(LAYOUT.sensed)), np.nan)
            values[0, PLACE] = value
            remember_readings(states, np.array([0]), values, np.array([START_MS + second * 1000]))
        kept.append(states["sensed"].tobytes())
    assert kept[0] == kept[1]


def test_an_upload_brings_its_sensor_s_mean(catalogue: Catalogue, new_car: Callable[..., Car]) -> None:
    car = new_car()
    sensor = catalogue.sensed[PADS].signal

    one = upload([30.0] * 10)
    columns = {**one.columns, sensor: [40.0, None, 42.0, *[None] * 7]}
    car.fold.fold(car.state, [replace(one, columns=columns)], car.attributes)
    assert car.state["sensed"][PLACE].tolist() == ((START_MS + 9_000) // 1000, 41.0)
    others = [place for place in range(len(LAYOUT.sensed)) if place != PLACE]
    assert (car.state["sensed"]["at_s"][others] == 0).all()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"signal": "Vehicle.Nothing"}, "items.pads.wear.sensor.signal"),
        ({"at_limit": 0}, "items.pads.wear.sensor.at_limit"),
        ({"sd": 0}, "items.pads.wear.sensor.sd"),
        ({"sdd": 1}, "items.pads.wear.sensor.sdd"),
    ],
)
def test_a_mistaken_sensor_is_refused_by_name(change: dict[str, object], where: str) -> None:
    sensor = {"signal": "worn", "at_new": 0, "at_limit": 100, "sd": 2} | change
    wear = {
        "unit": "mm", "new": 12, "limit": 3, "measurement_sd": 0.3, "car_factor_sd": 0.2, "sensor": sensor,
        "rates": {"days": {"mean": 0.01, "sd": 0.01, "source": "made up"}},
    }  # fmt: skip
    texts = {"en": {"name": "Pads", "advice": "Replace.", "reason": "{remaining}", "reason_unknown": "{remaining}"}}
    cost = {"work": 200, "on_road": 300, "visit": 60, "life_days": 1000, "source": "made up"}
    values = {
        "schema": 1,
        "signals": {"worn": {"unit": "percent", "min": 0, "max": 100}},
        "exposures": {"days": {"function": "elapsed_days", "unit": "days", "texts": {"en": "days"}}},
        "items": {
            "pads": {
                "kind": "wear", "severity": "soon", "action_lead_days": 28, "labour_minutes": 60, "cost": cost,
                "texts": texts, "wear": wear,
            }
        },
    }  # fmt: skip
    with pytest.raises(InvalidCatalogue) as caught:
        read_catalogue(values)
    assert where in [path for path, _ in caught.value.mistakes]
