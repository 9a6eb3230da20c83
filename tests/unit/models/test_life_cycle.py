"""The life of an item's models: drift is found on errors, and the better one takes over."""

from __future__ import annotations

import doctest
import math
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from domain.catalogue import Catalogue
from domain.service_record import TrainingExample
from models import error_drift
from models.learner import Learner
from models.lesson import lesson_of
from models.life_cycle import LifeCycle
from models.predictor import Predictor
from models.shadow_trial import LOOKS, ShadowTrial
from tests.unit.models.conftest import KEY
from tests.unit.models.label_streams import batteries, learnt, pads
from tests.unit.models.service_steps import BATTERY
from tests.unit.models.test_wear import PADS

SEEDS = range(8)


def labels_until(learner: Learner, examples: Iterable[TrainingExample], item: str, is_there: Any) -> int | None:
    """How many of `examples` are learnt when it is there; None when all are and it isn't."""
    for n, example in enumerate(examples, start=1):
        learner.learn(example)
        if is_there(learner.life(item)):
            return n
    return None


def predicted(life: LifeCycle, example: TrainingExample) -> TrainingExample:
    """The example with what the serving model says of it and its window."""
    wear, x = life.serving.wear, example.features
    assert wear is not None and life.item.wear is not None
    worn = wear.predict_one(x)
    noise = life.item.wear.measurement_sd**2 + x["anchor_sd"] ** 2 + (x["car_factor_sd"] * worn) ** 2
    sd = (noise + wear.variance_one(x)) ** 0.5
    half = life.serving.windows.width * sd
    known = {**x, "predicted_sd": sd}
    return replace(example, features=known, predicted=worn, lower=worn - half, upper=worn + half)


def drifted(life: LifeCycle) -> bool:
    return life.drifts > 0


def taken_over(life: LifeCycle) -> bool:
    return life.takeover is not None


class TestDrift:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_pads_that_wear_faster_are_found_within_sixty_labels_and_steady_ones_never(
        self, catalogue: Catalogue, seed: int
    ) -> None:
        learner = learnt(catalogue, pads(200, seed))
        assert not drifted(learner.life(PADS)) and learner.life(PADS).drift_state == "steady"
        found = labels_until(learner, pads(60, seed, times=1.4, first=200), PADS, drifted)
        assert found is not None and learner.life(PADS).drift_state == "on trial"

    @pytest.mark.parametrize("seed", SEEDS)
    def test_batteries_that_fail_for_other_reasons_are_found_within_a_hundred_labels_and_steady_ones_never(
        self, catalogue: Catalogue, seed: int
    ) -> None:
        learner = learnt(catalogue, batteries(catalogue, 200, seed))
        assert not drifted(learner.life(BATTERY))
        other = batteries(catalogue, 100, seed, log_odds=1.0, times=0.0, first=200)
        assert labels_until(learner, other, BATTERY, drifted) is not None

    def test_errors_that_fall_are_no_drift(self, catalogue: Catalogue) -> None:
        # The catalogue is wrong by half from the start: errors are large and become small.
        assert not drifted(learnt(catalogue, pads(250, 3, times=1.5)).life(PADS))

    def test_one_car_alone_makes_none(self, catalogue: Catalogue) -> None:
        learner = learnt(catalogue, pads(100, 4))
        for n in range(150):
            (liar,) = pads(1, 4, times=3.0, first=1000 + n)
            learner.learn(TrainingExample(liar.label_id, "liar", PADS, 0, liar.features, liar.target))
        assert not drifted(learner.life(PADS))

    def test_the_examples_hold(self) -> None:
        assert doctest.testmod(error_drift).failed == 0


class TestShadow:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_after_drift_the_one_that_forgets_takes_over_and_is_nearer_to_the_truth(
        self, catalogue: Catalogue, seed: int
    ) -> None:
        learner = learnt(catalogue, pads(300, seed))
        examples = pads(200, seed, times=1.5, first=300)
        assert labels_until(learner, examples, PADS, taken_over) is not None
        life = learner.life(PADS)
        former = life.check_rollback(None)
        served, remembering = life.serving, life._revived(former)
        assert served.wear is not None and remembering.wear is not None
        x = {"brake_energy_slow": 700.0, "brake_energy_fast": 300.0}
        truth = 1.5 * 3.3
        assert abs(served.wear.predict_one(x) - truth) < abs(remembering.wear.predict_one(x) - truth) / 2
        assert served.version == former.version + 1 and served.labels == former.labels

    def test_after_a_change_errors_are_a_quarter_smaller_than_where_nothing_is_forgotten_and_windows_hold(
        self, catalogue: Catalogue
    ) -> None:
        examples = [*pads(300, 2), *pads(300, 2, times=1.5, first=300)]
        errors, inside = {}, 0
        for has_candidates in (True, False):
            learner = Learner(catalogue, KEY)
            life = learner.life(PADS)
            if not has_candidates:
                life.drift._test.threshold = math.inf
            missed = []
            for example in examples:
                served = predicted(life, example)
                learner.learn(served)
                assert served.predicted is not None and served.lower is not None and served.upper is not None
                missed.append(abs(served.target - served.predicted))
                inside += has_candidates and served.lower <= served.target <= served.upper
            errors[has_candidates] = np.mean(missed[300:])
            assert taken_over(life) is has_candidates
        assert errors[True] < 0.75 * errors[False]
        assert 0.87 < inside / len(examples) < 0.93

    def test_a_hazard_s_candidate_takes_over_too(self, catalogue: Catalogue) -> None:
        learner = learnt(catalogue, batteries(catalogue, 300, 2))
        other = batteries(catalogue, 400, 2, log_odds=0.5, times=0.0, first=300)
        assert labels_until(learner, other, BATTERY, taken_over) is not None

    @pytest.mark.parametrize("seed", SEEDS)
    @pytest.mark.parametrize("memory", [0.0, 10.0])
    def test_where_nothing_has_changed_a_candidate_never_takes_over_and_retires(
        self, catalogue: Catalogue, seed: int, memory: float
    ) -> None:
        streams = {PADS: partial(pads), BATTERY: partial(batteries, catalogue)}
        for item, stream in streams.items():
            learner = learnt(catalogue, stream(60, seed))
            life = learner.life(item)
            candidate = life.serving.copy()
            candidate.forget(memory)
            life.shadow = ShadowTrial(candidate, 0)
            for example in stream(int(LOOKS[-1]), seed, first=60):
                learner.learn(example)
            assert life.takeover is None and life.shadow is None
            assert "retired" in life.events[-1].what

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_worse_one_never_takes_over_and_retires_early(self, catalogue: Catalogue, seed: int) -> None:
        learner = learnt(catalogue, pads(60, seed))
        life = learner.life(PADS)
        worse = learnt(catalogue, pads(60, seed, times=2.0)).life(PADS).serving
        life.shadow = ShadowTrial(worse.copy(), 0)
        retired = labels_until(learner, pads(200, seed, first=60), PADS, lambda life: life.shadow is None)
        assert retired is not None and retired < LOOKS[-1] and life.takeover is None

    def test_a_hazard_is_not_judged_before_three_failures(self, catalogue: Catalogue) -> None:
        learner = learnt(catalogue, batteries(catalogue, 60, 1))
        life = learner.life(BATTERY)
        assert life.serving.hazard is not None
        surer = life.serving.copy()
        sound = [e for e in batteries(catalogue, 300, 1, first=60) if e.target == 0.0]
        for example in sound[:80]:
            lesson = lesson_of(example, life.item, 1.0)
            assert lesson is not None
            lesson.teach(surer, None)
        life.shadow = ShadowTrial(surer, 0)
        for example in sound[80:200]:
            learner.learn(example)
        assert life.shadow is not None and life.shadow.standard_errors > 3.0 and life.takeover is None

    def test_one_car_alone_decides_no_trial(self, catalogue: Catalogue) -> None:
        learner = learnt(catalogue, pads(60, 5))
        life = learner.life(PADS)
        life.shadow = ShadowTrial(learnt(catalogue, pads(60, 5, times=2.0)).life(PADS).serving.copy(), 0)
        for n, liar in enumerate(pads(200, 5, times=2.0, first=60)):
            learner.learn(TrainingExample(f"lie-{n}", "liar", PADS, 0, liar.features, liar.target))
        assert life.takeover is None and not life.shadow.is_past_first_look

    def test_shadow_serves_nobody(self, catalogue: Catalogue, predictor: Predictor) -> None:
        learner = learnt(catalogue, pads(40, 6))
        life = learner.life(PADS)
        candidate = life.serving.copy()
        candidate.forget(0.0)
        life.shadow = ShadowTrial(candidate, 0)
        predictor.install(PADS, learner.snapshot(PADS, 0))
        assert predictor.model(PADS).digest == life.serving.digest != candidate.digest

    def test_a_fresh_candidate_takes_the_place_of_an_old_one_and_leaves_a_young_one_alone(
        self, catalogue: Catalogue
    ) -> None:
        learner = learnt(catalogue, pads(45, 7))
        life = learner.life(PADS)
        life._on_drift(1)
        first = life.shadow
        life._on_drift(2)
        assert life.shadow is first is not None
        first._looks = 1
        life._on_drift(3)
        assert life.shadow is not first and life.drifts == 3
