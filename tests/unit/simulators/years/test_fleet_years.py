"""A fleet is the same for the same seed, lives in order of time, and sends what cars can send."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pytest

from simulators.drive import Drive
from simulators.years.car_days import CarDays
from simulators.years.fleet_years import FleetYears
from simulators.years.reported_service import ReportedService
from tests.unit.simulators.years.conftest import CARS, DAYS, START_DAY, RunFleet


def digest(days: CarDays, services: list[ReportedService]) -> str:
    """Of every byte that was sent and reported."""
    sent = (
        days.days,
        days.sent,
        days.trips,
        days.odometer_m,
        days.ambient_mean_c,
        days.ambient_min_c,
        days.fast_charges,
    )
    arrays = [*sent, *(days.readings[name] for name in sorted(days.readings))]
    return hashlib.sha256(
        b"".join(array.tobytes() for array in arrays) + repr((days.codes, services)).encode()
    ).hexdigest()


def digests(drives: list[Drive], seed: int, days: int, beyond_days: int = 0) -> list[str]:
    fleet = FleetYears(seed, 12, days, START_DAY, drives=drives, before_days=40, beyond_days=beyond_days)
    return [digest(*chunk) for chunk in fleet.chunks()]


def test_one_seed_gives_one_fleet_to_the_byte_and_another_seed_another(drives: list[Drive]) -> None:
    assert digests(drives, 5, 56) == digests(drives, 5, 56)
    assert set(digests(drives, 5, 56)).isdisjoint(digests(drives, 6, 56))


def test_what_is_sent_does_not_depend_on_what_comes_later(drives: list[Drive]) -> None:
    assert digests(drives, 5, 56) == digests(drives, 5, 84, beyond_days=100)[:2]


def test_chunks_follow_each_other_day_by_day(ran: RunFleet) -> None:
    assert ran.together("days").tolist() == list(range(START_DAY, START_DAY + DAYS))


def test_services_come_in_the_order_in_which_they_become_known_and_never_before(ran: RunFleet) -> None:
    for (_, before), (days, services) in pairwise(ran.chunks):
        known = [service.known_day for service in services]
        assert known == sorted(known)
        assert all(days.days[0] <= day <= days.days[-1] for day in known)
        assert not before or before[-1].known_day < days.days[0]
    assert all(service.performed_day <= service.known_day for service in ran.services)
    past = [service for service in ran.services if service.performed_day < START_DAY]
    assert len(past) > CARS  # cars come with a history
    late = sum(service.known_day - service.performed_day > 10 for service in ran.services[len(past) :])
    assert 0.03 < late / len(ran.services[len(past) :]) < 0.15


def test_a_day_that_was_not_sent_shows_nothing(ran: RunFleet) -> None:
    sent = ran.together("sent")
    assert 0.4 < sent.mean() < 0.8
    assert ran.together("trips")[~sent].sum() == 0
    assert ran.together("fast_charges")[~sent].sum() == 0
    for field in ("odometer_m", "ambient_mean_c", "ambient_min_c"):
        column = ran.together(field)
        assert np.isnan(column[~sent]).all() and np.isfinite(column[sent]).all()
    for name in ran.chunks[0][0].readings:
        assert np.isnan(ran.reading(name)[~sent]).all()


def test_the_odometer_never_falls_and_counts_the_drives_that_were_sent(ran: RunFleet) -> None:
    odometer, trips, sent = ran.together("odometer_m"), ran.together("trips"), ran.together("sent")
    metres = np.array([drive.distance_m for drive in ran.fleet.drives])
    both = sent[1:] & sent[:-1]
    driven = np.diff(odometer, axis=0)[both]
    assert np.abs(driven - (trips[1:].astype(float) @ metres)[both]).max() <= 1.0
    for car in range(CARS):
        own = odometer[sent[:, car], car]
        assert (np.diff(own) > 0).all()


def test_a_car_that_joins_later_is_not_heard_of_before(ran: RunFleet) -> None:
    built = np.array([car.built_day for car in ran.fleet.cars])
    later = np.flatnonzero(built > START_DAY + 30)
    assert len(later) > 10
    days, sent = ran.together("days"), ran.together("sent")
    for car in later:
        assert not sent[days < built[car], car].any()
    assert np.mean([sent[days >= built[car], car].any() for car in later]) > 0.9  # some never get a connection


def test_cars_drive_as_far_as_cars_do(ran: RunFleet) -> None:
    km = ran.km_per_day() * 365
    assert 9_000 < np.nanmean(km) < 16_000  # KBA 2023: 12,320 km
    assert 1.2 < np.nanmean(km[ran.is_of("diesel")]) / np.nanmean(km[ran.is_of("petrol")]) < 2.4  # 17,187 to 9,580
    assert np.nanquantile(km, 0.95) > 22_000


def test_habits_differ_and_change(ran: RunFleet) -> None:
    trips = ran.together("trips").astype(float)
    metres = np.array([drive.distance_m for drive in ran.fleet.drives])
    first, second = trips[: DAYS // 2] @ metres, trips[DAYS // 2 :] @ metres
    ratio = second.sum(axis=0)[first.sum(axis=0) > 0] / first.sum(axis=0)[first.sum(axis=0) > 0]
    assert 0.03 < (ratio > 1.6).mean() < 0.4
    assert 0.03 < (ratio < 0.625).mean() < 0.4


def test_it_runs_once_and_tells_the_truth_at_the_end_only(drives: list[Drive]) -> None:
    fleet = FleetYears(1, 3, 30, START_DAY, drives=drives, before_days=0, beyond_days=0)
    with pytest.raises(RuntimeError, match="last chunk"):
        _ = fleet.truth
    chunks = fleet.chunks()
    next(chunks)
    with pytest.raises(RuntimeError, match="last chunk"):
        _ = fleet.truth
    assert len(list(chunks)) == 1
    assert fleet.truth.followed_until == START_DAY + 30
    with pytest.raises(RuntimeError, match="once"):
        next(fleet.chunks())


@pytest.mark.parametrize(
    ("field", "values"),
    [("cars", (1, 0, 10)), ("days", (1, 5, 0)), ("seed", (-1, 5, 10))],
)
def test_numbers_that_make_no_fleet_are_refused_by_name(field: str, values: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=f"^{field} is at least"):
        FleetYears(*values, START_DAY)


def test_a_pool_without_drives_is_refused() -> None:
    with pytest.raises(ValueError, match="drives is empty"):
        FleetYears(1, 2, 3, START_DAY, drives=[])


def test_a_pool_of_town_drives_alone_is_enough(drives: list[Drive]) -> None:
    town = [drive for drive in drives if drive.distance_m < 20_000]
    fleet = FleetYears(1, 4, 28, START_DAY, drives=town, before_days=0, beyond_days=0)
    assert sum(int(days.trips.sum()) for days, _ in fleet.chunks()) > 10
