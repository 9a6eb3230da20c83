"""What the estimators that learn from signals promise: the battery, bounded memory, and trees that serve as grown."""

from __future__ import annotations

import copy
import doctest
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from domain.catalogue import SHORT_MODELS
from domain.errors import InvalidInput
from domain.prediction import ItemKind
from models import failure_risk, folded_trees, incremental_risk, remaining_life, replay_memory
from models.failure_risk import FailureRisk
from models.flat_trees import FlatTrees
from models.folded_trees import Growth, grow
from models.incremental_risk import INCREMENTAL, IncrementalRisk
from models.remaining_life import RemainingLife
from models.replay_memory import ReplayMemory

MAKERS: dict[str, Callable[[], Any]] = {
    "risk": lambda: FailureRisk(2),
    "life": lambda: RemainingLife(),
    "logistic": lambda: IncrementalRisk("logistic"),
    "hoeffding_tree": lambda: IncrementalRisk("hoeffding_tree"),
}
X = {"a": 2.0, "b": 1.0}


@pytest.fixture(params=MAKERS, ids=lambda name: name)
def make(request: pytest.FixtureRequest) -> Callable[[], Any]:
    return MAKERS[request.param]


def say(model: Any, x: dict[str, float]) -> float:
    return float(model.predict_one(x) if isinstance(model, RemainingLife) else model.predict_proba_one(x)[True])


def taught(make: Callable[[], Any], labels: int = 40) -> Any:
    model = make()
    for i in range(labels):
        model.learn_one({"a": float(i % 10), "b": float(i % 3)}, float(i % 10 > 6))
    return model


class TestBattery:
    def test_it_learns(self, make: Callable[[], Any]) -> None:
        before = say(make(), X)
        model = make()
        for _ in range(20):
            model.learn_one(X, 1.0)
        assert say(model, X) > before

    def test_predicting_changes_nothing(self, make: Callable[[], Any]) -> None:
        model = taught(make)
        before = copy.deepcopy(model)
        for x in (X, {}, {"a": 1e9}):
            say(model, x)
        assert [say(model, x) for x in (X, {"b": 2.0})] == [say(before, x) for x in (X, {"b": 2.0})]
        assert model.version == before.version

    def test_missing_and_new_features_are_survived(self, make: Callable[[], Any]) -> None:
        model = taught(make)
        model.learn_one({"a": 1.0, "never seen": 5.0}, 1.0)
        assert math.isfinite(say(model, {"b": 1.0, "never seen": 3.0}))
        assert math.isfinite(say(model, {}))

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, "2", None])
    def test_numbers_that_are_none_are_refused_and_change_nothing(self, make: Callable[[], Any], bad: Any) -> None:
        model = taught(make)
        before = (model.version, say(model, X))
        with pytest.raises(InvalidInput):
            model.learn_one({"a": bad, "b": 1.0}, 1.0)
        assert (model.version, say(model, X)) == before

    def test_two_that_learnt_the_same_are_the_same(self, make: Callable[[], Any]) -> None:
        one, other = taught(make, 60), taught(make, 60)
        rows = np.random.default_rng(3).normal(3, 3, (50, 2)).astype(np.float32)
        assert [said(one, rows).tolist()] == [said(other, rows).tolist()]

    @given(rows=st.lists(st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 2), min_size=1, max_size=20))
    @settings(max_examples=30, deadline=None)
    def test_a_block_is_predicted_bit_for_bit_like_one_by_one(self, rows: list[tuple[float, float]]) -> None:
        for name, maker in MAKERS.items():
            model = TAUGHT.setdefault(name, taught(maker, 60))
            block = np.array(rows, dtype=np.float32)
            ones = [float(said(model, block[i : i + 1])[0]) for i in range(len(block))]
            assert said(model, block).tolist() == ones


TAUGHT: dict[str, Any] = {}


def said(model: Any, rows: Any) -> Any:
    return model.predict_many(rows).remaining if isinstance(model, RemainingLife) else model.predict_many(rows)


def test_the_models_a_catalogue_may_ask_for_are_those_there_are() -> None:
    assert SHORT_MODELS[ItemKind.HAZARD] == ("trees", *INCREMENTAL)


class TestTrees:
    GROWTH = Growth(folds=1, rounds=12, learning_rate=0.2, leaves=6, least=5, share_of_features=1.0)

    @pytest.mark.parametrize("is_probability", [False, True])
    def test_they_say_what_the_library_that_grew_them_says(self, is_probability: bool) -> None:
        rng = np.random.default_rng(5)
        # Few values a column, so that both cut it alike.
        rows = rng.integers(0, 40, (600, 4)).astype(np.float32)
        rows[rng.random(rows.shape) < 0.1] = np.nan
        target = np.nan_to_num(rows[:, 0]) + 2.0 * np.nan_to_num(rows[:, 1])
        if is_probability:
            target = (target > 60).astype(float)
        own = grow(
            rows, target, np.ones(600), np.zeros(600, dtype=np.int64), self.GROWTH, is_probability=is_probability
        )
        kind = HistGradientBoostingClassifier if is_probability else HistGradientBoostingRegressor
        theirs = kind(
            max_iter=12, learning_rate=0.2, max_leaf_nodes=6, min_samples_leaf=5, l2_regularization=1.0,
            max_features=1.0, early_stopping=False, random_state=0,
        ).fit(rows, target)  # fmt: skip
        expected = theirs.decision_function(rows) if is_probability else theirs.predict(rows)
        np.testing.assert_allclose(own.trees.predict_many(rows)[:, 0], expected, rtol=1e-9, atol=1e-9)

    def test_what_a_group_says_of_unseen_rows_knows_nothing_of_them(self) -> None:
        rng = np.random.default_rng(6)
        rows, target = rng.normal(size=(400, 3)).astype(np.float32), rng.normal(size=400)
        fold = np.arange(400) % 4
        growth = Growth(folds=4, rounds=10, learning_rate=0.2, leaves=6, least=5, share_of_features=1.0)
        before = grow(rows, target, np.ones(400), fold, growth).unseen
        changed = np.where(fold == 2, target + 100.0, target)
        after = grow(rows, changed, np.ones(400), fold, growth).unseen
        np.testing.assert_array_equal(after[fold == 2], before[fold == 2])
        assert not np.array_equal(after[fold != 2], before[fold != 2])

    @pytest.mark.parametrize("is_probability", [False, True])
    def test_where_nothing_tells_rows_apart_the_mean_is_said(self, is_probability: bool) -> None:
        rows = np.array([[1.0, np.nan, np.nan]] * 30 + [[1.0, 5.0, np.nan]] * 30, dtype=np.float32)
        target = np.array([0.0, 0.0, 1.0] * 20)
        grown = grow(rows, target, np.ones(60), np.zeros(60, np.int64), self.GROWTH, is_probability=is_probability)
        value = grown.trees.predict_many(rows)
        np.testing.assert_allclose(1 / (1 + np.exp(-value)) if is_probability else value, 1 / 3)

    def test_they_come_back_from_their_arrays_bit_for_bit(self) -> None:
        rows = np.random.default_rng(7).normal(size=(200, 3)).astype(np.float32)
        trees = grow(rows, rows[:, 0] * 2.0, np.ones(200), np.arange(200) % 2, Growth(2, 5, 0.2, 6, 5, 1.0)).trees
        again = FlatTrees(trees.arrays())
        assert again.predict_many(rows).tolist() == trees.predict_many(rows).tolist()

    @pytest.mark.parametrize(
        ("name", "value", "reason"),
        [
            ("threshold", [0.0], "another length"),
            ("left", [99, 1, 2], "lead nowhere"),
            ("left", [-1, 1, 2], "lead nowhere"),
            ("left", [1, 0, 2], "lead back"),
            ("right", [2, 2, 2], "lead back"),
            ("value", [0.0, math.nan, 1.0], "not finite"),
            ("base", [math.inf], "not finite"),
            ("groups", [5], "out of range"),
            ("feature", [-1, 0, 0], "out of range"),
        ],
    )
    def test_arrays_that_are_no_trees_are_refused(self, name: str, value: list[float], reason: str) -> None:
        sound = {
            "feature": [0, 0, 0], "threshold": [0.5, 0.0, 0.0], "left": [1, 1, 2], "right": [2, 1, 2],
            "value": [0.0, -1.0, 1.0], "missing_left": [True, False, False], "roots": [0], "groups": [0], "base": [0.5],
        }  # fmt: skip
        assert FlatTrees(sound).predict_many(np.array([[0.4], [0.6], [np.nan]]))[:, 0].tolist() == [-0.5, 1.5, -0.5]
        with pytest.raises(ValueError, match=reason):
            FlatTrees(sound | {name: value})


class TestReplayMemory:
    def test_what_is_kept_stands_for_all_there_were(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(replay_memory, "MOST_NEGATIVES", 2_000)
        rng = np.random.default_rng(8)
        memory, total, hard = ReplayMemory(1), 20_000, 0.0
        for start in range(0, total, 1_000):
            p = rng.beta(0.5, 20, 1_000)
            hard += float((p > 0.1).sum())
            ids = [str(start + n) for n in range(1_000)]
            memory.add(p[:, None].astype(np.float32), np.zeros(1_000, bool), p, np.zeros(1_000, np.int64), ids)
        rows, labels, weights, _ = memory.all()
        assert len(rows) == 2_000 and not labels.any()
        assert weights.sum() == pytest.approx(total, rel=0.15)
        assert weights[rows[:, 0] > 0.1].sum() == pytest.approx(hard, rel=0.15)

    def test_positives_stay_and_the_oldest_go_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(replay_memory, "MOST_POSITIVES", 10)
        memory = ReplayMemory(1)
        for n in range(50):
            memory.add(np.array([[n]], np.float32), np.array([True]), np.array([0.5]), np.zeros(1, np.int64), [str(n)])
        rows, labels, weights, _ = memory.all()
        assert rows[:, 0].tolist() == list(range(40, 50))
        assert labels.all() and (weights == 1.0).all()


class TestRisk:
    def test_until_three_failures_are_known_it_says_the_base_rate(self) -> None:
        model = FailureRisk(1)
        rows = np.arange(1_000, dtype=np.float32)[:, None] % 10
        labels = np.zeros(1_000, dtype=bool)
        labels[[19, 29]] = True
        model.learn_many(rows, labels, [""] * 1_000, [str(n) for n in range(1_000)])
        assert model.trees == ()
        assert model.predict_many(rows[:3]).tolist() == [(2 + 0.4) / 1_020] * 3

    def test_many_rows_before_one_failure_are_one_failure(self) -> None:
        model = FailureRisk(1)
        labels = np.ones(30, dtype=bool)
        model.learn_many(np.ones((30, 1), np.float32), labels, ["the same"] * 30, [str(n) for n in range(30)])
        assert model.trees == ()

    def test_its_probabilities_are_those_of_the_field_though_most_negatives_are_forgotten(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(replay_memory, "MOST_NEGATIVES", 1_000)
        rng = np.random.default_rng(9)
        model = FailureRisk(1)
        for start in range(0, 20_000, 500):
            x = rng.uniform(0, 1, 500)
            labels = rng.random(500) < 0.1 * x
            ids = [str(start + n) for n in range(500)]
            model.learn_many(x[:, None].astype(np.float32), labels, ids, ids)
        x = np.linspace(0, 1, 2_000, dtype=np.float32)[:, None]
        assert model.predict_many(x).mean() == pytest.approx(0.05, rel=0.25)


class TestLife:
    def test_windows_hold_what_they_state_on_lives_to_come(self) -> None:
        rng = np.random.default_rng(10)
        model, held = RemainingLife(), []
        for life in range(60):
            length = int(rng.normal(120, 25))
            left = np.arange(length, dtype=float)[::-1]
            rows = np.stack([left + rng.normal(0, 10, length), rng.normal(size=length)], axis=1).astype(np.float32)
            if life >= 20:
                window = model.predict_many(rows)
                held.append((window.least <= left) & (left <= window.most))
            model.learn_life(rows, left, life)
        assert 0.84 <= np.concatenate(held).mean() <= 0.97

    def test_its_memory_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(remaining_life, "MOST_ROWS", 300)
        model = RemainingLife()
        for life in range(30):
            left = np.arange(500, dtype=float)[::-1]
            model.learn_life(left[:, None].astype(np.float32), left, life)
        assert sum(map(len, model._rows)) <= 300

    def test_a_life_without_rows_teaches_nothing(self) -> None:
        model = RemainingLife()
        model.learn_life(np.empty((0, 2), np.float32), np.empty(0), 1)
        assert model.version == 0


@pytest.mark.parametrize("module", [failure_risk, folded_trees, incremental_risk, remaining_life, replay_memory])
def test_the_examples_in_the_docstrings_hold(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


def test_what_is_withdrawn_from_memory_is_gone_once() -> None:
    rows = np.array([[1.0, np.nan], [2.0, 3.0], [1.0, np.nan]], dtype=np.float32)
    memory = ReplayMemory(2)
    memory.add(rows, np.zeros(3, dtype=np.bool_), np.zeros(3), np.zeros(3, dtype=np.int64), ["a", "b", "c"])
    memory.withdraw(rows[:1])
    kept, labels, _, _ = memory.all()
    np.testing.assert_array_equal(kept, rows[1:])
    assert labels.tolist() == [0.0, 0.0]
    memory.withdraw(np.array([[9.0, 9.0]], dtype=np.float32))
    assert len(memory.all()[0]) == 2
