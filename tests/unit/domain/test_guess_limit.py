"""Waits between guesses: none at first, then doubling up to a bound."""

import pytest

from domain.guess_limit import GuessLimit


@pytest.mark.parametrize(
    ("failures", "wait_ms"), [(0, 0), (4, 0), (5, 1_000), (6, 2_000), (9, 16_000), (11, 60_000), (10**9, 60_000)]
)
def test_the_wait_doubles_from_the_first_that_is_not_free_up_to_the_longest(failures: int, wait_ms: int) -> None:
    assert GuessLimit(free=5, first_ms=1_000, most_ms=60_000).wait_ms(failures) == wait_ms
