"""A worker writes only while the group has heard of it lately."""

from __future__ import annotations

import pytest

from streams import membership
from streams.membership import Membership


class Coordinator:
    """The parts of aiokafka's coordinator that are followed."""

    def __init__(self) -> None:
        self.answers = True
        self.begun = 0

    async def _do_heartbeat(self) -> bool:
        return self.answers

    def _start_heartbeat_task(self) -> None:
        self.begun += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(membership, "now_s", lambda: now[0])
    return now


async def test_a_member_is_one_for_as_long_as_its_session_lasts_after_the_last_answer(clock: list[float]) -> None:
    own, coordinator = Membership(7.0), Coordinator()
    own.follow(coordinator)
    assert not own.is_certain
    coordinator._start_heartbeat_task()
    assert own.is_certain and coordinator.begun == 1
    clock[0] += 6.0
    assert await coordinator._do_heartbeat()
    clock[0] += 6.0
    assert own.is_certain
    coordinator.answers = False
    assert not await coordinator._do_heartbeat()
    clock[0] += 1.0
    assert not own.is_certain, "frozen, or cut off: nobody has answered since"
    coordinator.answers = True
    assert await coordinator._do_heartbeat()
    assert own.is_certain


async def test_an_answer_counts_from_when_it_was_asked_for(clock: list[float]) -> None:
    own, coordinator = Membership(7.0), Coordinator()

    async def late() -> bool:
        clock[0] += 20.0
        return True

    coordinator._do_heartbeat = late  # type: ignore[method-assign]
    own.follow(coordinator)
    assert await coordinator._do_heartbeat()
    assert not own.is_certain
