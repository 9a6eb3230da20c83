"""Parts live as long as parts do, by season, place, power train and driver."""

from __future__ import annotations

import numpy as np

from simulators.years.powertrain import CALENDAR, HAZARDS, ITEMS, POWER_TRAINS, WEAR
from tests.unit.simulators.years.conftest import DAYS, SHIFT, START_DAY, RunFleet


def km_lives(ran: RunFleet, item: str, of: np.ndarray) -> np.ndarray:
    """At each car's own mean distance per day."""
    lives = ran.fleet.truth.lives[item]
    early = (lives.installed_day < START_DAY) & (lives.installed_day >= START_DAY - 730) & of[lives.car]
    days = np.where(lives.limit_day < 0, 10**6, lives.limit_day - lives.installed_day)[early]
    km = days * ran.km_per_day()[lives.car[early]]
    return km[np.isfinite(km)]


def unshifted(ran: RunFleet) -> np.ndarray:
    return ~SHIFT.population(np.array([car.built_day for car in ran.fleet.cars]))


def test_every_item_is_of_one_kind() -> None:
    assert sorted(ITEMS) == sorted({*WEAR, *HAZARDS, *CALENDAR})
    assert len(ITEMS) == 14


def test_each_power_train_has_the_items_it_has(ran: RunFleet) -> None:
    kinds = {kind.name: kind for kind in POWER_TRAINS}
    for item in ITEMS:
        having = {ran.fleet.cars[car].powertrain for car in np.unique(ran.fleet.truth.lives[item].car)}
        assert having == {name for name, kind in kinds.items() if kind.has(item)}
    assert {
        service.item for service in ran.services if ran.fleet.cars[service.car].powertrain == "electric"
    }.isdisjoint({"engine_oil", "spark_plugs", "diesel_particulate_filter"})


def test_front_pads_of_engines_last_thirty_to_sixty_thousand_kilometres(ran: RunFleet) -> None:
    km = km_lives(ran, "front_brake_pads", ran.is_of("petrol", "diesel") & unshifted(ran))
    assert 30_000 < np.median(km) < 60_000
    assert np.quantile(km, 0.9) > 1.8 * np.quantile(km, 0.1)


def test_recuperation_saves_more_than_half_of_the_pads(ran: RunFleet) -> None:
    own = unshifted(ran)
    engines = np.median(km_lives(ran, "front_brake_pads", ran.is_of("petrol", "diesel") & own))
    machines = np.median(km_lives(ran, "front_brake_pads", ran.is_of("electric", "hybrid") & own))
    assert machines > 2 * engines


def test_oil_tyres_filters_and_plugs_live_within_what_is_usual(ran: RunFleet) -> None:
    everyone, petrol = np.ones(len(ran.fleet.cars), dtype=bool), ran.is_of("petrol")
    assert 12_000 < np.median(km_lives(ran, "engine_oil", ran.is_of("petrol", "diesel"))) < 26_000
    assert 30_000 < np.median(km_lives(ran, "tyres", everyone)) < 60_000
    assert 15_000 < np.median(km_lives(ran, "cabin_filter", everyone)) < 40_000
    assert np.median(km_lives(ran, "spark_plugs", petrol)) > 55_000
    assert 18 * 30 < np.median(ran.lives_days("brake_fluid")) < 30 * 30


def test_town_drivers_use_up_their_oil_sooner(ran: RunFleet) -> None:
    trips = ran.together("trips").sum(axis=0, dtype=np.int64)
    short = np.array([drive.distance_m < 15_000 for drive in ran.fleet.drives])
    share = trips[:, short].sum(axis=1) / np.maximum(trips.sum(axis=1), 1)
    petrol = ran.is_of("petrol")
    town = np.median(km_lives(ran, "engine_oil", petrol & (share > np.median(share[petrol]))))
    far = np.median(km_lives(ran, "engine_oil", petrol & (share <= np.median(share[petrol]))))
    assert far > 1.15 * town


def test_batteries_live_four_to_six_years_and_die_in_the_cold_half_of_the_year(ran: RunFleet) -> None:
    lives = ran.fleet.truth.lives["battery_12v"]
    months = np.median(ran.lives_days("battery_12v")) / 30.44
    assert 42 < months < 72  # BCI 2010: 47 to 59 on average
    died = lives.limit_day[(lives.limit_day >= 0) & ran.is_of("petrol", "diesel")[lives.car]]
    of_year = died.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12 + 1
    winter = np.isin(of_year, (11, 12, 1, 2)).mean()
    spring = np.isin(of_year, (3, 4, 5, 6)).mean()
    assert winter > 0.45
    assert winter > 2.5 * spring


def test_hazards_are_rare_and_not_all_alike(ran: RunFleet) -> None:
    years = len(ran.fleet.cars) * DAYS / 365

    def per_year(item: str, cars: float = 1.0) -> float:
        day = ran.fleet.truth.lives[item].limit_day
        return int(((day >= START_DAY) & (day < START_DAY + DAYS)).sum()) / (years * cars)

    assert 0.06 < per_year("tyre_leak") < 0.2
    assert 0.005 < per_year("coolant") < 0.05
    assert 0.03 < per_year("diesel_particulate_filter", ran.is_of("diesel").mean()) < 0.25
    assert 0.10 < per_year("battery_12v") < 0.35


def test_traction_batteries_lose_two_per_cent_a_year_or_so(ran: RunFleet) -> None:
    health = ran.reading("state_of_health_pct")
    cars = np.flatnonzero(np.isfinite(health[:60]).any(axis=0) & np.isfinite(health[-60:]).any(axis=0))
    assert len(cars) > 30
    lost = np.nanmedian(health[:60, cars], axis=0) - np.nanmedian(health[-60:, cars], axis=0)
    assert 1.3 < np.median(lost) / (DAYS - 60) * 365 < 3.2  # Geotab: 2.3 % a year


def test_winters_are_cold_where_they_are(ran: RunFleet) -> None:
    low, days = ran.together("ambient_min_c"), ran.together("days")
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12 + 1
    january, july = low[month == 1], low[month == 7]
    assert np.nanmedian(july) - np.nanmedian(january) > 12
    assert -28 < np.nanmin(low) < -12
    heard = np.isfinite(january).sum(axis=0) > 10
    mean = np.nanmean(january[:, heard], axis=0)
    assert np.quantile(mean, 0.1) < -4 < 0 < np.quantile(mean, 0.9)


def test_a_shift_shows_in_the_truth_of_its_population_alone(ran: RunFleet) -> None:
    population = SHIFT.population(np.array([car.built_day for car in ran.fleet.cars]))
    lives = ran.fleet.truth.lives[SHIFT.item]
    fresh = (lives.installed_day >= SHIFT.from_day) & (lives.installed_day < SHIFT.from_day + 400)
    engines = ran.is_of("petrol", "diesel")[lives.car]
    days = np.where(lives.limit_day < 0, 10**6, lives.limit_day - lives.installed_day)
    km = days * ran.km_per_day()[lives.car]
    hit = np.nanmedian(km[fresh & engines & population[lives.car]])
    spared = np.nanmedian(km[fresh & engines & ~population[lives.car]])
    assert spared > 1.5 * hit
