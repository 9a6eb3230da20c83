"""`pitcall bench bookings`: from the grant to the completed visit, each step a use case in its own transaction.

Webhooks are signed and go by HTTP to a server of the dealers in a process of its own, while a share of the dealers
hangs, redirects, or answers without end. All owners book first, so that all appointments stand when it is counted
whether any two of them overlap; then they come.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from adapters.records.records import Records, open_records
from adapters.webhook import SignedWebhooks
from domain.errors import Conflict, PitcallError
from pitcall.bench.booking_clerk import Clerk, Counted
from pitcall.bench.booking_town import Garage, bench_office, connect_garages, open_garages, settle_owners
from pitcall.bench.dealer_server import BAD, HEALTHY, REPORT
from streams.producer import record_producer
from streams.topics import create_topics
from streams.writers import LogTopicWriter
from workflow.deliveries import Deliveries
from workflow.dispatch import BLOCK, dispatch_topics
from workflow.ports import Office

IDLE_S = 0.1
"""As long as the product's outbox waits when less than a block was due."""
STUCK_S = 60.0
"""What has not arrived when nothing has for so long is lost."""
REPORT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class BookingsBench:
    """What to run. `database_url` empty: SQLite in a temporary folder. `bad` is the share of dealers that misbehave."""

    catalogue: Path
    database_url: str = ""
    bookings: int = 20_000
    dealers: int = 600
    bad: float = 0.05
    clerks: int = 2


async def bench_bookings(options: BookingsBench) -> dict[str, Any]:
    """Run the bench; the database has to be one of its own. Its figures are those of design note 8, and more."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = options.database_url or f"sqlite+aiosqlite:///{folder / 'records.sqlite'}"
        records = open_records(url)
        stack.push_async_callback(records.close)
        await records.migrate()
        office = bench_office(records, options.catalogue)
        async with office.unit_of_work() as uow:
            if await uow.vehicles.count():
                raise Conflict("this database has cars already: give the bench one of its own")
        garages, server = await _open_town(stack, office, options)
        counted = Counted.on(records)
        desk = await _open_desk(stack, records, office, garages, options, url)
        await stack.enter_async_context(_outbox(office, folder))
        return await _measure(desk, counted, office, server, options, await records.ping())


async def _open_town(
    stack: AsyncExitStack, office: Office, options: BookingsBench
) -> tuple[list[Garage], httpx.AsyncClient]:
    """Dealers, owners, and the dealers' server."""
    bad = round(options.dealers * options.bad)
    paths = [f"/{BAD[n % len(BAD)] if n < bad else HEALTHY}/{n}" for n in range(options.dealers)]
    garages, dealers = await open_garages(office, paths)
    await settle_owners(office, options.bookings)
    process = await _start("dealer_server")
    stack.push_async_callback(_end, process)
    secrets = {garage.path: dealer.webhook_secret for garage, dealer in zip(garages, dealers, strict=True)}
    port = int(await _ask(process, json.dumps(secrets)))
    await connect_garages(office, garages, dealers, port)
    server = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60.0)
    return garages, await stack.enter_async_context(server)


class _Desk:
    """The clerks, as if they were one. `run` has them do a phase, and gives what each did until then."""

    def __init__(self, run: Callable[[str], Awaitable[list[dict[str, Any]]]]) -> None:
        self.run = run


async def _open_desk(
    stack: AsyncExitStack,
    records: Records,
    office: Office,
    garages: Sequence[Garage],
    options: BookingsBench,
    url: str,
) -> _Desk:
    if records.engine.dialect.name == "sqlite":
        # One writer at a time: more processes would only wait for each other.
        clerk = Clerk(records, office, garages)

        async def alone(phase: str) -> list[dict[str, Any]]:
            await (clerk.confirm_all(range(options.bookings)) if phase == "confirm" else clerk.complete_all())
            return [clerk.told() | {"transactions": 0, "cpu_s": 0.0}]

        return _Desk(alone)
    clerks = [await _start("booking_clerk") for _ in range(options.clerks)]
    for number, process in enumerate(clerks):
        stack.push_async_callback(_end, process)
        work = {
            "database_url": url,
            "catalogue": str(options.catalogue),
            "garages": [astuple(garage) for garage in garages],
            "numbers": (number, options.bookings, options.clerks),
        }
        await _ask(process, json.dumps(work))

    async def together(phase: str) -> list[dict[str, Any]]:
        return [json.loads(told) for told in await asyncio.gather(*(_ask(process, phase) for process in clerks))]

    return _Desk(together)


async def _measure(
    desk: _Desk, counted: Counted, office: Office, server: httpx.AsyncClient, options: BookingsBench, database: str
) -> dict[str, Any]:
    before, cpu_s, begin = counted.commits, time.process_time(), time.perf_counter()
    await desk.run("confirm")
    async with office.unit_of_work() as uow:
        double_booked = await uow.holds.overlaps()
    done = await desk.run("complete")
    steps_s = time.perf_counter() - begin
    due = {delivery for clerk in done for path, delivery in clerk["deliveries"] if path.startswith(f"/{HEALTHY}/")}
    report, drained = await _drained(server, due)
    wall_s = drained - begin
    cpu_s = time.process_time() - cpu_s + sum(clerk["cpu_s"] for clerk in done)
    transactions = counted.commits - before + sum(clerk["transactions"] for clerk in done)
    arrived = due & report["waits_ms"].keys()
    completed = sum(clerk["completed"] for clerk in done)
    took: dict[str, list[float]] = {}
    for clerk in done:
        for step, times in clerk["took_ms"].items():
            took.setdefault(step, []).extend(times)
    return {
        "database": database,
        "bookings": options.bookings,
        "dealers": options.dealers,
        "wall_s": round(wall_s, 2),
        "steps_s": round(steps_s, 2),
        "per_s": round(completed / wall_s, 1),
        "p99_ms": _p99([ms for times in took.values() for ms in times]),
        "double_booked": double_booked,
        "lost": options.bookings - completed + len(due - arrived),
        "completed": completed,
        "refused_times": sum(clerk["refused"] for clerk in done),
        "transactions_per_booking": round(transactions / options.bookings, 2),
        "cpu_ms_per_booking": round(cpu_s / options.bookings * 1e3, 1),
        "deliveries": len(arrived),
        "deliveries_per_booking": round(len(report["waits_ms"]) / options.bookings, 3),
        "healthy_wait_p99_ms": _p99([report["waits_ms"][delivery] for delivery in arrived]),
        "repeated": report["repeated"],
        "forged": report["forged"],
        "redirects_followed": report["followed"],
        "bad_dealers": round(options.dealers * options.bad),
        "step_p50_ms": {step: round(float(np.median(times)), 1) for step, times in took.items()},
        "load_average": round(os.getloadavg()[0], 1),
        "failures": [failure for clerk in done for failure in clerk["failures"]],
    }


def _p99(values: Sequence[float]) -> float | None:
    return round(float(np.percentile(values, 99)), 1) if values else None


async def _drained(server: httpx.AsyncClient, due: set[str]) -> tuple[dict[str, Any], float]:
    """What the dealers' server got, and when the last of what was due was seen there."""
    count, since = -1, time.perf_counter()
    while True:
        seen = time.perf_counter()
        report: dict[str, Any] = (await server.get(REPORT)).json()
        if due <= report["waits_ms"].keys():
            return report, seen
        if len(report["waits_ms"]) > count:
            count, since = len(report["waits_ms"]), seen
        elif seen - since > STUCK_S:
            return report, seen
        await asyncio.sleep(0.5)


@asynccontextmanager
async def _outbox(office: Office, folder: Path) -> AsyncIterator[None]:
    """The product's outbox: deliveries by HTTP, events onto the embedded log."""
    log = f"pitcall-log://{folder / 'log.sqlite'}"
    await create_topics(log)
    async with record_producer(log) as producer:
        topics = LogTopicWriter(producer, office.wall)
        deliveries = Deliveries(office, SignedWebhooks(allow_private=True))
        loops = [
            asyncio.create_task(_forever(lambda: dispatch_topics(office, topics))),
            asyncio.create_task(_forever(deliveries.run)),
        ]
        try:
            yield
        finally:
            for loop in loops:
                loop.cancel()
            ends = await asyncio.gather(*loops, return_exceptions=True)
            await deliveries.close()
    for end in ends:
        if isinstance(end, Exception):
            raise end


async def _forever(once: Callable[[], Awaitable[int | None]]) -> None:
    while True:
        try:
            moved = await once()
        except PitcallError:
            moved = 0
        if (moved or 0) < BLOCK:
            await asyncio.sleep(IDLE_S)


async def _start(module: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"pitcall.bench.{module}", stdin=PIPE, stdout=PIPE, limit=REPORT_BYTES
    )


async def _ask(process: Process, line: str) -> str:
    """Write a line to a process, and read one; PitcallError when it has ended instead."""
    assert process.stdin is not None and process.stdout is not None  # noqa: S101 - both are pipes
    process.stdin.write(line.encode() + b"\n")
    await process.stdin.drain()
    answer = await process.stdout.readline()
    if not answer:
        raise PitcallError("a process of the bench has ended before its work was done; see the log above")
    return answer.decode()


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    await process.wait()
