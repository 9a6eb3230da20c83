"""The plainer parts wear by what drives ask of them, and by the date alone where that is all there is."""

from __future__ import annotations

import pytest

from simulators.drive import Drive
from simulators.parts_truth import (
    CABIN_FILTER,
    CHECK,
    INSPECTION,
    PARTS,
    PLUGS,
    REAR_PADS,
    TYRES,
    PartsTruth,
    part_shares,
    tyre_at,
)
from simulators.wear_truth import WearFactors, WearTruth, trip_demand


@pytest.mark.parametrize(
    ("part", "low_km", "high_km"),
    [(REAR_PADS, 30_000, 90_000), (TYRES, 38_000, 55_000), (CABIN_FILTER, 25_000, 50_000), (PLUGS, 45_000, 80_000)],
)
def test_parts_last_about_as_long_as_such_parts_do(drives: list[Drive], part: str, low_km: int, high_km: int) -> None:
    km = sum(drive.distance_m for drive in drives) / 1_000
    used = sum(trip_demand(drive, 1_450.0).part_shares[part] for drive in drives)
    assert low_km < km / used < high_km


def test_a_drive_without_braking_takes_no_rear_pads_and_less_of_the_tyres(drives: list[Drive]) -> None:
    usual, steady = trip_demand(drives[0], 1_500.0), trip_demand(drives[0].with_constant_speed(), 1_500.0)
    assert steady.part_shares[REAR_PADS] == 0.0 < usual.part_shares[REAR_PADS]
    assert 0.0 < steady.part_shares[TYRES] < usual.part_shares[TYRES]


def test_checks_are_due_by_the_date_and_by_nothing_else(drives: list[Drive]) -> None:
    parts = PartsTruth()
    for drive in drives[:3]:
        parts.drive(part_shares(drive, 1_500.0, 1e7))
    assert parts.used[CHECK] == parts.used[INSPECTION] == 0.0
    parts.rest(365.0)
    assert (parts.used[CHECK], parts.used[INSPECTION]) == (pytest.approx(1.0), pytest.approx(0.5))
    assert 0.0 < parts.used[CABIN_FILTER] < 0.5


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_renewed_is_as_new_and_no_other_is(part: str) -> None:
    truth = WearTruth(WearFactors(), 12.0, 0.0, 0, 0.0, 1.0, 0)
    truth.parts.used = dict.fromkeys(PARTS, 1.2)
    truth.renew(part, 0)
    assert {other for other in PARTS if truth.is_due(other, 0)} == set(PARTS) - {part}


def test_a_tyre_follows_the_weather() -> None:
    assert tyre_at(230.0, 20.0) == pytest.approx(230.0)
    assert tyre_at(230.0, 10.0) == pytest.approx(230.0 - 11.3, abs=0.1)
