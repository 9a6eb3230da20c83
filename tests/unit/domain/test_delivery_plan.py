"""Webhooks are tried for three days, never all at the same moment; a server that fails is left alone for a while."""

import pytest

from domain.delivery_plan import JITTER, LONGEST_OPEN_MS, MOST_AT_ONCE, OPEN_MS, WAITS_MS, Circuit, wait_ms

HOURS = 3_600_000


def test_a_plan_takes_about_three_days_and_ends() -> None:
    waits = [wait_ms("delivery", tries) for tries in range(1, len(WAITS_MS) + 2)]
    assert waits[-1] is None
    total = sum(wait for wait in waits if wait is not None)
    assert 60 * HOURS < total < 90 * HOURS
    assert sum(WAITS_MS) == pytest.approx(74.6 * HOURS, rel=0.01)


def test_what_failed_together_does_not_come_back_together() -> None:
    waits = {wait_ms(f"delivery-{n}", 4) for n in range(500)}
    planned = WAITS_MS[3]
    assert len(waits) == 500
    assert all(wait is not None and abs(wait - planned) <= JITTER * planned for wait in waits)
    assert wait_ms("delivery-1", 4) == wait_ms("delivery-1", 4)


def test_trust_grows_with_each_that_went_and_is_gone_with_one_that_did_not() -> None:
    circuit, seen = Circuit(), []
    for _ in range(5):
        seen.append(circuit.room(0))
        circuit.went()
    assert seen == [1, 2, 3, MOST_AT_ONCE, MOST_AT_ONCE]
    circuit.failed(0)
    assert (circuit.room(0), circuit.is_suspect) == (1, True)


def test_five_failures_in_a_row_open_it_ever_longer_and_one_probe_closes_it() -> None:
    circuit = Circuit()
    for _ in range(4):
        circuit.failed(0)
        assert circuit.room(0) == 1
    now = 0
    for n in range(8):
        circuit.failed(now)
        wait = min(OPEN_MS * 2**n, LONGEST_OPEN_MS)
        assert circuit.room(now + wait - 1) == 0
        assert circuit.room(now + wait) == 1
        now += wait
    circuit.went()
    assert circuit.room(now) == 2
    assert not circuit.is_suspect
