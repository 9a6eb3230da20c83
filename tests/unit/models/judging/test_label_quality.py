"""Model quality is what a person would reckon from the labels by hand, over 90 days and in all."""

from statistics import fmean

import pytest

from domain.judged_label import JudgedLabel
from domain.model_quality import ItemQuality, LabelCount
from models.judging.label_quality import item_quality
from tests.support.labels import BATTERY, PADS, a_year_of_labels, battery_label, pads_label
from tests.support.moments import DAY, NOW
from tests.support.town import CATALOGUE


def quality(labels: list[JudgedLabel], item: str = PADS, count: LabelCount | None = None) -> ItemQuality:
    newest_first = sorted(labels, key=lambda label: -label.known_ms)
    if count is None and labels:
        recent = sum(label.known_ms > NOW - 90 * DAY for label in labels)
        count = LabelCount(len(labels), recent, newest_first[-1].known_ms)
    return item_quality(CATALOGUE.items[item], newest_first, count, now_ms=NOW, model_version="9")


def test_an_item_without_a_label_has_no_figure_that_could_be_taken_for_one() -> None:
    found = quality([])
    for figures in (found.recent, found.overall):
        assert (figures.labels, figures.per_week) == (0, 0.0)
        assert figures.windows is figures.chances is figures.promises is None
    assert (found.is_drifting, found.newest_ms, found.periods) == (None, None, ())


def test_coverage_width_and_error_are_those_of_the_labels() -> None:
    labels = [label for label in a_year_of_labels() if label.item == PADS]
    windows = quality(labels).overall.windows
    assert windows is not None
    assert windows.coverage.value == pytest.approx(fmean(float(x.is_inside or 0) for x in labels))
    assert windows.coverage.low < windows.coverage.value < windows.coverage.high
    assert windows.coverage.vehicles == 40
    assert windows.mean_width == pytest.approx(1.64)
    assert windows.mean_error == pytest.approx(fmean(abs((x.predicted or 0) - x.target) for x in labels))
    assert windows.bias == pytest.approx(fmean((x.predicted or 0) - x.target for x in labels))
    assert windows.stated_coverage == pytest.approx(0.9)


def test_probabilities_that_come_true_are_calibrated_and_those_that_do_not_are_not() -> None:
    labels = [label for label in a_year_of_labels() if label.item == BATTERY]
    good = quality(labels, BATTERY).overall.chances
    shouted = quality([battery_label(target=x.target, predicted=0.95, known_ms=x.known_ms) for x in labels], BATTERY)
    assert good is not None
    assert good.brier == pytest.approx(fmean((x.target - (x.predicted or 0)) ** 2 for x in labels))
    assert good.log_loss == pytest.approx(fmean(x.score or 0 for x in labels))
    assert good.positives == sum(x.target for x in labels)
    assert sum(point.came_true.rows for point in good.reliability) == len(labels)
    assert shouted.overall.chances is not None
    assert good.calibration_error < 0.12
    assert shouted.overall.chances.calibration_error == pytest.approx(0.95 - good.base_rate)


def test_what_is_older_than_ninety_days_counts_in_all_only() -> None:
    old = pads_label(label_id="old", known_ms=NOW - 90 * DAY, target=99.0)
    new = pads_label(label_id="new", known_ms=NOW - 90 * DAY + 1)
    found = quality([old, new])
    assert (found.recent.labels, found.overall.labels) == (1, 2)
    assert found.recent.windows is not None
    assert found.overall.windows is not None
    assert (found.recent.windows.coverage.value, found.overall.windows.coverage.value) == (1.0, 0.5)


@pytest.mark.parametrize(("age_days", "per_week"), [(3, 4.0), (14, 2.0), (90, 4 / 90 * 7)])
def test_labels_a_week_count_from_the_first_one_and_at_least_a_week(age_days: int, per_week: float) -> None:
    labels = [pads_label(known_ms=NOW - age_days * DAY + 1 + n) for n in range(4)]
    assert quality(labels).recent.per_week == pytest.approx(per_week)


def test_figures_of_many_labels_say_on_how_many_they_rest() -> None:
    found = quality([pads_label()], count=LabelCount(5_000, 700, NOW - 200 * DAY))
    assert (found.overall.labels, found.overall.judged, found.recent.labels) == (5_000, 1, 700)


def test_promised_windows_are_summed_beside_the_days() -> None:
    kept = pads_label(label_id="kept", found_ms=NOW + 13 * DAY)
    promises = quality([pads_label(), kept, pads_label(label_id="none", promise=None)]).overall.promises
    assert promises is not None
    assert (promises.entries, promises.inside, promises.early, promises.late) == (2, 1, 0, 1)
    assert promises.mean_width_days == pytest.approx(4.0)


def test_the_newest_label_says_whether_the_item_drifts_and_the_recent_ones_by_which_models_they_were_judged() -> None:
    labels = [
        pads_label(known_ms=NOW - 2 * DAY, is_drifting=True, model_version="6"),
        pads_label(known_ms=NOW - DAY, is_drifting=False, model_version="7"),
        pads_label(known_ms=NOW - 100 * DAY, is_drifting=True, model_version="1"),
    ]
    found = quality(labels)
    assert (found.is_drifting, found.label_versions, found.model_version) == (False, ("7", "6"), "9")


def test_a_label_that_came_without_a_prediction_is_counted_and_judges_nothing() -> None:
    found = quality([pads_label(predicted=None, lower=None, upper=None, promise=None)])
    assert (found.overall.labels, found.overall.windows, found.overall.promises) == (1, None, None)


def test_periods_follow_the_calendar() -> None:
    found = quality([label for label in a_year_of_labels() if label.item == PADS])
    assert [period.name for period in found.periods] == ["2024 Q4", "2025 Q1", "2025 Q2", "2025 Q3", "2025 Q4"]
    assert sum(period.coverage.rows for period in found.periods) == 160
