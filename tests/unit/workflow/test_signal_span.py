"""A car's past signals are its owner's to see, where they are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.history import file_url, open_history
from domain.errors import InvalidInput, NotFound, Unavailable
from domain.signal_history import SignalAggregate
from tests.support.moments import DAY, NOW
from tests.support.town import Household, Town
from workflow.signal_history import SignalHistory
from workflow.signal_span import signal_span

SPEED = "Vehicle.Speed"


@pytest.fixture
async def history(tmp_path: Path) -> AsyncIterator[SignalHistory]:
    kept = open_history(file_url(tmp_path / "history.sqlite"))
    yield kept
    await kept.close()


async def test_an_owner_sees_the_last_thirty_days_of_a_signal(
    town: Town, home: Household, history: SignalHistory
) -> None:
    old, fresh = NOW - 40 * DAY, NOW - DAY
    await history.append(
        [SignalAggregate(home.car_id, SPEED, start, start + 60_000, 60, 50.0, 0.0, 90.0) for start in (old, fresh)]
    )
    found = await signal_span(town.office, history, customer_id=home.id, vehicle_id=home.car_id, signal=SPEED)
    assert [(point.count, point.mean, point.minimum, point.maximum) for point in found] == [(60, 50.0, 0.0, 90.0)]
    assert found[0].start_ms <= fresh < found[0].end_ms


async def test_nobody_sees_another_ones_car(town: Town, home: Household, history: SignalHistory) -> None:
    other = await town.household()
    with pytest.raises(NotFound):
        await signal_span(town.office, history, customer_id=other.id, vehicle_id=home.car_id, signal=SPEED)


async def test_an_unknown_signal_is_named(town: Town, home: Household, history: SignalHistory) -> None:
    with pytest.raises(InvalidInput, match=r"Vehicle\.Mood") as refused:
        await signal_span(town.office, history, customer_id=home.id, vehicle_id=home.car_id, signal="Vehicle.Mood")
    assert refused.value.field == "signal"


async def test_where_no_history_is_kept_that_is_said(town: Town, home: Household) -> None:
    with pytest.raises(Unavailable, match="no history"):
        await signal_span(town.office, None, customer_id=home.id, vehicle_id=home.car_id, signal=SPEED)
