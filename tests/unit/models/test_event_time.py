"""Clocks of cars: believed within a window around the receipt, corrected and flagged outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import Catalogue
from domain.telemetry import VehicleAttributes
from models.event_time import AHEAD_MS, BEHIND_MS, BUILT_SLACK_MS, event_times
from models.fold import VehicleFold
from models.vehicle_state import CLOCK_WRONG, DAY_MS, Record, StateLayout
from tests.unit.models.conftest import START_MS, stop_and_go, upload

NOW = 1_760_000_000_000


def times(start_ms: int, span_ms: int, received_ms: int, built_ms: int = 0) -> tuple[int, int, bool]:
    start, end, is_wrong = event_times(
        *(np.array([value], dtype=np.int64) for value in (start_ms, span_ms, received_ms, built_ms))
    )
    return int(start[0]), int(end[0]), bool(is_wrong[0])


@pytest.mark.parametrize("late_ms", [-AHEAD_MS, 0, 60_000, BEHIND_MS])
def test_within_the_window_the_car_is_believed(late_ms: int) -> None:
    assert times(NOW - 59_000 - late_ms, 59_000, NOW) == (NOW - 59_000 - late_ms, NOW - late_ms, False)


@pytest.mark.parametrize("late_ms", [-AHEAD_MS - 1, -40 * 365 * DAY_MS, BEHIND_MS + 1, 25 * 365 * DAY_MS])
def test_outside_the_receipt_decides_and_it_is_said(late_ms: int) -> None:
    assert times(NOW - 59_000 - late_ms, 59_000, NOW) == (NOW - 59_000, NOW, True)


def test_nothing_was_measured_before_the_car_was_built() -> None:
    built_ms = NOW - 100 * DAY_MS
    first_ms = built_ms - BUILT_SLACK_MS
    assert times(first_ms - 59_000, 59_000, NOW, built_ms) == (first_ms - 59_000, first_ms, False)
    assert times(first_ms - 59_001, 59_000, NOW, built_ms) == (NOW - 59_000, NOW, True)
    assert times(first_ms - 59_001, 59_000, NOW, NOW + DAY_MS)[2] is False  # a date of manufacture that can't be


def test_a_recording_of_years_ago_keeps_its_times() -> None:
    years_ago = NOW - 8 * 365 * DAY_MS
    assert times(years_ago, 59_000, NOW, years_ago)[2] is False


def test_without_a_receipt_there_is_only_the_cars_own_clock() -> None:
    assert times(NOW, 1_000, 0) == (NOW, NOW + 1_000, False)


@given(
    start_ms=st.integers(946_684_800_000, 4_102_444_800_000),
    span_ms=st.integers(0, 2**32 - 1),
    received_ms=st.integers(NOW - 10**11, NOW + 10**11),
)
def test_no_upload_is_ever_of_the_future_or_of_another_age(start_ms: int, span_ms: int, received_ms: int) -> None:
    start, end, _ = times(start_ms, span_ms, received_ms)
    assert end - start == span_ms
    assert -AHEAD_MS <= received_ms - end <= BEHIND_MS


def test_a_car_whose_clock_was_reset_is_followed_by_receipt_and_flagged(
    catalogue: Catalogue, layout: StateLayout, fold: VehicleFold, state: Record, attributes: VehicleAttributes
) -> None:
    reset = replace(upload(stop_and_go(60), start_ms=1_000_000_000_000), received_ms=START_MS)
    (outcome,) = fold.fold(state, [reset], attributes)
    assert outcome.is_folded and int(state["last_ms"]) == START_MS
    assert layout.flags(state) & CLOCK_WRONG


def test_a_clock_from_the_future_doesnt_shut_out_the_right_ones_after_it(
    fold: VehicleFold, layout: StateLayout, state: Record, attributes: VehicleAttributes, new_car: Callable[..., Any]
) -> None:
    ahead = replace(upload(stop_and_go(60), start_ms=START_MS + 400 * DAY_MS), received_ms=START_MS)
    after = [
        upload(stop_and_go(60), seq=seq, start_ms=START_MS + seq * 60_000, odometer_m=60_000_000 + seq * 700)
        for seq in range(1, 20)
    ]
    outcomes = fold.fold(state, [ahead, *after], attributes)
    assert all(outcome.is_folded for outcome in outcomes)
    assert int(state["last_ms"]) == after[-1].start_ms + after[-1].offsets_ms[-1]
