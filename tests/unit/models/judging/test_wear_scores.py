"""Errors, windows and the ledger, held against going through the decisions one by one."""

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.ledger import LedgerEntry
from domain.prediction import DueWindow
from domain.service_record import ServiceOutcome
from models.judging.calibration_ledger import ledger_of, summarise
from models.judging.outcomes import life_left
from models.judging.periods import periods_of
from models.judging.services import NONE, ItemServices
from models.judging.wear_scores import (
    Windows,
    coverage_over_time,
    distinct_failures,
    error_at_notice,
    errors_of,
    mean_width,
    notice_edges,
)

DAY = 86_400_000
end = st.one_of(st.none(), st.integers(0, 20))


def windows_of(*stated: tuple[int | None, int | None, int | None]) -> Windows:
    columns = np.array([[NONE if moment is None else moment for moment in window] for window in stated], dtype=np.int64)
    return Windows(*columns.T)


def ms(year: int, month: int, day: int = 1) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp() * 1000)


@given(st.lists(st.tuples(end, end, end, st.integers(0, 20)), min_size=1, max_size=20))
def test_a_window_holds_what_lies_in_it_and_an_open_side_holds_all(rows: list[tuple]) -> None:  # type: ignore[type-arg]
    windows = windows_of(*[row[:3] for row in rows])
    held = windows.holds(np.array([row[3] for row in rows]))
    widths = []
    for i, (earliest, expected, latest, truth) in enumerate(rows):
        is_stated = (earliest, expected, latest) != (None, None, None)
        is_in = (earliest is None or earliest <= truth) and (latest is None or truth <= latest)
        assert held[i] == (is_stated and is_in)
        assert windows.is_open[i] == (is_stated and (earliest is None or latest is None))
        if earliest is not None and latest is not None:
            widths.append((latest - earliest) / DAY)
    assert mean_width(windows) == (pytest.approx(sum(widths) / len(widths)) if widths else None)


def test_errors_are_said_minus_true() -> None:
    errors = errors_of(np.array([10.0, 10.0, 4.0]), np.array([7.0, 14.0, 4.0]))
    assert errors is not None
    assert (errors.bias, errors.mae, errors.rmse) == pytest.approx((-1 / 3, 7 / 3, (25 / 3) ** 0.5))
    assert errors_of(np.zeros(0), np.zeros(0)) is None


@pytest.mark.parametrize(
    ("begin", "finish", "names"),
    [
        (ms(2024, 3), ms(2026, 4), ["2024 H1", "2024 H2", "2025 H1", "2025 H2", "2026 H1"]),
        (ms(2024, 11), ms(2025, 8), ["2024 Q4", "2025 Q1", "2025 Q2", "2025 Q3"]),
        (ms(2024, 12, 31), ms(2025, 2), ["2024-12", "2025-01", "2025-02"]),
    ],
)
def test_a_span_is_told_by_half_years_quarters_or_months(begin: int, finish: int, names: list[str]) -> None:
    periods = periods_of(np.array([finish, begin]))
    assert [period.name for period in periods] == names
    assert periods[0].from_ms <= begin and finish < periods[-1].until_ms
    assert all(one.until_ms == other.from_ms for one, other in pairwise(periods))


def test_no_decision_is_in_no_period() -> None:
    assert periods_of(np.zeros(0, dtype=np.int64)) == ()


def test_coverage_is_followed_by_when_the_window_was_stated() -> None:
    time_ms = np.array([ms(2025, 1), ms(2025, 1, 2), ms(2025, 3)])
    windows = Windows(time_ms, time_ms + DAY, time_ms + 4 * DAY)
    truth = time_ms + np.array([2, 9, 3]) * DAY
    january, march = coverage_over_time(windows, truth, time_ms, np.array([1, 2, 1]))
    assert (january.name, january.coverage.value, january.coverage.rows) == ("2025-01", 0.5, 2)
    assert (march.name, march.coverage.value, march.mean_width_days) == ("2025-03", 1.0, 4.0)


@given(st.floats(1e-6, 1e7))
def test_bins_of_notice_begin_at_nothing_and_hold_the_largest(largest: float) -> None:
    edges = notice_edges(np.array([largest]))
    assert edges[0] == 0.0
    assert list(edges) == sorted(set(edges))
    assert edges[-2] <= largest < edges[-1]


def test_bins_of_notice_without_any_notice() -> None:
    assert notice_edges(np.zeros(0)) == notice_edges(np.zeros(2)) == (0.0, 1.0)


def test_the_error_is_told_by_how_much_was_truly_left() -> None:
    services = ItemServices.of([1, 2], [100, 100], ["failed", "failed"])
    vehicle, time_ms = np.array([1, 1, 2, 2]), np.array([0, 99, 0, 98])
    left = life_left(services, vehicle, time_ms, lambda _, time: time.astype(np.float64), 200)
    said = np.array([120.0, 0.0, 90.0, 4.0])
    windows = windows_of((90, 100, 110), (101, 102, 103), (None, None, None), (99, 100, 101))
    near, nearer, far = error_at_notice(said, left, windows, vehicle)
    assert (near.low, near.high, near.rows, near.bias) == (0.0, 2.0, 1, -1.0)
    assert near.coverage is not None and near.coverage.value == 0.0
    assert (nearer.low, nearer.bias, nearer.failures) == (2.0, 2.0, 1)
    assert (far.rows, far.failures, far.mae, far.bias) == (2, 2, 15.0, 5.0)
    assert far.coverage is not None and far.coverage.rows == 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12))
def test_failures_are_counted_once_however_many_decisions_saw_them(rows: list[tuple[int, int]]) -> None:
    vehicle = np.array([row[0] for row in rows], dtype=np.int64)
    failed = np.array([row[1] for row in rows], dtype=np.int64)
    assert distinct_failures(vehicle, failed) == len(set(rows))


def entry(window: DueWindow, found: int, item: str = "oil") -> LedgerEntry:
    return LedgerEntry("car", item, 0, window, max(found, 0), ServiceOutcome.FAILED, found_ms=found)


def test_the_ledger_sums_what_was_kept_early_and_late() -> None:
    window = DueWindow(2 * DAY, 4 * DAY, 6 * DAY, 0.9)
    nothing = DueWindow(None, None, None, 0.9)
    found = [entry(window, day * DAY) for day in (1, 2, 5, 6, 7)] + [entry(nothing, DAY)]
    open_ended = entry(DueWindow(DAY, 2 * DAY, None, 0.8), 99 * DAY, "battery")
    battery, oil = summarise([*found, open_ended])
    assert (oil.item, oil.entries, oil.unstated, oil.inside, oil.early, oil.late) == ("oil", 6, 1, 3, 1, 1)
    assert (oil.coverage, oil.stated_coverage, oil.mean_width_days) == pytest.approx((0.6, 0.9, 4.0))
    assert (battery.coverage, battery.mean_width_days) == (1.0, None)
    (unstated,) = summarise([entry(nothing, DAY)])
    assert (unstated.coverage, unstated.stated_coverage) == (None, None)


def test_a_service_before_its_promise_is_refused() -> None:
    with pytest.raises(InvalidInput) as raised:
        LedgerEntry("car", "oil", 5, DueWindow(6, 7, 8, 0.9), 4, ServiceOutcome.MEASURED, found_ms=9)
    assert raised.value.field == "serviced_ms"


def test_the_promise_in_the_ledger_is_the_last_one_in_time_of_the_same_part() -> None:
    services = ItemServices.of([0, 0, 1], [50, 90, 20], ["failed", "failed", "failed"], [None, 1.5, None])
    time_ms = np.array([60, 10, 30, 45, 85, 15])
    vehicle = np.array([0, 0, 0, 0, 0, 1])
    windows = Windows(time_ms + 5, time_ms + 10, np.array([75, NONE, 60, 70, 95, 30]))
    first, second = ledger_of(
        "pads", services, vehicle, time_ms, windows, coverage=0.9, ahead_ms=10, vehicle_ids=["a", "b"]
    )
    assert (first.vehicle_id, first.promised_ms, first.found_ms, first.window.latest_ms) == ("a", 30, 50, 60)
    assert first.is_inside and first.measured is None
    # At 45 it was too late to act, and vehicle b was decided too late altogether.
    assert (second.promised_ms, second.window, second.measured) == (60, DueWindow(65, 70, 75, 0.9), 1.5)
    assert not second.is_inside


def test_a_promise_of_an_earlier_part_is_not_held_against_the_next() -> None:
    services = ItemServices.of([0, 0], [50, 90], ["replaced", "failed"])
    windows = windows_of((60, 70, 80))
    assert (
        ledger_of(
            "pads", services, np.array([0]), np.array([40]), windows, coverage=0.9, ahead_ms=10, vehicle_ids=["a"]
        )
        == []
    )
