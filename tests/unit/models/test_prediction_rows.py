"""Rows of predictions: what the formulas say, the same to the bit in any block, and refused when foreign."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.catalogue_file import load_catalogue
from domain.catalogue import Catalogue
from domain.errors import InvalidInput
from domain.prediction import ItemKind
from models.causes import Causes
from models.fold import VehicleFold
from models.prediction_row import PredictionLayout, Rows
from models.predictor import Predictor
from models.usage import usage_of
from models.vehicle_state import DAY_MS, POWERTRAIN_CODES, UNKNOWN, StateLayout
from models.words import words
from pitcall.bench.teaching import taught_snapshots
from tests.unit.models.conftest import CATALOGUE, KEY
from tests.unit.models.random_states import random_states
from tests.unit.models.wear_one_by_one import wear_one_by_one

FLEETS = {name: load_catalogue(CATALOGUE.with_name(f"{name}.yaml")) for name in ("car", "ten_items")}
LAYOUTS = {name: StateLayout(fleet) for name, fleet in FLEETS.items()}
FOLDS = {name: VehicleFold(fleet, LAYOUTS[name]) for name, fleet in FLEETS.items()}
NAMES = st.sampled_from(sorted(FLEETS))
SEEDS = st.integers(0, 100_000)


def taught(catalogue: Catalogue) -> Predictor:
    predictor = Predictor(catalogue, KEY)
    for item, snapshot in taught_snapshots(catalogue, KEY).items():
        predictor.install(item, snapshot)
    return predictor


PREDICTORS = {name: [Predictor(fleet, KEY), taught(fleet)] for name, fleet in FLEETS.items()}


def states_of(name: str, seed: int) -> Any:
    return random_states(FLEETS[name], LAYOUTS[name], FOLDS[name], seed)


def numbers(rows: Rows) -> list[float]:
    """Every number in rows, however deep."""
    if rows.dtype.names:
        return [number for name in rows.dtype.names for number in numbers(rows[name])]
    return [] if rows.dtype.kind == "S" else [float(number) for number in rows.ravel()]


@settings(max_examples=30, deadline=None)
@given(name=NAMES, seed=SEEDS, cuts=st.sets(st.integers(1, 11)), version=st.integers(0, 1))
def test_a_row_is_the_same_to_the_bit_whatever_else_is_in_the_block(
    name: str, seed: int, cuts: set[int], version: int
) -> None:
    predictor, states = PREDICTORS[name][version], states_of(name, seed)
    whole = predictor.predict_many(states, Causes.newest(states))
    for first, last in pairwise([0, *sorted(cuts), len(states)]):
        part = states[first:last]
        assert predictor.predict_many(part, Causes.newest(part)).tobytes() == whole[first:last].tobytes()
    for i in range(len(states)):
        alone = states[i : i + 1].copy()
        assert predictor.predict_many(alone, Causes.newest(alone)).tobytes() == whole[i].tobytes()


@settings(max_examples=30, deadline=None)
@given(name=NAMES, seed=SEEDS, version=st.integers(0, 1))
def test_only_finite_numbers_come_out_and_every_row_can_be_said(name: str, seed: int, version: int) -> None:
    predictor, states = PREDICTORS[name][version], states_of(name, seed)
    rows = predictor.predict_many(states, Causes.newest(states))
    assert all(math.isfinite(number) for number in numbers(rows))
    for row in rows:
        for item in FLEETS[name].items:
            if predictor.rows.is_absent(row, item):
                continue
            found = words(FLEETS[name], predictor.rows, row, "car-1", item)
            assert 0 <= found.health <= 1 and found.reason
            assert "nan" not in found.reason and "inf" not in found.reason
            sums = {ItemKind.WEAR: "remaining", ItemKind.HAZARD: "log_odds", ItemKind.CALENDAR: "days_left"}
            if found.features:
                total = sum(part.amount for part in found.contributions)
                assert total == pytest.approx(found.features[sums[found.kind]], rel=1e-5, abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(name=NAMES, seed=SEEDS, version=st.integers(0, 1))
def test_wear_is_what_the_formulas_say_one_by_one(name: str, seed: int, version: int) -> None:
    predictor, states = PREDICTORS[name][version], states_of(name, seed)
    rows, usage = predictor.predict_many(states, Causes.newest(states)), usage_of(states, FLEETS[name])
    for car, (state, row) in enumerate(zip(states, rows, strict=True)):
        for place, item in enumerate(predictor.rows.by_kind["wear"]):
            own, wear = row["wear"][place], FLEETS[name].items[item].wear
            expected = wear_one_by_one(state, FLEETS[name], item, predictor.model(item), usage, car)
            assert wear is not None
            size = max(1.0, wear.new, *expected.reckoned)
            count = len(expected.parts)
            assert own["part"][:count].tolist() == pytest.approx(expected.parts, rel=1e-5, abs=1e-6 * size)
            assert own["reckoned"][:count].tolist() == pytest.approx(expected.reckoned, rel=1e-6, abs=1e-6)
            assert float(own["raised_anchor"]) == pytest.approx(expected.anchor, rel=1e-6, abs=1e-6)
            assert float(own["per_day"]) == pytest.approx(expected.per_day, rel=1e-6, abs=1e-30)
            health = min(max((expected.remains - wear.limit) / (wear.new - wear.limit), 0.0), 1.0)
            assert float(own["health"]) == pytest.approx(health, rel=1e-5, abs=1e-6 * size)
            for moment, days in zip(("earliest_ms", "expected_ms", "latest_ms"), expected.days, strict=True):
                assert (int(own[moment]) == UNKNOWN) == (days is None)
                if days is not None:
                    assert (int(own[moment]) - int(row["event_ms"])) / DAY_MS == pytest.approx(days, rel=1e-6, abs=1e-3)


@pytest.mark.parametrize("name", sorted(FLEETS))
def test_predictions_in_words_come_car_by_car_in_the_order_of_the_catalogue(name: str) -> None:
    states = states_of(name, 3)
    states["powertrain"][:2] = POWERTRAIN_CODES["diesel"], POWERTRAIN_CODES["electric"]
    found = PREDICTORS[name][0].predict(list(states[:2]), ["a", "b"])
    drives = {"a": "diesel", "b": "electric"}
    expected = [(car, item) for car, drive in drives.items() for item in FLEETS[name].items_of(drive)]
    assert [(one.vehicle_id, one.item) for one in found] == expected


def test_a_car_that_never_sent_anything_gives_nothing(catalogue: Catalogue, layout: StateLayout) -> None:
    silent = layout.block(catalogue, [None], [0])
    assert PREDICTORS["car"][0].predict(list(silent), ["a"]) == []
    assert PREDICTORS["car"][0].predict([], []) == []


class TestTheRow:
    def test_ten_items_fit_in_a_kilobyte_and_a_half(self) -> None:
        assert PredictionLayout(FLEETS["ten_items"]).size <= 1_500

    def test_bytes_come_back_bit_for_bit(self) -> None:
        layout, states = PREDICTORS["car"][0].rows, states_of("car", 1)
        rows = PREDICTORS["car"][0].predict_many(states, Causes.newest(states))
        messages = layout.to_bytes(rows)
        assert {len(message) for message in messages} == {layout.size}
        assert layout.from_bytes(messages).tobytes() == rows.tobytes()
        assert len(layout.from_bytes([])) == 0

    @pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data + b"0", lambda data: b""])
    def test_another_length_is_refused(self, damage: Any) -> None:
        layout = PREDICTORS["car"][0].rows
        (sound,) = layout.to_bytes(layout.empty(1))
        with pytest.raises(InvalidInput, match=f"has {layout.size} bytes") as caught:
            layout.from_bytes([sound, damage(sound)])
        assert caught.value.field == "prediction" and caught.value.fix

    def test_another_catalogue_is_refused(self) -> None:
        car = FLEETS["car"]
        pads = car.items["front_brake_pads"]
        assert pads.wear is not None
        turned = dict(reversed(pads.wear.rates.items()))
        other = replace(
            car, items={**car.items, "front_brake_pads": replace(pads, wear=replace(pads.wear, rates=turned))}
        )
        ours, theirs = PredictionLayout(car), PredictionLayout(other)
        assert ours.size == theirs.size
        with pytest.raises(InvalidInput, match="another catalogue") as caught:
            ours.from_bytes(theirs.to_bytes(theirs.empty(1)))
        assert caught.value.field == "prediction.version"


def test_the_model_of_each_item_stands_in_its_words() -> None:
    predictor, states = PREDICTORS["ten_items"][1], states_of("ten_items", 5)
    found = predictor.predict([states[0]], ["a"])
    assert {one.item: one.model_version for one in found} == predictor.versions()


def test_a_model_installed_meanwhile_serves_the_next_block() -> None:
    predictor, states = Predictor(FLEETS["car"], KEY), states_of("car", 2)
    before = predictor.predict_many(states, Causes.newest(states))
    for item, snapshot in taught_snapshots(FLEETS["car"], KEY).items():
        predictor.install(item, snapshot)
    after = predictor.predict_many(states, Causes.newest(states))
    assert (before["wear"]["model_version"] == 0).all() and (after["wear"]["model_version"] == 200).all()
    assert not np.array_equal(before["hazard"]["probability"], after["hazard"]["probability"])
