"""What a car was judged by at past moments is kept, and has its label when a workshop has the car: once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.catalogue import Catalogue
from domain.service_record import ServiceOutcome, ServiceRecord
from domain.telemetry import VehicleAttributes
from models.fold import VehicleFold
from models.kept_readings import NEWEST_EVERY_DAYS, NOT_SEEN, OLDER_EVERY_DAYS, KeptReadings
from models.vehicle_state import DAY_MS, POWERTRAIN_CODES, Record, StateLayout
from tests.unit.models.conftest import START_MS
from tests.unit.models.service_steps import BATTERY

OIL = "engine_oil"
DAY = START_MS // DAY_MS
MOMENTS = (DAY - 100, DAY - 40, DAY - 30, DAY - 20, DAY - 10)  # days of the car's kept moments; it is served on `DAY`


@pytest.fixture
def state(catalogue: Catalogue, layout: StateLayout) -> Record:
    """A petrol car, built two years ago, that showed 12.3 V at rest at five moments."""
    state = layout.empty(catalogue, VehicleAttributes(powertrain="petrol", built_ms=START_MS - 730 * DAY_MS))
    state["powertrain"] = POWERTRAIN_CODES["petrol"]
    state["kept"]["kept_value"] = NOT_SEEN
    state["kept"]["day"] = MOMENTS
    state["kept"]["kept_value"][:, layout.kept.index((BATTERY, "rest_voltage"))] = 8  # half a scale under the centre
    return state


def record(outcome: ServiceOutcome = ServiceOutcome.FAILED, item: str = BATTERY, day: int = DAY) -> ServiceRecord:
    value = 3.0 if outcome is ServiceOutcome.MEASURED else None
    return ServiceRecord(f"{item}-{day}", "car-1", item, outcome, day * DAY_MS, 90_000_000, value)


def labels(fold: VehicleFold, state: Record, served: ServiceRecord, item: str = BATTERY) -> dict[int, float]:
    """Target by the day of the moment, of what `served` tells of `item`."""
    told = [example for example in fold.horizons_passed(state, served) if example.item == item]
    return {(example.made_ms or 0) // DAY_MS: example.target for example in told}


class TestLabels:
    def test_a_failure_is_one_of_the_moments_within_its_horizon_and_of_those_before_it_is_not(
        self, fold: VehicleFold, state: Record
    ) -> None:
        expected = {MOMENTS[0]: 0.0, MOMENTS[1]: 0.0} | dict.fromkeys(MOMENTS[2:], 1.0)
        assert labels(fold, state, record()) == expected

    def test_they_come_with_what_was_known_then(self, fold: VehicleFold, state: Record) -> None:
        example = fold.horizons_passed(state, record())[-1]
        assert example.made_ms == MOMENTS[-1] * DAY_MS and example.known_ms == START_MS
        assert example.features["rest_voltage"] == pytest.approx(12.3)
        assert example.features["age_years"] == pytest.approx((730 - 10) / 365.25)
        assert set(example.features) == {"rest_voltage", "age_years"}

    def test_each_counts_for_the_time_until_the_next(self, fold: VehicleFold, state: Record) -> None:
        counts = [example.counts_for for example in fold.horizons_passed(state, record())]
        assert counts == pytest.approx([60 / 30, 10 / 30, 10 / 30, 10 / 30, 10 / 30])

    def test_whatever_the_car_came_for_what_did_not_fail_in_time_was_sound(
        self, fold: VehicleFold, state: Record
    ) -> None:
        # Failures are reported within two weeks: of the horizon that ended ten days ago nobody can be sure.
        assert labels(fold, state, record(item=OIL)) == {MOMENTS[0]: 0.0}

    def test_each_moment_has_one_label_for_each_item(self, fold: VehicleFold, state: Record) -> None:
        assert labels(fold, state, record(item=OIL)) == {MOMENTS[0]: 0.0}
        assert set(labels(fold, state, record())) == set(MOMENTS[1:])
        assert labels(fold, state, record(day=DAY + 1)) == {}

    def test_of_moments_shortly_before_a_part_was_renewed_in_time_nobody_knows(
        self, fold: VehicleFold, state: Record
    ) -> None:
        assert labels(fold, state, record(ServiceOutcome.REPLACED)) == dict.fromkeys(MOMENTS[:3], 0.0)
        assert labels(fold, state, record(item=OIL, day=DAY + 90)) == {}

    def test_moments_of_a_former_part_tell_nothing_of_its_successor(self, fold: VehicleFold, state: Record) -> None:
        state["items"][BATTERY]["set_ms"] = (MOMENTS[2] - 1) * DAY_MS
        # Nor do those of the two weeks after it: the levels have not forgotten the former one yet.
        assert set(labels(fold, state, record())) == {MOMENTS[4]}

    def test_without_consent_to_teach_nothing_is_told_and_not_later_either(
        self, fold: VehicleFold, state: Record
    ) -> None:
        assert labels(fold, state, replace(record(), teaches=False)) == {}
        assert labels(fold, state, record(day=DAY + 20)) == {}

    def test_a_moment_without_a_reading_teaches_nothing(self, fold: VehicleFold, state: Record) -> None:
        state["kept"]["kept_value"] = NOT_SEEN
        assert fold.horizons_passed(state, record()) == []

    def test_a_car_without_the_item_teaches_nothing_of_it(self, fold: VehicleFold, state: Record) -> None:
        filter_ = "diesel_particulate_filter"
        state["kept"]["kept_value"] = 0
        assert labels(fold, state, record(item=OIL), filter_) == {}
        state["powertrain"] = POWERTRAIN_CODES["diesel"]
        assert labels(fold, state, record(item=OIL), filter_) == {MOMENTS[0]: 0.0}


class TestKeeping:
    def test_the_newest_lie_ten_days_apart_and_what_leaves_them_sixty(
        self, catalogue: Catalogue, layout: StateLayout
    ) -> None:
        kept, states = KeptReadings(catalogue, layout), layout.block(catalogue, [None], [0])
        states["base"]["trends"]["count"] = 1
        for day in range(1_000, 1_400):
            states["base"]["last_ms"] = day * DAY_MS
            states["base"]["trends"]["fast"] = day % 100
            kept.keep(states, np.array([0]))
        days = states["kept"]["day"][0].tolist()
        assert days[2:] == [1_370, 1_380, 1_390]
        assert days[:2] == [1_300, 1_360] and days[1] - days[0] == OLDER_EVERY_DAYS
        assert NEWEST_EVERY_DAYS == 10

    def test_what_was_not_seen_is_not_kept_as_a_number(self, catalogue: Catalogue, layout: StateLayout) -> None:
        kept, states = KeptReadings(catalogue, layout), layout.block(catalogue, [None], [0])
        states["base"]["last_ms"] = START_MS
        states["base"]["trends"]["fast"][0, 0], states["base"]["trends"]["count"][0, 0] = 12.45, 3
        kept.keep(states, np.array([0]))
        values = kept.values(states["kept"][0, -1:])[0]
        own = layout.kept.index((BATTERY, "rest_voltage"))
        assert values[own] == pytest.approx(12.45, abs=0.2 / 16 / 2)
        assert np.isnan(np.delete(values, own)).all()
