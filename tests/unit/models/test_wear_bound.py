"""No part loses more than it had: estimates held to that bound, and words and labels that say the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalogue_file import load_catalogue
from domain.catalogue import AtFloor, Catalogue, WearSpec
from domain.service_record import ServiceOutcome
from models.fleet_model import FleetModel
from models.predictor import Predictor
from models.vehicle_state import IMPLAUSIBLE_RECORD
from models.wear_bound import BoundedWear, bound_wear, truncated_above
from models.wear_history import WearEstimate, WearHistory, estimate_wear
from models.wear_items import WearItems, WearRates
from tests.unit.models.conftest import CATALOGUE, Car
from tests.unit.models.test_wear import OIL, PADS, predict, record

FLEET = load_catalogue(CATALOGUE)
ITEMS = FLEET.items
# Far past anything a part could stand: ten times a new pad's wear, or oil's life.
MOST = {"brake_energy_slow": 20_000.0, "brake_energy_fast": 20_000.0, "fuel": 10_000.0, "warm_ups": 5_000.0}
MOST |= {"hot_minutes": 5_000.0, "days": 7_000.0}


def spec(item: str) -> WearSpec:
    found = ITEMS[item].wear
    assert found is not None
    return found


@dataclass(frozen=True)
class Past:
    """What one item of one car went through since an anchor."""

    seen: tuple[float, ...]
    unseen: tuple[float, ...]
    anchor: float
    anchor_sd: float
    is_known: bool = True
    factor: float = 1.0


def past_of(item: str, seen: tuple[float, ...], unseen: tuple[float, ...], **changes: object) -> Past:
    wear = spec(item)
    return replace(Past(seen, unseen, wear.new, wear.measurement_sd), **changes)  # type: ignore[arg-type]


def history_of(item: str, pasts: Sequence[Past]) -> WearHistory:
    """The histories of `item` in as many cars, as a block."""

    def row(values: list[float]) -> np.ndarray:
        return np.array([values])

    def slots(values: list[tuple[float, ...]]) -> np.ndarray:
        return np.array(values).T[:, None, :]

    zeros = row([0.0] * len(pasts))
    return WearHistory(
        seen=slots([past.seen for past in pasts]),
        unseen=slots([past.unseen for past in pasts]),
        per_day=np.ones((len(pasts[0].seen), 1, len(pasts))),
        unseen_km=zeros,
        distance_km=zeros,
        anchor=row([past.anchor for past in pasts]),
        anchor_sd=row([past.anchor_sd for past in pasts]),
        is_known=row([past.is_known for past in pasts]),
        since_ms=zeros.astype(np.int64),
        since_odometer_m=zeros.astype(np.int64),
        factor=row([past.factor for past in pasts]),
        factor_precision=zeros + spec(item).car_factor_sd ** -2,
    )


@dataclass(frozen=True)
class Estimate:
    """A `WearEstimate` of one item and car, in plain numbers."""

    parts: list[float]
    unseen_parts: list[float]
    worn: float
    unseen_worn: float
    remains: float
    variance: float

    @classmethod
    def of(cls, many: WearEstimate) -> Estimate:
        parts, unseen_parts = many.parts[:, 0, 0].tolist(), many.unseen_parts[:, 0, 0].tolist()
        rest = (many.worn, many.unseen_worn, many.remains, many.variance)
        return cls(parts, unseen_parts, *(float(number[0, 0]) for number in rest))


@dataclass(frozen=True)
class Held:
    """A `BoundedWear` of one item and car, in plain numbers."""

    parts: list[float]
    anchor: float
    worn: float
    remains: float
    level: float
    variance: float

    @classmethod
    def of(cls, many: BoundedWear) -> Held:
        rest = (many.anchor, many.worn, many.remains, many.level, many.variance)
        return cls(many.parts[:, 0, 0].tolist(), *(float(number[0, 0]) for number in rest))


def bounded(item: str, past: Past, catalogue: Catalogue = FLEET) -> tuple[Estimate, Held]:
    items = WearItems(catalogue, [item])
    history = history_of(item, [past])
    estimate = estimate_wear(history, items, WearRates(items, [FleetModel(catalogue.items[item])]))
    return Estimate.of(estimate), Held.of(bound_wear(history, estimate, items))


@st.composite
def histories(draw: st.DrawFn, item: str) -> Past:
    wear = spec(item)
    seen, unseen = (tuple(draw(st.floats(0.0, MOST[name])) for name in wear.rates) for _ in range(2))
    is_known = draw(st.booleans())
    anchor = draw(st.floats(0.0, wear.new))
    sd = wear.measurement_sd if is_known else (wear.new - wear.limit) / math.sqrt(12)
    factor = draw(st.floats(0.3, 3.0))
    return past_of(item, seen, unseen, anchor=anchor, anchor_sd=sd, is_known=is_known, factor=factor)


EITHER = st.sampled_from([PADS, OIL]).flatmap(lambda item: st.tuples(st.just(item), histories(item)))


class TestTheBound:
    @given(EITHER)
    def test_never_less_than_nothing_remains_nor_more_than_there_was(self, case: tuple[str, Past]) -> None:
        item, history = case
        _, held = bounded(item, history)
        assert -1e-9 <= held.remains <= held.anchor + 1e-9
        assert held.anchor == history.anchor if history.is_known else history.anchor <= held.anchor <= spec(item).new

    @given(EITHER)
    def test_the_parts_add_up_and_none_grows_back_or_beyond_what_was_reckoned(self, case: tuple[str, Past]) -> None:
        item, history = case
        estimate, held = bounded(item, history)
        assert held.anchor - sum(held.parts) == pytest.approx(held.remains, abs=1e-9)
        assert all(-1e-9 <= part <= whole + 1e-9 for part, whole in zip(held.parts, estimate.parts, strict=True))
        assert 0.0 <= held.variance <= estimate.variance * (1 + 1e-9)

    @given(EITHER)
    def test_the_unseen_gives_way_before_what_was_seen(self, case: tuple[str, Past]) -> None:
        item, history = case
        estimate, held = bounded(item, history)
        taken = estimate.worn - held.worn
        if taken <= estimate.unseen_worn:
            seen = [w - u for w, u in zip(estimate.parts, estimate.unseen_parts, strict=True)]
            assert all(part >= least - 1e-6 for part, least in zip(held.parts, seen, strict=True))
        else:
            assert held.worn <= estimate.worn - estimate.unseen_worn + 1e-6

    @given(EITHER, st.floats(1.0, 5.0))
    def test_more_driving_of_the_same_kind_never_leaves_more(self, case: tuple[str, Past], times: float) -> None:
        item, history = case
        more = replace(
            history, seen=tuple(times * x for x in history.seen), unseen=tuple(times * x for x in history.unseen)
        )
        assert bounded(item, more)[1].remains <= bounded(item, history)[1].remains + 1e-9

    @given(
        st.sampled_from([PADS, OIL]),
        st.floats(0.0, 0.3),
        st.lists(st.floats(0.0, 2.0), min_size=20, max_size=20),
    )
    def test_each_exposure_more_that_nobody_saw_leaves_less(
        self, item: str, seen_share: float, steps: list[float]
    ) -> None:
        names = tuple(spec(item).rates)
        seen = tuple(seen_share * MOST[name] / 10 for name in names)
        for i, name in enumerate(names):
            left, amount = math.inf, 0.0
            for step in steps:
                amount += step * MOST[name] / 20
                unseen = tuple(amount if k == i else 0.0 for k in range(len(names)))
                _, held = bounded(item, past_of(item, seen, unseen))
                assert held.remains <= left + 1e-9
                left = held.remains

    @pytest.mark.parametrize("item", [PADS, OIL])
    def test_far_from_the_bound_nothing_changes(self, item: str) -> None:
        names = tuple(spec(item).rates)
        few = tuple(MOST[name] / 200 for name in names)
        estimate, held = bounded(item, past_of(item, few, few))
        assert estimate.worn > 0.01 * spec(item).new
        assert held.remains == pytest.approx(estimate.remains, abs=1e-9)
        assert held.level == pytest.approx(estimate.remains, abs=1e-9)
        assert held.variance == pytest.approx(estimate.variance, rel=1e-9)

    def test_an_item_without_a_floor_is_left_alone(self) -> None:
        pads = replace(ITEMS[PADS], wear=replace(spec(PADS), floor=None))
        catalogue = replace(FLEET, items={**ITEMS, PADS: pads})
        estimate, held = bounded(PADS, past_of(PADS, (9_000.0, 0.0), (0.0, 0.0)), catalogue)
        assert held.remains == held.level == pytest.approx(estimate.remains) and held.remains < 0

    def test_used_up_oil_is_past_due_by_as_much_as_was_reckoned(self) -> None:
        assert spec(OIL).at_floor is AtFloor.USED_UP
        estimate, held = bounded(OIL, past_of(OIL, (3_000.0, 0.0, 0.0, 900.0), (0.0,) * 4))
        assert held.remains == pytest.approx(0.0, abs=1e-9) and held.level == estimate.remains < -100

    def test_a_guess_that_the_car_outlives_was_too_low(self) -> None:
        history = past_of(PADS, (2_000.0, 500.0), (0.0, 0.0), anchor=7.5, anchor_sd=2.6, is_known=False)
        estimate, held = bounded(PADS, history)
        assert estimate.worn > 7.5 and 7.5 < held.anchor <= 12 and held.remains > 0


def above(beta: float) -> tuple[float, float, float]:
    hazard, gap, kept = truncated_above(np.array([beta]))
    return float(hazard[0]), float(gap[0]), float(kept[0])


class TestTruncatedNormal:
    @pytest.mark.parametrize("beta", [-5.0, -1.0, 0.0, 2.0])
    def test_it_is_the_mean_and_variance_of_what_is_integrated(self, beta: float) -> None:
        step = 1e-4
        grid = [beta - step * (k + 0.5) for k in range(120_000)]
        weight = [math.exp(-0.5 * (x * x - min(beta, 0.0) ** 2)) for x in grid]
        total = sum(weight)
        mean = sum(x * w for x, w in zip(grid, weight, strict=True)) / total
        variance = sum((x - mean) ** 2 * w for x, w in zip(grid, weight, strict=True)) / total
        hazard, gap, kept = above(beta)
        assert (-hazard, gap, kept) == pytest.approx((mean, beta - mean, variance), rel=1e-5)

    def test_series_and_function_meet(self) -> None:
        near, far = above(-30.0 + 1e-9), above(-30.0 - 1e-9)
        assert far == pytest.approx(near, rel=1e-6)

    @given(st.floats(-1e8, 1e8))
    def test_it_is_finite_and_positive_however_far(self, beta: float) -> None:
        hazard, gap, kept = above(beta)
        assert all(math.isfinite(number) for number in (hazard, gap, kept))
        assert hazard >= 0 and gap > 0 and 0 < kept <= 1


class TestACarWithPadsFromLongAgo:
    """New pads at 2,314 km, and the next 57,686 km seen by nobody: more than the pads had, by what is usual."""

    @pytest.fixture
    def car(self, new_car: Callable[..., Car], predictor: Predictor) -> Car:
        car = new_car()
        car.fold.apply_service(car.state, record(days=-2_000, odometer_m=2_314_000), predictor)
        car.fold.apply_service(car.state, record(OIL, days=-2_000, odometer_m=2_314_000), predictor)
        car.drive_days(3)
        return car

    def test_what_is_left_is_something_and_the_words_say_that_it_is_bounded(
        self, car: Car, predictor: Predictor
    ) -> None:
        found = predict(predictor, car)
        left = found.features["remaining"]
        assert found.features["reckoned_worn"] > 12 and 0 < left < 12
        assert sum(part.amount for part in found.contributions) == pytest.approx(left, abs=1e-9)
        assert found.health == pytest.approx(max(0.0, (left - 3) / 9))
        assert f"lost about {found.features['worn']:.1f} mm" in found.reason
        assert f"{found.features['reckoned_worn']:,.0f} mm" in found.reason and "what the pads had" in found.reason
        assert any("bounded by what there was to lose" in part.text for part in found.contributions[1:])

    def test_used_up_oil_is_due_now_and_says_so(self, car: Car, predictor: Predictor) -> None:
        found = predict(predictor, car, OIL)
        assert found.features["remaining"] == pytest.approx(0.0, abs=1e-4) and found.health == 0.0
        assert found.window.expected_ms == found.event_ms and found.remaining_km == 0.0
        assert sum(part.amount for part in found.contributions) == pytest.approx(0.0, abs=1e-4)
        assert "used about 100 %" in found.reason and "it counts as used up" in found.reason

    def test_a_label_is_paired_with_the_bounded_number(self, car: Car, predictor: Predictor) -> None:
        before = predict(predictor, car).features
        measured = record(outcome=ServiceOutcome.MEASURED, days=car.day, odometer_m=int(car.odometer_m), value=4.0)
        example = car.fold.apply_service(car.state, replace(measured, record_id="r-2"), predictor)
        assert example is not None and example.target == pytest.approx(8.0)
        assert example.predicted == pytest.approx(before["worn"])
        assert float(car.state["items"][PADS]["factor"]) < 1.0

    def test_a_reading_of_none_left_teaches_nothing_where_that_was_said_already(
        self, car: Car, predictor: Predictor
    ) -> None:
        empty = record(OIL, days=car.day, odometer_m=int(car.odometer_m), value=0.0)
        assert car.fold.apply_service(car.state, replace(empty, record_id="r-2"), predictor) is None
        assert float(car.state["items"][OIL]["factor"]) == 1.0
        assert predict(predictor, car, OIL).features["remaining"] == pytest.approx(100.0)

    def test_a_pad_of_less_than_nothing_is_not_believed(self, car: Car, predictor: Predictor) -> None:
        broken = record(outcome=ServiceOutcome.MEASURED, days=car.day, odometer_m=int(car.odometer_m), value=-0.5)
        assert car.fold.apply_service(car.state, replace(broken, record_id="r-2"), predictor) is None
        assert int(car.state["flags"]) & IMPLAUSIBLE_RECORD
