"""A seed gives a fleet, its past and its days; the same seed gives the same."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from adapters.catalogue_file import load_catalogue
from domain.service_record import ServiceOutcome
from pitcall.settings import Settings
from simulators.drive import ODOMETER, Drive
from simulators.fleet import Fleet, check_digit, fictitious_vin
from simulators.parts_truth import PARTS
from simulators.past import daily_rates
from simulators.profile import PROFILES, plan_day
from simulators.wear_truth import BATTERY, FLUID, ITEMS, OIL, PADS
from simulators.workshop import Finding

from .conftest import DAY_MS, START_MS

MakeFleet = Callable[..., Fleet]


def days_left(fleet: Fleet, index: int, item: str) -> float:
    car = fleet.cars[index]
    truth = car.truth
    rates = daily_rates(car.profile, car.pool, car.key, car.demands, truth.factors, truth.parts.factors, START_MS)
    if item == PADS:
        return (truth.pad_mm - 3.0) / rates.pad_mm
    if item == OIL:
        age_days = (START_MS - truth.oil_filled_ms) / DAY_MS
        return min((1.0 - truth.oil_used) / rates.oil_share, 730.0 - age_days)
    if item == BATTERY:
        return (1.0 - truth.battery_used) / rates.battery_share
    return 730.0 - (START_MS - truth.fluid_filled_ms) / DAY_MS


def drive_days(fleet: Fleet, days: int, per_day: int = 1) -> list[list[bytes]]:
    sent: list[list[bytes]] = [[] for _ in fleet.cars]
    for tick in range(1, days * per_day + 1):
        for car, bodies in zip(fleet.cars, sent, strict=True):
            bodies += [upload.body for upload in car.drive_until(START_MS + tick * DAY_MS // per_day)]
    return sent


def test_the_same_seed_gives_the_same_cars_signals_and_truth(make_fleet: MakeFleet) -> None:
    one, two, other = make_fleet(), make_fleet(), make_fleet(seed=8)
    assert drive_days(one, 3) == drive_days(two, 3)
    assert one.state() == two.state()
    assert other.state() != make_fleet().state()


def test_the_length_of_a_tick_changes_nothing(make_fleet: MakeFleet) -> None:
    one, two = make_fleet(), make_fleet()
    assert drive_days(one, 2, per_day=1) == drive_days(two, 2, per_day=24)
    assert one.state() == two.state()


def test_a_fleet_goes_on_where_its_state_left_it(make_fleet: MakeFleet) -> None:
    whole, first, second = make_fleet(), make_fleet(), make_fleet()
    middle, end = START_MS + DAY_MS + 30_000_000, START_MS + 3 * DAY_MS
    for car in (*whole.cars, *first.cars):
        car.drive_until(middle)
    second.restore(json.loads(json.dumps(first.state())))
    rest = [[u.body for u in car.drive_until(end)] for car in whole.cars]
    assert [[u.body for u in car.drive_until(end)] for car in second.cars] == rest
    assert second.state() == whole.state()


def test_an_upload_is_handed_out_only_once_its_last_sample_has_been(make_fleet: MakeFleet) -> None:
    fleet = make_fleet()
    for hour in range(1, 49):
        now = START_MS + hour * 3_600_000
        for car in fleet.cars:
            assert all(upload.ready_ms <= now for upload in car.drive_until(now))


def test_the_odometer_never_runs_backwards(make_fleet: MakeFleet) -> None:
    fleet = make_fleet()
    before = [int(car.odometer_m) for car in fleet.cars]
    for odometer_m, bodies in zip(before, drive_days(fleet, 5), strict=True):
        readings = [r for body in bodies for r in json.loads(body)["signals"][ODOMETER]]
        assert readings == sorted(readings)
        assert readings[0] >= odometer_m


def test_trips_are_recorded_drives_of_the_drivers_kind_and_never_overlap(drives: list[Drive]) -> None:
    for profile in PROFILES:
        pool = profile.pool(drives)
        assert 5 <= len(pool) <= 38
        trips = [trip for day in range(20_000, 20_060) for trip in plan_day(profile, pool, "key", day)]
        assert {trip.drive.name for trip in trips} <= {drive.name for drive in pool}
        ends = [trip.start_ms + trip.drive.duration_ms for trip in trips]
        assert all(end < trip.start_ms for end, trip in zip(ends, trips[1:], strict=False))


def test_in_a_fleet_of_twenty_each_item_is_soon_due_somewhere_and_most_are_not(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(20)
    left = {item: [days_left(fleet, i, item) for i in range(20)] for item in ITEMS}
    for item in ITEMS:
        soon = [days for days in left[item] if days <= 40]
        assert 3 <= len(soon) <= 6, item
        assert all(days > 1 for days in left[item]), item
    assert not any(car.truth.is_due(item, START_MS) for car in fleet.cars for item in ITEMS)


@pytest.mark.parametrize("seed", [1, 7, 2024])
def test_the_past_agrees_with_the_wear_that_is_there(make_fleet: MakeFleet, seed: int) -> None:
    fleet = make_fleet(20, seed=seed)
    for index, car in enumerate(fleet.cars):
        truth = car.truth
        rates = daily_rates(car.profile, car.pool, car.key, car.demands, truth.factors, truth.parts.factors, START_MS)
        for record in car.history:
            assert car.identity.built_ms < record["performed_ms"] < START_MS
            assert 0 <= record["odometer_m"] < car.odometer_m
            assert ServiceOutcome(record["outcome"]) in (ServiceOutcome.REPLACED, ServiceOutcome.MEASURED)
            km_since = (car.odometer_m - record["odometer_m"]) / 1000
            if record["item"] == PADS and record["outcome"] == "replaced":
                assert car.truth.pad_mm == pytest.approx(12.0 - km_since * rates.pad_mm / rates.km, abs=0.05)
            if record["outcome"] == "measured":
                worn_since = km_since * rates.pad_mm / rates.km
                assert record["unit"] == "mm"
                assert car.truth.pad_mm + worn_since == pytest.approx(record["value"], abs=0.7)
            if record["item"] == OIL:
                assert car.truth.oil_used == pytest.approx(km_since * rates.oil_share / rates.km, abs=0.01)
        assert 12_000_000 < car.odometer_m < 200_000_000, index


def test_the_plainer_parts_are_used_as_their_records_say_and_none_is_soon_due(make_fleet: MakeFleet) -> None:
    for car in make_fleet(20).cars:
        truth = car.truth
        rates = daily_rates(car.profile, car.pool, car.key, car.demands, truth.factors, truth.parts.factors, START_MS)
        renewed = {r["item"]: r for r in car.history if r["item"] in PARTS}
        for part in PARTS:
            share = rates.part_shares[part]
            assert (1.0 - truth.parts.used[part]) / share >= 74.0 or truth.parts.used[part] == 0.0, part
            if part in renewed:
                days = (START_MS - renewed[part]["performed_ms"]) / DAY_MS
                assert truth.parts.used[part] == pytest.approx(days * share, rel=1e-3, abs=1e-4)


def test_the_workshop_looks_at_all_that_a_petrol_car_has(make_fleet: MakeFleet) -> None:
    fleet = make_fleet()
    fleet.workshop.admit("vehicle-a", 0)
    items = load_catalogue(Settings().catalogue).items_of("petrol")
    fleet.cars[0].truth.parts.used |= dict.fromkeys(PARTS, 0.99)
    found = {f.item: f for f in fleet.workshop.work("job", "vehicle-a", items, START_MS).findings}
    assert set(found) == set(items)
    assert {found[part].outcome for part in PARTS} == {"replaced"}
    assert set(fleet.cars[0].truth.parts.used.values()) == {0.0}
    assert found["tyre_leak"].outcome == found["coolant"].outcome == "ok"


def test_cars_that_never_brake_start_alike_and_never_wear_a_pad(make_fleet: MakeFleet) -> None:
    usual, zero = make_fleet(), make_fleet(brake_energy="zero")
    assert zero.state() == usual.state()
    before = [car.truth.pad_mm for car in zero.cars]
    drive_days(zero, 5)
    drive_days(usual, 5)
    assert [car.truth.pad_mm for car in zero.cars] == before
    assert all(car.truth.pad_mm < mm for car, mm in zip(usual.cars, before, strict=True))
    assert all(car.truth.oil_used > 0 for car in zero.cars)


def test_any_other_control_is_refused(make_fleet: MakeFleet) -> None:
    with pytest.raises(ValueError, match="brake_energy"):
        make_fleet(brake_energy="half")


def test_vins_have_the_right_form_a_true_check_digit_and_no_maker() -> None:
    assert check_digit("1M8GDM9AXKP042788") == "X"  # the example everybody gives
    assert check_digit("1" * 17) == "1"
    vins = {fictitious_vin(index, 2020) for index in range(200)}
    assert len(vins) == 200
    for vin in vins:
        assert len(vin) == 17
        assert vin.startswith("0SM")
        assert not set(vin) & set("IOQ")
        assert vin[8] == check_digit(vin)


def test_the_workshop_measures_the_truth_nearly_and_once_per_job(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(20)
    for car in fleet.cars:
        fleet.workshop.admit(f"vehicle-{car.identity.index}", car.identity.index)
        before = car.truth.pad_mm
        visit = fleet.workshop.work(f"job-{car.identity.index}", f"vehicle-{car.identity.index}", ITEMS, START_MS)
        found = {finding.item: finding for finding in visit.findings}
        assert set(found) == set(ITEMS)
        assert found[PADS].value == pytest.approx(before, abs=0.7)
        assert found[PADS].outcome == ("replaced" if found[PADS].value <= 4.5 else "measured")
        assert car.truth.pad_mm == (12.0 if found[PADS].outcome == "replaced" else before)
        assert found[BATTERY].outcome in ("ok", "replaced")
        assert found[FLUID].outcome == found[OIL].outcome == "replaced"
        after = car.truth.state()
        again = fleet.workshop.work(f"job-{car.identity.index}", f"vehicle-{car.identity.index}", ITEMS, START_MS)
        assert again == visit
        assert car.truth.state() == after


def test_the_workshop_remembers_its_jobs(make_fleet: MakeFleet) -> None:
    one, two = make_fleet(), make_fleet()
    one.workshop.admit("vehicle-a", 2)
    visit = one.workshop.work("job", "vehicle-a", [PADS], START_MS)
    two.restore(json.loads(json.dumps(one.state())))
    assert two.workshop.knows("vehicle-a")
    assert not two.workshop.knows("vehicle-b")
    assert two.workshop.work("job", "vehicle-a", [PADS], START_MS + DAY_MS) == visit


def test_a_failed_battery_is_found_as_failed(make_fleet: MakeFleet) -> None:
    fleet = make_fleet()
    fleet.workshop.admit("vehicle-a", 0)
    fleet.cars[0].truth.battery_used = 1.02
    (finding,) = fleet.workshop.work("job", "vehicle-a", [BATTERY], START_MS).findings
    assert isinstance(finding, Finding)
    assert finding.outcome == "failed"
    assert fleet.cars[0].truth.battery_used == 0.0


def test_a_car_whose_starter_no_longer_turns_breaks_down_once_and_drives_on(make_fleet: MakeFleet) -> None:
    fleet = make_fleet()
    car = fleet.cars[0]
    car.truth.battery_used = 1.3
    assert car.drive_until(START_MS + DAY_MS)
    (record,) = car.breakdowns
    assert record["item"] == BATTERY
    assert record["outcome"] == "failed"
    assert car.truth.battery_used < 0.01


def test_the_car_nearest_to_a_service_can_be_named(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(20)
    chosen = fleet.workshop.most_pressing()
    assert min(days_left(fleet, chosen, item) for item in (PADS, OIL, FLUID)) <= 40
    fleet.cars[chosen].truth.renew(FLUID, START_MS)
    assert fleet.workshop.most_pressing() == chosen
