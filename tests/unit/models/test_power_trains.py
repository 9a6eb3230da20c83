"""Cars have what their power train has: nothing is said of the rest, and all are read at rest, engine or not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from domain.catalogue import Catalogue
from domain.telemetry import VehicleAttributes
from models.causes import Causes
from models.fold import VehicleFold
from models.prediction_row import IS_ABSENT, IS_READY
from models.predictor import Predictor
from models.told import Telling
from models.vehicle_state import DAY_MS, POWERTRAIN_CODES, Record, StateLayout
from tests.unit.models.conftest import AMBIENT, START_MS, VOLTAGE, stop_and_go, upload

TYRE = "Vehicle.Chassis.Axle.Row1.Wheel.Left.Tire.Pressure"


def driven(catalogue: Catalogue, layout: StateLayout, fold: VehicleFold, powertrain: str) -> Record:
    attributes = VehicleAttributes(powertrain, 1700.0, 0)
    state = layout.empty(catalogue, attributes)
    fold.fold(
        state, [upload(stop_and_go(), seq=seq, start_ms=START_MS + seq * 300_000) for seq in range(20)], attributes
    )
    return state


@pytest.mark.parametrize("powertrain", ["petrol", "diesel", "hybrid", "electric"])
def test_a_car_is_told_of_the_items_it_has_and_of_no_other(
    catalogue: Catalogue, layout: StateLayout, fold: VehicleFold, predictor: Predictor, powertrain: str
) -> None:
    states = np.array([driven(catalogue, layout, fold, powertrain)])
    rows = predictor.predict_many(states, Causes.newest(states))
    marks = Telling(catalogue, predictor.rows).tell(states, np.array([0]), rows)[0]
    told = {item for item, is_told in zip(predictor.rows.items, marks.tolist(), strict=True) if is_told}
    assert told == set(catalogue.items_of(powertrain))
    assert {one.item for one in predictor.predict(list(states), ["car-1"])} == told
    flags = predictor.rows.column(rows, "flags")[0]
    for item, flag in zip(predictor.rows.items, flags.tolist(), strict=True):
        assert (flag == IS_ABSENT) == (item not in told)


def test_of_an_unknown_power_train_only_what_all_cars_have_is_said(
    catalogue: Catalogue, layout: StateLayout, fold: VehicleFold, predictor: Predictor
) -> None:
    state = driven(catalogue, layout, fold, "electric")
    assert int(state["powertrain"]) == POWERTRAIN_CODES["electric"]
    state["powertrain"] = POWERTRAIN_CODES[""]
    found = {one.item for one in predictor.predict([state], ["car-1"])}
    assert found == {item.id for item in catalogue.items.values() if not item.powertrains}
    assert "engine_oil" not in found and "tyres" in found


def wake(day: int, **columns: Any) -> Any:
    """Ten seconds at rest and ten of driving off, on a day of its own."""
    one = upload([0.0] * 10 + [20.0] * 10, boot=f"day-{day}", start_ms=START_MS + day * DAY_MS)
    return type(one)(one.id, one.start_ms, one.offsets_ms, {**one.columns, **columns}, one.received_ms)


def trend(catalogue: Catalogue, state: Record, name: str) -> tuple[float, int]:
    own = state["trends"][list(catalogue.trends).index(name)]
    return float(own["fast"]), int(own["count"])


@pytest.mark.parametrize(("powertrain", "count"), [("electric", 1), ("petrol", 0)])
def test_a_car_without_an_engine_is_at_rest_until_it_moves(
    catalogue: Catalogue, layout: StateLayout, fold: VehicleFold, powertrain: str, count: int
) -> None:
    attributes = VehicleAttributes(powertrain, 1700.0, 0)
    state = layout.empty(catalogue, attributes)
    fold.fold(state, [wake(0, **{VOLTAGE: [12.5] * 10 + [13.8] * 10})], attributes)
    assert trend(catalogue, state, "rest_voltage") == (12.5 * count, count)
    assert trend(catalogue, state, "crank_dip") == (0.0, 0), "it has no starter"


def pressure(kpa_at_20_c: float, ambient_c: float) -> float:
    return (kpa_at_20_c + 101.325) * (273.15 + ambient_c) / 293.15 - 101.325


@pytest.mark.parametrize(("kpa_a_day", "is_leak"), [(0.0, False), (-0.2, False), (-4.0, True)])
def test_a_leak_is_told_from_the_weather(
    catalogue: Catalogue, layout: StateLayout, fold: VehicleFold, predictor: Predictor, kpa_a_day: float, is_leak: bool
) -> None:
    """Two weeks in which it grows colder by fifteen degrees; a sound tyre loses 0.2 kPa a day, a slow leak 3 to 8."""
    attributes = VehicleAttributes("electric", 1700.0, 0)
    state = layout.empty(catalogue, attributes)
    for day in range(15):
        ambient = 20.0 - day
        kpa = round(pressure(240.0 + kpa_a_day * day, ambient))
        fold.fold(state, [wake(day, **{TYRE: [kpa] * 20, AMBIENT: [ambient] * 20})], attributes)
    (found,) = predictor.predict([state], ["car-1"], items=["tyre_leak"])
    limit = catalogue.items["tyre_leak"].need_rule.action_probability
    assert found.is_ready
    assert (found.probability[30] >= limit) == is_leak
    assert found.features["front_left_fall"] == pytest.approx(
        14 * kpa_a_day * 0.7, abs=abs(14 * kpa_a_day * 0.35) + 1.5
    )


def test_columns_that_are_not_there_are_no_readings(
    catalogue: Catalogue, layout: StateLayout, fold: VehicleFold, predictor: Predictor
) -> None:
    state = driven(catalogue, layout, fold, "diesel")
    rows = predictor.predict_many(np.array([state]), Causes.newest(np.array([state])))
    ready = dict(zip(predictor.rows.items, (predictor.rows.column(rows, "flags")[0] & IS_READY).tolist(), strict=True))
    assert not any(ready[item] for item in ("coolant", "diesel_particulate_filter", "tyre_leak"))
