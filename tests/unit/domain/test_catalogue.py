"""The catalogue is data: what is right is read as it stands, what is wrong is listed, all of it, with its path."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.catalogue_file import load_catalogue
from domain.catalogue import ELAPSED_DAYS, EXPOSURE_FUNCTIONS, TREND_FUNCTIONS, reason_fields
from domain.catalogue_reader import InvalidCatalogue, read_catalogue
from domain.errors import InvalidInput
from domain.prediction import ItemKind
from models.exposures import FUNCTIONS
from simulators.years.powertrain import CALENDAR, HAZARDS, ITEMS, POWER_TRAINS, WEAR

CAR = Path(__file__).parents[3] / "pitcall" / "data" / "car.yaml"


@pytest.fixture
def values() -> Any:
    return yaml.safe_load(CAR.read_text(encoding="utf-8"))


def mistakes(values: Any) -> dict[str, str]:
    with pytest.raises(InvalidCatalogue) as caught:
        read_catalogue(values)
    return dict(caught.value.mistakes)


def test_the_whole_car_is_there_in_three_kinds() -> None:
    car = load_catalogue(CAR)
    of_kind = {kind: {item.id for item in car.items.values() if item.kind is kind} for kind in ItemKind}
    assert of_kind[ItemKind.WEAR] == set(WEAR)
    assert of_kind[ItemKind.HAZARD] == set(HAZARDS)
    assert of_kind[ItemKind.CALENDAR] == set(CALENDAR)
    pads = car.items["front_brake_pads"].wear
    assert pads is not None and (pads.new, pads.limit, pads.unit) == (12.0, 3.0, "mm")


def test_every_power_train_has_the_items_that_such_cars_have() -> None:
    car = load_catalogue(CAR)
    for train in POWER_TRAINS:
        assert set(car.items_of(train.name)) == {item for item in ITEMS if train.has(item)}
    for every in car.items_of(""):  # of a car whose power train is not known: what all cars have
        assert all(train.has(every) for train in POWER_TRAINS)


def test_every_prior_says_where_it_comes_from() -> None:
    for item in load_catalogue(CAR).items.values():
        priors = list(item.wear.rates.values()) if item.wear else []
        if item.hazard:
            priors += [item.hazard.intercept, *(feature.prior for feature in item.hazard.features)]
        assert all(len(prior.source) > 10 for prior in priors)


def test_every_function_the_catalogue_may_name_exists() -> None:
    assert set(EXPOSURE_FUNCTIONS) == set(FUNCTIONS) | {ELAPSED_DAYS}
    assert set(TREND_FUNCTIONS) == {"level_at_rest", "gas_at_rest", "dip_at_start", "mean"}


def test_a_need_rule_follows_the_item(values: Any) -> None:
    car = read_catalogue(values)
    battery = car.items["battery_12v"]
    assert battery.hazard is not None
    assert battery.need_rule.action_probability == battery.hazard.action_probability
    assert battery.need_rule.action_probability == pytest.approx(1 - (1 - (190 + 60) / (190 + 300)) ** (30 / 90))
    assert battery.need_rule.join_probability == pytest.approx((1 + 0.5) / 2 * battery.need_rule.action_probability)
    oil, fluid = car.items["engine_oil"].need_rule, car.items["brake_fluid"].need_rule
    assert (oil.lead_days, oil.cost.life_days, oil.cost.planned, oil.cost.on_the_road) == (28, 600, 220, 470)
    assert fluid.cost.life_days == 730, "of the calendar a life is the interval"


def test_texts_fall_back_to_english(values: Any) -> None:
    other = copy.deepcopy(values["items"]["engine_oil"]["texts"]["en"]) | {"name": "Motoröl"}
    values["items"]["engine_oil"]["texts"]["de"] = other
    oil = read_catalogue(values).items["engine_oil"]
    assert (oil.text("de").name, oil.text("fr").name) == ("Motoröl", "Engine oil")


def test_all_mistakes_are_listed_at_once_with_their_path(values: Any) -> None:
    values["schema"] = 2
    values["surprise"] = 1
    values["signals"]["Vehicle.Speed"]["max"] = -1
    values["exposures"]["fuel"]["signals"] = {"air": "Vehicle.Nothing"}
    values["exposures"]["warm_ups"]["parameters"]["level"] = "warm"
    pads = values["items"]["front_brake_pads"]
    pads["wear"]["limit"] = 20
    pads["wear"]["rates"]["magic"] = {"mean": -1, "sd": 0, "source": "none"}
    pads["texts"]["en"]["reason"] = "It is {nonsense}."
    pads["severity"] = "meh"
    values["items"]["brake_fluid"]["calendar"]["interval_days"] = float("nan")
    values["items"]["brake_fluid"]["need"] = {"open_within_days": 28}
    values["items"]["brake_fluid"]["cost"]["life_days"] = 700
    values["items"]["engine_oil"]["cost"]["on_road"] = 0
    del values["items"]["front_brake_pads"]["cost"]
    values["items"]["battery_12v"]["need"] = {"close_probability": 2}
    values["items"]["battery_12v"]["hazard"]["action_probability"] = 0.2
    values["items"]["battery_12v"]["wear"] = {}
    values["items"]["battery_12v"]["hazard"]["horizons_days"] = []
    values["items"]["battery_12v"]["hazard"]["features"]["rest_voltage"]["scale"] = 0
    found = mistakes(values)
    assert found.keys() == {
        "schema",
        "surprise",
        "signals.Vehicle.Speed.max",
        "exposures.fuel.signals.air_mass",
        "exposures.fuel.signals.air",
        "exposures.warm_ups.parameters.level",
        "items.front_brake_pads.wear.limit",
        "items.front_brake_pads.wear.rates.magic.mean",
        "items.front_brake_pads.wear.rates.magic.sd",
        "items.front_brake_pads.wear.rates.magic",
        "items.front_brake_pads.texts.en.reason",
        "items.front_brake_pads.severity",
        "items.brake_fluid.calendar.interval_days",
        "items.brake_fluid.need.open_within_days",
        "items.brake_fluid.cost.life_days",
        "items.engine_oil.cost.on_road",
        "items.front_brake_pads.cost",
        "items.battery_12v.hazard.action_probability",
        "items.battery_12v.need.close_probability",
        "items.battery_12v.wear",
        "items.battery_12v.hazard.horizons_days",
        "items.battery_12v.hazard.features.rest_voltage.scale",
    }


@pytest.mark.parametrize(
    ("path", "value", "at"),
    [
        (("roles", "speed"), "Vehicle.Nothing", "roles.speed"),
        (("roles", "colour"), "Vehicle.Speed", "roles.colour"),
        (("roles", "speed"), 3, "roles.speed"),
        (("trends", "ambient", "function"), "mode", "trends.ambient.function"),
        (("trends", "ambient", "texts"), {"de": "außen"}, "trends.ambient.texts"),
        (("trends", "ambient", "texts"), None, "trends.ambient.texts"),
        (("items", "engine_oil", "cost_hint"), [9, 1], "items.engine_oil.cost_hint"),
        (("items", "engine_oil", "parts"), "oil", "items.engine_oil.parts"),
        (("items", "engine_oil", "labour_minutes"), 0.5, "items.engine_oil.labour_minutes"),
        (("items", "engine_oil", "texts"), {}, "items.engine_oil.texts"),
        (("items", "engine_oil", "texts", "en", "reason"), "{", "items.engine_oil.texts.en.reason"),
        (("items", "engine_oil", "texts", "en", "name"), 7, "items.engine_oil.texts.en.name"),
        (("items", "engine_oil", "wear", "rates"), {}, "items.engine_oil.wear.rates"),
        (("items", "engine_oil", "wear", "new"), True, "items.engine_oil.wear.new"),
        (("items", "engine_oil", "wear", "floor"), 1, "items.engine_oil.wear.floor"),
        (("items", "engine_oil", "wear", "floor"), "none", "items.engine_oil.wear.floor"),
        (("items", "engine_oil", "wear", "at_floor"), "sad", "items.engine_oil.wear.at_floor"),
        (("items", "engine_oil", "texts", "en", "reason_bounded"), "{mood}", "items.engine_oil.texts.en.reason_bounded"),  # noqa: E501
        (("items", "engine_oil", "wear", "car_factor_sd"), 5, "items.engine_oil.wear.car_factor_sd"),
        (("items", "battery_12v", "hazard", "features", "mood"), {"centre": 1, "scale": 1, "weight": {"mean": 1, "sd": 1, "source": "x"}, "texts": {"en": "m"}}, "items.battery_12v.hazard.features.mood"),  # noqa: E501
        (("items",), [], "items"),
        (("items", "engine_oil"), None, "items.engine_oil"),
    ],
)  # fmt: skip
def test_each_mistake_is_named(values: Any, path: tuple[str, ...], value: Any, at: str) -> None:
    inner = values
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    assert at in mistakes(values)


def test_nothing_at_all_is_refused_with_a_list() -> None:
    assert mistakes("car")[""] == "must be a mapping"


def test_optional_parts_may_be_left_out(values: Any) -> None:
    del values["items"]["engine_oil"]["cost_hint"]
    del values["items"]["engine_oil"]["wear"]["floor"]
    del values["items"]["battery_12v"]["hazard"]["fails_below"]
    values["events"] = {"P0420": {"texts": {"en": "catalyst below its efficiency"}}}
    car = read_catalogue(values)
    oil = car.items["engine_oil"]
    assert oil.cost_hint is None and oil.wear is not None and oil.wear.floor is None
    assert car.events["P0420"].code == "P0420"


def test_reason_templates_use_only_what_their_kind_knows() -> None:
    assert "remaining" in reason_fields(ItemKind.WEAR)
    assert "remaining" not in reason_fields(ItemKind.CALENDAR)


def test_a_file_that_is_missing_or_no_yaml_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="can't read"):
        load_catalogue(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(InvalidInput, match="not YAML"):
        load_catalogue(tmp_path / "bad.yaml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped catalogue with its languages, to be spoilt."""
    for file in CAR.parent.glob("car*.yaml"):
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def spoil(folder: Path, name: str, before: str, after: str) -> dict[str, str]:
    """The mistakes that a change of a file leaves, by where they are said to be."""
    text = (folder / name).read_text(encoding="utf-8")
    assert before in text
    (folder / name).write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(InvalidCatalogue) as caught:
        load_catalogue(folder / "car.yaml")
    return dict(caught.value.mistakes)


def test_the_car_says_everything_in_four_languages() -> None:
    car = load_catalogue(CAR)
    assert car.languages == ("en", "de", "fr", "zh")
    assert {car.items["tyres"].text(language).name for language in car.languages} == {
        "Tyres",
        "Reifen",
        "Pneus",
        "轮胎",
    }


def test_a_text_that_a_language_lacks_is_listed_with_its_path(folder: Path) -> None:
    found = spoil(folder, "car.fr.yaml", "  distance: {texts: distance}\n", "")
    assert list(found) == ["car.fr.yaml:2: exposures.distance.texts.fr"]
    assert "the catalogue has the language fr" in found["car.fr.yaml:2: exposures.distance.texts.fr"]


def test_an_item_that_a_language_knows_nothing_of_is_listed_with_its_path(folder: Path) -> None:
    found = spoil(folder, "car.de.yaml", "  brake_fluid:\n", "  brake_liquid:\n")
    assert [path.split(": ")[1] for path in found] == ["items.brake_liquid", "items.brake_fluid.texts.de"]


def test_a_placeholder_that_a_translation_lost_or_made_up_is_listed_with_file_and_line(folder: Path) -> None:
    lost = spoil(folder, "car.zh.yaml", "上次为{since}，应于{due}更换", "应于{due}更换")
    (where,) = lost
    assert where.startswith("car.zh.yaml:") and where.endswith(": items.brake_fluid.texts.zh.reason")
    assert "{since}" in lost[where]
    line = int(where.split(":")[1])
    assert (
        (folder / "car.zh.yaml").read_text(encoding="utf-8").splitlines()[line - 1].startswith("      reason: 制动液")
    )
    made_up = spoil(folder, "car.zh.yaml", "应于{due}更换", "上次为{since}，应于{due}{today}更换")
    assert "{today}" in made_up[where]


def test_a_power_train_that_no_car_has_is_refused(values: Any) -> None:
    values["items"]["engine_oil"]["powertrains"] = ["steam"]
    values["items"]["tyres"]["powertrains"] = []
    found = mistakes(values)
    assert "steam is none of petrol" in found["items.engine_oil.powertrains"]
    assert "at least one" in found["items.tyres.powertrains"]
