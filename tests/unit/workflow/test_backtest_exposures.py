"""What wears an item may be named: then a back-test sums it up since the item was renewed, and learns from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from domain.backtest_case import CaseSettings, Decide
from domain.catalogue import AGE, Catalogue
from domain.catalogue_reader import read_catalogue
from models.learnt_features import LearntFeatures
from tests.support.case_past import DAY, HOUR, START, Past, Said, codes, replayed, serviced
from workflow.backtest import Backtest

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DAYS = 110
SETTINGS = CaseSettings("valves", Decide(DAY, START, START + DAYS * DAY, 2 * DAY))
CYCLES = {"cycles": {"function": "count", "signal": "pressure", "level": 50}}


def catalogue(item: dict[str, Any], **top: Any) -> Any:
    signals = {"pressure": {"unit": "bar", "range": [0, 100]}}
    return read_catalogue({"signals": signals, "items": {"valve": {"kind": "wear", "unit": "h", **item}}, **top})


def valves(item: dict[str, Any], machines: int = 8) -> Past:
    """A valve bears 40 openings; each machine opens at a pace that changes every ten days, and tells of no other."""
    rng, bears = np.random.default_rng(7), 40
    vehicle, hour = np.meshgrid(np.arange(machines), np.arange(DAYS * 24))
    pressure = 20.0 + rng.normal(0, 1, vehicle.shape)
    services = []
    for machine in range(machines):
        opened = 0
        share = rng.uniform(0.05, 0.6, DAYS // 10)
        for at in range(1, DAYS * 24, 2):
            if rng.random() < share[at // 240]:
                pressure[at, machine] += 60.0
                opened += 1
            if opened == bears:
                services.append(serviced(machine, START + at * HOUR + HOUR // 2, "valve"))
                opened = 0
    return Past(
        SETTINGS, catalogue(item), vehicle.ravel(), START + hour.ravel() * HOUR, pressure.ravel()[:, None], services
    )


def error(item: dict[str, Any]) -> float:
    """Mean error in hours of what was said to be left in the last four days of lives, from day 60 on."""
    history = valves(item)
    ends = {(service.vehicle, service.time_ms) for service in history.services}
    errors = []
    for step, said in replayed(history)[0].of("valve"):
        for machine, left in zip(step.vehicles.tolist(), said.remaining.tolist(), strict=True):
            following = min((at for own, at in ends if own == machine and at > step.now_ms), default=None)
            if following is not None and step.now_ms >= max(START + 60 * DAY, following - 4 * DAY):
                errors.append(abs(left - (following - step.now_ms) / HOUR))
    return float(np.mean(errors))


def test_a_life_that_is_a_law_of_one_exposure_is_told_better_by_a_quarter_with_it_than_without() -> None:
    assert error({"exposures": CYCLES}) < 0.75 * error({})


def test_it_is_kept_out_by_its_name_by_what_it_is_made_of_and_by_age() -> None:
    for name in ("cycles", "pressure", AGE):
        made = catalogue({"exposures": CYCLES, "features": {"exclude": [name]}})
        features, life = LearntFeatures(made), made.items["valve"].life
        assert "cycles since valve" in features.names
        assert life is not None
        assert "cycles since valve" not in [features.names[n] for n in features.columns("valve", life)]


def test_it_bears_on_the_item_that_names_it_alone_whatever_signals_that_has() -> None:
    made = read_catalogue(
        {
            "signals": ["pressure", "heat"],
            "items": {
                "valve": {"kind": "wear", "exposures": CYCLES, "signals": ["heat"]},
                "pipe": {"kind": "hazard", "horizons": ["P7D"]},
            },
        }
    )
    features = LearntFeatures(made)
    valve, pipe = made.items["valve"].life, made.items["pipe"].risk
    assert valve is not None and pipe is not None
    assert "cycles since valve" in [features.names[n] for n in features.columns("valve", valve)]
    assert "cycles since valve" not in [features.names[n] for n in features.columns("pipe", pipe)]


def gathered(history: Past, name: str) -> list[float]:
    """What each machine has of an exposure since the valve was renewed, at the end."""
    run = Backtest(history, Said())
    run.run()
    features, states = LearntFeatures(history.catalogue), run.machines.states
    rows = features.rows(states, np.full(len(states), history.settings.decide.to_ms))
    return [float(amount) for amount in rows[:, features.names.index(f"{name} since valve")]]


def one_machine(made: Catalogue, hours: Ints, values: Floats, **told: Any) -> Past:
    settings = CaseSettings("one", Decide(DAY, START, START + (int(hours[-1]) // 24 + 2) * DAY, DAY))
    rows = np.zeros(len(hours), dtype=np.int64), START + hours * HOUR, values[:, None]
    return Past(settings, made, *rows, **told)


@pytest.mark.parametrize(
    ("exposure", "amount"),
    [
        ({"function": "integral", "signal": "pressure", "parameters": {"per_seconds": 3600}}, 4 * 24 * 30.0 - 30.0),
        ({"function": "time_above", "signal": "pressure", "level": 35}, 4 * 12 * 60.0),
        ({"function": "time_below", "signal": "pressure", "level": 35}, (4 * 12 - 1) * 60.0),
        ({"function": "rises_through", "signal": "pressure", "level": 30}, 4 * 12.0),
        ({"function": "count", "events": ["jam", "leak"]}, 5.0),
    ],
)
def test_rows_an_hour_apart_tell_what_happened_between_them(exposure: dict[str, Any], amount: float) -> None:
    hours = np.arange(4 * 24)
    made = catalogue({"exposures": {"wear": exposure}}, events=["jam", "leak"])
    events = codes([START + n * HOUR for n in (3, 5, 5, 40, 90)], [0] * 5)
    history = one_machine(made, hours, np.where(hours % 2 == 0, 20.0, 40.0), events=events)
    assert gathered(history, "wear") == [pytest.approx(amount, rel=1e-6)]


def test_of_a_gap_of_weeks_nothing_is_said() -> None:
    hours = np.concatenate([np.arange(24), 24 * 20 + np.arange(24)])
    made = catalogue({"exposures": {"wear": {"function": "time_above", "signal": "pressure", "level": 10}}})
    assert gathered(one_machine(made, hours, np.full(48, 20.0)), "wear") == [2 * 23 * 60.0]


@pytest.mark.parametrize("late_ms", [0, 3 * DAY])
@pytest.mark.parametrize(
    "exposure",
    [
        {"function": "count", "signal": "pressure", "level": 30},
        {"function": "count", "events": "jam"},
        {"function": "integral", "signal": "pressure", "per_seconds": 2 * 3600 * 30},
    ],
)
def test_it_counts_from_the_service_however_late_that_is_heard_of(exposure: dict[str, Any], late_ms: int) -> None:
    hours = np.arange(10 * 24)
    made = catalogue({"exposures": {"wear": exposure}}, events=["jam"])
    history = one_machine(
        made,
        hours,
        np.where(hours % 2 == 0, 20.0, 40.0),
        services=[serviced(0, START + 6 * DAY, "valve", "replaced", late_ms=late_ms)],
        events=codes((START + hours[1::2] * HOUR).tolist(), [0] * 120),
    )
    assert gathered(history, "wear") == [pytest.approx(4 * 12, abs=1.0)]
