"""The report on a car's own logs: a page that needs nothing else, and says what it does not know as plainly."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest

from domain.car_log import CarLog
from tests.support.made_up_car_log import CATALOGUE, made_up_car_log
from tests.unit.web.test_judgement_page import Outline
from web.car_log_page import car_log_page
from web.car_log_view import car_log_view
from web.reading import Reading


@pytest.fixture(scope="module")
def log() -> CarLog:
    return made_up_car_log()


@pytest.fixture(scope="module")
def page(log: CarLog) -> str:
    return car_log_page(log, CATALOGUE, "Europe/Berlin")


def text_of(page: str) -> str:
    body = page[page.index("<body>") :]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_the_page_asks_for_nothing_runs_nothing_and_escapes_what_it_is_given(page: str) -> None:
    outline = Outline(page)
    assert outline.open == []
    assert outline.all("script") == outline.all("img") == []
    assert [link["href"] for link in outline.all("link")] == ["data:,"]
    assert "&lt;i&gt;drive&lt;/i&gt;.csv" in page and "&lt;b&gt;Boost" in page and "<b>Boost" not in page


def test_ids_are_used_once_and_every_section_is_named_by_one(page: str) -> None:
    outline = Outline(page)
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = {attributes["aria-labelledby"] for _, attributes in outline.elements if "aria-labelledby" in attributes}
    assert named <= set(ids) and len(named) >= 7


def test_what_is_known_stands_before_guesses_and_what_is_not_known_last(log: CarLog) -> None:
    view = car_log_view(log, Reading.of(CATALOGUE))
    assert [card.anchor for card in view.items] == [
        "item-engine_oil", "item-battery_12v", "item-front_brake_pads", "item-brake_fluid"
    ]  # fmt: skip


def test_an_item_without_a_basis_has_no_window_no_chance_and_no_reason_but_a_way_out(log: CarLog) -> None:
    *_, card = car_log_view(log, Reading.of(CATALOGUE)).items
    assert card.reason.startswith("The log says nothing about this") and card.window == ()
    assert card.missing[0].fix.startswith("give --service brake_fluid")


def test_windows_chances_and_distance_are_said_as_finely_as_they_are_known(page: str) -> None:
    words = text_of(page)
    assert "about 4,200 km" in words and "4,189" not in words
    assert "Chance within 7 days <1 %" in words and "Chance within 90 days 40 %" in words
    assert "In 90 % of cases between" in words


def test_rates_are_compared_with_the_typical_cars(log: CarLog) -> None:
    rows = car_log_view(log, Reading.of(CATALOGUE)).exposures.rows
    assert [row[-1] for row in rows] == [
        "1.5 times that",
        "about the same",
        "about the same",
        "not seen: the log has no ect",
    ]
    assert rows[0][1:4] == ("1.5\u202fl", "12.2\u202fl", "8.0\u202fl")


def test_what_was_read_what_was_not_and_why_stands_per_file(page: str) -> None:
    words = text_of(page)
    for said in (
        "90 of 100 rows kept.",
        "10 left out: the time is missing or can't be read (first in row 12)",
        "Speed (mph) Speed mph → km/h 90 2 cells are no number; 1 cannot be and were left out (first in row 7)",
        "Latitude: where the car was is never read",
        "not known here; if it is “boost”, call the column so",
        "3 gaps of more than 5 seconds within drives, 1.5 minutes in all; by the speeds beside them about 0.4 km",
        "2 uploads could not be used: too late",
        "voltage at rest 12.50 V read once",
        "lowest voltage – not seen: no row before the engine",
        "Not known. No log has a column of them",
    ):
        assert said in words, said


def test_codes_are_named_where_there_are_any_and_none_is_said_where_a_log_could_tell(log: CarLog) -> None:
    reading = Reading.of(CATALOGUE)
    assert car_log_view(replace(log, has_codes=True, codes=("P0420",)), reading).codes == "Stored at the end: P0420"
    assert car_log_view(replace(log, has_codes=True), reading).codes.endswith("none was stored at the end.")
