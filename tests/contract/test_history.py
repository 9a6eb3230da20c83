"""The contract of the history of signals, on a SQLite file and on a real InfluxDB 2."""

import itertools
import math
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.history import open_history
from domain.errors import InvalidInput, Unavailable
from domain.signal_history import MAX_POINTS, SignalAggregate, SignalPoint
from domain.telemetry import RECORDED, SIMULATED
from tests.servers.influxdb import Influx
from workflow.signal_history import SignalHistory

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
RETENTION_DAYS = 30
# InfluxDB's retention goes by the machine's clock: what is stored lies in the last days of it.
NOW = int(time.time() * 1000) // HOUR * HOUR
START = NOW - 10 * DAY
SPEED, VOLTAGE = "Vehicle.Speed", "Vehicle.LowVoltageBattery.CurrentVoltage"
_numbers = itertools.count()


@pytest.fixture(params=["sqlite", pytest.param("influx", marks=pytest.mark.influx)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """URL and token of an empty history of either kind."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path}/history.sqlite", ""
    influx: Influx = request.getfixturevalue("influx_server")
    return influx.url(f"history-{next(_numbers)}"), influx.token


@pytest.fixture
async def history(store: tuple[str, str]) -> AsyncIterator[SignalHistory]:
    url, token = store
    history = open_history(url, token=token, retention_days=RETENTION_DAYS)
    try:
        yield history
    finally:
        await history.close()


def aggregate(
    start_ms: int,
    values: tuple[float, ...],
    *,
    vehicle_id: str = "car-1",
    signal: str = SPEED,
    origin: str = RECORDED,
) -> SignalAggregate:
    return SignalAggregate(
        vehicle_id=vehicle_id,
        signal=signal,
        start_ms=start_ms,
        end_ms=start_ms + MINUTE - 1000,
        count=len(values),
        mean=math.fsum(values) / len(values),
        minimum=min(values),
        maximum=max(values),
        origin=origin,
    )


async def day(history: SignalHistory, vehicle_id: str = "car-1", signal: str = SPEED) -> list[SignalPoint]:
    """The first day after START as one point."""
    return await history.span(vehicle_id, signal, START, START + DAY, 1)


async def test_what_was_appended_is_read_back(history: SignalHistory) -> None:
    await history.append([aggregate(START, (10.0, 20.0, 60.0))])
    assert await history.span("car-1", SPEED, START, START + 100 * MINUTE, 100) == [
        SignalPoint(START, START + MINUTE, 3, pytest.approx(30.0, rel=1e-12), 10.0, 60.0, 0)
    ]


async def test_downsampling_weighs_by_values_and_keeps_the_extremes(history: SignalHistory) -> None:
    await history.append(
        [
            aggregate(START + 1 * MINUTE, (1.0,)),
            aggregate(START + 2 * MINUTE, (5.0, 5.0, 5.0), origin=SIMULATED),
            aggregate(START + 11 * MINUTE, (-7.5, 7.5)),
            aggregate(START + 31 * MINUTE, (2.0,)),
        ]
    )
    assert await history.span("car-1", SPEED, START, START + 40 * MINUTE, 4) == [
        SignalPoint(START, START + 10 * MINUTE, 4, pytest.approx(4.0), 1.0, 5.0, 3),
        SignalPoint(START + 10 * MINUTE, START + 20 * MINUTE, 2, pytest.approx(0.0), -7.5, 7.5, 0),
        SignalPoint(START + 30 * MINUTE, START + 40 * MINUTE, 1, 2.0, 2.0, 2.0, 0),
    ]


async def test_a_span_holds_its_beginning_and_not_its_end_wherever_it_begins(history: SignalHistory) -> None:
    starts = [START + offset for offset in (0, 1, 6_999, 7_000, 13_999, 14_000, 20_998, 20_999, 21_000)]
    await history.append([aggregate(start, (float(i),)) for i, start in enumerate(starts)])
    # From 1 on, 20,998 ms in three parts: 7,000, 7,000 and what is left.
    points = await history.span("car-1", SPEED, START + 1, START + 20_999, 3)
    assert [(p.start_ms - START, p.end_ms - START, p.minimum, p.maximum, p.count) for p in points] == [
        (1, 7_001, 1.0, 3.0, 3),
        (7_001, 14_001, 4.0, 5.0, 2),
        (14_001, 20_999, 6.0, 6.0, 1),
    ]


async def test_any_width_of_a_span_loses_no_value(history: SignalHistory) -> None:
    await history.append([aggregate(START + i * 7_919, (float(i), float(-i))) for i in range(200)])
    for points in (1, 3, 7, 64, 199, 1_000):
        parts = await history.span("car-1", SPEED, START, START + 200 * 7_919, points)
        assert len(parts) <= points
        assert sum(part.count for part in parts) == 400
        assert max(part.maximum for part in parts) == 199.0
        assert [part.start_ms for part in parts] == sorted({part.start_ms for part in parts})


async def test_the_same_upload_again_changes_nothing(history: SignalHistory) -> None:
    batch = [aggregate(START + i * MINUTE, (1.0, 2.0)) for i in range(5)]
    await history.append(batch)
    await history.append(batch)
    await history.append(batch[2:] + batch[:2])
    assert await day(history) == [SignalPoint(START, START + DAY, 10, pytest.approx(1.5), 1.0, 2.0, 0)]


async def test_of_one_vehicle_signal_and_start_the_last_counts(history: SignalHistory) -> None:
    await history.append([aggregate(START, (1.0, 2.0), origin=SIMULATED), aggregate(START, (3.0, 3.0, 3.0))])
    assert [point.count for point in await day(history)] == [3]
    await history.append([aggregate(START, (9.0,), origin=SIMULATED)])
    assert await day(history) == [SignalPoint(START, START + DAY, 1, 9.0, 9.0, 9.0, 1)]


async def test_signals_of_one_upload_may_come_in_several_batches(history: SignalHistory) -> None:
    await history.append([aggregate(START, (50.0,))])
    await history.append([aggregate(START, (12.6, 12.4), signal=VOLTAGE)])
    assert [point.count for point in await day(history)] == [1]
    assert [point.count for point in await day(history, signal=VOLTAGE)] == [2]


async def test_cars_and_signals_are_kept_apart(history: SignalHistory) -> None:
    await history.append(
        [
            aggregate(START, (1.0,)),
            aggregate(START, (2.0,), vehicle_id="car-2"),
            aggregate(START, (3.0,), signal=VOLTAGE),
        ]
    )
    assert [point.mean for point in await day(history)] == [1.0]
    assert [point.mean for point in await day(history, "car-2")] == [2.0]
    assert [point.mean for point in await day(history, signal=VOLTAGE)] == [3.0]
    assert await day(history, "car-3") == []
    assert await day(history, "car-2", VOLTAGE) == []


@pytest.mark.parametrize("name", ['a "quoted", b=c', "with # and $", "München ☕", 'x" or true or "'])
async def test_names_mean_only_themselves(history: SignalHistory, name: str) -> None:
    await history.append([aggregate(START, (1.0,), vehicle_id=name, signal=name), aggregate(START, (2.0,))])
    assert [point.mean for point in await day(history, name, name)] == [1.0]
    await history.forget(name)
    assert await day(history, name, name) == []
    assert [point.mean for point in await day(history)] == [2.0]


async def test_large_small_and_whole_numbers_come_back(history: SignalHistory) -> None:
    values = (4_294_967_295.0, 1e-30, 0.1, -0.0, 3_000_000_001.5)
    await history.append([aggregate(START + i * MINUTE, (value,)) for i, value in enumerate(values)])
    points = await history.span("car-1", SPEED, START, START + 5 * MINUTE, 5)
    assert tuple(point.mean for point in points) == values


async def test_many_at_once_and_none_at_all(history: SignalHistory) -> None:
    await history.append([])
    await history.append([aggregate(START + i * 1_000, (float(i),), vehicle_id=f"car-{i % 7}") for i in range(5_000)])
    counts = [point.count for i in range(7) for point in await day(history, f"car-{i}")]
    assert sum(counts) == 5_000


async def test_a_forgotten_car_is_gone_and_may_come_again(history: SignalHistory) -> None:
    await history.append([aggregate(START, (1.0,)), aggregate(START, (1.0,), signal=VOLTAGE)])
    await history.append([aggregate(START, (2.0,), vehicle_id="car-2")])
    await history.forget("car-1")
    await history.forget("never-seen")
    assert await day(history) == []
    assert await day(history, signal=VOLTAGE) == []
    assert len(await day(history, "car-2")) == 1
    await history.append([aggregate(START + MINUTE, (3.0,))])
    assert [point.mean for point in await day(history)] == [3.0]


async def test_retention_ends_what_began_before_it_and_nothing_else(history: SignalHistory) -> None:
    horizon = START + 5 * DAY
    await history.append([aggregate(horizon + offset, (float(offset),)) for offset in (-DAY, -1, 0, 1, DAY)])
    await history.append([aggregate(horizon - DAY, (1.0,), vehicle_id="car-2")])
    await history.expire(horizon + RETENTION_DAYS * DAY)
    kept = await history.span("car-1", SPEED, START, NOW, MAX_POINTS)
    assert sum(point.count for point in kept) == 3
    assert (kept[0].minimum, kept[-1].maximum) == (0.0, float(DAY))
    assert await history.span("car-2", SPEED, START, NOW, 1) == []


async def test_retention_by_todays_clock_keeps_what_is_younger(history: SignalHistory) -> None:
    await history.append([aggregate(START, (1.0,))])
    await history.expire(NOW)
    assert len(await day(history)) == 1


async def test_what_is_too_old_when_it_comes_holds_nothing_else_up(history: SignalHistory) -> None:
    await history.append([aggregate(NOW - 1_000 * DAY, (1.0,)), aggregate(START, (2.0,))])
    await history.expire(NOW)
    assert [point.mean for point in await day(history)] == [2.0]
    assert await history.span("car-1", SPEED, NOW - 1_001 * DAY, NOW - 999 * DAY, 1) == []


@pytest.mark.parametrize(("until_ms", "points"), [(START, 10), (START - 1, 10), (NOW, 0), (NOW, MAX_POINTS + 1)])
async def test_a_span_that_cannot_be_drawn_is_refused(history: SignalHistory, until_ms: int, points: int) -> None:
    with pytest.raises(InvalidInput):
        await history.span("car-1", SPEED, START, until_ms, points)


async def test_it_is_there_after_closing_and_opening_again(history: SignalHistory, store: tuple[str, str]) -> None:
    await history.append([aggregate(START, (1.0,))])
    await history.close()
    await history.close()
    with pytest.raises(Unavailable):
        await history.append([aggregate(START, (2.0,))])
    again = open_history(store[0], token=store[1], retention_days=RETENTION_DAYS)
    try:
        assert [point.mean for point in await day(again)] == [1.0]
    finally:
        await again.close()


async def test_it_tells_what_it_is(history: SignalHistory) -> None:
    name, version = (await history.ping()).split()
    assert name in ("SQLite", "InfluxDB")
    assert version[0] in "23"
