"""Workers that are killed, and workers that come and go."""

import asyncio
import random
import signal
import sys
from collections import Counter

import pytest

from tests.integration.streams.conftest import all_handled, append, expected, records
from tests.integration.streams.counting import PARTITIONS, CountingWorker, Place

ROOT = __file__.rsplit("/tests/", 1)[0]


@pytest.mark.parametrize("store", ["memory", "disk"])
async def test_a_worker_killed_at_any_moment_loses_nothing_and_counts_nothing_twice(place: Place, store: str) -> None:
    place.is_on_disk = store == "disk"
    is_embedded = place.broker_url.startswith("pitcall-log")
    new = records(place, 40_000)
    await append(place, new)
    # On Kafka the group waits 10 s for each dead member, so one kill there.
    for _ in range(6 if is_embedded else 1):
        await _kill_a_worker(place, after_s=random.uniform(0.05, 0.5))
    # With the killed one's own folder: on disk it reads on from what is there.
    async with place.worker("killed") as worker:
        await all_handled(place, within_s=90)
        assert worker.counts() == expected(new)
        assert worker.table.states.wipes() == 0


@pytest.mark.parametrize("broker_url", ["kafka"], indirect=True)
@pytest.mark.kafka
async def test_workers_that_come_and_go_share_the_work_and_hand_over_state(place: Place) -> None:
    batches = [records(place, 2_000, keys=50) for _ in range(4)]
    first, second, third = (place.worker(name) for name in ("first", "second", "third"))
    async with first:
        await append(place, batches[0])
        await all_handled(place)
        async with second:
            await append(place, batches[1])
            await all_handled(place, within_s=90)
            assert _owned(first) | _owned(second) == set(range(PARTITIONS))
            assert not _owned(first) & _owned(second)
            assert _owned(second)
            assert Counter(first.counts()) + Counter(second.counts()) == expected(*batches[:2])
            async with third:
                await append(place, batches[2])
                await all_handled(place, within_s=90)
        await append(place, batches[3])
        await all_handled(place, within_s=90)
        assert first.counts() == expected(*batches)


def _owned(worker: CountingWorker) -> set[int]:
    return {tp.partition for tp in worker.app.consumer.assignment() if tp.topic == worker.place.sources[0]}


async def _kill_a_worker(place: Place, after_s: float) -> None:
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.streams.counting",
        *place.arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert worker.stdout
    try:
        assert await asyncio.wait_for(worker.stdout.readline(), 60) == b"working\n"
        await asyncio.sleep(after_s)
    finally:
        worker.send_signal(signal.SIGKILL)
        await worker.wait()
