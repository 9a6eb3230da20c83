"""A worker that does nothing any more is found out; one that waits, or has nothing to do, is left in peace."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from domain.errors import Unavailable
from streams.block import Block
from streams.lag import lag_reader
from streams.watchdog import StuckWorker, Watchdog
from tests.integration.streams.conftest import all_handled, append, expected, records
from tests.integration.streams.counting import CountingWorker, Place

LIMIT_S = 1.5
Before = Callable[[Block], Awaitable[None]]


@asynccontextmanager
async def watched(
    place: Place, before: Before | None = None
) -> AsyncIterator[tuple[CountingWorker, asyncio.Queue[BaseException]]]:
    """A worker with a watchdog, and what the watchdog has reported."""
    reports: asyncio.Queue[BaseException] = asyncio.Queue()
    async with place.worker(before=before) as worker, lag_reader(place.broker_url, place.app_id) as lag:
        watchdog = Watchdog(worker.app, lag, place.sources, limit_s=LIMIT_S, on_stuck=reports.put_nowait)
        await watchdog.start()
        try:
            yield worker, reports
        finally:
            await watchdog.stop()


async def test_a_worker_that_is_stuck_is_reported_once_with_the_place(place: Place) -> None:
    async def hang(_block: Block) -> None:
        await asyncio.Event().wait()

    async with watched(place, hang) as (_, reports):
        await append(place, records(place, 40))
        stuck = await asyncio.wait_for(reports.get(), 30)
        await asyncio.sleep(LIMIT_S)
        assert reports.empty()
    assert isinstance(stuck, StuckWorker)
    assert f"records of {place.sources[0]}[" in str(stuck)
    assert "PITCALL_WATCHDOG_SECONDS" in str(stuck)


async def test_a_worker_without_work_is_not_stuck_nor_when_work_comes_at_last(place: Place) -> None:
    async with watched(place) as (worker, reports):
        await asyncio.sleep(2 * LIMIT_S)
        new = records(place, 40)
        await append(place, new)
        await all_handled(place)
        await asyncio.sleep(LIMIT_S)
        assert worker.counts() == expected(new)
        assert reports.empty()


@pytest.mark.parametrize("broker_url", ["embedded"], indirect=True)
async def test_a_worker_that_waits_for_what_is_away_is_not_stuck(place: Place) -> None:
    is_back = asyncio.Event()

    async def away(_block: Block) -> None:
        if not is_back.is_set():
            raise Unavailable("the database is away")

    async with watched(place, away) as (worker, reports):
        new = records(place, 40)
        await append(place, new)
        while worker.app.outages < 6:  # noqa: ASYNC110  # pauses grow to seconds: well past the limit
            await asyncio.sleep(0.05)
        await asyncio.sleep(LIMIT_S / 2)
        is_back.set()
        await all_handled(place)
        assert worker.counts() == expected(new)
        assert reports.empty()


@pytest.mark.parametrize("broker_url", ["embedded"], indirect=True)
async def test_a_worker_that_looks_for_poison_in_a_block_is_not_stuck(place: Place) -> None:
    parts: list[int] = []

    async def choke(block: Block) -> None:
        parts.append(len(block))
        await asyncio.sleep(LIMIT_S / 8)
        if any(record.value == b"upload 77" for record in block.records):
            raise ValueError("poison")

    new = records(place, 128, keys=1)
    await append(place, new)
    async with watched(place, choke) as (worker, reports):
        await all_handled(place)
        assert reports.empty()
        assert worker.counts() == {"car-0": 127}
    assert len(parts) == 3 + 2 * 7 + 2, "the whole three times, two halves at each of seven steps, the one twice more"
