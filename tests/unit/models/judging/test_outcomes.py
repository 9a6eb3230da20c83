"""What became true after a decision, held against reading the services one by one."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.service_record import ServiceOutcome
from models.judging.lives import lives_of
from models.judging.outcomes import failed_within, life_left, meter_clock, time_clock
from models.judging.services import NONE, ItemServices
from tests.unit.models.judging.fleets import UNTIL, Fleet, fleets

FAILED, REPLACED = ServiceOutcome.FAILED, ServiceOutcome.REPLACED
DAY = 86_400_000
NOTHING = ItemServices.of([], [], [])


def clock(_vehicle: np.ndarray, time_ms: np.ndarray) -> np.ndarray:
    return time_ms.astype(np.float64)


@given(fleets, st.integers(1, 15))
def test_a_label_is_what_reading_the_services_one_by_one_says(fleet: Fleet, horizon: int) -> None:
    labels = failed_within(fleet.services, fleet.vehicle, fleet.time_ms, horizon, UNTIL)
    for (vehicle, time), label in zip(fleet.decided, labels, strict=True):
        if any(time < failed <= time + horizon for failed in fleet.of(vehicle, FAILED)):
            assert label == 1
        elif time + horizon <= UNTIL:
            assert label == 0
        else:
            assert math.isnan(label)


@given(fleets)
def test_what_was_left_ends_with_the_next_renewal_and_is_known_only_by_a_failure(fleet: Fleet) -> None:
    left = life_left(fleet.services, fleet.vehicle, fleet.time_ms, clock, UNTIL)
    for row, (vehicle, time) in enumerate(fleet.decided):
        renewed = [moment for moment in fleet.of(vehicle, FAILED, REPLACED) if moment > time]
        if renewed and renewed[0] in fleet.of(vehicle, FAILED):
            assert left.remaining[row] == left.at_least[row] == renewed[0] - time
            assert left.failed_ms[row] == renewed[0]
        else:
            assert math.isnan(left.remaining[row])
            assert left.failed_ms[row] == NONE
            assert left.at_least[row] == (renewed[0] if renewed else UNTIL) - time


@given(fleets)
def test_lives_run_from_renewal_to_renewal(fleet: Fleet) -> None:
    lives = lives_of(fleet.services, fleet.vehicle, fleet.time_ms, UNTIL)
    expected = set()
    for vehicle, time in fleet.decided:
        renewals = fleet.of(vehicle, FAILED, REPLACED)
        begun = max((moment for moment in renewals if moment <= time), default=NONE)
        ended = min((moment for moment in renewals if moment > time), default=UNTIL)
        is_failed = ended in fleet.of(vehicle, FAILED) and ended > time
        expected.add((vehicle, begun, ended, is_failed))
    columns = (lives.vehicle, lives.begun_ms, lives.ended_ms, lives.is_failed)
    assert set(zip(*(column.tolist() for column in columns), strict=True)) == expected
    assert len(lives) == len(expected)
    assert fleet.time_ms[lives.order].tolist() == lives.time_ms.tolist()
    assert fleet.vehicle[lives.order].tolist() == lives.vehicle[lives.life].tolist()
    firsts = [lives.time_ms[lives.life == life].min() for life in range(len(lives))]
    assert lives.entered_ms.tolist() == firsts


def test_a_vehicle_that_left_is_known_until_it_left() -> None:
    services = ItemServices.of([], [], [])
    labels = failed_within(services, np.array([1, 2]), np.array([10, 10]), 10, np.array([15, 20]))
    assert math.isnan(labels[0])
    assert labels[1] == 0


def test_a_failure_counts_even_when_the_horizon_ends_after_the_history() -> None:
    services = ItemServices.of([1], [95], ["failed"])
    assert failed_within(services, np.array([1]), np.array([90]), 50, until_ms=100).tolist() == [1.0]


@pytest.mark.parametrize(("unit", "expected"), [("day", 2.0), ("days", 2.0), ("h", 48.0), ("s", 172_800.0)])
def test_time_is_counted_in_the_items_unit(unit: str, expected: float) -> None:
    assert time_clock(unit)(np.array([0]), np.array([2 * DAY])).tolist() == [expected]


def test_a_life_in_km_is_read_off_the_meter_between_its_readings() -> None:
    km = meter_clock(np.array([2, 1, 1, 1]), np.array([0, 10, 0, 20]), np.array([7.0, math.nan, 100.0, 140.0]))
    services = ItemServices.of([1, 2], [20, 5], ["failed", "failed"])
    left = life_left(services, np.array([1, 1, 2, 3]), np.array([5, 0, 0, 0]), km, until_ms=30)
    assert left.remaining[:2].tolist() == [30.0, 40.0]
    assert not left.is_known[2:].any()
    assert left.failed_ms.tolist() == [20, 20, 5, NONE]


def test_a_meter_that_was_never_read_says_nothing() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert np.isnan(meter_clock(nothing, nothing, np.zeros(0))(np.array([1]), np.array([0]))).all()


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: time_clock("km"), "unit"),
        (lambda: ItemServices.of([1], [2], ["broken"]), "outcome"),
        (lambda: ItemServices.of([1], [2, 3], ["failed"]), "services"),
        (lambda: ItemServices.of([1], [2], ["failed"], [1.0, 2.0]), "services"),
        (lambda: failed_within(NOTHING, np.array([1]), np.array([1]), 0, 9), "horizon_ms"),
        (lambda: failed_within(NOTHING, np.array([1]), np.array([1, 2]), 5, 9), "decisions"),
        (lambda: life_left(NOTHING, np.array([1]), np.array([1]), clock, np.array([])), "decisions"),
    ],
)  # fmt: skip
def test_wrong_input_is_named_with_the_way_to_mend_it(make, field: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InvalidInput) as raised:
        make()
    assert raised.value.field == field
    assert raised.value.fix
