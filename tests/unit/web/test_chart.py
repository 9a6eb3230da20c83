"""Charts: ticks are round and apart, marks lie where their numbers are, what leaves the scale is cut off."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.chart import (
    HEIGHT,
    LETTER,
    WIDTH,
    Scale,
    across,
    ceiling,
    dot,
    level,
    line,
    log_ticks,
    round_ticks,
    ticks_across,
    ticks_upward,
    upward,
)

size = st.floats(1e-6, 1e7)


def points_of(path: str) -> list[list[tuple[float, float]]]:
    """The pieces of a path, each with its points."""
    pieces = [piece for piece in path.split("M") if piece.strip()]
    return [[(float(a), float(b)) for a, b in re.findall(r"([-\d.e+]+) ([-\d.e+]+)", piece)] for piece in pieces]


@given(st.floats(-1e4, 1e4), st.floats(1e-3, 1e7))
def test_ticks_are_few_rising_and_on_the_scale(low: float, span: float) -> None:
    high = low + span
    ticks = round_ticks(low, high)
    assert 1 <= len(ticks) <= 6
    assert ticks == sorted(ticks)
    room = 1e-6 * span
    assert all(low - room <= tick <= high + room for tick in ticks)


@given(st.floats(1e-6, 0.5), st.floats(1.01, 1e5))
def test_ticks_of_a_logarithms_scale_are_on_it(low: float, times: float) -> None:
    ticks = log_ticks(low, low * times)
    assert 1 <= len(ticks) <= 6
    assert all(low * 0.999 <= tick <= low * times * 1.001 for tick in ticks)


@given(st.lists(size, min_size=1))
def test_the_top_of_a_scale_is_round_and_not_far_above_the_largest(values: list[float]) -> None:
    top = ceiling(values)
    assert max(values) <= top * (1 + 1e-9)
    assert top <= 2 * max(values)


def test_a_scale_of_nothing_still_has_a_top() -> None:
    assert ceiling([]) == ceiling([0.0, float("inf")]) == 1.0
    assert round_ticks(3.0, 3.0) == [3.0]
    assert Scale(3.0, 3.0, 0.0, 10.0).at(3.0) == 5.0


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30, unique=True), st.integers(1, 12))
def test_labels_never_run_into_one_another_nor_off_the_chart(values: list[float], letters: int) -> None:
    ticks = ticks_across(across(0.0, 100.0), sorted(values), lambda _: "x" * letters)
    width = letters * LETTER
    begins = [tick.at - (width if tick.anchor == "end" else width / 2) for tick in ticks]
    assert ticks
    assert all(right - left > width for left, right in pairwise(begins))
    assert all(begin + width <= WIDTH + 0.01 for begin in begins)


def test_up_is_more() -> None:
    y = upward(0.0, 10.0)
    assert y.at(0) > y.at(5) > y.at(10) > 0
    assert [tick.label for tick in ticks_upward(y, str)] == ["0.0", "5.0", "10.0"]
    assert upward(0.01, 1.0, is_log=True).at(0.1) == pytest.approx((y.at(0) + y.at(10)) / 2)


def test_a_line_is_cut_where_it_leaves_the_chart_and_goes_on_where_it_comes_back() -> None:
    x, y = across(0.0, 4.0), upward(0.0, 10.0)
    pieces = points_of(line(x, y, [(0, 5), (1, 15), (2, 15), (3, 5), (4, 5)], "main").path)
    assert pieces == [
        [(x.at(0), y.at(5)), (x.at(0.5), y.at(10))],
        [(x.at(2.5), y.at(10)), (x.at(3), y.at(5)), (x.at(4), y.at(5))],
    ]
    assert line(x, y, [], "main").path == ""


def test_the_label_of_a_level_stands_at_either_end_and_inside() -> None:
    x, y = across(0.0, 1.0), upward(0.0, 1.0)
    right, left = level(x, y, 1.0, "never", "never"), level(x, y, 0.5, "never", "never", is_left=True)
    assert (right.anchor, left.anchor) == ("end", "start")
    assert 0 < right.label_y < HEIGHT and left.label_x < right.label_x


def test_a_dot_has_its_interval() -> None:
    mark = dot(across(0.0, 1.0), upward(0.0, 1.0), (0.5, 0.5), (0.2, 0.9), "half")
    assert mark.high_y < mark.y < mark.low_y
