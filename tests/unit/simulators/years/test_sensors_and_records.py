"""Sensors fail, dealers err, services go unreported, and owners follow the booklet."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from domain.service_record import ServiceOutcome
from simulators.years.pad_law import PadLaw
from simulators.years.powertrain import ITEMS, POWER_TRAINS
from simulators.years.schedule import BY_ALL, fixed_schedule
from simulators.years.sensors import CHANNELS, DRIFTING, SILENT, STUCK, TYRE_CHANNELS, Sensors
from simulators.years.workshops import DEALERS, ERRORS, Workshops
from tests.unit.simulators.years.conftest import DAYS, START_DAY, RunFleet


def broken_sensors(fault: int) -> tuple[Sensors, dict[str, np.ndarray]]:
    has = {channel.name: np.ones(400, dtype=bool) for channel in CHANNELS}
    sensors = Sensors(has, np.random.default_rng(3))
    true = {channel.name: np.full(400, 50.0) for channel in CHANNELS}
    sensors.read(true)
    for name in sensors.fault:
        sensors.fault[name][:] = fault
        sensors._slope[name][:] = 1.0
    return sensors, true


def test_a_silent_sensor_says_nothing() -> None:
    sensors, true = broken_sensors(SILENT)
    shown = sensors.read(true)["rest_voltage_v"]
    assert np.isnan(shown[sensors.fault["rest_voltage_v"] == SILENT]).all()


def test_a_stuck_sensor_repeats_itself() -> None:
    sensors, true = broken_sensors(STUCK)
    first = sensors.read(true)["coolant_level_pct"]
    second = sensors.read({name: value - 20.0 for name, value in true.items()})["coolant_level_pct"]
    stuck = (sensors.fault["coolant_level_pct"] == STUCK) & np.isfinite(first)
    assert stuck.sum() > 100
    assert (first[stuck] == second[stuck]).all()


def test_a_drifting_sensor_walks_away() -> None:
    sensors, true = broken_sensors(DRIFTING)
    for _ in range(10):
        shown = sensors.read(true)["coolant_level_pct"]
    drifts = (sensors.fault["coolant_level_pct"] == DRIFTING) & np.isfinite(shown)
    assert np.median(shown[drifts]) == pytest.approx(60.0, abs=1.0)


def test_sensors_are_in_some_cars_only_and_a_few_of_them_fail(ran: RunFleet) -> None:
    fitted = {channel.name: np.isfinite(ran.reading(channel.name)).any(axis=0).mean() for channel in CHANNELS}
    assert 0.25 < fitted["front_pad_wear_pct"] < 0.45
    assert 0.65 < fitted[TYRE_CHANNELS[0]] < 0.85
    assert fitted["soot_load_pct"] < ran.is_of("diesel").mean()
    sent, heard = ran.together("sent"), np.isfinite(ran.reading(TYRE_CHANNELS[0]))
    silent = sent & ~heard & heard.any(axis=0)
    assert 0.001 < silent.sum() / (sent & heard.any(axis=0)).sum() < 0.03
    faults = ran.fleet._telltales.sensors.fault
    assert {STUCK, DRIFTING, SILENT} <= set(np.concatenate(list(faults.values())).tolist())


def test_pressure_follows_the_season_and_stays_plausible(ran: RunFleet) -> None:
    pressure, days = ran.reading(TYRE_CHANNELS[0]), ran.together("days")
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12 + 1
    assert np.nanmedian(pressure[month == 7]) > np.nanmedian(pressure[month == 1]) + 8
    assert np.nanquantile(pressure, 0.001) > 100 and np.nanquantile(pressure, 0.999) < 300


def test_codes_come_from_what_wears_and_some_from_nothing(ran: RunFleet) -> None:
    codes = Counter(code.code for days, _ in ran.chunks for code in days.codes)
    assert {"P0562", "P2560", "P0300", "P2463", "P0420", "U0100"} <= set(codes)
    diesels = {car for car in range(len(ran.fleet.cars)) if ran.fleet.cars[car].powertrain == "diesel"}
    assert {code.car for days, _ in ran.chunks for code in days.codes if code.code == "P2463"} <= diesels


def test_a_dealer_measures_with_its_own_bias_and_a_gauge_that_scatters() -> None:
    cars = 4_000
    law = PadLaw(np.ones(cars, dtype=bool), np.random.default_rng(1), is_front=True)
    law.left_mm[0] = 8.0
    workshops = Workshops(cars, np.random.default_rng(2))
    everyone, nobody = np.arange(cars), np.zeros(cars, dtype=bool)
    off = workshops.measure(law, everyone, nobody) - 8.0
    by_dealer = np.array([off[workshops.dealer == dealer].mean() for dealer in range(DEALERS)])
    sd = ERRORS["front_brake_pads"]
    assert 0.35 * sd < by_dealer.std() < 0.9 * sd
    within = off - by_dealer[workshops.dealer]
    assert within.std() == pytest.approx(sd, rel=0.1)
    assert workshops.measure(law, everyone, ~nobody).std() > off.std()


def test_some_replacements_are_never_reported(ran: RunFleet) -> None:
    lives = ran.fleet.truth.lives["tyres"]
    inside = (lives.installed_day >= START_DAY) & (lives.installed_day < START_DAY + DAYS - 60)
    assert 0.55 < (lives.known_day[inside] >= 0).mean() < 0.97
    reported = {(service.car, service.performed_day) for service in ran.services if service.item == "tyres"}
    is_original = lives.installed_day == np.array([car.built_day for car in ran.fleet.cars])[lives.car]
    known = inside & ~is_original & (lives.known_day >= 0) & (lives.known_day < START_DAY + DAYS)
    pairs = set(zip(lives.car[known].tolist(), lives.installed_day[known].tolist(), strict=True))
    assert pairs <= reported


def test_records_have_outcomes_values_and_sources_of_all_kinds(ran: RunFleet) -> None:
    assert {service.outcome for service in ran.services} == set(ServiceOutcome)
    assert {service.source for service in ran.services} == {"dealer", "owner", "elsewhere"}
    for service in ran.services:
        assert (service.value is None) == (service.unit == "")
        assert service.outcome is not ServiceOutcome.MEASURED or service.value is not None
    failed = Counter(service.item for service in ran.services if service.outcome is ServiceOutcome.FAILED)
    assert set(failed) <= {*("front_brake_pads", "rear_brake_pads", "spark_plugs", "tyre_leak"), "battery_12v"} | {
        "coolant",
        "diesel_particulate_filter",
    }
    assert failed["battery_12v"] > 20


def test_owners_keep_to_the_booklet_some_weeks_late(ran: RunFleet) -> None:
    lives = ran.fleet.truth.lives["brake_fluid"]
    done = (lives.removed_day >= START_DAY) & (lives.installed_day >= START_DAY - 900)
    interval = (lives.removed_day - lives.installed_day)[done]
    assert 650 < np.median(interval) < 800


@pytest.mark.parametrize("item", ITEMS)
@pytest.mark.parametrize("kind", POWER_TRAINS, ids=lambda kind: kind.name)
def test_every_item_has_a_schedule_with_a_source_or_none(item: str, kind: object) -> None:
    assert kind in POWER_TRAINS
    rule = fixed_schedule(item, kind.name)
    if not kind.has(item) or item == "tyre_leak":
        assert rule is None
    else:
        assert rule is not None and rule.source
        assert rule.days is not None or rule.km is not None
        assert item not in BY_ALL or (rule.days or 0) > 0 or (rule.km or 0) > 0


def test_unknown_items_and_power_trains_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="item 'horn'"):
        fixed_schedule("horn", "petrol")
    with pytest.raises(ValueError, match="powertrain 'steam'"):
        fixed_schedule("tyres", "steam")
