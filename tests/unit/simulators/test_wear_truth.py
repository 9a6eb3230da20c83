"""The hidden truth follows what a drive asks, never the clock or chance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.braking import brake_demand, front_brake_power_w
from simulators.drive import Drive
from simulators.wear_truth import (
    BATTERY,
    FLUID,
    ITEMS,
    OIL,
    PADS,
    WearFactors,
    WearTruth,
    trip_demand,
)

DAY_MS = 86_400_000


def new_car(**changes: float) -> WearTruth:
    values = {"pad_mm": 12.0, "oil_used": 0.0, "battery_used": 0.0, "charge": 1.0, **changes}
    return WearTruth(factors=WearFactors(), oil_filled_ms=0, fluid_filled_ms=0, **values)  # type: ignore[arg-type]


def test_a_drive_that_never_slows_down_takes_exactly_no_brake_energy(drives: list[Drive]) -> None:
    for drive in drives:
        demand = trip_demand(drive.with_constant_speed(), 1_500.0)
        assert demand.brake_work_j == 0.0
        assert demand.pad_mm == 0.0
        assert demand.distance_m == pytest.approx(drive.distance_m, rel=1e-6)
        assert demand.fuel_l == trip_demand(drive, 1_500.0).fuel_l


def test_brakes_only_take_energy_and_never_more_than_the_car_had(drives: list[Drive]) -> None:
    for drive in drives:
        power = front_brake_power_w(drive, 1_500.0)
        assert (power >= 0).all()
        slowed = drive.speed_m_s[:-1] ** 2 - drive.speed_m_s[1:] ** 2
        assert (power * drive.steps_s).sum() < 1_500.0 * 1.035 / 2 * slowed[slowed > 0].sum()


def test_a_heavier_car_and_town_traffic_wear_pads_faster(drives: list[Drive]) -> None:
    def mm_per_km(drive: Drive, mass_kg: float) -> float:
        return brake_demand(drive, mass_kg).pad_mm / drive.distance_m * 1000

    town = [mm_per_km(d, 1_400.0) for d in drives if "_KA_KA_" in d.name]
    motorway = [mm_per_km(d, 1_400.0) for d in drives if "_S_RT_" in d.name or "_RT_S_" in d.name]
    assert min(town) > 1.5 * sum(motorway) / len(motorway)
    assert all(mm_per_km(d, 1_800.0) > mm_per_km(d, 1_400.0) for d in drives)


def test_pads_last_about_as_long_as_pads_do(drives: list[Drive]) -> None:
    worn = sum(brake_demand(d, 1_450.0).pad_mm for d in drives)
    km = sum(d.distance_m for d in drives) / 1000
    assert 30_000 < 9.0 / worn * km < 60_000


@given(days=st.floats(0, 3_000), ambient=st.floats(-20, 40))
def test_time_only_ever_wears(days: float, ambient: float) -> None:
    truth = new_car(battery_used=0.3)
    truth.rest(days, ambient)
    assert truth.oil_used >= 0.0
    assert truth.battery_used >= 0.3
    assert 0.0 <= truth.charge <= 1.0
    assert truth.pad_mm == 12.0


def test_a_dying_battery_shows_it_in_rest_and_cranking_voltage() -> None:
    new, dying = new_car(), new_car(battery_used=1.0)
    for truth in (new, dying):
        truth.rest(0.4)
    assert new.rest_v > 12.6
    assert new.crank_v(20.0) > 10.5
    assert dying.rest_v < 12.25
    assert dying.crank_v(20.0) < 9.6
    assert dying.crank_v(-10.0) < dying.crank_v(20.0)


def test_oil_and_brake_fluid_are_due_after_24_months_without_a_kilometre() -> None:
    truth = new_car()
    assert not truth.is_due(OIL, 729 * DAY_MS)
    assert not truth.is_due(FLUID, 729 * DAY_MS)
    assert truth.is_due(OIL, 731 * DAY_MS)
    assert truth.is_due(FLUID, 731 * DAY_MS)
    assert truth.water_pct(730 * DAY_MS) == pytest.approx(2.8, abs=0.1)


@pytest.mark.parametrize("item", ITEMS)
def test_what_is_renewed_is_as_new_and_nothing_else_is(item: str) -> None:
    truth = new_car(pad_mm=2.0, oil_used=1.2, battery_used=1.1, charge=0.5)
    now = 900 * DAY_MS
    assert {i for i in ITEMS if truth.is_due(i, now)} == set(ITEMS)
    truth.renew(item, now)
    assert {i for i in ITEMS if truth.is_due(i, now)} == set(ITEMS) - {item}


def test_an_unknown_item_is_refused() -> None:
    with pytest.raises(ValueError, match="wings"):
        new_car().renew("wings", 0)


def test_the_state_comes_back_as_it_was() -> None:
    truth = new_car(pad_mm=7.25, battery_used=0.4)
    assert WearTruth.restored(truth.state()) == truth
    assert truth.state()["pad_mm"] == 7.25
    assert not truth.is_due(PADS, 0)
    assert not truth.is_due(BATTERY, 0)
