"""A car's ledger in plain words: the promise, the measurement, and whether the one held the other."""

from dataclasses import replace
from typing import Any

import pytest

from domain.judged_label import JudgedLabel, Promise
from domain.prediction import DueWindow
from tests.support.labels import battery_label, pads_label
from tests.support.moments import DAY, NOW
from tests.support.predictions import window
from web.ledger_view import LedgerRow, ledger_view
from web.reading import Reading


def row(label: JudgedLabel, reading: Reading) -> LedgerRow:
    (only,) = ledger_view([label], reading).rows
    return only


def test_a_measurement_stands_beside_what_was_said(reading: Reading) -> None:
    found = row(pads_label(found_ms=NOW + 13 * DAY), reading)
    assert (found.name, found.when) == ("Front brake pads", "6 Oct 2025")
    assert found.promised == "On 26 Sep 2025: due between 17 Oct 2025 and 21 Oct 2025."
    assert found.measured == "4.0\u202fmm. We expected 2.9 to 4.5\u202fmm."
    assert found.found == "At its pace it comes to the limit on 19 Oct 2025."
    assert (found.verdict, found.tone) == ("Window held", "fine")


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"found_ms": NOW + 10 * DAY}, "Due earlier"),
        ({"found_ms": NOW + 16 * DAY}, "Due later"),
        ({"promise": None}, "As expected"),
        ({"promise": None, "target": 9.5}, "Not as expected"),
        ({"found_ms": None}, "As expected"),
        ({"promise": None, "lower": None}, ""),
    ],
)
def test_the_verdict_is_by_the_window_and_else_by_the_range(
    reading: Reading, changes: dict[str, Any], verdict: str
) -> None:
    assert row(pads_label(**changes), reading).verdict == verdict


@pytest.mark.parametrize(
    ("changes", "verdict", "measured"),
    [
        ({}, "Window held", "It had failed. 11.2\u202fV."),
        ({"promise": None}, "Failed unannounced", "It had failed. 11.2\u202fV."),
        ({"target": 0.0, "found_ms": None, "measured": None}, "", "It was sound."),
    ],
)
def test_a_failure_has_a_verdict_and_a_sound_battery_none(
    reading: Reading, changes: dict[str, Any], verdict: str, measured: str
) -> None:
    found = row(battery_label(**changes), reading)
    assert (found.verdict, found.measured, found.found) == (verdict, measured, "")


def test_a_chance_is_told_with_its_horizon(reading: Reading) -> None:
    assert row(battery_label(), reading).promised == (
        "On 29 Sep 2025: 30\u202f% to fail within 30 days; due between 5 Oct 2025 and 9 Oct 2025."
    )


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((NOW, None, None), "due from 6 Oct 2025 on"),
        ((None, None, NOW), "due by 6 Oct 2025"),
        ((None, NOW, None), "due around 6 Oct 2025"),
        ((None, None, None), "not due for as far as we could see"),
    ],
)
def test_an_open_window_is_told_as_it_is(
    reading: Reading, ends: tuple[int | None, int | None, int | None], said: str
) -> None:
    promise = Promise(NOW - DAY, DueWindow(*ends, 0.9), "7")
    assert row(pads_label(promise=promise), reading).promised == f"On 5 Oct 2025: {said}."


def test_no_reading_is_expected_that_no_part_could_have(reading: Reading) -> None:
    far = pads_label(lower=-2.0, upper=14.0)
    assert row(far, reading).measured == "4.0\u202fmm. We expected 0.0 to 12.0\u202fmm."


def test_a_limit_that_was_passed_is_told_as_past(reading: Reading) -> None:
    assert row(pads_label(found_ms=NOW - DAY), reading).found == "At its pace it came to the limit on 5 Oct 2025."


def test_the_summary_counts_promises_that_could_be_judged_and_the_newest_rows_come_first(reading: Reading) -> None:
    kept = pads_label(found_ms=NOW + 13 * DAY)
    labels = [kept, pads_label(), battery_label(), replace(kept, promise=None)] * 2
    view = ledger_view(labels, reading)
    assert view.summary == "4 of 6 promised windows held."
    assert (len(view.rows), len(view.older)) == (5, 3)
    assert ledger_view([replace(kept, promise=None)], reading).summary == ""
    assert ledger_view([pads_label(promise=Promise(NOW, window(None), "7"))], reading).summary == ""
