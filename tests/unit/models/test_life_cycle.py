"""The life of an item's models: drift is found on errors, the better one takes over, and there is a way back."""

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
from domain.errors import Conflict, DamagedSnapshot, NotFound
from domain.model_command import ModelCommand, ModelDeed
from domain.service_record import TrainingExample
from models import error_drift
from models.kept_versions import KEPT, KeptVersion, KeptVersions
from models.learner import Learner
from models.lesson import lesson_of
from models.life_cycle import EVENTS, LifeCycle
from models.predictor import Predictor
from models.shadow_trial import LOOKS, ShadowTrial
from models.snapshot import LARGEST, pack_snapshot, unpack_snapshot
from tests.unit.models.conftest import KEY
from tests.unit.models.label_streams import batteries, pads
from tests.unit.models.service_steps import BATTERY, FLUID
from tests.unit.models.test_wear import PADS

SEEDS = range(8)
PROMOTE, ROLLBACK = ModelDeed.PROMOTE, ModelDeed.ROLLBACK


def learnt(catalogue: Catalogue, *streams: Iterable[TrainingExample]) -> Learner:
    learner = Learner(catalogue, KEY)
    for stream in streams:
        for example in stream:
            assert learner.learn(example)
    return learner


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


@pytest.fixture(scope="module")
def shifted(catalogue: Catalogue) -> Learner:
    """Pads that wear by half more after 100 labels: a candidate has been promoted."""
    learner = learnt(catalogue, pads(100, 1), pads(80, 1, times=1.5, first=100))
    assert learner.life(PADS).takeover is not None
    return learner


@pytest.fixture
def again(catalogue: Catalogue, shifted: Learner) -> Learner:
    """The same after a restart."""
    fresh = Learner(catalogue, KEY)
    assert fresh.restore(PADS, shifted.snapshot(PADS, 179))
    return fresh


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


class TestRollback:
    def test_what_served_before_a_promotion_serves_again_under_a_higher_number(
        self, again: Learner, predictor: Predictor
    ) -> None:
        life = again.life(PADS)
        assert predictor.install(PADS, again.snapshot(PADS, 0))
        number, former = life.serving.version, life.check_rollback(None)
        assert life.takeover is not None and former.version == life.takeover.version - 1
        assert again.obey(ModelCommand("c-1", PADS, ROLLBACK), 5)
        assert life.serving.version == number + 1
        content = life.serving.content()
        assert content | {"version": former.version} == life._revived(former).content()
        assert predictor.install(PADS, again.snapshot(PADS, 0))
        assert predictor.version(PADS) == life.serving.version
        assert predictor.model(PADS).content() == content

    def test_it_is_done_once_and_outlives_a_restart(self, catalogue: Catalogue, again: Learner) -> None:
        command = ModelCommand("c-1", PADS, ROLLBACK)
        assert again.obey(command, 5) and not again.obey(command, 6)
        fresh = Learner(catalogue, KEY)
        assert fresh.restore(PADS, again.snapshot(PADS, 180))
        assert not fresh.obey(command, 7)
        takeover = fresh.life(PADS).takeover
        assert takeover is not None and (takeover.how, takeover.at_ms) == ("rolled back", 5)
        assert fresh.snapshot(PADS, 180) == again.snapshot(PADS, 180)

    def test_no_label_is_lost_what_served_learns_on_in_shadow(self, catalogue: Catalogue, again: Learner) -> None:
        undisturbed = Learner(catalogue, KEY)
        undisturbed.restore(PADS, again.snapshot(PADS, 0))
        before = again.life(PADS).serving.labels
        again.obey(ModelCommand("c-1", PADS, ROLLBACK, 0), 5)
        for example in pads(20, 9, times=1.5, first=500):
            assert again.learn(example) and undisturbed.learn(example)
        life = again.life(PADS)
        assert life.serving.labels == 20
        assert life.shadow is not None and life.shadow.model.labels == before + 20
        own, twin = life.shadow.model.wear, undisturbed.model(PADS).wear
        assert own is not None and twin is not None and np.array_equal(own.information, twin.information)
        assert np.array_equal(own.moment, twin.moment)

    def test_labels_learnt_before_it_are_not_learnt_again(self, again: Learner) -> None:
        again.obey(ModelCommand("c-1", PADS, ROLLBACK, 0), 5)
        assert not again.learn(pads(100, 1)[0])

    def test_it_stands_until_an_operator_promotes_what_was_rolled_back(self, again: Learner) -> None:
        life = again.life(PADS)
        again.obey(ModelCommand("c-1", PADS, ROLLBACK), 5)
        for example in pads(25, 9, times=1.5, first=500):
            again.learn(example)
        assert life.shadow is not None and life.shadow.is_held and life.shadow.standard_errors > 3.0
        number, better = life.serving.version, life.shadow.model
        assert again.obey(ModelCommand("c-2", PADS, PROMOTE), 6)
        assert life.serving is better and life.serving.version == number + 1 and life.shadow is None

    def test_twice_goes_further_back_and_holds_the_one_that_has_learnt_every_label(self, again: Learner) -> None:
        life = again.life(PADS)
        again.obey(ModelCommand("c-1", PADS, ROLLBACK), 5)
        first, learnt_all = life.takeover, life.shadow
        again.obey(ModelCommand("c-2", PADS, ROLLBACK), 6)
        second = life.takeover
        assert life.shadow is not None and learnt_all is not None
        assert life.shadow.model is learnt_all.model and life.shadow.is_held and not life.shadow.labels
        assert first is not None and second is not None and second.from_version < first.from_version

    def test_a_version_that_is_named_is_the_one_that_serves(self, again: Learner) -> None:
        life = again.life(PADS)
        for kept in life.kept.versions:
            again.obey(ModelCommand(f"to {kept.version}", PADS, ROLLBACK, kept.version), 5)
            assert life.serving.labels == kept.labels
            assert life.takeover is not None and life.takeover.from_version == kept.version

    def test_what_cannot_be_done_is_said_with_the_item_and_the_way_out(self, again: Learner) -> None:
        def ask(item: str, deed: ModelDeed, version: int | None = None) -> None:
            again.obey(ModelCommand("c", item, deed, version), 5)

        before = again.snapshot(PADS, 0)
        serving = again.life(PADS).serving.version
        with pytest.raises(NotFound, match=r"no item sunroof: it has .*front_brake_pads"):
            ask("sunroof", ROLLBACK)
        with pytest.raises(NotFound, match=rf"{PADS} has no version 999 any more: name one of 0, "):
            ask(PADS, ROLLBACK, 999)
        with pytest.raises(Conflict, match=rf"version {serving} of {PADS} serves already"):
            ask(PADS, ROLLBACK, serving)
        with pytest.raises(Conflict, match=f"{BATTERY} has nothing to roll back to: its model has learnt nothing"):
            ask(BATTERY, ROLLBACK)
        with pytest.raises(
            Conflict,
            match=f"{PADS} has no model in shadow .*`pitcall model rollback {PADS}`",
        ):
            ask(PADS, PROMOTE)
        with pytest.raises(Conflict, match=f"{FLUID} has no model that learns"):
            ask(FLUID, ROLLBACK)
        assert again.snapshot(PADS, 0) == before
        again.obey(ModelCommand("to the prior", PADS, ROLLBACK, 0), 5)
        with pytest.raises(Conflict, match=f"{PADS} has nothing further back to roll back to: name one of 0, "):
            ask(PADS, ROLLBACK)

    def test_a_version_of_another_catalogue_cannot_serve(self, again: Learner) -> None:
        life = again.life(PADS)
        prior, *others = life.kept.versions
        life.kept.versions = [prior._replace(packed=b"\x80"), *others]
        with pytest.raises(Conflict, match=f"version 0 of {PADS} does not fit the catalogue"):
            again.obey(ModelCommand("c", PADS, ROLLBACK, 0), 5)

    def test_a_refusal_is_remembered_and_not_tried_again(self, again: Learner) -> None:
        command = ModelCommand("c", PADS, ROLLBACK, 999)
        again.refuse(command, "no such version", 5)
        assert not again.obey(command, 6)
        assert again.life(PADS).events[-1].what == "refused: no such version"
        for n in range(EVENTS + 3):
            again.refuse(ModelCommand(f"c-{n}", PADS, ROLLBACK, 999), "no such version", 5)
        assert len(again.life(PADS).events) == EVENTS

    def test_a_promotion_names_no_version(self) -> None:
        with pytest.raises(ValueError, match="no version yet"):
            ModelCommand("c", PADS, PROMOTE, 3)


class TestKeptVersions:
    def test_few_are_kept_the_further_back_the_further_apart(self) -> None:
        kept = KeptVersions()
        for version in range(1000):
            kept.keep(KeptVersion(version, version, version, b""))
        numbers = [one.version for one in kept.versions]
        assert len(numbers) == KEPT and numbers[0] == 0 and numbers[-1] == 999
        ages = 1000 - np.array(numbers)
        ratios = ages[:-1] / ages[1:]
        assert (ratios > 1.5).all() and (ratios < 4).all()

    def test_the_one_before_a_takeover_stays(self) -> None:
        kept = KeptVersions()
        for version in range(1000):
            kept.keep(KeptVersion(version, version, version, b""))
            if version == 437:
                kept.pinned = 437
        assert kept.find(437) is not None and len(kept.versions) == KEPT

    def test_none_is_kept_twice(self) -> None:
        kept = KeptVersions()
        for version in (0, 1, 1, 0):
            kept.keep(KeptVersion(version, 0, 0, b""))
        assert [one.version for one in kept.versions] == [0, 1]


class TestSnapshots:
    def test_a_restart_in_the_middle_of_a_trial_goes_on_to_the_same_bit(self, catalogue: Catalogue) -> None:
        examples = [*pads(100, 1), *pads(80, 1, times=1.5, first=100)]
        hazards = [*batteries(catalogue, 100, 1), *batteries(catalogue, 80, 1, log_odds=0.0, times=0.3, first=100)]
        for item, stream in ((PADS, examples), (BATTERY, hazards)):
            straight, stopping = Learner(catalogue, KEY), Learner(catalogue, KEY)
            states = set()
            for n, example in enumerate(stream):
                straight.learn(example)
                stopping.learn(example)
                if n % 7 == 0:
                    stopped, stopping = stopping, Learner(catalogue, KEY)
                    assert stopping.restore(item, stopped.snapshot(item, n))
                states.add(stopping.life(item).drift_state)
            assert stopping.snapshot(item, 999) == straight.snapshot(item, 999)
            assert states == {"warming up", "steady", "on trial"}

    def test_at_its_largest_it_is_within_bounds(self, catalogue: Catalogue) -> None:
        learner = Learner(catalogue, KEY)
        for n, example in enumerate(pads(300, 1)):
            window = {"predicted": 1.0, "lower": 0.5, "upper": 1.5}
            full = TrainingExample(
                example.label_id, example.vehicle_id, PADS, n, {**example.features, "predicted_sd": 0.3}, 1.2, **window
            )
            learner.learn(full)
        own = learner._item(PADS)
        own.labels = {i.to_bytes(8, "big"): None for i in range(8_192)}
        own.cars = {i.to_bytes(8, "big"): 70_000 for i in range(8_192)}
        learner.life(PADS)._on_drift(0)
        assert len(learner.snapshot(PADS, 0)) < LARGEST // 2

    @pytest.mark.parametrize("item", [PADS, BATTERY])
    def test_a_flip_in_any_byte_is_refused_before_anything_is_loaded_and_the_former_serves_on(
        self, catalogue: Catalogue, predictor: Predictor, item: str
    ) -> None:
        stream = pads(8, 1) if item == PADS else batteries(catalogue, 8, 1)
        learner = learnt(catalogue, stream[:3])
        assert predictor.install(item, learner.snapshot(item, 0))
        for example in stream[3:]:
            learner.learn(example)
        learner.life(item)._on_drift(0)
        good, before = learner.snapshot(item, 1), predictor.digest()
        fresh = Learner(catalogue, KEY)
        untaught = fresh.digest()
        for place in range(len(good)):
            damaged = bytearray(good)
            damaged[place] ^= 1 << place % 8
            for load in (predictor.install, fresh.restore):
                with pytest.raises(
                    DamagedSnapshot, match=r"no snapshot of format|bytes of content|SHA-256|another key"
                ):
                    load(item, bytes(damaged))
        assert predictor.digest() == before and fresh.digest() == untaught
        assert predictor.version(item) == 3 and predictor.install(item, good)

    def test_one_from_before_there_was_a_life_cycle_is_gone_on_from(self, catalogue: Catalogue) -> None:
        learner = learnt(catalogue, pads(5, 1))
        content = unpack_snapshot(learner.snapshot(PADS, 4), KEY)
        del content["life"], content["model"]["labels"], content["model"]["memory"]
        fresh = Learner(catalogue, KEY)
        assert fresh.restore(PADS, pack_snapshot(content, KEY))
        assert fresh.model(PADS).labels == 5 and fresh.model(PADS).memory == 5.0
        assert fresh.learn(pads(6, 1)[5]) and fresh.life(PADS).check_rollback(None).version == 5

    @pytest.mark.parametrize("part", ["shadow", "drift", "drifts", "score", "kept", "events", "takeover"])
    def test_one_without_a_part_of_it_is_damaged(self, catalogue: Catalogue, shifted: Learner, part: str) -> None:
        content = unpack_snapshot(shifted.snapshot(PADS, 0), KEY)
        nonsense = ({"x": 1}, {"versions": [[1, 2, 3, "text"]], "pinned": None})
        for broken in ({part: value} for value in nonsense):
            damaged = pack_snapshot(content | {"life": content["life"] | broken}, KEY)
            with pytest.raises(DamagedSnapshot):
                Learner(catalogue, KEY).restore(PADS, damaged)
