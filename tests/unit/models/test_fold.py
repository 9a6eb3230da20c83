"""Uploads into the state: once each, in whatever blocks they come, and nothing impossible gets in."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.telemetry import TelemetryUpload, VehicleAttributes
from models.fold import FoldResult, VehicleFold
from models.vehicle_state import (
    DAY_MS,
    IMPLAUSIBLE_VALUE,
    ODOMETER_CORRECTED,
    ODOMETER_JUMP,
    Record,
    StateLayout,
)
from tests.unit.models.conftest import ODOMETER, SPEED, START_MS, Car, stop_and_go, upload

HOUR_MS = 3_600_000


def trip(n: int = 6, boot: str = "boot-1", start_ms: int = START_MS, odometer_m: float = 6e7) -> list[TelemetryUpload]:
    uploads = []
    for seq in range(n):
        one = upload(stop_and_go(), seq=seq, boot=boot, start_ms=start_ms + seq * 300_000, odometer_m=odometer_m)
        odometer_m = float(one.columns[ODOMETER][-1])  # type: ignore[arg-type]
        uploads.append(one)
    return uploads


def results(outcomes: Any) -> list[str]:
    return [outcome.result.value for outcome in outcomes]


@pytest.fixture(scope="session")
def fresh(catalogue: Any, layout: StateLayout, attributes: VehicleAttributes) -> Callable[[], Record]:
    return lambda: layout.empty(catalogue, attributes)


@settings(max_examples=25)
@given(cuts=st.sets(st.integers(1, 5)))
def test_the_state_does_not_depend_on_where_blocks_begin(
    fold: VehicleFold, fresh: Callable[[], Record], attributes: VehicleAttributes, cuts: set[int]
) -> None:
    uploads, whole, parts = trip(), fresh(), fresh()
    fold.fold(whole, uploads, attributes, list(range(6)))
    edges = [0, *sorted(cuts), 6]
    for first, last in pairwise(edges):
        fold.fold(parts, uploads[first:last], attributes, list(range(first, last)))
    assert whole.tobytes() == parts.tobytes()


def test_an_upload_that_comes_twice_is_folded_once(
    fold: VehicleFold, state: Record, attributes: VehicleAttributes
) -> None:
    uploads = trip(3)
    fold.fold(state, uploads, attributes)
    before = state.tobytes()
    assert results(fold.fold(state, uploads, attributes)) == ["duplicate"] * 3
    assert state.tobytes() == before


def test_an_offset_that_is_in_the_state_is_not_folded_again(
    fold: VehicleFold, state: Record, attributes: VehicleAttributes
) -> None:
    fold.fold(state, trip(2), attributes, [4, 7])
    before = state.tobytes()
    assert results(fold.fold(state, trip(2, boot="other"), attributes, [4, 7])) == ["replayed"] * 2
    assert state.tobytes() == before


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_the_state_comes_out_the_same_in_any_order(
    fold: VehicleFold, fresh: Callable[[], Record], attributes: VehicleAttributes, seed: int
) -> None:
    uploads = trip(3, "a") + trip(3, "b", START_MS + DAY_MS, 6.1e7)
    mixed = uploads.copy()
    random.Random(seed).shuffle(mixed)
    one, other = fresh(), fresh()
    fold.fold(one, uploads, attributes)
    assert set(results(fold.fold(other, mixed, attributes))) == {"folded"}
    for name in one.dtype.names or ():
        a, b = (np.sort(state[name]) if name == "boots" else state[name] for state in (one, other))
        assert a.tobytes() == b.tobytes(), name


def test_uploads_can_be_cited_by_boot_and_range(
    fold: VehicleFold, layout: StateLayout, state: Record, attributes: VehicleAttributes
) -> None:
    fold.fold(state, trip(3, "a") + trip(2, "b", START_MS + DAY_MS), attributes)
    cited = [(part.boot_id, part.first_seq, part.last_seq) for part in layout.uploads(state)]
    assert cited == [("a", 0, 2), ("b", 0, 1)]


def test_a_fourth_boot_takes_the_place_of_the_oldest_whose_uploads_can_then_not_be_told_from_new_ones(
    fold: VehicleFold, layout: StateLayout, state: Record, attributes: VehicleAttributes
) -> None:
    for k in range(4):
        fold.fold(state, trip(1, f"boot-{k}", START_MS + k * DAY_MS), attributes)
    assert [part.boot_id for part in layout.uploads(state)] == ["boot-1", "boot-2", "boot-3"]
    (late,) = fold.fold(state, trip(1, "boot-0"), attributes)
    assert late.result is FoldResult.REJECTED and "too old" in late.reason


def test_a_sequence_too_far_behind_its_boot_is_rejected_not_guessed(
    fold: VehicleFold, state: Record, attributes: VehicleAttributes
) -> None:
    one = upload([10.0] * 5)
    fold.fold(state, [replace(one, id=replace(one.id, seq=100))], attributes)
    near, far = (replace(one, id=replace(one.id, seq=seq)) for seq in (37, 36))
    assert results(fold.fold(state, [near, far, near], attributes)) == ["folded", "rejected", "duplicate"]


def test_a_great_jump_of_the_sequence_forgets_the_bitmap_cleanly(
    fold: VehicleFold, state: Record, attributes: VehicleAttributes
) -> None:
    one = upload([10.0] * 5)
    sent = [replace(one, id=replace(one.id, seq=seq)) for seq in (0, 4_000_000_000, 4_000_000_000, 3_999_999_999)]
    assert results(fold.fold(state, sent, attributes)) == ["folded", "folded", "duplicate", "folded"]


def test_what_cannot_be_used_is_rejected_and_leaves_no_trace_but_its_offset(
    fold: VehicleFold, layout: StateLayout, state: Record, attributes: VehicleAttributes
) -> None:
    bad = replace(upload([1.0, 2.0]), columns={SPEED: [None, None]})
    before = state.copy()
    (outcome,) = fold.fold(state, [bad], attributes, [9])
    assert outcome.result is FoldResult.REJECTED and outcome.reason
    assert layout.offset(state, "telemetry-uploads") == 9
    layout.set_offset(state, "telemetry-uploads", -1)
    assert state.tobytes() == before.tobytes()


def test_impossible_values_raise_a_flag(fold: VehicleFold, state: Record, attributes: VehicleAttributes) -> None:
    fold.fold(state, [upload([10.0, 5000.0, 10.0])], attributes)
    assert int(state["flags"]) & IMPLAUSIBLE_VALUE


@given(value=st.floats(width=64))
def test_no_float_makes_a_state_that_is_not_finite(
    fold: VehicleFold, fresh: Callable[[], Record], attributes: VehicleAttributes, value: float
) -> None:
    state = fresh()
    columns = {path: [value, 10.0, value, 12.0] for path in upload([0.0], rpm=1, voltage=1, ambient=1).columns}
    fold.fold(state, [replace(upload([10.0] * 4), columns=columns)], attributes)
    for name in ("observed_m", "exposure", "exposure_m"):
        assert np.isfinite(state[name]).all()
    assert np.isfinite(state["trends"]["fast"]).all() and np.isfinite(state["days"]["exposure"]).all()


def test_an_odometer_jump_is_held_back_and_the_speed_counts_meanwhile(new_car: Callable[..., Car]) -> None:
    car = new_car()
    car.drive_days(1, uploads=2)
    before, car.odometer_m = int(car.state["odometer_m"]), car.odometer_m + 5_000_000
    observed = float(car.state["observed_m"])
    car.drive_days(1, uploads=3)
    assert int(car.state["order_flags"]) & ODOMETER_JUMP
    driven = float(car.state["observed_m"]) - observed
    assert int(car.state["odometer_m"]) - before == pytest.approx(driven, abs=5)


def test_a_jump_that_stays_is_believed_after_five_uploads_and_moves_the_past_along(new_car: Callable[..., Car]) -> None:
    car = new_car()
    car.drive_days(1, uploads=2)
    span = int(car.state["odometer_m"]) - int(car.state["first_odometer_m"])
    car.odometer_m += 5_000_000
    car.drive_days(1, uploads=6)
    assert int(car.state["order_flags"]) & ODOMETER_CORRECTED
    assert int(car.state["odometer_m"]) == pytest.approx(car.odometer_m, abs=5)
    assert int(car.state["odometer_m"]) - int(car.state["first_odometer_m"]) < span + 6 * 4_000


def test_one_wrong_reading_does_not_disturb_the_next_ones(new_car: Callable[..., Car]) -> None:
    car = new_car()
    car.drive_days(1, uploads=2)
    right = car.odometer_m
    car.odometer_m = 1_000.0
    car.drive_days(1, uploads=1)
    car.odometer_m = right + 2_000
    car.drive_days(1, uploads=1)
    assert int(car.state["odometer_m"]) == pytest.approx(car.odometer_m, abs=5)


def test_a_car_without_an_odometer_still_adds_up_what_it_sees(
    fold: VehicleFold, state: Record, attributes: VehicleAttributes
) -> None:
    fold.fold(state, [upload([72.0] * 101, odometer_m=None)], attributes)
    assert int(state["odometer_m"]) == -1 and float(state["observed_m"]) == pytest.approx(2000)


def test_uploads_without_an_odometer_carry_it_on_by_speed(
    fold: VehicleFold, state: Record, attributes: VehicleAttributes
) -> None:
    fold.fold(state, [upload([72.0] * 101)], attributes)
    before = int(state["odometer_m"])
    fold.fold(state, [upload([72.0] * 101, odometer_m=None, seq=1, start_ms=START_MS + 300_000)], attributes)
    assert int(state["odometer_m"]) - before == 2000


def test_a_late_first_upload_takes_the_beginning_back(
    fold: VehicleFold, state: Record, attributes: VehicleAttributes
) -> None:
    first, second = trip(2)
    fold.fold(state, [second, first], attributes)
    assert int(state["first_ms"]) == START_MS
    assert int(state["first_odometer_m"]) <= int(second.columns[ODOMETER][0])  # type: ignore[arg-type]


def test_days_older_than_the_ring_still_count_in_the_sums(
    fold: VehicleFold, state: Record, attributes: VehicleAttributes
) -> None:
    fold.fold(state, trip(1, "new", START_MS + 32 * DAY_MS, 6.5e7), attributes)
    before = float(state["observed_m"])
    fold.fold(state, trip(1, "old"), attributes)
    assert float(state["observed_m"]) == pytest.approx(2 * before)
    assert (state["days"]["observed"] > 0).sum() == 1


class TestBattery:
    """Voltage at rest and while cranking count only at the first start after a standstill."""

    REST = (0.0,) * 10
    WAKE: ClassVar = {"rpm": [0.0] * 6 + [220.0] + [850.0] * 3, "voltage": [12.5] * 6 + [10.2] + [14.2] * 3}

    def trends(self, catalogue: Any, state: Record) -> dict[str, tuple[float, int]]:
        return {
            name: (float(trend["fast"]), int(trend["count"]))
            for name, trend in zip(catalogue.trends, state["trends"], strict=True)
        }

    def test_both_are_read_at_the_start_of_a_trip(
        self, catalogue: Any, fold: VehicleFold, state: Record, attributes: VehicleAttributes
    ) -> None:
        fold.fold(state, [upload(self.REST, **self.WAKE)], attributes)
        assert self.trends(catalogue, state)["rest_voltage"] == (12.5, 1)
        assert self.trends(catalogue, state)["crank_dip"] == (pytest.approx(10.2), 1)

    def test_a_start_at_a_traffic_light_counts_for_nothing(
        self, catalogue: Any, fold: VehicleFold, state: Record, attributes: VehicleAttributes
    ) -> None:
        light = upload(self.REST, seq=1, start_ms=START_MS + 60_000, **self.WAKE | {"voltage": [11.0] * 10})
        fold.fold(state, [upload(self.REST, **self.WAKE), light], attributes)
        assert self.trends(catalogue, state)["rest_voltage"] == (12.5, 1)

    def test_a_boot_soon_after_the_last_one_counts_for_nothing(
        self, catalogue: Any, fold: VehicleFold, state: Record, attributes: VehicleAttributes
    ) -> None:
        soon = upload(self.REST, boot="b", start_ms=START_MS + 600_000, **self.WAKE | {"voltage": [11.0] * 10})
        fold.fold(state, [upload(self.REST, **self.WAKE), soon], attributes)
        assert self.trends(catalogue, state)["rest_voltage"] == (12.5, 1)

    def test_later_ones_move_the_level_by_their_weight(
        self, catalogue: Any, fold: VehicleFold, state: Record, attributes: VehicleAttributes
    ) -> None:
        later = upload(self.REST, boot="b", start_ms=START_MS + 9 * HOUR_MS, **self.WAKE | {"voltage": [11.5] * 10})
        fold.fold(state, [upload(self.REST, **self.WAKE), later], attributes)
        level, count = self.trends(catalogue, state)["rest_voltage"]
        assert count == 2 and level == pytest.approx(12.5 + 0.3 * (11.5 - 12.5))

    def test_an_engine_that_runs_from_the_first_sample_tells_nothing_of_the_battery(
        self, catalogue: Any, fold: VehicleFold, state: Record, attributes: VehicleAttributes
    ) -> None:
        fold.fold(state, [upload(self.REST, rpm=800.0, voltage=14.2)], attributes)
        assert self.trends(catalogue, state)["rest_voltage"][1] == self.trends(catalogue, state)["crank_dip"][1] == 0

    def test_a_late_upload_moves_the_level_as_if_it_had_come_in_time(
        self, catalogue: Any, fold: VehicleFold, state: Record, attributes: VehicleAttributes
    ) -> None:
        late = upload(self.REST, boot="b", start_ms=START_MS - DAY_MS, **self.WAKE | {"voltage": [11.5] * 10})
        fold.fold(state, [upload(self.REST, **self.WAKE), late], attributes)
        level, count = self.trends(catalogue, state)["rest_voltage"]
        assert count == 2 and level == pytest.approx(11.5 + 0.3 * (12.5 - 11.5))


def test_a_prediction_is_due_at_first_then_when_something_moved(new_car: Callable[..., Car]) -> None:
    car = new_car()
    assert not car.fold.is_prediction_due(car.state)
    car.drive_days(1, uploads=1)
    assert car.fold.is_prediction_due(car.state)
    car.fold.mark_predicted(car.state)
    assert not car.fold.is_prediction_due(car.state)
    car.drive_days(1, uploads=1)
    assert car.fold.is_prediction_due(car.state)  # a new day
    car.fold.mark_predicted(car.state)
    (far,) = [upload([120.0] * 400, seq=1, boot="day-1", start_ms=int(car.state["last_ms"]) + 1, odometer_m=None)]
    car.fold.fold(car.state, [far], car.attributes)
    assert car.fold.is_prediction_due(car.state)  # more than 10 km


def test_the_build_date_of_the_upload_reaches_the_state(fold: VehicleFold, state: Record) -> None:
    fold.fold(state, [upload([1.0, 2.0])], [VehicleAttributes(built_ms=42)])
    assert int(state["built_ms"]) == 42
