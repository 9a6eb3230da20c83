"""Trees see what readings say together, serve once they have proved better, and never let one car say much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalogue import Catalogue
from domain.errors import DamagedSnapshot, InvalidInput
from domain.model_command import ModelCommand, ModelDeed
from domain.service_record import TrainingExample
from domain.telemetry import VehicleAttributes
from models.causes import Causes
from models.flat_trees import FlatTrees
from models.folded_trees import Growth, grow
from models.leaf_masks import LeafMasks
from models.learner import Learner
from models.predictor import Predictor
from models.risk_lessons import (
    MOST_NEGATIVES,
    MOST_POSITIVES,
    NEGATIVES_PER_CAR,
    POSITIVES_PER_CAR,
    RiskLessons,
)
from models.risk_patterns import RiskPatterns, pattern_row
from models.snapshot import LARGEST
from models.vehicle_state import DAY_MS, POWERTRAIN_CODES, StateLayout
from tests.unit.models.conftest import KEY, START_MS
from tests.unit.models.label_streams import batteries
from tests.unit.models.service_steps import BATTERY

COLUMNS = 6
GROWTH = Growth(folds=1, rounds=12, learning_rate=0.2, leaves=6, least=5, share_of_features=1.0)


def horizons(count: int, seed: int = 1, first: int = 0) -> list[TrainingExample]:
    """Batteries that fail when they crank low although it is mild: neither alone says anything."""
    rng = np.random.default_rng([seed, first])
    examples = []
    for n in range(first, first + count):
        is_low, is_mild = rng.random(2) < 0.5
        features = {
            "rest_voltage": 12.5,
            "crank_dip": 8.7 if is_low else 10.0,
            "ambient": 18.0 if is_mild else -6.0,
            "age_years": float(rng.uniform(0, 6)),
        }
        target = float(rng.random() < (0.4 if is_low and is_mild else 0.01))
        known_ms = START_MS + n * DAY_MS // 8
        made_ms = known_ms - 30 * DAY_MS
        examples.append(
            TrainingExample(f"h-{n}", f"car-{n}", BATTERY, known_ms, features, target, made_ms=made_ms, counts_for=1.0)
        )
    return examples


def taught(catalogue: Catalogue, examples: list[TrainingExample]) -> Learner:
    learner = Learner(catalogue, KEY)
    for example in examples:
        assert learner.learn(example)
    return learner


@pytest.fixture(scope="module")
def learner(catalogue: Catalogue) -> Learner:
    """One that has met 1,500 horizons."""
    return taught(catalogue, horizons(1_500))


class TestTrees:
    @settings(max_examples=30, deadline=None)
    @given(seed=st.integers(0, 10_000), count=st.integers(1, 40))
    def test_what_the_columns_add_and_what_is_usual_make_the_prediction(self, seed: int, count: int) -> None:
        rng = np.random.default_rng(seed)
        rows = rng.normal(0, 1, (200, 4)).astype(np.float32)
        rows[rng.random(rows.shape) < 0.2] = np.nan
        target = (np.nan_to_num(rows[:, 0]) * np.nan_to_num(rows[:, 1]) > 0.3).astype(float)
        trees = grow(rows, target, np.ones(200), np.zeros(200, dtype=np.int64), GROWTH, is_probability=True).trees
        asked = rows[:count].astype(np.float64)
        asked[0, 0] = trees.threshold[trees.roots[0]]  # what lies on a threshold goes left
        leaves = LeafMasks(trees, 4).leaves(asked)
        assert leaves.tolist() == trees.leaves(asked).tolist(), "asked all at once, and walked from node to node"
        usual, parts = trees.explain_leaves(leaves, 4)
        assert usual + parts.sum(axis=1) == pytest.approx(trees.predict_many(asked)[:, 0], abs=1e-9)
        for n in range(count):
            _, alone = trees.explain_leaves(leaves[n : n + 1], 4)
            assert alone[0].tobytes() == parts[n].tobytes()

    def test_trees_of_more_leaves_than_a_mask_has_bits_are_refused(self) -> None:
        chain = 9  # nodes 0, 2, 4 … ask the only column; each has a leaf to its left and the rest to its right
        nodes = np.arange(2 * chain + 1)
        asks = (nodes % 2 == 0) & (nodes < 2 * chain)
        arrays = {
            "feature": np.zeros(len(nodes)), "threshold": nodes * 0.1, "left": np.where(asks, nodes + 1, nodes),
            "right": np.where(asks, nodes + 2, nodes), "value": np.zeros(len(nodes)),
            "missing_left": np.zeros(len(nodes)), "roots": [0], "groups": [0], "base": [0.0],
        }  # fmt: skip
        with pytest.raises(ValueError, match="more than 8 leaves"):
            LeafMasks(FlatTrees(arrays), 1)

    def test_they_come_back_to_the_bit(self, learner: Learner) -> None:
        patterns = learner.model(BATTERY).patterns
        assert patterns is not None
        again = RiskPatterns.of_content(patterns.content(), COLUMNS)
        assert again.content() == patterns.content()
        row = np.array([12.4, 9.0, 3.0, 10.0, 0.5, 0.5])
        assert again.log_odds(row) == patterns.log_odds(row)

    def test_trees_that_ask_for_more_than_there_is_are_refused(self, learner: Learner) -> None:
        patterns = learner.model(BATTERY).patterns
        assert patterns is not None
        with pytest.raises(ValueError, match="columns"):
            RiskPatterns.of_content(patterns.content(), 1)


class TestServing:
    def test_they_serve_once_they_have_lost_less_and_see_what_no_sum_sees(
        self, catalogue: Catalogue, learner: Learner
    ) -> None:
        model = learner.model(BATTERY)
        assert model.patterns_serve
        assert any("patterns of readings serve" in event.what for event in learner.life(BATTERY).events)

        def said(dip: float, ambient: float) -> float:
            features = {"rest_voltage": 12.5, "crank_dip": dip, "ambient": ambient, "age_years": 3.0}
            return model.hazard_probability(features, START_MS)

        assert said(8.7, 18.0) > 0.25
        assert max(said(8.7, -6.0), said(10.0, 18.0), said(10.0, -6.0)) < 0.06

    def test_they_do_not_serve_where_a_sum_is_as_good(self, catalogue: Catalogue) -> None:
        # What fails follows the sum that the catalogue believes in.
        summed = [replace(example, made_ms=example.known_ms) for example in batteries(catalogue, 800, 1)]
        learner = taught(catalogue, summed)
        assert learner.model(BATTERY).patterns is not None and not learner.model(BATTERY).patterns_serve

    def test_a_prediction_is_the_sum_of_what_its_readings_add(
        self, catalogue: Catalogue, layout: StateLayout, learner: Learner
    ) -> None:
        predictor = Predictor(catalogue, KEY)
        assert predictor.install(BATTERY, learner.snapshot(BATTERY, 0))
        assert predictor.digest() == learner.digest()
        states = layout.block(catalogue, [None] * 2, [START_MS - 900 * DAY_MS] * 2)
        for state, dip in zip(states, (8.7, 10.0), strict=True):
            state["powertrain"] = POWERTRAIN_CODES["petrol"]
            state["first_ms"], state["last_ms"] = START_MS - DAY_MS, START_MS
            state["trends"]["count"][:3] = 20
            state["trends"]["fast"][:3] = (12.5, dip, 18.0)
        rows = predictor.predict_many(states, Causes.newest(states))
        own = rows["hazard"][:, predictor.rows.places[BATTERY][1]]
        total = own["usual"] + own["contribution"].sum(axis=1)
        assert total == pytest.approx(own["log_odds"], abs=1e-5)
        spec = catalogue.items[BATTERY].hazard
        assert spec is not None
        for n, dip in enumerate((8.7, 10.0)):
            age = 900 / 365.25
            features = {"rest_voltage": 12.5, "crank_dip": dip, "ambient": 18.0, "age_years": age}
            expected = learner.model(BATTERY).hazard_probability(features, START_MS)
            # Levels are kept in single precision, which may fall on the other side of no threshold here.
            assert own["probability"][n] == pytest.approx(expected, rel=1e-9)
        assert own["probability"][0] > 0.25 > 0.06 > own["probability"][1]

    def test_the_strongest_reason_is_one_of_the_two_that_tell_together(
        self, catalogue: Catalogue, layout: StateLayout, learner: Learner
    ) -> None:
        predictor = Predictor(catalogue, KEY)
        predictor.install(BATTERY, learner.snapshot(BATTERY, 0))
        state = layout.empty(catalogue, VehicleAttributes(powertrain="petrol", built_ms=START_MS - 900 * DAY_MS))
        state["first_ms"], state["last_ms"] = START_MS - DAY_MS, START_MS
        state["trends"]["count"][:3] = 20
        state["trends"]["fast"][:3] = (12.5, 8.7, 18.0)
        (prediction,) = predictor.predict([state], ["car-1"], items=[BATTERY])
        assert "voltage while cranking 8.70 V" in prediction.reason or "outside temperature 18 °C" in prediction.reason
        named = {part.name: part.amount for part in prediction.contributions}
        assert min(named["crank_dip"], named["ambient"]) > 0.5 > abs(named["rest_voltage"])

    def test_what_was_not_seen_has_its_part_in_the_sum(
        self, catalogue: Catalogue, layout: StateLayout, learner: Learner
    ) -> None:
        predictor = Predictor(catalogue, KEY)
        predictor.install(BATTERY, learner.snapshot(BATTERY, 0))
        state = layout.empty(catalogue, VehicleAttributes(powertrain="petrol"))
        state["first_ms"], state["last_ms"] = START_MS - DAY_MS, START_MS
        state["trends"]["count"][0], state["trends"]["fast"][0] = 20, 12.5
        (prediction,) = predictor.predict([state], ["car-1"], items=[BATTERY])
        parts = {part.name: part.amount for part in prediction.contributions}
        assert sum(parts.values()) == pytest.approx(prediction.features["log_odds"], abs=1e-4)
        assert parts["crank_dip"] != 0.0


class TestSnapshots:
    def test_a_learner_that_was_restored_learns_on_to_the_same_model(self, catalogue: Catalogue) -> None:
        stream = horizons(900)
        whole = taught(catalogue, stream)
        first = taught(catalogue, stream[:450])
        second = Learner(catalogue, KEY)
        assert second.restore(BATTERY, first.snapshot(BATTERY, 450))
        for example in stream[440:]:  # some of them once more
            second.learn(example)
        assert second.snapshot(BATTERY, 900) == whole.snapshot(BATTERY, 900)

    def test_the_fullest_fits_into_a_snapshot(self, catalogue: Catalogue) -> None:
        learner = taught(catalogue, horizons(200))
        lessons = learner.life(BATTERY).lessons
        assert lessons is not None
        rng = np.random.default_rng(3)
        for n in range(3 * MOST_NEGATIVES):
            lessons.add(rng.normal(0, 1, COLUMNS), n % 2 == 0, 1.0, n.to_bytes(8, "big"), f"more-{n}")
        for example in horizons(9_000, first=200):
            learner.learn(example)
        content = lessons.content()
        assert len(content["failed_cars"]) == 8 * MOST_POSITIVES and len(content["sound_cars"]) == 8 * MOST_NEGATIVES
        assert len(learner.snapshot(BATTERY, 0)) <= LARGEST

    @pytest.mark.parametrize("broken", [{"patterns": {"base": 0.0}}, {"patterns": 7}])
    def test_trees_that_are_none_are_refused_and_the_former_serve(
        self, catalogue: Catalogue, learner: Learner, broken: dict[str, object]
    ) -> None:
        fresh = Learner(catalogue, KEY).model(BATTERY)
        with pytest.raises(DamagedSnapshot):
            fresh.restore(learner.model(BATTERY).content() | broken)

    def test_after_a_rollback_new_trees_go_to_the_model_in_shadow(self, catalogue: Catalogue) -> None:
        learner = taught(catalogue, horizons(1_500))
        kept = learner.life(BATTERY).kept.versions
        plain = kept[0].version
        assert learner.obey(ModelCommand("c-1", BATTERY, ModelDeed.ROLLBACK, plain), 5)
        assert learner.model(BATTERY).patterns is None
        for example in horizons(300, first=1_500):
            learner.learn(example)
        shadow = learner.life(BATTERY).shadow
        assert learner.model(BATTERY).patterns is None and not learner.model(BATTERY).patterns_serve
        assert shadow is not None and shadow.model.patterns is not None and shadow.model.patterns_serve


class TestBounds:
    def test_of_one_car_few_rows_are_kept(self) -> None:
        lessons = RiskLessons(2)
        for n in range(200):
            lessons.add(np.array([1.0, n]), n % 2 == 0, 1.0, b"the liar", f"l-{n}")
        content = lessons.content()
        assert len(content["failed_cars"]) == 8 * POSITIVES_PER_CAR
        assert len(content["sound_cars"]) == 8 * NEGATIVES_PER_CAR

    def test_one_car_alone_never_makes_trees_grow(self, catalogue: Catalogue) -> None:
        learner = taught(catalogue, [replace(one, target=0.0) for one in horizons(400)])
        for n, one in enumerate(horizons(400, first=400)):
            learner.learn(replace(one, vehicle_id="liar", target=float(n % 2)))
        assert learner.model(BATTERY).patterns is None

    def test_of_its_horizons_a_car_teaches_twice_as_many_as_the_others_on_average(self, catalogue: Catalogue) -> None:
        learner = Learner(catalogue, KEY)
        others = [replace(one, vehicle_id=f"car-{n % 20}") for n, one in enumerate(horizons(100))]
        assert sum(learner.learn(one) for one in others) == 100
        lies = [replace(one, vehicle_id="liar", target=1.0) for one in horizons(500, first=100)]
        assert sum(learner.learn(one) for one in lies) == 2 * 5 + 1

    def test_however_many_horizons_an_example_claims_it_counts_for_two(self, catalogue: Catalogue) -> None:
        first = horizons(1)[0]
        two, many = (taught(catalogue, [replace(first, counts_for=count)]) for count in (2.0, 1e9))
        assert two.model(BATTERY).content() == many.model(BATTERY).content()

    def test_what_is_kept_of_the_sound_stands_for_all_of_them(self) -> None:
        lessons = RiskLessons(1)
        count = 20_000
        for n in range(count):
            lessons.add(np.array([float(n)]), False, 1.0 + n % 3, n.to_bytes(8, "big"), f"s-{n}")
        weights = [max(weight, lessons._threshold) for *_, weight in lessons._sound]
        assert sum(weights) == pytest.approx(2.0 * count, rel=0.05)
        assert len(weights) == MOST_NEGATIVES

    def test_a_number_that_is_none_is_refused_and_nothing_has_changed(self, catalogue: Catalogue) -> None:
        learner = taught(catalogue, horizons(50))
        before = learner.snapshot(BATTERY, 0)
        bad = horizons(1, first=60)[0]
        for wrong in (
            replace(bad, counts_for=float("nan")),
            replace(bad, features={"rest_voltage": float("inf")}),
            replace(bad, target=float("nan")),
        ):
            with pytest.raises(InvalidInput):
                learner.learn(wrong)
        assert learner.snapshot(BATTERY, 0) == before

    def test_a_row_has_the_season_it_was_made_in(self, catalogue: Catalogue) -> None:
        spec = catalogue.items[BATTERY].hazard
        assert spec is not None
        winter, summer = (pattern_row(spec, {}, moment) for moment in (1_767_225_600_000, 1_782_950_400_000))
        assert winter[-1] > 0.99 and summer[-1] < -0.99 and np.isnan(winter[:-2]).all()


class TestBattery:
    """What every model promises (`test_estimators`), of the sum and the trees together, which serve as one."""

    WORN = {"rest_voltage": 12.5, "crank_dip": 8.7, "ambient": 18.0, "age_years": 4.0}  # noqa: RUF012

    def test_predicting_changes_nothing(self, learner: Learner) -> None:
        model = learner.model(BATTERY)
        before = learner.snapshot(BATTERY, 0)
        for features in (self.WORN, {}, {"ambient": -6.0}):
            model.hazard_probability(features, START_MS)
        assert learner.snapshot(BATTERY, 0) == before

    def test_missing_and_new_features_are_survived(self, learner: Learner) -> None:
        model = learner.model(BATTERY)
        assert model.patterns_serve
        said = model.hazard_probability(self.WORN, START_MS)
        assert model.hazard_probability(self.WORN | {"never seen": 5.0}, START_MS) == said
        for features in ({}, {"crank_dip": 8.7}, {"never seen": 1e308}):
            assert 0.0 < model.hazard_probability(features, START_MS) < 1.0

    @pytest.mark.parametrize("bad", [float("nan"), float("inf"), "2", None])
    def test_numbers_that_are_none_are_refused(self, learner: Learner, bad: object) -> None:
        with pytest.raises(InvalidInput):
            learner.model(BATTERY).hazard_probability(self.WORN | {"crank_dip": bad}, START_MS)  # type: ignore[dict-item]

    def test_two_that_learnt_the_same_are_the_same_to_the_byte(self, catalogue: Catalogue) -> None:
        one, other = (taught(catalogue, horizons(600, seed=3)) for _ in range(2))
        assert one.snapshot(BATTERY, 0) == other.snapshot(BATTERY, 0)
        assert one.model(BATTERY).patterns is not None

    @given(lows=st.lists(st.tuples(st.floats(7, 12), st.floats(-30, 40)), min_size=1, max_size=20))
    def test_a_block_is_predicted_bit_for_bit_like_one_by_one(
        self, learner: Learner, lows: list[tuple[float, float]]
    ) -> None:
        patterns = learner.model(BATTERY).patterns
        assert patterns is not None
        spec = learner.model(BATTERY).item.hazard
        assert spec is not None
        rows = np.array([pattern_row(spec, self.WORN | {"crank_dip": d, "ambient": a}, START_MS) for d, a in lows])
        usual, parts = patterns.explain_many(rows)
        for n, row in enumerate(rows):
            alone_usual, alone = patterns.explain_many(row[None])
            assert (alone_usual.tobytes(), alone.tobytes()) == (usual[n : n + 1].tobytes(), parts[n : n + 1].tobytes())
