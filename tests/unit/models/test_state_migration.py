"""States outlive the catalogue they were written for: what both name is carried over, to the bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.catalogue_file import load_catalogue
from domain.catalogue import Catalogue
from domain.errors import InvalidInput
from models.day_ring import day_quanta
from models.fold import VehicleFold
from models.state_migration import ForeignState, FormerLayouts, StateMigration, describe, read_description
from models.vehicle_state import StateLayout, States
from tests.unit.models.random_states import random_states
from workflow.messages import encode

DATA = Path(__file__).parents[3] / "pitcall" / "data"
CAR, TEN = load_catalogue(DATA / "car.yaml"), load_catalogue(DATA / "ten_items.yaml")


def states_of(catalogue: Catalogue, seed: int) -> States:
    layout = StateLayout(catalogue)
    return random_states(catalogue, layout, VehicleFold(catalogue, layout), seed)


def carried(old: Catalogue, new: Catalogue, states: States) -> States:
    """The states as those of another catalogue, by way of a description as it stands in the log."""
    layout = StateLayout(new)
    former = FormerLayouts(new, layout)
    former.learn(read_description(encode(describe(StateLayout(old), old))))
    data = b"".join(former.current(state.tobytes()) for state in states)
    return np.frombuffer(data, layout.dtype)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), is_growing=st.booleans())
def test_what_both_catalogues_name_is_carried_over_by_its_name(seed: int, is_growing: bool) -> None:
    old, new = (CAR, TEN) if is_growing else (TEN, CAR)
    before = states_of(old, seed)
    after = carried(old, new, before)
    was, is_now = StateLayout(old), StateLayout(new)
    assert (after["version"] == is_now.version).all()
    for name in ("last_ms", "odometer_m", "observed_m", "boots", "offsets", "codes", "flags"):
        assert after[name].tobytes() == before[name].tobytes(), name
    for name in set(was.exposures) & set(is_now.exposures):
        source, target = was.exposures.index(name), is_now.exposures.index(name)
        assert after["exposure"][:, target].tobytes() == before["exposure"][:, source].tobytes()
        days = after["days"]["exposure"][..., target] * day_quanta(new)[target]
        # As many as there were, up to half a step of the coarser ruler.
        steps = day_quanta(old)[source] + day_quanta(new)[target]
        fits = days < 65_000 * day_quanta(new)[target]
        expected = before["days"]["exposure"][..., source] * day_quanta(old)[source]
        assert np.abs(days - expected)[fits].max(initial=0.0) <= steps
    for name in set(was.trends) & set(is_now.trends):
        source, target = was.trends.index(name), is_now.trends.index(name)
        for levels_before, levels_after in ((before, after), (before["base"], after["base"])):
            found = np.ascontiguousarray(levels_after["trends"][:, target])
            assert found.tobytes() == np.ascontiguousarray(levels_before["trends"][:, source]).tobytes()
    for item in set(was.sensed) & set(is_now.sensed):
        source, target = was.sensed.index(item), is_now.sensed.index(item)
        assert after["sensed"][:, target].tolist() == before["sensed"][:, source].tolist()
    for item in set(old.items) & set(new.items):
        for name in ("set_ms", "heard_ms"):
            assert after["items"][item][name].tolist() == before["items"][item][name].tolist()


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_an_item_that_is_new_begins_as_one_of_which_nobody_has_told(seed: int) -> None:
    after = carried(CAR, TEN, states_of(CAR, seed))
    layout = StateLayout(TEN)
    empty = layout.block(TEN, [None], [0])
    for item in set(TEN.items) - set(CAR.items):
        assert (after["items"][item] == empty["items"][item]).all()


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_another_order_of_the_same_catalogue_loses_nothing_on_the_way_and_back(seed: int) -> None:
    turned = replace(CAR, items=dict(reversed(CAR.items.items())), exposures=dict(reversed(CAR.exposures.items())))
    before = states_of(CAR, seed)
    there = carried(CAR, turned, before)
    assert StateLayout(turned).version != StateLayout(CAR).version
    assert carried(turned, CAR, there).tobytes() == before.tobytes()


def test_a_state_of_this_catalogue_is_left_as_it_is() -> None:
    layout = StateLayout(CAR)
    state = states_of(CAR, 1)[0].tobytes()
    assert FormerLayouts(CAR, layout).current(state) is state


def test_a_state_that_nobody_has_described_is_waited_with() -> None:
    with pytest.raises(ForeignState, match="catalogue"):
        FormerLayouts(CAR, StateLayout(CAR)).current(states_of(TEN, 1)[0].tobytes())


def test_another_kind_of_layout_is_refused() -> None:
    own = describe(StateLayout(CAR), CAR)
    other = read_description(encode(own).replace(b'"layout":2', b'"layout":1'))
    with pytest.raises(InvalidInput, match="layout 1"):
        StateMigration(other, own)


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b'{"layout": "two"}'])
def test_what_describes_nothing_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="description"):
        read_description(data)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_trend_that_is_new_was_not_read_by_the_uploads_in_the_ring(seed: int) -> None:
    layout = StateLayout(TEN)
    after = carried(CAR, TEN, states_of(CAR, seed))
    new = [layout.trends.index(name) for name in set(layout.trends) - set(StateLayout(CAR).trends)]
    assert new
    assert np.isnan(after["ring"]["trends"][..., new]).all()


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_an_exposure_that_is_new_to_an_item_counts_from_now_on(seed: int) -> None:
    layout = StateLayout(CAR)
    item, columns = next((item, columns) for item, columns in layout.wear_columns.items() if len(columns) > 1)
    rates = dict(CAR.items[item].wear.rates)
    dropped = layout.exposures[columns[0]]
    del rates[dropped]
    spec = replace(CAR.items[item], wear=replace(CAR.items[item].wear, rates=rates))
    old = replace(CAR, items={**CAR.items, item: spec})
    assert StateLayout(old).version != layout.version
    after = carried(old, CAR, states_of(old, seed))
    for name in ("exposure", "exposure_m"):
        assert after["items"][item][name][:, 0].tolist() == after[name][:, columns[0]].tolist()
