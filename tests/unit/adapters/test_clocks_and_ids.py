"""Clocks never run backwards; ids are never given twice."""

import re

import pytest

from adapters.clocks import SettableClock, WallClock
from adapters.ids import RandomIds, SeededIds


def test_the_wall_clock_tells_this_century() -> None:
    clock = WallClock()
    first = clock.now_ms()
    assert 1_700_000_000_000 < first < 4_000_000_000_000


def test_a_settable_clock_stands_until_set_and_never_goes_back() -> None:
    clock = SettableClock(1000)
    assert clock.now_ms() == 1000
    clock.set(1000)
    clock.set(2500)
    assert clock.now_ms() == 2500
    with pytest.raises(ValueError, match="backwards"):
        clock.set(2499)
    assert clock.now_ms() == 2500


@pytest.mark.parametrize("ids", [RandomIds(), SeededIds(7)])
def test_ids_and_secrets_differ_and_tell_nothing(ids: RandomIds | SeededIds) -> None:
    given = [ids.new(kind) for kind in ("vehicle", "grant") for _ in range(200)]
    assert len(set(given)) == 400
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in given)
    secrets = [ids.secret(32) for _ in range(100)]
    assert len(set(secrets)) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", one) for one in secrets)


def test_seeded_ids_repeat_with_the_seed_and_do_not_mind_the_order_of_kinds() -> None:
    one, two = SeededIds(7), SeededIds(7)
    first = [one.new("a"), one.new("a"), one.new("b"), one.secret()]
    second = [two.new("b"), two.secret(), two.new("a"), two.new("a")]
    assert sorted(first) == sorted(second)
    assert SeededIds(8).new("a") not in first
    assert SeededIds(7, start=1).new("a") not in first
