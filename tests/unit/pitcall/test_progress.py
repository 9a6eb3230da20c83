"""Progress: a bar for a person, few lines for a log, never done before the end."""

import io

import pytest

from pitcall.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_log_gets_a_line_every_tenth() -> None:
    log = io.StringIO()
    with Progress("replaying", 1000, log) as progress:
        for done in range(1001):
            progress.reached(done)
    lines = log.getvalue().splitlines()
    assert lines == [f"replaying: {percent} %" for percent in range(0, 101, 10)]


def test_a_log_of_one_big_step_still_says_where_it_ended() -> None:
    log = io.StringIO()
    with Progress("replaying", 2, log) as progress:
        progress.reached(1, "1 of 2")
    assert log.getvalue().splitlines() == ["replaying: 0 %", "replaying: 50 %, 1 of 2", "replaying: 100 %"]


def test_all_done_is_only_said_at_the_end_and_never_after_a_fault() -> None:
    log = io.StringIO()
    with pytest.raises(ZeroDivisionError), Progress("replaying", 10, log) as progress:
        progress.reached(10)
        raise ZeroDivisionError
    assert "100 %" not in log.getvalue()


def test_a_terminal_is_drawn_over_not_filled_and_left_clean() -> None:
    screen, clock = Terminal(), Clock()
    with Progress("replaying", 100, screen, clock) as progress:
        for done in range(100):
            clock.now += 0.03
            progress.reached(done, "2025-03")
    written = screen.getvalue()
    assert "\n" not in written
    assert 20 < written.count("replaying") < 40
    assert "s left" in written and "2025-03" in written
    assert written.endswith("\r\x1b[2K")


def test_what_is_left_is_told_in_minutes_when_it_is_long() -> None:
    screen, clock = Terminal(), Clock()
    with Progress("replaying", 100, screen, clock) as progress:
        clock.now = 30.0
        progress.reached(10)
    assert "4 min 30 s left" in screen.getvalue()


def test_a_fault_leaves_the_bar_on_a_line_of_its_own() -> None:
    screen = Terminal()
    with pytest.raises(ZeroDivisionError), Progress("replaying", 10, screen):
        raise ZeroDivisionError
    assert screen.getvalue().endswith("\n")


def test_it_never_goes_back_and_stands_work_of_no_size() -> None:
    log = io.StringIO()
    with Progress("replaying", 100, log) as progress:
        progress.reached(50)
        progress.reached(10)
        progress.reached(55)
    with Progress("nothing", 0, log) as progress:
        progress.reached(0)
    assert log.getvalue().splitlines() == [
        "replaying: 0 %", "replaying: 50 %", "replaying: 100 %", "nothing: 0 %", "nothing: 100 %",
    ]  # fmt: skip
