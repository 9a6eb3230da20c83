"""Levelling: what is quiet and in good time comes first, nothing is left out, and the order is always the same."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.free_slots import free_slots
from domain.opening_hours import WEEKDAYS, OpeningHours
from domain.prediction import DueWindow
from domain.site import Demand, Resource, ResourceKind, Site, Technician
from domain.slot import Hold, Slot
from domain.workload import RankedSlot, Workload, common_window, rank_slots
from tests.support.moments import DAY, HOUR, NOW

SITE = Site(OpeningHours("UTC", dict.fromkeys(WEEKDAYS, ((time(8), time(16)),))), ("bay-01", "bay-02"))
WEEK = (NOW, NOW + 7 * DAY)


def held(start_ms: int, hours: int, bay: str = "bay-01", kind: ResourceKind = ResourceKind.BAY) -> Hold:
    return Hold(Resource(kind, bay), start_ms, start_ms + hours * HOUR)


def ranked(*holds: Hold, window: tuple[int, int] | None = WEEK, site: Site = SITE) -> list[RankedSlot]:
    slots = free_slots(site, holds, Demand(60), *WEEK)
    return rank_slots(slots, Workload(site, holds, NOW - DAY, NOW + 8 * DAY), window)


def percent(ms: int, *holds: Hold, site: Site = SITE) -> int:
    load = Workload(site, holds, NOW - DAY, NOW + 8 * DAY)
    return load.percent(load.half_day(ms))


def test_load_is_the_promised_part_of_a_half_days_open_bay_time() -> None:
    morning = held(NOW, 4)
    assert [percent(NOW + h * HOUR, morning) for h in (0, 3, 4, 24)] == [50, 50, 0, 0]
    over_noon = held(NOW + 3 * HOUR, 2)
    assert [percent(NOW, over_noon), percent(NOW + 4 * HOUR, over_noon)] == [12, 12]
    assert percent(NOW, morning, held(NOW, 4, "bay-02")) == 100


def test_where_people_are_fewer_than_bays_they_are_what_fills_up() -> None:
    alone = replace(SITE, technicians=(Technician("T1"),))
    assert percent(NOW, held(NOW, 4), site=alone) == 100
    both = [held(NOW, 4), held(NOW, 4, "T1", ResourceKind.TECHNICIAN)]
    assert percent(NOW, *both, site=SITE) == 50, "a visit counts once, whoever works on it"


def test_a_day_that_is_closed_has_no_load() -> None:
    closed = replace(SITE, hours=OpeningHours("UTC", {}))
    assert percent(NOW, held(NOW, 4), site=closed) == 0


def test_the_emptiest_half_day_comes_first_and_then_the_earliest() -> None:
    busy = [
        held(NOW + day * DAY + half * 4 * HOUR, 2) for day in range(7) for half in range(2) if (day, half) != (3, 1)
    ]
    found = ranked(*busy)
    quiet = NOW + 3 * DAY + 4 * HOUR
    assert [r.slot.start_ms for r in found[:3]] == [quiet, quiet + HOUR // 2, quiet + HOUR]
    assert found[0].is_quiet
    rest = [r.slot.start_ms for r in found if not quiet <= r.slot.start_ms < quiet + 4 * HOUR]
    assert rest == sorted(rest), "of two with the same load the earlier one"


def test_only_what_lies_in_the_due_window_is_recommended_and_the_rest_stays_choosable_in_its_order() -> None:
    window = (NOW + 2 * DAY, NOW + 3 * DAY)
    found = ranked(window=window)
    inside = [r for r in found if r.is_in_window]
    assert found[: len(inside)] == inside
    assert all(window[0] <= r.slot.start_ms < window[1] for r in inside)
    outside = [r.slot.start_ms for r in found[len(inside) :]]
    assert outside == sorted(outside)
    assert not any(r.is_quiet for r in found[len(inside) :])
    assert len(found) == len(free_slots(SITE, [], Demand(60), *WEEK))


def test_a_half_day_that_is_half_taken_is_not_called_quiet() -> None:
    (first, *_) = [r for r in ranked(held(NOW, 4)) if r.slot.start_ms == NOW]
    assert first.is_in_window and not first.is_quiet
    (first, *_) = [r for r in ranked(held(NOW, 3)) if r.slot.start_ms == NOW]
    assert first.is_quiet


def test_without_a_window_the_order_is_that_of_time() -> None:
    starts = [r.slot.start_ms for r in ranked(held(NOW, 4), window=None)]
    assert starts == sorted(starts)


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 2**32),
    holds=st.lists(
        st.builds(
            lambda n, hours, bay: held(NOW + n * HOUR, hours, f"bay-0{bay}"),
            st.integers(-24, 24 * 7), st.integers(1, 9), st.integers(1, 2),
        ),
        max_size=20,
    ),
)  # fmt: skip
def test_the_order_depends_on_nothing_but_what_is_free_and_held(seed: int, holds: list[Hold]) -> None:
    slots = free_slots(SITE, holds, Demand(60), *WEEK)
    load = Workload(SITE, holds, NOW - DAY, NOW + 8 * DAY)
    expected = rank_slots(slots, load, WEEK)
    mixed: list[Slot] = list(slots)
    random.Random(seed).shuffle(mixed)
    random.Random(seed).shuffle(holds)
    assert rank_slots(mixed, Workload(SITE, holds, NOW - DAY, NOW + 8 * DAY), WEEK) == expected
    percents = [load.percent(load.half_day(r.slot.start_ms)) for r in expected if r.is_in_window]
    assert percents == sorted(percents)


def due(earliest: int | None, latest: int | None) -> DueWindow:
    ends = [None if days is None else NOW + days * DAY for days in (earliest, latest)]
    return DueWindow(ends[0], None, ends[1], 0.9)


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ([due(5, 20)], (5, 20)),
        ([due(-5, 20)], (0, 20)),
        ([due(None, 20)], (0, 20)),
        ([due(5, 20), due(10, 30)], (10, 20)),
        ([due(2, 9), due(10, 30)], (2, 9)),  # nothing in common: the one that ends first
        ([due(5, 20), due(10, None)], (5, 20)),
        ([due(-9, -1)], None),  # overdue: the sooner the better
        ([due(-9, -1), due(10, 30)], None),
        ([due(5, None)], None),
        ([], None),
    ],
)
def test_a_visit_for_several_needs_is_due_when_all_of_them_are(
    windows: list[DueWindow], expected: tuple[int, int] | None
) -> None:
    found = common_window(windows, NOW)
    assert found == (None if expected is None else tuple(NOW + days * DAY for days in expected))
