"""The short form of the catalogue: of a machine nobody here has seen, names and units are enough."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from domain.call import ORDINARY_COST, ItemCost
from domain.catalogue import EVENT_COUNT, CalendarSpec, LifeSpec, RiskSpec
from domain.catalogue_reader import InvalidCatalogue, read_catalogue
from domain.iso_time import DAY_MS
from domain.need import NeedRule
from domain.prediction import ItemKind

PUMP = """
signals:
  pressure: {unit: bar, range: [0, 40]}
  flow: {min: 0}
  switch:
  valve: {unit: percent, role: setting, range: [null, 100]}
events: [error1, P0301, 404]
attributes: [model, site]
exposures:
  hours: {function: time_above, signal: flow, level: 1}
items:
  seal: {kind: hazard, horizons: [P7D, PT24H], action_probability: 0.3, features: {exclude: [age]}, model: trees}
  bearing: {kind: wear, unit: h, exposures: [hours], features: {exclude: [age, site]}}
  filter:
    kind: wear
    exposures:
      dirt: {function: integral, signals: {signal: flow}, parameters: {per_seconds: 3600}}
      starts: {function: count, signal: switch}
      faults: {function: count, events: [error1, 404]}
  grease: {kind: calendar, interval: P24M}
  oil: {kind: calendar, interval_days: 90}
"""


@pytest.fixture
def values() -> Any:
    return yaml.safe_load(PUMP)


def mistakes(values: Any) -> dict[str, str]:
    with pytest.raises(InvalidCatalogue) as caught:
        read_catalogue(values)
    return dict(caught.value.mistakes)


def test_an_item_has_the_part_its_kind_says(values: Any) -> None:
    pump = read_catalogue(values)
    items = pump.items
    assert (pump.schema, pump.vss, pump.name) == (1, "", "")
    assert items["seal"].risk == RiskSpec((DAY_MS, 7 * DAY_MS), 0.3, frozenset({"age"}), ("PT24H", "P7D"))
    assert items["bearing"].life == LifeSpec("h", ("hours",), frozenset({"age", "site"}))
    assert items["filter"].life == LifeSpec("day", ("dirt", "starts", "faults"))
    assert items["grease"].calendar == CalendarSpec(730.485, "")
    assert items["oil"].calendar == CalendarSpec(90.0, "")
    assert items["seal"].model == "trees" and items["oil"].model == ""
    for item in items.values():
        assert sum(part is not None for part in (item.wear, item.life, item.hazard, item.risk, item.calendar)) == 1


def test_signals_without_a_range_take_all_that_is_finite(values: Any) -> None:
    signals = read_catalogue(values).signals
    assert (signals["pressure"].minimum, signals["pressure"].maximum) == (0, 40)
    assert (signals["flow"].minimum, signals["flow"].maximum, signals["flow"].unit) == (0, 3e38, "")
    assert (signals["switch"].minimum, signals["switch"].maximum) == (-3e38, 3e38)
    assert (signals["valve"].minimum, signals["valve"].role) == (-3e38, "setting")


def test_an_item_may_name_the_signals_that_bear_on_it_and_which_are_conditions(values: Any) -> None:
    values["items"]["seal"]["signals"] = ["flow", "valve"]
    values["items"]["bearing"]["signals"] = {"flow": None, "pressure": {"role": "setting"}}
    items = read_catalogue(values).items
    assert items["seal"].risk is not None and items["seal"].risk.signals == ("flow", "valve")
    life = items["bearing"].life
    assert life is not None and (life.signals, life.settings) == (("flow", "pressure"), frozenset({"pressure"}))


def test_exposures_of_an_item_join_those_of_the_catalogue(values: Any) -> None:
    pump = read_catalogue(values)
    assert list(pump.exposures) == ["hours", "dirt", "starts", "faults"]
    assert pump.exposures["hours"].parameters == {"level": 1}
    assert (pump.exposures["starts"].function, pump.exposures["starts"].parameters) == ("rises_through", {"level": 0.5})
    assert (pump.exposures["faults"].function, pump.exposures["faults"].events) == (EVENT_COUNT, ("error1", "404"))
    assert pump.exposures["dirt"].texts == {"en": "dirt"}
    assert pump.summed_exposures == ("hours", "dirt", "starts", "faults"), "codes that came up are summed like signals"


def test_a_model_is_asked_for_by_a_name_that_there_is(values: Any) -> None:
    values["items"]["seal"]["model"] = "logistic"
    assert read_catalogue(values).items["seal"].model == "logistic"
    for item, choices in (
        ("seal", "trees, logistic, hoeffding_tree, adaptive_forest, mondrian_forest"),
        ("bearing", "trees"),
        ("oil", "interval"),
    ):
        wrong = copy.deepcopy(values)
        wrong["items"][item]["model"] = "oracle"
        assert mistakes(wrong) == {f"items.{item}.model": f"must be one of {choices}"}


def test_events_and_attributes_may_be_lists_of_names_or_say_more(values: Any) -> None:
    pump = read_catalogue(values)
    assert list(pump.events) == ["error1", "P0301", "404"]
    assert pump.events["error1"].texts == {"en": "error1"}
    assert pump.attributes == {"model": "", "site": ""}
    values["events"] = {"error1": None, "P0301": "misfire", 404: {"texts": {"en": "not found"}}}
    values["attributes"] = {"model": "make and type", "site": {"type": "category"}, "age": {"unit": "years"}, "x": None}
    pump = read_catalogue(values)
    assert pump.events["P0301"].texts == {"en": "misfire"} and pump.events["404"].texts == {"en": "not found"}
    assert pump.attributes == {"model": "make and type", "site": "", "age": "years", "x": ""}
    assert pump.attribute_types == {"site": "text"}


def test_what_a_short_item_leaves_out_has_a_default(values: Any) -> None:
    items = read_catalogue(values).items
    assert items["bearing"].text().name == "bearing"
    assert (items["bearing"].severity, items["bearing"].labour_minutes) == ("soon", 60)
    assert items["bearing"].need_rule == NeedRule(closes_after_days=3.0)
    rule = items["seal"].need_rule
    assert (rule.cost, rule.join_probability) == (ORDINARY_COST, 0.3)
    assert (rule.horizon_days, rule.action_probability, rule.close_probability) == (1, 0.3, 0.15)


def test_a_short_item_may_just_have_a_name(values: Any) -> None:
    values["items"]["bearing"]["name"] = "Front bearing"
    assert read_catalogue(values).items["bearing"].text().name == "Front bearing"


def test_what_a_short_item_says_counts(values: Any) -> None:
    values["items"]["bearing"] |= {
        "severity": "urgent",
        "labour_minutes": 5,
        "action_lead_days": 3,
        "need": {"join_within_days": 5},
        "cost": {"work": 900, "on_road": 2000, "visit": 100, "life_days": 400},
        "texts": {"en": "Bearing", "de": {"name": "Lager", "reason": "Noch {remaining} {unit}."}},
        "cost_hint": [1, 2],
    }
    bearing = read_catalogue(values).items["bearing"]
    assert (bearing.text().name, bearing.text("de").name) == ("Bearing", "Lager")
    assert bearing.text("de").reason == "Noch {remaining} {unit}."
    assert (bearing.severity, bearing.labour_minutes) == ("urgent", 5)
    rule = bearing.need_rule
    assert (rule.lead_days, rule.join_within_days, rule.cost) == (3, 5, ItemCost(900, 2000, 100, 400))


def test_the_action_level_of_a_short_hazard_follows_from_its_cost(values: Any) -> None:
    seal = values["items"]["seal"]
    del seal["action_probability"]
    seal["cost"] = {"work": 100, "on_road": 300, "visit": 20}
    read = read_catalogue(values).items["seal"]
    assert read.risk is not None
    assert read.risk.action_probability == pytest.approx(1 - (1 - 120 / 400) ** (1 / 7)), "30 % in a week, in a day"
    assert read.need_rule.action_probability == read.risk.action_probability


@pytest.mark.parametrize(
    ("short", "nested"),
    [
        ({"kind": "hazard", "horizons": ["PT24H"]}, {"kind": "hazard", "hazard": {"horizons": "PT24H"}}),
        (
            {"kind": "wear", "unit": "km", "features": {"exclude": ["age"]}},
            {"kind": "wear", "wear": {"unit": "km", "features": {"exclude": "age"}}},
        ),
        ({"kind": "calendar", "interval": "P1W"}, {"kind": "calendar", "calendar": {"interval_days": 7}}),
    ],
)
def test_the_short_form_may_stand_in_a_part_of_the_kinds_name(values: Any, short: Any, nested: Any) -> None:
    values["items"] = {"x": short}
    beside = read_catalogue(values)
    values["items"] = {"x": nested}
    assert read_catalogue(values) == beside


def test_long_and_short_items_live_in_one_catalogue(values: Any) -> None:
    car = yaml.safe_load((Path(__file__).parents[3] / "pitcall" / "data" / "car.yaml").read_text(encoding="utf-8"))
    car["items"]["wipers"] = {"kind": "wear", "unit": "km", "exposures": ["hot_minutes"]}
    items = read_catalogue(car).items
    assert items["wipers"].life == LifeSpec("km", ("hot_minutes",))
    assert items["engine_oil"].life is None and items["engine_oil"].wear is not None
    assert items["wipers"].kind is ItemKind.WEAR


@pytest.mark.parametrize(
    ("path", "value", "at"),
    [
        ("signals.pressure.range", [40, 0], "signals.pressure.max"),
        ("signals.pressure.range", [0], "signals.pressure.range"),
        ("signals.pressure.range", "all", "signals.pressure.range"),
        ("signals.pressure.min", 3, "signals.pressure.min"),
        ("signals.pressure.role", "boss", "signals.pressure.role"),
        ("events", ["error1", "error1"], "events.error1"),
        ("events", [True], "events.True"),
        ("events", "error1", "events"),
        ("attributes", {"model": {"type": "pink"}}, "attributes.model.type"),
        ("attributes", {"model": {"colour": "pink"}}, "attributes.model.colour"),
        ("exposures.hours.level", None, "exposures.hours.level"),
        ("exposures.hours.signal", "fog", "exposures.hours.signals.signal"),
        ("exposures.hours.function", "sum", "exposures.hours.function"),
        ("items.seal.horizons", None, "items.seal.horizons"),
        ("items.seal.horizons", [], "items.seal.horizons"),
        ("items.seal.horizons", [24], "items.seal.horizons"),
        ("items.seal.horizons", ["24H"], "items.seal.horizons"),
        ("items.seal.horizons", ["PT0S"], "items.seal.horizons"),
        ("items.seal.horizons", ["P1D", "PT24H"], "items.seal.horizons"),
        ("items.seal.action_probability", 1.5, "items.seal.action_probability"),
        ("items.seal.cost", {"work": 1, "on_road": 2, "visit": 1}, "items.seal.action_probability"),
        ("items.seal.cost", 7, "items.seal.cost"),
        ("items.bearing.cost", {"work": 1, "on_road": 2, "visit": 1}, "items.bearing.cost.life_days"),
        ("items.bearing.need", {"close_beyond_days": 3}, "items.bearing.need.close_beyond_days"),
        ("items.seal.need", {"close_probability": 0.3}, "items.seal.need.close_probability"),
        ("items.seal.features", {"exclude": ["fog"]}, "items.seal.features.exclude"),
        ("items.seal.features", {"include": ["age"]}, "items.seal.features.include"),
        ("items.seal.unit", "h", "items.seal.unit"),
        ("items.seal.signals", ["fog"], "items.seal.signals.fog"),
        ("items.seal.signals", {"flow": {"role": "boss"}}, "items.seal.signals.flow.role"),
        ("items.seal.model", 3, "items.seal.model"),
        ("items.bearing.unit", 3, "items.bearing.unit"),
        ("items.bearing.exposures", ["fog"], "items.bearing.exposures.fog"),
        ("items.bearing.exposures", "hours", "items.bearing.exposures"),
        ("items.bearing.horizons", ["P1D"], "items.bearing.horizons"),
        ("items.bearing.texts", {"en": {"reason": "{fog}"}}, "items.bearing.texts.en.reason"),
        ("items.filter.exposures.dirt.function", "sum", "items.filter.exposures.dirt.function"),
        ("items.filter.exposures.hours", {"function": "integral", "signal": "flow"}, "items.filter.exposures.hours"),
        ("items.filter.exposures.faults.events", ["fog"], "exposures.faults.events"),
        ("items.filter.exposures.faults.events", {}, "items.filter.exposures.faults.events"),
        ("items.grease.interval", None, "items.grease.interval"),
        ("items.grease.interval", "P1M1", "items.grease.interval"),
        ("items.grease.interval", "PT1H", "items.grease.interval"),
        ("items.grease.interval_days", 3, "items.grease.interval"),
        ("items.oil.interval_days", 0, "items.oil.interval_days"),
    ],
)
def test_each_mistake_of_the_short_form_is_named(values: Any, path: str, value: Any, at: str) -> None:
    changed = copy.deepcopy(values)
    *inner, last = path.split(".")
    node = changed
    for name in inner:
        node = node[name]
    if value is None:
        del node[last]
    else:
        node[last] = value
    assert at in mistakes(changed)


def test_how_far_ahead_is_said_may_be_bounded_in_the_items_unit(values: Any) -> None:
    values["items"] = {"x": {"kind": "wear", "unit": "h", "say_until": 500}, "y": {"kind": "wear", "unit": "h"}}
    items = read_catalogue(values).items
    assert (items["x"].life, items["y"].life) == (LifeSpec("h", say_until=500.0), LifeSpec("h"))
    values["items"]["x"]["say_until"] = 0
    with pytest.raises(InvalidCatalogue, match=r"items\.x\.say_until"):
        read_catalogue(values)
