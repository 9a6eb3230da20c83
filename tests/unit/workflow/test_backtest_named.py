"""Items with rates, features or an interval of their own are predicted in a back-test as the live stream would."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from domain.backtest_case import CaseSettings, Decide
from domain.catalogue_reader import read_catalogue
from tests.support.case_past import DAY, HOUR, START, Past, Said, replayed, serviced
from workflow.backtest import BacktestResult
from workflow.item_predictions import ItemPredictions, StepPredictions

MACHINES, DAYS = 6, 120
TOLD = {"severity": "soon", "action_lead_days": 14, "labour_minutes": 60}
COST = {"work": 2, "on_road": 4, "visit": 1, "source": "a guess"}
WEAR_COST = {**COST, "life_days": 40}
TEXTS = {"texts": {"en": {"name": "part", "advice": "see", "reason": "so", "reason_unknown": "who knows"}}}
GUESS = {"source": "a guess"}
CATALOGUE = read_catalogue(
    {
        "signals": {"power": {"unit": "kW", "range": [0, 500]}, "heat": {"unit": "Celsius", "range": [-50, 300]}},
        "attributes": ["built"],
        "exposures": {"energy": {"function": "integral", "signal": "power", "per_seconds": 3600, "unit": "kWh"}},
        "trends": {"heat": {"function": "mean", "unit": "°C", "signals": {"signal": "heat"}, "texts": {"en": "h"}}},
        "items": {
            "lamp": {"kind": "hazard", "horizons": ["P7D"]},
            "grease": {"kind": "calendar", "interval": "P60D"},
            "motor": {
                **TOLD, **TEXTS, "kind": "hazard", "cost": COST, "need": {"close_probability": 0.1},
                "hazard": {
                    "horizons_days": [7, 20], "decide_on_days": 10,
                    "intercept": {"mean": 0.0, "sd": 2.0, **GUESS},
                    "features": {"heat": {"centre": 60, "scale": 10, "weight": {"mean": 0.5, "sd": 1, **GUESS},
                                          "texts": {"en": "heat"}}},
                },
            },
            "liner": {
                **TOLD, **TEXTS, "kind": "wear", "cost": WEAR_COST,
                "wear": {
                    "unit": "mm", "new": 10, "limit": 2, "measurement_sd": 0.1, "car_factor_sd": 0.1,
                    "rates": {"energy": {"mean": 0.004, "sd": 0.004, **GUESS}},
                },
            },
            "check": {**TOLD, **TEXTS, "kind": "calendar", "cost": COST, "calendar": {"interval_days": 200, **GUESS}},
        },
    }
)  # fmt: skip
MM_PER_DAY = 0.002 * 100 * 24  # of a machine at 100 kW, and the catalogue's guess is twice that
FAILS_ON = {0: (15, 42, 71, 99), 3: (33, 88)}


def past() -> Past:
    """Every machine runs at 100 kW without a meter; hot ones, 0 and 3, lose their motors; liners last 40 days."""
    vehicle, step = np.meshgrid(np.arange(MACHINES), np.arange(DAYS * 4))
    heat = np.where(np.isin(vehicle, [0, 3]), 75.0, 50.0)
    rng = np.random.default_rng(3)
    services = [serviced(0, START - 50 * DAY, "grease", "replaced"), serviced(1, START - DAY, "liner", "replaced")]
    for machine in range(MACHINES):
        renewed = 0
        for day in range(5, DAYS, 5):
            value = 10.0 - MM_PER_DAY / 24 * (day - renewed)
            if value <= 2.0:
                services.append(serviced(machine, START + day * DAY + HOUR, "liner"))
                renewed = day
            else:
                services.append(serviced(machine, START + day * DAY + HOUR, "liner", "measured", value=value))
        services += [serviced(machine, START + day * DAY + HOUR, "motor") for day in FAILS_ON.get(machine, ())]
    services.append(serviced(2, START + 50 * DAY, "grease", "replaced", late_ms=10 * DAY))
    return Past(
        CaseSettings("motors", Decide(DAY, START, START + DAYS * DAY, 3 * DAY)),
        CATALOGUE,
        vehicle.ravel(),
        START + step.ravel() * 6 * HOUR,
        np.stack([np.full(vehicle.size, 100.0), heat.ravel() + rng.normal(0, 1, vehicle.size)], axis=1),
        services,
        attributes={"built": ("", "", "2020-01-01", "2023-10-01", "2023-10", "soon")},
        usual_gap_ms=6 * HOUR,
    )


@pytest.fixture(scope="module")
def replay() -> tuple[Said, BacktestResult]:
    return replayed(past())


def on(replay: tuple[Said, BacktestResult], item: str, day: int) -> ItemPredictions:
    own: list[tuple[StepPredictions, ItemPredictions]] = replay[0].of(item)
    return next(said for step, said in own if step.now_ms == START + day * DAY)


def test_every_item_of_the_catalogue_is_said_in_its_order(replay: tuple[Said, BacktestResult]) -> None:
    for step in replay[0].steps:
        assert [said.item for said in step.items] == list(CATALOGUE.items)
        assert all(len(said.remaining) == len(said.expected_ms) == MACHINES for said in step.items)


def test_what_is_left_of_wear_is_told_in_the_items_own_unit_and_goes_down_to_its_end(
    replay: tuple[Said, BacktestResult],
) -> None:
    for day in (90, 100, 110):
        true = 8.0 - MM_PER_DAY / 24 * (day % 40)
        np.testing.assert_allclose(on(replay, "liner", day).remaining, true, atol=0.6)
    left = [on(replay, "liner", day).remaining for day in range(82, 119)]
    assert all((after <= before).all() for before, after in pairwise(left) if before[0] > 0)


def test_a_machine_without_a_meter_has_dates_by_its_time(replay: tuple[Said, BacktestResult]) -> None:
    said = on(replay, "liner", 100)
    np.testing.assert_allclose((said.expected_ms - START) / DAY, 120, atol=3)
    assert (said.earliest_ms <= said.expected_ms).all() and (said.expected_ms <= said.latest_ms).all()


def test_labels_of_services_teach_the_rate(replay: tuple[Said, BacktestResult]) -> None:
    first, last = on(replay, "liner", 2), on(replay, "liner", DAYS - 1)
    assert int(first.model_version.split("-")[0]) == 0
    assert int(last.model_version.split("-")[0]) > MACHINES * 10


def test_a_hazards_probabilities_come_near_its_base_rate_and_know_who_is_hot(
    replay: tuple[Said, BacktestResult],
) -> None:
    p = np.stack([said.probability for step, said in replay[0].of("motor") if step.now_ms >= START + 40 * DAY])
    hot = [0, 3]
    failures = sum(day >= 40 for days in FAILS_ON.values() for day in days)
    base = failures * 7 / (MACHINES * (DAYS - 40))
    assert base / 2 < p[..., 0].mean() < 2 * base
    assert p[:, hot, 0].mean() > 3 * np.delete(p[..., 0], hot, axis=1).mean()
    np.testing.assert_allclose(1 - p[..., 1], (1 - p[..., 0]) ** (20 / 7), rtol=1e-6)


def test_a_calendar_item_is_due_an_interval_after_its_last_service_once_that_is_known(
    replay: tuple[Said, BacktestResult],
) -> None:
    assert on(replay, "grease", 3).expected_ms[0] == START + 10 * DAY
    assert on(replay, "grease", 30).expected_ms[0] == START + 10 * DAY, "it stays due until it is done"
    assert on(replay, "grease", 59).expected_ms[2] == -1, "nobody knew yet"
    assert on(replay, "grease", 60).expected_ms[2] == START + 110 * DAY
    assert np.isnan(on(replay, "grease", 60).remaining).all()


def test_before_any_service_it_counts_from_when_a_young_machine_was_built(replay: tuple[Said, BacktestResult]) -> None:
    expected_ms = on(replay, "check", 1).expected_ms
    built = 1_696_118_400_000  # 2023-10-01
    assert expected_ms.tolist() == [-1, -1, -1, built + 200 * DAY, built + 200 * DAY, -1]


def test_nothing_after_a_moment_changes_what_was_said_until_then(replay: tuple[Said, BacktestResult]) -> None:
    now = START + 50 * DAY + HOUR
    history = past()
    history.values[history.time_ms > now] = 7.0
    history.services = [s if s.known_ms <= now else serviced(0, now + DAY, "liner") for s in history.services]
    said, _ = replayed(history)
    assert said.numbers(now) == replay[0].numbers(now)


def test_only_dates_may_be_asked_for() -> None:
    made = read_catalogue({"signals": ["power"], "items": {"grease": {"kind": "calendar", "interval": "P60D"}}})
    rows: Any = np.zeros(40, dtype=np.int64), START + np.arange(40) * 6 * HOUR, np.ones((40, 1))
    settings = CaseSettings("one", Decide(DAY, START, START + 10 * DAY, 3 * DAY))
    said, _ = replayed(Past(settings, made, *rows, [serviced(0, START + 3 * DAY, "grease", "replaced")]))
    assert [one.expected_ms.tolist() for _, one in said.of("grease")][2:4] == [[-1], [START + 63 * DAY]]


def test_a_machine_that_sent_nothing_plausible_has_no_dates() -> None:
    history = past()
    history.values[history.vehicle == 1] = np.nan
    said, _ = replayed(history)
    last = said.steps[-1]
    liner = next(one for one in last.items if one.item == "liner")
    assert np.isnan(liner.remaining[1]) and liner.expected_ms[1] == -1
    assert np.isfinite(np.delete(liner.remaining, 1)).all()
