"""Exposures are plain integrals, checked against figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import Catalogue
from domain.telemetry import TelemetryUpload, VehicleAttributes
from models.exposures import integral, time_above, time_below
from models.upload_summary import UnusableUpload
from tests.unit.models.conftest import COOLANT, ODOMETER, SPEED, stop_and_go, summary_of, upload

CAR = VehicleAttributes("petrol", 1400.0, 0)


def exposures(catalogue: Catalogue, one: TelemetryUpload, attributes: VehicleAttributes = CAR) -> dict[str, float]:
    summary = summary_of(catalogue, one, attributes)
    return dict(zip(catalogue.summed_exposures, summary.exposure.tolist(), strict=True))


def test_one_stop_from_36_kmh_takes_its_kinetic_energy_less_what_the_road_takes(catalogue: Catalogue) -> None:
    speeds = [36.0, 27.0, 18.0, 9.0, 0.0]  # 10 m/s to 0 in 4 s
    expected = 0.0
    for v0, v1 in pairwise(speeds):
        mean, slowing = (v0 + v1) / 7.2, (v0 - v1) / 3.6
        force = 1.04 * 1400 * slowing - 1400 * 9.81 * 0.012 - 0.5 * 1.2 * 0.65 * mean**2
        expected += 0.7 * max(force, 0) * mean / 1e6
    found = exposures(catalogue, upload(speeds))
    assert found["brake_energy_slow"] == pytest.approx(expected, abs=1e-9)
    assert found["brake_energy_fast"] == 0.0
    assert expected < 0.7 * 0.5 * 1.04 * 1400 * 10**2 / 1e6


def test_braking_is_split_at_80_kmh(catalogue: Catalogue) -> None:
    found = exposures(catalogue, upload([120.0, 100.0, 90.0, 84.0]))
    assert found["brake_energy_slow"] == 0.0
    assert found["brake_energy_fast"] > 0.0


@given(st.floats(0, 200), st.integers(2, 50))
def test_a_constant_speed_never_brakes(catalogue: Catalogue, kmh: float, n: int) -> None:
    found = exposures(catalogue, upload([kmh] * n))
    assert found["brake_energy_slow"] == found["brake_energy_fast"] == 0.0


def test_coasting_is_no_braking(catalogue: Catalogue) -> None:
    assert exposures(catalogue, upload([50.0, 49.7, 49.4]))["brake_energy_slow"] == 0.0


def test_fuel_is_air_over_the_ratio_and_a_diesel_runs_lean(catalogue: Catalogue) -> None:
    one = upload([50.0] * 101, air_mass=14.7)
    assert exposures(catalogue, one)["fuel"] == pytest.approx(100 / 745)
    diesel = exposures(catalogue, one, VehicleAttributes("diesel", 1400.0, 0))["fuel"]
    assert diesel == pytest.approx(100 * 14.7 / 27 / 832)


def test_a_warm_up_counts_once(catalogue: Catalogue) -> None:
    warming = [*np.linspace(20, 95, 60), *[95.0] * 40]
    assert exposures(catalogue, upload([50.0] * 100, coolant=warming))["warm_ups"] == 1.0


def test_minutes_above_and_below_a_level() -> None:
    dt, signal = np.array([1.0, 1.0, 1.0]), np.array([100.0, 106.0, np.nan, 90.0])
    above = time_above({"signal": signal}, dt, {"level": 105.0}, CAR, {})
    below = time_below({"signal": signal}, dt, {"level": 105.0}, CAR, {})
    assert above[0] == 1 / 60 and np.isnan(above[1]) and above[2] == 0
    assert below[0] == 0 and np.isnan(below[1]) and below[2] == 1 / 60


def test_an_integral_is_per_its_seconds() -> None:
    hours = integral(
        {"signal": np.array([3.0, 3.0, 5.0])}, np.array([1800.0, 1800.0]), {"per_seconds": 3600.0}, CAR, {}
    )
    assert hours.tolist() == [1.5, 2.0]


@pytest.mark.parametrize("at", [1, 2])
def test_a_gap_is_left_out_on_both_sides_and_the_odometer_keeps_the_distance(catalogue: Catalogue, at: int) -> None:
    whole = upload([72.0] * 5)
    gap = replace(whole, columns=whole.columns | {SPEED: [None if i == at else 72.0 for i in range(5)]})
    summary = summary_of(catalogue, gap)
    assert summary.observed_m == pytest.approx(40.0)
    assert summary.odometer_m == 60_000_080


def test_a_pause_of_minutes_is_not_integrated_over(catalogue: Catalogue) -> None:
    one = upload([72.0] * 4, air_mass=10.0)
    paused = replace(one, offsets_ms=[0, 1000, 601_000, 602_000])
    summary = summary_of(catalogue, paused)
    assert summary.observed_m == pytest.approx(40.0)


def test_impossible_values_count_as_gaps_and_are_counted(catalogue: Catalogue) -> None:
    one = upload([72.0, 900.0, 72.0, float("nan"), 72.0, 72.0])
    summary = summary_of(catalogue, one)
    assert summary.implausible == 1
    assert summary.observed_m == pytest.approx(20.0)
    assert np.isfinite(summary.exposure).all()


def test_without_a_speed_the_odometer_gives_the_distance_but_no_braking(catalogue: Catalogue) -> None:
    one = upload(stop_and_go())
    silent = replace(one, columns={ODOMETER: one.columns[ODOMETER]})
    summary = summary_of(catalogue, silent)
    assert summary.observed_m == pytest.approx(one.columns[ODOMETER][-1] - one.columns[ODOMETER][0])  # type: ignore[operator]
    assert not summary.exposure.any() and not summary.exposure_m.any()


def test_one_typo_among_odometer_readings_is_outvoted(catalogue: Catalogue) -> None:
    one = upload([72.0] * 9)
    readings = [*one.columns[ODOMETER][:-1], 99_000_000.0]
    typo = replace(one, columns=one.columns | {ODOMETER: readings})
    assert summary_of(catalogue, typo).odometer_m == int(one.columns[ODOMETER][-2])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"columns": {COOLANT: [None, None, None]}}, "no plausible value"),
        ({"columns": {"Vehicle.Powertrain.CombustionEngine.TPS": [22.0] * 3}}, "no plausible value"),
    ],
)
def test_what_cannot_be_used_says_why(catalogue: Catalogue, change: dict[str, object], reason: str) -> None:
    one = replace(upload([10.0] * 3), **change)  # type: ignore[arg-type]
    with pytest.raises(UnusableUpload, match=reason):
        summary_of(catalogue, one)


@given(
    st.lists(
        st.one_of(st.none(), st.floats(width=64), st.floats(0, 130)),
        min_size=1,
        max_size=40,
    )
)
def test_no_float_whatever_makes_a_sum_that_is_not_finite(catalogue: Catalogue, values: list[float | None]) -> None:
    n = len(values)
    one = replace(upload([10.0] * n), columns={SPEED: values, COOLANT: values, ODOMETER: [6e7] * n})
    summary = summary_of(catalogue, one)
    assert np.isfinite(summary.exposure).all() and np.isfinite(summary.observed_m)
    assert (summary.exposure >= 0).all()
