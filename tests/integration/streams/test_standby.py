"""A worker that is killed, and the one that stood by: it takes over where it is, and reads nothing again."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from streams.lag import lag_reader
from streams.topics import changelog_name
from tests.integration.streams.conftest import all_handled, append, expected, records
from tests.integration.streams.counting import PARTITIONS, TABLE, CountingWorker, Place

pytestmark = [pytest.mark.kafka, pytest.mark.parametrize("broker_url", ["kafka"], indirect=True)]
ROOT = Path(__file__).parents[3]
ALL = set(range(PARTITIONS))


@asynccontextmanager
async def doomed_worker(place: Place) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker in a process of its own, killed at the end."""
    program = [sys.executable, "-m", "tests.integration.streams.counting", *place.arguments]
    worker = await asyncio.create_subprocess_exec(*program, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert worker.stdout
    try:
        assert await asyncio.wait_for(worker.stdout.readline(), 60) == b"working\n"
        yield worker
    finally:
        worker.send_signal(signal.SIGKILL)
        await worker.wait()


async def until(is_so: Callable[[], bool], within_s: float = 90) -> None:
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110  # neither Faust nor Kafka has an event for this
            await asyncio.sleep(0.02)


def owned(worker: CountingWorker) -> set[int]:
    store: Any = worker.table.data
    return {partition for partition in ALL if store.owns(partition)}


def is_ready(worker: CountingWorker) -> bool:
    manager: Any = worker.app.tables
    return bool(manager.recovery.completed.is_set()) and not worker.app.rebalancing


async def changelog_ends(place: Place) -> dict[int, int]:
    topic = changelog_name(TABLE, place.app_id)
    async with lag_reader(place.broker_url, "nobody") as reader:
        return {partition: end for (_, partition), end in (await reader.lag([topic])).items()}


@pytest.mark.parametrize("store", ["memory", "disk"])
async def test_the_standby_takes_over_without_reading_the_changelog_again(place: Place, store: str) -> None:
    place.is_on_disk, place.standby_replicas = store == "disk", 1
    first, second = records(place, 12_000, keys=400), records(place, 2_000, keys=400)
    async with place.worker("standing-by") as worker:
        async with doomed_worker(place):
            await until(lambda: len(owned(worker)) == PARTITIONS // 2 and is_ready(worker))
            await append(place, first)
            await all_handled(place, within_s=90)
            ends = await changelog_ends(place)
            assert all(ends[partition] for partition in ALL)
            # Its own partitions by its own writes, the others' by reading what the other has written.
            await until(lambda: {p: worker.table.states.complete_to(p) for p in ALL} == {p: ends[p] - 1 for p in ALL})
            theirs = ALL - owned(worker)
            assert worker.table.standby_count() == sum(worker.table.states.count(p) for p in theirs) > 0
            read_before = dict(worker.table.data.records_read)
            assert {p: n for p, n in read_before.items() if p in theirs} == {p: ends[p] for p in theirs}
        await until(lambda: owned(worker) == ALL and is_ready(worker))
        assert worker.table.data.records_read == read_before
        assert worker.table.standby_count() == 0
        await append(place, second)
        await all_handled(place, within_s=90)
        assert worker.counts() == expected(first, second)
        assert worker.table.states.wipes() == 0
