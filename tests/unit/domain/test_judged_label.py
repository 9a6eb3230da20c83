"""A judged label: whether the range held, how far off it was, and when the item was found due."""

from dataclasses import replace

import pytest

from domain.errors import InvalidInput
from domain.judged_label import JudgedLabel, Promise, limit_reached_ms, log_loss
from domain.prediction import DueWindow
from tests.support.labels import battery_label, pads_label
from tests.support.moments import DAY, NOW


@pytest.mark.parametrize(("target", "is_inside"), [(7.4, False), (7.5, True), (8.0, True), (9.1, True), (9.2, False)])
def test_a_range_holds_its_own_ends(target: float, is_inside: bool) -> None:
    assert pads_label(target=target).is_inside is is_inside


def test_the_score_is_the_error_of_what_wears_and_the_loss_of_what_fails() -> None:
    assert pads_label().score == pytest.approx(0.3)
    assert battery_label(predicted=0.3).score == pytest.approx(1.2039728)
    assert battery_label(target=0.0, predicted=0.3).score == pytest.approx(0.3566749)
    assert pads_label(predicted=None).score is None


def test_a_loss_stays_finite_however_sure_it_was() -> None:
    assert log_loss(1.0, 0.0) == pytest.approx(13.8155106)
    assert log_loss(0.0, 1.0) == log_loss(1.0, 0.0)


def test_the_expected_reading_is_the_range_as_the_workshop_sees_it() -> None:
    low, high = pads_label().expected or (0.0, 0.0)
    assert (low, high) == (pytest.approx(12.0 - 9.1), pytest.approx(12.0 - 7.5))
    for unknown in ({"measured": None}, {"lower": None}, {"upper": None}):
        assert pads_label(**unknown).expected is None


def window(earliest: float | None, latest: float | None) -> Promise:
    ends = [None if days is None else NOW + round(days * DAY) for days in (earliest, latest)]
    return Promise(NOW - DAY, DueWindow(ends[0], None, ends[1], 0.9), "v")


@pytest.mark.parametrize(
    ("promise", "is_kept"),
    [
        (window(-1, 1), True),
        (window(1, 2), False),
        (window(-2, -1), False),
        (window(-2, None), True),
        (window(None, None), None),
        (None, None),
    ],
)
def test_a_promise_is_kept_when_the_day_lies_in_its_window(promise: Promise | None, is_kept: bool | None) -> None:
    assert battery_label(promise=promise).is_kept is is_kept


def test_nothing_can_be_promised_afterwards() -> None:
    with pytest.raises(InvalidInput, match="promised after") as told:
        pads_label(promise=replace(window(1, 2), promised_ms=NOW + 1))
    assert told.value.field == "promise.promised_ms"


def test_nobody_knows_whether_a_promise_of_a_sound_item_was_kept() -> None:
    assert battery_label(target=0.0, found_ms=None).is_kept is None


def test_the_limit_is_reached_at_the_pace_of_the_life_so_far() -> None:
    # 8 mm in 400 days, and 1 mm more to the limit of 3: fifty days.
    assert limit_reached_ms(4.0, 3.0, 8.0, NOW - 400 * DAY, NOW) == NOW + 50 * DAY
    # 9.5 mm in 400 days, and the limit was passed half a millimetre ago.
    assert limit_reached_ms(2.5, 3.0, 10.0, NOW - 400 * DAY, NOW) == NOW - 20 * DAY


@pytest.mark.parametrize("worn", [0.0, -0.1, 1e-9])
def test_of_what_does_not_wear_no_day_is_reckoned(worn: float) -> None:
    assert limit_reached_ms(11.0, 3.0, worn, NOW - 400 * DAY, NOW) is None


def test_without_evidence_the_promise_and_the_finding_are_left() -> None:
    told = pads_label().without_evidence()
    assert (told.predicted, told.expected, told.is_inside) == (None, None, None)
    assert (told.measured, told.promise, told.found_ms) == (4.0, pads_label().promise, NOW + 50 * DAY)


def test_a_promise_made_to_a_former_owner_is_left_out() -> None:
    label: JudgedLabel = pads_label()
    assert label.as_known_since(NOW - 10 * DAY) == label
    assert label.as_known_since(NOW - 10 * DAY + 1) == replace(label, promise=None)
