"""The due axis: bars lie where their dates are, and what lies beyond fades."""

from hypothesis import given
from hypothesis import strategies as st

from domain.prediction import DueWindow
from tests.support.moments import DAY, NOW
from tests.support.predictions import window
from web.due_axis import due_axis
from web.formatting import Formatting
from web.texts import texts_of

FMT = Formatting(texts_of("en"), "Europe/Berlin")


def test_the_expected_day_lies_between_today_and_the_end() -> None:
    axis = due_axis([window(20)], NOW, FMT)
    bar = axis.bar(window(20))
    assert bar is not None
    assert bar.expected_x is not None
    assert axis.today_x < bar.x < bar.expected_x < bar.end < 100
    assert not bar.fades


def test_a_window_without_an_end_fades_to_the_edge() -> None:
    axis = due_axis([window(20)], NOW, FMT)
    bar = axis.bar(DueWindow(NOW + 5 * DAY, NOW + 10 * DAY, None, 0.9))
    assert bar is not None
    assert bar.fades
    assert bar.end == 100


def test_nothing_is_drawn_where_nothing_can_be_said() -> None:
    assert due_axis([window(None)], NOW, FMT).bar(window(None)) is None


def test_what_lies_years_ahead_does_not_squeeze_the_weeks_ahead() -> None:
    axis = due_axis([window(10), window(4000)], NOW, FMT)
    assert axis.end_ms <= NOW + 460 * DAY
    far = axis.bar(window(4000))
    assert far is not None
    assert far.expected_x is None


@given(st.lists(st.floats(-400, 5000), min_size=1, max_size=6))
def test_every_bar_and_tick_stays_on_the_axis(days: list[float]) -> None:
    windows = [window(d) for d in days]
    axis = due_axis(windows, NOW, FMT)
    bars = [axis.bar(w) for w in windows]
    assert all(bar is not None and 0 <= bar.x <= bar.end <= 100.01 and bar.width > 0 for bar in bars)
    assert all(0 < tick.x < 100 for tick in axis.ticks)
    assert len(axis.ticks) <= 7
    assert 0 <= axis.today_x <= 100
