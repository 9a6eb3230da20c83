"""Reasons are true: every number that a person reads, in any language, follows from the prediction it stands in."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.catalogue_file import load_catalogue
from domain.catalogue import ItemSpec, WearSpec
from domain.prediction import ItemKind, Prediction
from models.causes import Causes
from models.fold import VehicleFold
from models.main_cause import ALIKE, COMPARED_FROM_KM
from models.phrases import PHRASES
from models.prediction_row import Row
from models.predictor import Predictor
from models.vehicle_state import UNKNOWN, StateLayout
from models.words import words
from tests.unit.models.conftest import CATALOGUE, KEY
from tests.unit.models.random_states import random_states
from tests.unit.models.told_numbers import LANGUAGES, NUMBER, amount, day, day_of, read_back

CAR = load_catalogue(CATALOGUE)
LAYOUT = StateLayout(CAR)
FOLD = VehicleFold(CAR, LAYOUT)
PREDICTOR = Predictor(CAR, KEY)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_every_number_of_a_reason_is_recomputed_from_the_prediction(seed: int) -> None:
    states = random_states(CAR, LAYOUT, FOLD, seed)
    rows = PREDICTOR.predict_many(states, Causes.newest(states))
    for row in rows:
        for item, spec in CAR.items.items():
            if PREDICTOR.rows.is_absent(row, item):
                continue
            found = words(CAR, PREDICTOR.rows, row, "car-1", item)
            for language in LANGUAGES:
                if spec.wear is not None:
                    check_wear(found, spec, spec.wear, row, language)
                else:
                    check_other(found, spec, row, language)


def since_of(row: Row, item: str) -> tuple[int, int]:
    """When the item was last renewed, and at which odometer (m), as the row has it."""
    kind, place = PREDICTOR.rows.places[item]
    own = row[kind][place]
    return int(own["since_ms"]), int(own["since_odometer_m"]) if kind == "wear" else UNKNOWN


def check_since(text: str, row: Row, item: str, language: str) -> None:
    since_ms, odometer_m = since_of(row, item)
    if since_ms == UNKNOWN:
        assert text == PHRASES[language]["beginning"]
        return
    if odometer_m != UNKNOWN:
        km, _, rest = text.partition(" km")
        assert amount(km, language).is_of(odometer_m / 1000)
        text = rest.strip(" ()（）")
    assert day(text, language) == day_of(since_ms)


def check_due(text: str, found: Prediction, language: str) -> None:
    expected_ms = found.window.expected_ms
    if expected_ms is None:
        assert text == PHRASES[language]["beyond"]
    else:
        assert day(text, language) == day_of(expected_ms)


def check_wear(found: Prediction, spec: ItemSpec, wear: WearSpec, row: Row, language: str) -> None:
    text, features = spec.text(language), found.features
    templates = [text.reason, text.reason_unknown, text.reason_unused]
    templates += [f"{template} {text.reason_bounded}" for template in templates]
    if wear.sensor is not None:
        phrases = PHRASES[language]
        templates += [template + phrases["sensed"] for template in templates] + [phrases["sensed_alone"]]
    said = read_back(found.reason_in(language), templates, language)
    parts = {part.name: -part.amount for part in found.contributions if part.name != "anchor"}
    worn = sum(parts.values())
    assert sum(part.amount for part in found.contributions) == pytest.approx(features["remaining"], rel=1e-6, abs=1e-6)
    amounts = {
        "remaining": max(0.0, features["remaining"]),
        "new": wear.new,
        "limit": wear.limit,
        "worn": worn,
        "km_per_day": features["km_per_day"],
    }
    for name, value in amounts.items():
        assert name not in said or amount(said[name], language).is_of(value), (name, said[name], value)
    if "reckoned" in said:
        raised = max(0.0, found.contributions[0].amount - features["anchor"])
        bound = amount(said["reckoned"], language)
        assert bound.value + 10.0**-bound.digits >= worn + raised * 0.999
    if "since" in said:
        check_since(said["since"], row, found.item, language)
    if "due" in said:
        check_due(said["due"], found, language)
    check_cause(said, parts, found, row, language)


def check_cause(said: dict[str, str], parts: dict[str, float], found: Prediction, row: Row, language: str) -> None:
    """The main cause is that of the largest part; its share, its day and how it compares are what the numbers give."""
    shares = [text for name, text in said.items() if name.startswith("cause") and name.endswith("_share")]
    if not shares:
        return
    worn, most = sum(parts.values()), max(parts, key=lambda name: parts[name])
    assert amount(shares[0], language).is_of(100 * parts[most] / worn)
    (told,) = [text for name, text in said.items() if name.startswith("cause") and name.endswith("_day")]
    assert day(told, language) == day_of(since_of(row, found.item)[0])
    spec, km = CAR.exposures[most], found.features["km_since"]
    names = [text for name, text in said.items() if name in ("cause_name", "cause_usual_name")]
    assert all(name.lower() == spec.text(language).lower() for name in names)
    if not spec.habits or km < COMPARED_FROM_KM:
        assert "cause_name" in said
        return
    ratio = found.features[most] / km / spec.typical_per_km
    if "cause_usual_share" in said:
        assert abs(ratio - 1) <= ALIKE + 1e-4
    else:
        habit = spec.habits[language]
        assert said["cause_unlike_habit"] == (habit.more if ratio > 1 else habit.less)
        assert amount(said["cause_unlike_ratio"], language).is_of(ratio)


def check_other(found: Prediction, spec: ItemSpec, row: Row, language: str) -> None:
    text = spec.text(language)
    said = read_back(found.reason_in(language), [text.reason, text.reason_unknown], language)
    if spec.hazard is not None:
        assert amount(said["probability_pct"], language).is_of(100 * found.features["probability"])
        assert amount(said["days"], language).is_of(spec.hazard.decide_on_days)
        assert found.probability[spec.hazard.decide_on_days] == pytest.approx(found.features["probability"])
        if "action_pct" in said:
            assert amount(said["action_pct"], language).is_of(100 * spec.hazard.action_probability)
    if spec.calendar is not None:
        assert amount(said["interval_months"], language).is_of(spec.calendar.interval_days / 30.4375)
    if "since" in said:
        check_since(said["since"], row, found.item, language)
    if "due" in said:
        check_due(said["due"], found, language)


def test_contributions_say_the_amounts_that_they_rest_on_in_every_language() -> None:
    states = random_states(CAR, LAYOUT, FOLD, 11)
    for found in PREDICTOR.predict(list(states), [f"car-{n}" for n in range(len(states))]):
        if found.kind is not ItemKind.WEAR:
            continue
        for part in found.contributions[1:]:
            for language in LANGUAGES:
                name = CAR.exposures[part.name].text(language)
                said = part.text_in(language).removeprefix(name).lstrip(" :：")
                first = re.match(NUMBER, said)
                assert first and amount(first[0].rstrip(",."), language).is_of(found.features[part.name])


def test_every_language_has_the_same_phrases_with_the_same_places() -> None:
    places = {
        language: {key: set(re.findall(r"\{\w+\}", text)) for key, text in phrases.items()}
        for language, phrases in PHRASES.items()
    }
    assert set(places) == set(LANGUAGES)
    assert all(places[language] == places["en"] for language in LANGUAGES)


def test_days_are_read_as_they_are_written() -> None:
    assert {day(text, language) for language, text in {
        "en": "1 March 2026", "de": "1. März 2026", "fr": "1er mars 2026", "zh": "2026年3月1日",
    }.items()} == {date(2026, 3, 1)}  # fmt: skip
