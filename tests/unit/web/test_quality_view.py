"""The operator's page of the models: the figures as they are, and nothing where there is none."""

from domain.judged_label import JudgedLabel
from domain.model_quality import LabelCount, ModelQuality
from models.judging.label_quality import item_quality
from tests.support.labels import BATTERY, PADS, a_year_of_labels, pads_label
from tests.support.moments import DAY, NOW
from web.quality_view import QualityView, quality_view
from web.reading import Reading


def view(labels: list[JudgedLabel], reading: Reading) -> QualityView:
    items = []
    for name in (PADS, "engine_oil", BATTERY):
        own = sorted((label for label in labels if label.item == name), key=lambda label: -label.known_ms)
        recent = sum(label.known_ms > NOW - 90 * DAY for label in own)
        count = LabelCount(len(own), recent, own[-1].known_ms) if own else None
        items.append(item_quality(reading.catalogue.items[name], own, count, now_ms=NOW))
    return quality_view(ModelQuality(NOW, tuple(items)), reading)


def test_without_a_label_the_page_names_who_waits_and_shows_no_figure(reading: Reading) -> None:
    page = view([], reading)
    assert page.is_empty
    assert (page.tiles, page.wear, page.hazards, page.panels) == ((), None, None, ())
    assert page.waiting == ("Front brake pads", "Engine oil", "12 V battery")


def test_each_item_has_its_row_of_late_and_in_all_and_its_chart(reading: Reading) -> None:
    page = view(a_year_of_labels(), reading)
    assert page.waiting == ("Engine oil",)
    assert page.wear is not None
    assert [row[0] for row in page.wear.rows] == ["Front brake pads", "Front brake pads, in all"]
    assert all(len(row) == len(page.wear.head) for row in page.wear.rows)
    in_all = dict(zip(page.wear.head, page.wear.rows[1], strict=True))
    assert (in_all["Labels"], in_all["Mean width"]) == ("160", "1.64\u202fmm")
    assert page.hazards is not None
    assert dict(zip(page.hazards.head, page.hazards.rows[1], strict=True))["Labels"] == "90"
    assert [[figure.key for figure in panel.figures] for panel in page.panels] == [["coverage"], ["reliability"]]
    assert page.panels[1].figures[0].chart.title == "Said and came true, within 30 days"
    assert page.tiles[0].value == "250"


def test_drift_is_told_only_where_somebody_watches(reading: Reading) -> None:
    said = {}
    for flag in (None, True, False):
        page = view([pads_label(is_drifting=flag)], reading)
        assert page.wear is not None
        drift = dict(zip(page.wear.head, page.wear.rows[0], strict=True))["Drift"]
        said[flag] = (drift, page.panels[0].drift, page.tiles[-1].value)
    assert said == {None: ("–", "", "–"), True: ("drifts", "drifts", "1"), False: ("steady", "steady", "0")}


def test_the_version_is_the_one_that_serves_else_the_one_judged_last(reading: Reading) -> None:
    (panel,) = view([pads_label(model_version="7-abc")], reading).panels
    assert panel.version == "7-abc"


def test_an_item_whose_labels_came_without_a_prediction_says_so(reading: Reading) -> None:
    label = pads_label(predicted=None, lower=None, upper=None)
    (panel,) = view([label], reading).panels
    assert (panel.verdict, panel.figures) == ("No label came with a prediction.", ())
