"""Workers killed at random, and workers that join and leave without end: the outcome is an undisturbed run's."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from streams.lag import LagReader, lag_reader
from streams.topics import TELEMETRY_UPLOADS
from tests.e2e.part import Part
from tests.faults.audit import assert_equal, effects_of, undisturbed
from tests.faults.installation import Installation, drained, lag_of, make_database
from tests.servers.postgres import Cluster

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

CARS = 24
RESUMES_WITHIN_S = 30.0
WORKERS = ("one", "two")
TURNS_BEFORE_FREEZING = 40
FROZEN_S = 14.0
"""More than a worker's session in its group."""


@dataclass(frozen=True)
class End:
    """A worker's end: after so many seconds, by this signal; another takes its folder and its place."""

    after_s: float
    worker: str
    by: signal.Signals


def killed_at_random(seed: int, count: int, pause_s: float) -> Sequence[End]:
    """Most are killed as by a power cut, some are told to stop; at any moment, also while they start."""
    dice = random.Random(seed)
    signals = [signal.SIGKILL] * 4 + [signal.SIGTERM]
    return [End(dice.uniform(0.1, pause_s), dice.choice(WORKERS), dice.choice(signals)) for _ in range(count)]


def stormy(seed: int, count: int, pause_s: float) -> Sequence[End]:
    """A worker leaves in order and another joins, in turn: a rebalance, and before it is over the next."""
    dice = random.Random(seed)
    return [End(dice.uniform(0.5, 1.5) * pause_s, WORKERS[n % 2], signal.SIGTERM) for n in range(count)]


def frozen(seed: int, count: int) -> Sequence[End]:
    """A worker is frozen, and wakes when its partitions have long been another's; see `FROZEN_S`."""
    dice = random.Random(seed)
    return [End(dice.uniform(0.0, 0.3), WORKERS[n % 2], signal.SIGSTOP) for n in range(count)]


class Crew:
    """The workers that there should be; what became of those before is in their logs."""

    def __init__(self, site: Installation) -> None:
        self._site = site
        self.running: dict[str, Part] = {}

    def start(self, name: str) -> None:
        """Start a worker, and wait for nothing."""
        self.running[name] = self._site.worker(name)

    async def end(self, end: End) -> None:
        """End one as the schedule says, and start another in its place; one that was frozen goes on."""
        if end.by is signal.SIGSTOP:
            self.running[end.worker].process.send_signal(signal.SIGSTOP)
            return
        code = await asyncio.to_thread(self.running[end.worker].end, end.by)
        assert code in (0, -end.by), self.running[end.worker].said()[-2000:]
        self.start(end.worker)

    async def stop(self) -> None:
        """End all in order; one that has only just been started has nothing to put in order."""
        for name, part in self.running.items():
            code = await asyncio.to_thread(part.end)
            assert code in (0, -signal.SIGTERM), f"{name}: {part.said()[-2000:]}"

    def kill(self) -> None:
        """Leave nothing behind when a test has failed."""
        for part in self.running.values():
            part.process.kill()
            part.process.wait()


async def follow(schedule: Sequence[End], site: Installation, crew: Crew, lag: LagReader) -> int:
    """Send uploads and end workers; at how many ends something was unread."""
    interrupted = 0
    for number, end in enumerate(schedule):
        # Who is to be frozen in the middle of something must have enough to do.
        sent = CARS * (TURNS_BEFORE_FREEZING if end.by is signal.SIGSTOP else 1)
        await site.send(range(number * sent, (number + 1) * sent))
        await asyncio.sleep(end.after_s)
        interrupted += bool(await lag_of(lag, TELEMETRY_UPLOADS))
        await crew.end(end)
        if end.by is signal.SIGSTOP:
            await thaw_at_last(number, site, crew.running[end.worker], lag)
    return interrupted


async def thaw_at_last(number: int, site: Installation, worker: Part, lag: LagReader) -> None:
    """More comes of the same cars, the other worker takes over and handles it all; then the first goes on."""
    await site.send([CARS * (1_000 + number) + car for car in range(CARS)])
    await asyncio.sleep(FROZEN_S)
    await drained(lag)
    worker.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param(killed_at_random(1, 10, 4.0), id="ten-kills"),
        pytest.param(stormy(2, 4, 2.0), id="a-short-storm"),
        *(
            pytest.param(killed_at_random(100 + n, 50, 12.0), id=f"fifty-kills-{n}", marks=pytest.mark.long)
            for n in range(4)
        ),
        pytest.param(frozen(4, 6), id="six-frozen", marks=pytest.mark.long),
        pytest.param(stormy(3, 60, 3.0), id="a-long-storm", marks=pytest.mark.long),
    ],
)
async def test_whatever_becomes_of_workers_nothing_is_lost_and_nothing_doubled(
    tmp_path: Path, own_kafka_broker: str, own_postgres_cluster: Cluster, schedule: Sequence[End]
) -> None:
    url = await asyncio.to_thread(make_database, own_postgres_cluster, "ours", "template1")
    site = Installation(tmp_path, own_kafka_broker, url)
    await site.enrol(CARS)
    before = await asyncio.to_thread(make_database, own_postgres_cluster, "before", "ours")
    crew = Crew(site)
    try:
        async with lag_reader(site.broker_url) as lag:
            for name in WORKERS:
                crew.start(name)
            interrupted = await follow(schedule, site, crew, lag)
            await drained(lag)
            await crew.stop()
    finally:
        crew.kill()
    assert interrupted, "the control: ends came while there was something to lose"
    (tmp_path / "again").mkdir()
    assert_equal(await effects_of(site.broker_url, url), await undisturbed(site.broker_url, tmp_path / "again", before))


@pytest.mark.long  # it goes by the clock
async def test_work_goes_on_within_thirty_seconds_after_a_worker_is_killed(
    tmp_path: Path, own_kafka_broker: str, own_postgres_cluster: Cluster
) -> None:
    url = await asyncio.to_thread(make_database, own_postgres_cluster, "ours", "template1")
    site = Installation(tmp_path, own_kafka_broker, url)
    await site.enrol(CARS)
    crew = Crew(site)
    try:
        async with lag_reader(site.broker_url) as lag:
            for name in WORKERS:
                crew.start(name)
                await asyncio.to_thread(crew.running[name].wait_for, r"^pitcall worker is running$")
            await site.send(range(CARS))
            await drained(lag)
            await asyncio.to_thread(crew.running.pop("one").end, signal.SIGKILL)
            await site.send(range(CARS, 2 * CARS))
            assert await lag_of(lag, TELEMETRY_UPLOADS), "the control: some of it was the killed one's to do"
            # Nobody takes its place: the other one works off all of it.
            await drained(lag, within_s=RESUMES_WITHIN_S)
            await crew.stop()
    finally:
        crew.kill()
