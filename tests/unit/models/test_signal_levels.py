"""Levels, slopes and counts are what a plain computation over all values gives, and keep only a few numbers."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import life_unit
from models.event_counts import COUNT_FIELDS, FADES_MS, HOUR_MS, NEVER_H, count_event, count_features
from models.life_unit import Counted, LifeUnit
from models.signal_levels import FEATURES, FIRST, LEVEL_FIELDS, SLOPE_SPANS, follow_levels, level_features

VALUES = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=90)


def followed(values: list[float]) -> dict[str, float]:
    levels = np.zeros((1, 1), LEVEL_FIELDS)
    for value in values:
        follow_levels(levels, np.array([[value]]))
    return dict(zip(FEATURES, level_features(levels)[0, 0].tolist(), strict=True))


@given(VALUES)
def test_slopes_are_those_of_weighted_least_squares(values: list[float]) -> None:
    features = followed(values)
    for span in SLOPE_SPANS:
        age = np.arange(len(values))[::-1]
        weight = (1.0 - 2.0 / (span + 1)) ** age
        if len(values) < 5:
            assert features[f"slope_{span}"] == 0.0
            continue
        line = np.polyfit(-age, np.array(values), 1, w=np.sqrt(weight))
        assert features[f"slope_{span}"] == pytest.approx(line[0], abs=2e-2)


@given(VALUES)
def test_means_begin_as_plain_means_and_change_is_against_the_first_values(values: list[float]) -> None:
    features = followed(values)
    assert features["last"] == pytest.approx(values[-1], abs=1e-3)
    if len(values) <= 3:
        assert features["mean_30"] == pytest.approx(np.mean(values), abs=1e-3)
    if len(values) <= FIRST:
        assert features["change"] == pytest.approx(features["mean_10"] - np.mean(values), abs=1e-2)


def test_small_movements_of_a_large_number_are_seen() -> None:
    values = [80_000.0 + 0.01 * n for n in range(60)]
    assert followed(values)["slope_20"] == pytest.approx(0.01, rel=0.3)


def test_a_gap_moves_nothing_and_nothing_seen_is_unknown() -> None:
    assert followed([1.0, float("nan"), 3.0]) == followed([1.0, 3.0])
    assert all(np.isnan(value) for value in followed([float("nan")]).values())


def test_counts_fade_and_come_out_alike_in_any_order() -> None:
    moments = [1_000 * HOUR_MS, 1_010 * HOUR_MS, 1_050 * HOUR_MS]
    rows = []
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        counts = np.zeros((1, 2), COUNT_FIELDS)
        for place in order:
            count_event(counts, 0, 1, moments[place])
        rows.append(count_features(counts, np.array([1_060 * HOUR_MS]))[0])
    for row in rows:
        expected = [sum(np.exp(-(1_060 * HOUR_MS - at) / fade) for at in moments) for fade in FADES_MS]
        np.testing.assert_allclose(row[1], [*expected, 10.0], rtol=1e-5)
        assert row[0].tolist() == [0.0, 0.0, NEVER_H]


@pytest.mark.parametrize(
    ("name", "counted"),
    [("km", Counted.DISTANCE), ("miles", Counted.DISTANCE), ("Days", Counted.TIME), ("cycle", Counted.REPORTS)],
)
def test_units_are_known_by_their_names(name: str, counted: Counted) -> None:
    assert LifeUnit.of(name).counted is counted
    assert doctest.testmod(life_unit).failed == 0


def test_where_a_life_stands_and_its_pace() -> None:
    now, metres, reports = np.array([7_200_000, 0]), np.array([-1, 5_000]), np.array([3, 1])
    assert LifeUnit.of("h").at(now, metres, reports).tolist() == [2.0, 0.0]
    np.testing.assert_array_equal(LifeUnit.of("km").at(now, metres, reports), [np.nan, 5.0])
    assert LifeUnit.of("shot").at(now, metres, reports).tolist() == [3.0, 1.0]
    span, gone = np.array([3_600_000, 0]), np.array([2_000, 0])
    assert LifeUnit.of("h").per_ms(span, gone, reports).tolist() == [1 / 3_600_000] * 2
    np.testing.assert_allclose(LifeUnit.of("km").per_ms(span, gone, reports), [2 / 3_600_000, np.nan])
    np.testing.assert_allclose(LifeUnit.of("shot").per_ms(span, gone, reports), [2 / 3_600_000, np.nan])
