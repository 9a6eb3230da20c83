"""The life of an item's models travels in its snapshot, whole, small, and refused when a byte is not as sealed."""

from __future__ import annotations

import pytest

from domain.catalogue import Catalogue
from domain.errors import DamagedSnapshot
from domain.service_record import TrainingExample
from models.learner import Learner
from models.predictor import Predictor
from models.snapshot import LARGEST, pack_snapshot, unpack_snapshot
from tests.unit.models.conftest import KEY
from tests.unit.models.label_streams import batteries, learnt, pads
from tests.unit.models.service_steps import BATTERY
from tests.unit.models.test_wear import PADS


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
    def test_one_without_a_part_of_it_is_damaged(self, catalogue: Catalogue, part: str) -> None:
        content = unpack_snapshot(learnt(catalogue, pads(3, 1)).snapshot(PADS, 0), KEY)
        nonsense = ({"x": 1}, {"versions": [[1, 2, 3, "text"]], "pinned": None})
        for broken in ({part: value} for value in nonsense):
            damaged = pack_snapshot(content | {"life": content["life"] | broken}, KEY)
            with pytest.raises(DamagedSnapshot):
                Learner(catalogue, KEY).restore(PADS, damaged)
