"""`pitcall bench edge`: batches of a maker's cloud over HTTP, durable in the log before the answer.

The process measured is `pitcall api`, as anybody runs it: with the embedded log it is the stream too, and the figure is
end to end, until every effect of an upload is durable; on Kafka it is the edge alone.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec

from adapters.catalogue_file import load_catalogue
from adapters.clocks import WallClock
from adapters.records.records import Records, open_records
from domain.catalogue import Catalogue
from domain.consent import ConsentGrant, Purpose
from domain.errors import PitcallError
from domain.people import Customer, Ownership, Vehicle
from domain.telemetry import UploadId
from pitcall.bench.crew import process_cpu_s
from pitcall.bench.load import ATTRIBUTES, BINARY, UploadLoad
from pitcall.bench.reading import read_topic
from streams.topics import EMBEDDED_PARTITIONS, TELEMETRY_UPLOADS, is_embedded
from workflow.access import hash_token
from workflow.signal_names import SignalNames
from workflow.upload_reading import Arrival, read_uploads

DAY_MS = 86_400_000
CARS_AT_A_TIME = 1_000
BATCHES_UNDER_WAY = 4
START_S = 120.0
LOOK_S = 0.05  # into another process, which has no event for us
TOKEN = "an enrolment token for benches"  # noqa: S105  # of a system that lives for one bench
OWNER = "bench-owner"
_KINDS = {"json": "application/x-ndjson", "binary": "application/vnd.pitcall.uploads+msgpack"}


@dataclass(frozen=True)
class EdgeBench:
    """What to run. `broker_url` empty: the embedded log; `database_url` empty: SQLite."""

    catalogue: Path
    broker_url: str = ""
    database_url: str = ""
    vehicles: int = 10_000
    uploads: int = 50_000
    encoding: str = BINARY
    batch: int = 500
    live_s: float = 10.0
    partitions: int = 32
    broker_pid: int | None = None


class _Batch(NamedTuple):
    numbers: range
    content: bytes


@dataclass
class _Edge:
    """The process under load, and what was sent to it."""

    client: httpx.AsyncClient
    monitor: str
    pid: int
    load: UploadLoad
    options: EdgeBench
    sent: int = 0
    acknowledged: set[int] = field(default_factory=set)
    sent_again: set[int] = field(default_factory=set)

    def prepare(self, uploads: int, size: int) -> list[_Batch]:
        """The next uploads in batches of this size: made beforehand, for the sender is on the same machine."""
        batches = []
        for end in range(size, uploads + size, size):
            numbers = range(self.sent, self.sent + size - max(0, end - uploads))
            bodies = [self.load.body(n) for n in numbers]
            content = msgspec.msgpack.encode(bodies) if self.load.encoding == BINARY else b"\n".join(bodies)
            batches.append(_Batch(numbers, content))
            self.sent = numbers.stop
        return batches

    async def post(self, batch: _Batch) -> None:
        """Send a batch until it is answered."""
        headers = {"Content-Type": _KINDS[self.load.encoding]}
        while True:
            answer = await self.client.post("/v1/telemetry/batch", content=batch.content, headers=headers)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            # As any sender does; what was not acknowledged may be in the log all the same.
            self.sent_again.update(batch.numbers)
            await asyncio.sleep(float(answer.headers["Retry-After"]))
        if answer.status_code != httpx.codes.ACCEPTED:
            raise PitcallError(f"the edge answered {answer.status_code}: {answer.text[:200]}")
        results = msgspec.json.decode(answer.content)["results"]
        self.acknowledged.update(n for n, result in zip(batch.numbers, results, strict=True) if result["accepted"])

    async def send_all(self, batches: Sequence[_Batch]) -> None:
        """Send these as fast as they are taken."""
        waiting = iter(batches)

        async def one_sender() -> None:
            for batch in waiting:
                await self.post(batch)

        await asyncio.gather(*(one_sender() for _ in range(BATCHES_UNDER_WAY)))

    async def send_live(self, batches: Sequence[_Batch], per_s: float) -> list[float]:
        """Send batches on a steady beat, whatever the answers do; how long after its moment each was answered (s)."""
        begin, posts = time.perf_counter(), list[asyncio.Task[float]]()
        for number, batch in enumerate(batches):
            due = begin + number * len(batch.numbers) / per_s
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            posts.append(asyncio.create_task(self._post_at(due, batch)))
        return await asyncio.gather(*posts)

    async def _post_at(self, due: float, batch: _Batch) -> float:
        await self.post(batch)
        return time.perf_counter() - due

    async def is_settled(self) -> bool:
        """Whether all that was acknowledged has left all its effects, as the process itself counts them."""
        text = (await self.client.get(f"{self.monitor}/metrics")).text
        uploads = _sum_of(r'records_handled_total\{agent="vehicles",topic="telemetry-uploads"\}', text)
        return uploads >= len(self.acknowledged) and not _sum_of(r"log_lag_records\{[^}]*\}|outbox_waiting", text)

    async def settled(self) -> None:
        """Wait for the effects of all that was acknowledged, where this process is the stream too."""
        while is_embedded_bench(self.options) and not await self.is_settled():  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)


def _sum_of(pattern: str, text: str) -> float:
    """The sum of the samples whose name, after ours, and labels match."""
    return sum(map(float, re.findall(rf"^pitcall_(?:{pattern}) (\S+)$", text, re.MULTILINE)))


def is_embedded_bench(options: EdgeBench) -> bool:
    """Whether the log is the process's own."""
    return not options.broker_url or is_embedded(options.broker_url)


async def bench_edge(options: EdgeBench) -> dict[str, Any]:
    """Run the bench and return its figures."""
    with tempfile.TemporaryDirectory(prefix="pitcall-bench-") as room:
        folder = Path(room)
        catalogue = load_catalogue(options.catalogue)
        load = UploadLoad(catalogue, options.vehicles, options.encoding, int(time.time() * 1000) - 30 * DAY_MS)
        await _enrol(options, folder, load)
        async with _running(options, folder, load) as edge:
            # Each car's first upload makes an assessment of every item: that is not what a fleet does all day.
            await edge.send_all(edge.prepare(options.vehicles, options.batch))
            await edge.settled()
            figures = await _measure(edge)
        found = await _audit(options, folder, catalogue, edge)
    return {
        "target": "embedded, end to end" if is_embedded_bench(options) else "Kafka, the edge",
        "encoding": options.encoding,
        "processes": 1,
        "vehicles": options.vehicles,
        "uploads": edge.sent,
        "batch": options.batch,
        **figures,
        **found,
    }


async def _measure(edge: _Edge) -> dict[str, Any]:
    options = edge.options
    batches = edge.prepare(options.uploads, options.batch)
    cpu_s, broker_s = process_cpu_s(edge.pid), process_cpu_s(options.broker_pid) if options.broker_pid else 0.0
    begin = time.perf_counter()
    await edge.send_all(batches)
    answered_s = time.perf_counter() - begin
    await edge.settled()
    wall_s = time.perf_counter() - begin
    cpu_s = process_cpu_s(edge.pid) - cpu_s
    broker_s = process_cpu_s(options.broker_pid) - broker_s if options.broker_pid else 0.0
    rate = options.uploads / wall_s
    size = max(1, options.batch // 5)
    live_uploads = max(1, int(options.live_s * rate / 2 / size)) * size
    live = sorted(await edge.send_live(edge.prepare(live_uploads, size), rate / 2))
    await edge.settled()
    return {
        "uploads_per_s": round(rate, 1),
        "answered_per_s": round(options.uploads / answered_s, 1),
        "p50_ms": _quantile_ms(live, 0.5),
        "p99_ms": _quantile_ms(live, 0.99),
        "latency_from": f"batches of {size} at {rate / 2:,.0f} uploads/s",
        "api_cpu_us_per_upload": round(cpu_s / options.uploads * 1e6, 1),
        "broker_cpu_us_per_upload": round(broker_s / options.uploads * 1e6, 1) if options.broker_pid else None,
    }


def _quantile_ms(ordered: Sequence[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 1)


async def _enrol(options: EdgeBench, folder: Path, load: UploadLoad) -> None:
    """Write the cars, their owner and the consents, through the repositories."""
    records = open_records(options.database_url or f"sqlite+aiosqlite:///{folder / 'records.sqlite'}")
    await records.migrate()
    now = WallClock().now_ms()
    try:
        async with records.unit_of_work() as uow:
            await uow.vehicles.add_enrolment_token(hash_token(TOKEN), now)
            await uow.people.add_customer(Customer(OWNER, "Olla Testa", "olla@owner.example", "en", "UTC"))
        for cars in _pieces(options.vehicles):
            await _enrol_some(records, load, cars, now)
    finally:
        await records.close()


async def _enrol_some(records: Records, load: UploadLoad, cars: range, now: int) -> None:
    async with records.unit_of_work() as uow:
        for car in cars:
            vehicle_id = load.key(car).decode()
            await uow.vehicles.add(Vehicle(vehicle_id, "Bauer", "Kompakt", 2020, ATTRIBUTES))
            await uow.vehicles.add_enrolment(hash_token(TOKEN), vehicle_id)
            await uow.vehicles.own(Ownership(vehicle_id, OWNER, now))
            grant = ConsentGrant(f"grant-{vehicle_id}", 1, OWNER, vehicle_id, Purpose.PREDICTION, None, (), now, None)
            await uow.consents.add(grant)


def _pieces(count: int) -> Iterator[range]:
    return (range(start, min(count, start + CARS_AT_A_TIME)) for start in range(0, count, CARS_AT_A_TIME))


@asynccontextmanager
async def _running(options: EdgeBench, folder: Path, load: UploadLoad) -> AsyncIterator[_Edge]:
    """The API as a process of its own, listening."""
    monitor_port = _free_port()
    given = {
        "PITCALL_DATA_DIR": str(folder),
        "PITCALL_CATALOGUE": str(options.catalogue),
        "PITCALL_BROKER_URL": options.broker_url,
        "PITCALL_DATABASE_URL": options.database_url,
        "PITCALL_KAFKA_PARTITIONS": str(options.partitions),
        "PITCALL_HTTP_PORT": "0",
        "PITCALL_METRICS_PORT": str(monitor_port),
        "PITCALL_SNAPSHOT_KEY": "a key for benches, which keep no secret",
        "OPENBLAS_NUM_THREADS": "1",
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PITCALL_")} | given
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "import sys; from pitcall.command_line import main; sys.exit(main())", "api"),
        env=environment,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        url = await asyncio.wait_for(_url_of(process), START_S)
        drain = asyncio.create_task(_pass_on(process))
        async with httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=START_S, trust_env=False
        ) as client:
            yield _Edge(client, f"http://127.0.0.1:{monitor_port}", process.pid, load, options)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
    await drain


async def _url_of(process: asyncio.subprocess.Process) -> str:
    while process.stderr is not None and (line := await process.stderr.readline()):
        if found := re.search(rb"listens on (\S+)", line):
            return found[1].decode()
        sys.stderr.write(line.decode())
    raise PitcallError("the API of the bench did not start; what it said is above")


async def _pass_on(process: asyncio.subprocess.Process) -> None:
    while process.stderr is not None and (line := await process.stderr.readline()):
        sys.stderr.write(line.decode())


def _free_port() -> int:

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def _audit(options: EdgeBench, folder: Path, catalogue: Catalogue, edge: _Edge) -> dict[str, int]:
    """Compare what the log has with what was acknowledged, upload by upload; what was sent again may be there again."""
    url = options.broker_url or f"pitcall-log://{folder / 'log.sqlite'}"
    names = SignalNames(catalogue)
    partitions = EMBEDDED_PARTITIONS if is_embedded_bench(options) else options.partitions
    seen: dict[UploadId, int] = {}
    async for records in read_topic(url, TELEMETRY_UPLOADS, partitions):
        arrivals = [Arrival((record.key or b"").decode(), record.value or b"", 0) for record in records]
        for upload_id in read_uploads(arrivals, names).block.ids():
            seen[upload_id] = seen.get(upload_id, 0) + 1
    wanted = {edge.load.upload_id(n) for n in edge.acknowledged}
    again = {edge.load.upload_id(n) for n in edge.sent_again}
    return {
        "acknowledged": len(wanted),
        "sent_again": len(again),
        "lost": len(wanted - seen.keys()),
        "doubled": sum(count - 1 for upload_id, count in seen.items() if upload_id not in again),
    }
