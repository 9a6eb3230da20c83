"""There is a way back to former models, which loses no label, and which ones are kept."""

from __future__ import annotations

import numpy as np
import pytest

from domain.catalogue import Catalogue
from domain.errors import Conflict, NotFound
from domain.model_command import ModelCommand, ModelDeed
from models.kept_versions import KEPT, KeptVersion, KeptVersions
from models.learner import Learner
from models.life_cycle import EVENTS
from models.predictor import Predictor
from tests.unit.models.conftest import KEY
from tests.unit.models.label_streams import learnt, pads
from tests.unit.models.service_steps import BATTERY, FLUID
from tests.unit.models.test_wear import PADS

PROMOTE, ROLLBACK = ModelDeed.PROMOTE, ModelDeed.ROLLBACK


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
