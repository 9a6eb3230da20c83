"""A back-test uses nothing from the future, does not depend on how a past is handed out, and teaches on time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from domain.backtest_case import CaseSettings, Decide
from domain.catalogue_reader import read_catalogue
from domain.service_record import ServiceOutcome
from tests.support.case_past import HOUR, START, Past, Said, codes, replayed, serviced
from workflow.backtest import BacktestResult
from workflow.case_history import CaseService

MACHINES, HOURS = 6, 400
CATALOGUE = read_catalogue(
    {
        "signals": {"pressure": {"unit": "bar", "range": [0, 100]}, "load": {"unit": "%", "role": "setting"}},
        "events": ["error1"],
        "attributes": ["model", "built"],
        "items": {
            "seal": {"kind": "hazard", "horizons": ["PT6H", "PT24H"], "action_probability": 0.3},
            "bearing": {"kind": "wear", "unit": "h", "features": {"exclude": ["age"]}},
            "belt": {"kind": "wear", "unit": "cycle"},
        },
    }
)
SETTINGS = CaseSettings("machines", Decide(3 * HOUR, START, START + HOURS * HOUR, 12 * HOUR))


def past(seed: int = 1) -> Past:
    """Pressure falls before a seal fails, and all the time while a bearing wears out."""
    rng = np.random.default_rng(seed)
    vehicle, hour = np.meshgrid(np.arange(MACHINES), np.arange(HOURS))
    pressure = 50.0 + rng.normal(0, 1, vehicle.shape)
    services, events = [], []
    for machine in range(MACHINES):
        for end in range(30 + 7 * machine, HOURS, 55):
            pressure[max(0, end - 20) : end, machine] -= 10.0
            at = START + end * HOUR + HOUR // 2
            services.append(CaseService(machine, at, at, "seal", ServiceOutcome.FAILED, None))
            events.append((at - 5 * HOUR, machine))
        for end in range(60 + 9 * machine, HOURS, 70):
            at = START + end * HOUR + HOUR // 2
            services += [
                CaseService(machine, at, at + 2 * HOUR, item, ServiceOutcome.FAILED, None)
                for item in ("bearing", "belt")
            ]
            pressure[max(0, end - 60) : end, machine] += np.linspace(0, 20, 60)[-(end - max(0, end - 60)) :]
    return Past(
        SETTINGS,
        CATALOGUE,
        vehicle.ravel(),
        START + hour.ravel() * HOUR,
        np.stack([pressure.ravel(), rng.uniform(0, 100, vehicle.size)], axis=1),
        services,
        codes([at for at, _ in events], [machine for _, machine in events]),
        attributes={"model": ("a", "b", "", "a", "b", "a"), "built": np.array([1.0, 2, 3, np.nan, 5, 6])},
    )


@pytest.fixture(scope="module")
def undisturbed() -> tuple[Said, BacktestResult]:
    return replayed(past())


def test_every_machine_is_predicted_at_every_step_of_the_grid(undisturbed: tuple[Said, BacktestResult]) -> None:
    said, result = undisturbed
    assert [step.now_ms for step in said.steps] == list(range(START, START + HOURS * HOUR, 3 * HOUR))
    assert all(step.vehicles.tolist() == list(range(MACHINES)) for step in said.steps)
    assert result.decisions == MACHINES * len(said.steps)


@pytest.mark.parametrize("hour", [40, 151, 299])
def test_nothing_after_a_moment_changes_what_was_said_until_then(
    undisturbed: tuple[Said, BacktestResult], hour: int
) -> None:
    now = START + hour * HOUR
    history = past()
    later = history.time_ms > now
    history.values[later] = np.random.default_rng(9).uniform(0, 100, (int(later.sum()), 2))
    is_late = history.events.time_ms > now
    history.events = replace(history.events, vehicle=np.where(is_late, 0, history.events.vehicle))
    history.services = [service for service in history.services if service.known_ms <= now] + [
        CaseService(0, now - HOUR, now + 1, "seal", ServiceOutcome.FAILED, None),
        CaseService(1, now - HOUR, now + 1, "bearing", ServiceOutcome.FAILED, None),
    ]
    said, _ = replayed(history)
    assert said.numbers(now) == undisturbed[0].numbers(now)
    assert said.numbers() != undisturbed[0].numbers()


@pytest.mark.parametrize("rows", [37, 1_000_000])
def test_how_the_past_is_cut_into_spans_changes_nothing(undisturbed: tuple[Said, BacktestResult], rows: int) -> None:
    history = past()
    history.rows = rows
    said, result = replayed(history)
    assert said.numbers() == undisturbed[0].numbers()
    assert result.labels == undisturbed[1].labels


def test_two_runs_say_the_same(undisturbed: tuple[Said, BacktestResult]) -> None:
    assert replayed(past())[0].numbers() == undisturbed[0].numbers()


def test_it_learns_what_comes_before_a_failure(undisturbed: tuple[Said, BacktestResult]) -> None:
    history, steps = past(), undisturbed[0].steps[len(undisturbed[0].steps) // 2 :]
    failures = {(s.vehicle, s.time_ms) for s in history.services if s.item == "seal"}
    near, far = [], []
    for step in steps:
        p = step.items[0].probability
        assert (p[:, 0] >= 0).all() and (p <= 1).all()
        for place, machine in enumerate(step.vehicles.tolist()):
            fails = any(v == machine and step.now_ms < at <= step.now_ms + 6 * HOUR for v, at in failures)
            (near if fails else far).append(float(p[place, 0]))
    assert np.mean(near) > 10 * np.mean(far)


def test_a_label_is_learnt_when_its_horizon_has_passed_and_not_before(undisturbed: tuple[Said, BacktestResult]) -> None:
    versions = {step.now_ms: step.items[0].model_version.split("+") for step in undisturbed[0].steps}
    for now_ms, (short, long) in versions.items():
        steps = (now_ms - START) // (3 * HOUR)
        assert int(short) == MACHINES * max(0, steps - 1)
        assert int(long) == MACHINES * max(0, steps - 7)


def test_a_machine_that_stops_reporting_is_predicted_until_it_is_stale() -> None:
    history = past()
    keep = (history.vehicle != 2) | (history.time_ms <= START + 100 * HOUR)
    history.vehicle, history.time_ms, history.values = (
        history.vehicle[keep], history.time_ms[keep], history.values[keep],
    )  # fmt: skip
    said, _ = replayed(history)
    assert max(step.now_ms for step in said.steps if 2 in step.vehicles.tolist()) == START + 111 * HOUR


def test_what_is_left_comes_out_in_the_items_own_unit(undisturbed: tuple[Said, BacktestResult]) -> None:
    step = undisturbed[0].steps[-1]
    bearing, belt = step.items[1], step.items[2]
    assert bearing.item == "bearing" and belt.item == "belt"
    assert (bearing.remaining >= 0).all() and (bearing.remaining < 100).all()
    assert (bearing.earliest_ms <= bearing.expected_ms).all() and (bearing.expected_ms <= bearing.latest_ms).all()
    np.testing.assert_allclose((bearing.expected_ms - step.now_ms) / HOUR, bearing.remaining, atol=1e-3)
    assert belt.at.tolist() == [step.now_ms // HOUR - START // HOUR + 1] * MACHINES


def test_before_anything_was_learnt_no_date_is_said(undisturbed: tuple[Said, BacktestResult]) -> None:
    first = undisturbed[0].steps[0]
    assert np.isnan(first.items[1].remaining).all() and (first.items[1].expected_ms == -1).all()
    assert (first.items[0].probability == 0.02).all()


def test_a_failure_that_is_heard_of_after_its_horizon_still_teaches() -> None:
    late = past()
    late.services = [replace(s, known_ms=s.time_ms + 40 * HOUR) if s.item == "seal" else s for s in late.services]
    late.services = sorted(late.services, key=lambda service: service.known_ms)
    history, steps = late, replayed(late)[0].steps
    failures = {(s.vehicle, s.time_ms) for s in history.services if s.item == "seal"}
    near, far = [], []
    for step in steps[len(steps) // 2 :]:
        for place, machine in enumerate(step.vehicles.tolist()):
            fails = any(v == machine and step.now_ms < at <= step.now_ms + 6 * HOUR for v, at in failures)
            (near if fails else far).append(float(step.items[0].probability[place, 0]))
    assert np.mean(near) > 5 * np.mean(far)


def test_the_model_that_an_item_asks_for_is_the_one_that_speaks(undisturbed: tuple[Said, BacktestResult]) -> None:
    history = past()
    seal = replace(CATALOGUE.items["seal"], model="logistic")
    history.catalogue = replace(CATALOGUE, items={**CATALOGUE.items, "seal": seal})
    said, _ = replayed(history)
    ours, theirs = undisturbed[0].steps[-1].items, said.steps[-1].items
    assert ours[0].probability.tolist() != theirs[0].probability.tolist()
    assert ours[1].remaining.tolist() == theirs[1].remaining.tolist()


def test_a_life_heard_of_late_ends_when_it_ended() -> None:
    """Cycles are counted by reports: two machines that lived sixty, heard of at once and twenty reports later."""
    made = read_catalogue({"signals": ["pressure"], "items": {"belt": {"kind": "wear", "unit": "cycle"}}})
    hourly = replace(SETTINGS, decide=replace(SETTINGS.decide, every_ms=HOUR))
    said = []
    for late_ms in (0, 20 * HOUR):
        rows = np.zeros(100, dtype=np.int64), START + np.arange(100) * HOUR, np.ones((100, 1))
        service = serviced(0, START + 60 * HOUR, "belt", late_ms=late_ms)
        said.append(replayed(Past(hourly, made, *rows, [service]))[0])
    first, late = (one.of("belt")[80][1].remaining for one in said)
    np.testing.assert_allclose(first, 30.0, atol=0.5)
    np.testing.assert_allclose(late, first, atol=0.5)
