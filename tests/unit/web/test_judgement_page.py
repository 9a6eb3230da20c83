"""The report of a back-test: one page that needs nothing else, says what is known, and says what is not."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from domain.judgement import ItemJudgement, Judgement, Miss
from domain.prediction import ItemKind
from tests.support.made_up_judgement import made_up_judgement
from tests.support.moments import DAY, NOW
from web.formatting import Formatting
from web.judgement_page import judgement_page
from web.judgement_view import judgement_view
from web.texts import texts_of

VOID = {"meta", "link", "br", "img", "path", "line", "rect", "circle"}


class Outline(HTMLParser):
    """What the tests ask of a page: its elements with their attributes, ids, and whether all that opens closes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    return made_up_judgement()


@pytest.fixture(scope="module")
def page(judgement: Judgement) -> str:
    return judgement_page(judgement)


def test_the_page_asks_for_nothing_and_runs_nothing(page: str) -> None:
    outline = Outline(page)
    assert outline.open == []
    assert outline.all("script") == outline.all("img") == []
    assert [link["href"] for link in outline.all("link")] == ["data:,"]
    assert "url(" not in page and "@import" not in page and "http://" not in page
    assert all(href is not None and href.startswith("#") for a in outline.all("a") for href in [a["href"]])
    assert not any(name.startswith("on") for _, attributes in outline.elements for name in attributes)
    assert "default-src 'none'" in page


def test_every_plot_has_a_name_a_description_and_its_numbers_in_a_table(page: str) -> None:
    outline = Outline(page)
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    plots = outline.all("svg")
    # Two horizons and the cost of the battery; four of the pads; one of the item to which nothing happened.
    assert len(plots) == 8
    for plot in plots:
        title, about = (plot["aria-labelledby"] or "").split()
        assert {title, about, title.removesuffix("-title") + "-table"} <= set(ids)
    assert all(target["href"].removeprefix("#") in ids for target in outline.all("a") if target["href"])
    for region in outline.all("div"):
        if region.get("role") == "region":
            assert region["tabindex"] == "0" and region["aria-label"]


def test_no_number_on_the_page_is_a_nan_or_a_none(page: str) -> None:
    assert re.findall(r"\b(?:nan|inf|None)\b", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)) == []


def test_an_item_that_never_failed_says_that_nothing_can_be_said(judgement: Judgement) -> None:
    view = judgement_view(judgement, texts_of(), Formatting(texts_of()))
    quiet, dated = view.sections[2], view.sections[3]
    assert quiet.nothing.startswith("No failure in the judged span: nothing can be said about")
    assert "Average precision" not in [tile.name for tile in quiet.panels[0].tiles]
    assert [figure.key for panel in quiet.panels for figure in panel.figures] == ["reliability"]
    assert "nothing to judge" in dated.nothing
    assert dated.panels == ()


def test_an_item_nothing_was_decided_about_says_so() -> None:
    item = ItemJudgement("oil", "Engine oil", ItemKind.WEAR, 0, 0, 0, 0)
    judged = Judgement("empty", NOW, NOW + DAY, 0, 0, 0, (), (item,))
    assert "Nothing was decided about Engine oil" in judgement_page(judged)


def test_a_horizon_that_never_passed_says_so(judgement: Judgement) -> None:
    battery = judgement.items[0]
    bare = replace(battery.hazards[0], rows=0, reliability=(), catches=None)
    page = judgement_page(replace(judgement, items=(replace(battery, hazards=(bare,)),)))
    assert "No horizon of 30 days had passed" in page


def test_a_horizon_without_a_failure_in_it_says_so(judgement: Judgement) -> None:
    battery = judgement.items[0]
    quiet = replace(battery.hazards[0], positives=0, catches=None)
    page = judgement_page(replace(judgement, items=(replace(battery, hazards=(quiet,)),)))
    assert "No decision had a failure of 12 V battery within 30 days" in page


def test_wear_that_only_ended_in_replacements_says_so(judgement: Judgement) -> None:
    pads = judgement.items[1]
    assert pads.wear is not None
    censored = replace(pads.wear, failures=0, rows=0, rmse=None, mae=None, bias=None, coverage=None)
    page = judgement_page(replace(judgement, items=(replace(pads, wear=censored),)))
    assert "how far off they were is not known" in page
    unstated = replace(pads.wear, coverage=None, periods=(), notice=())
    page = judgement_page(replace(judgement, items=(replace(pads, wear=unstated),)))
    assert "No due window was stated before a failure" in page


def test_what_comes_from_a_case_is_escaped(judgement: Judgement) -> None:
    evil = "<script>alert(1)</script>"
    miss = Miss(evil, NOW, "false_alarm", evil, evil, (evil,))
    item = replace(judgement.items[0], name=evil, misses=(miss,))
    page = judgement_page(replace(judgement, name=evil, items=(item,), notes=(evil,), model_versions=(evil,)))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 7


def test_the_worst_misses_show_three_and_fold_the_rest(judgement: Judgement, page: str) -> None:
    assert len(judgement.items[0].misses) == 10
    assert page.count("7 more</summary>") == 2
    assert "Failed unannounced" in page and "False alarm" in page and "Failed before the window" in page


def test_dates_are_those_of_the_readers_zone(judgement: Judgement) -> None:
    late = replace(judgement, from_ms=NOW - NOW % DAY - 3_600_000)
    assert judgement_page(late, "Europe/Berlin") != judgement_page(late, "UTC")
