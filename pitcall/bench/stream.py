"""`pitcall bench stream`: the peak rate from a filled topic, latency from a live sender, and whether all arrived."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.catalogue_file import load_catalogue
from domain.errors import Conflict, InvalidInput
from pitcall.bench.audit import audit
from pitcall.bench.crew import Crew, EmbeddedCrew, ProcessCrew, process_cpu_s
from pitcall.bench.load import UploadLoad
from pitcall.bench.reading import LatencySample
from pitcall.bench.sender import Sender, sender
from pitcall.bench.template import SAMPLES
from streams.lag import LagReader, lag_reader
from streams.topics import EMBEDDED_PARTITIONS, PREDICTIONS, TELEMETRY_UPLOADS, create_topics, is_embedded

DAY_MS = 86_400_000
DRAIN_LOOK_S = 0.1  # a look at the lag is work for the broker too


@dataclass(frozen=True)
class StreamBench:
    """What to run. `broker_url` empty: the embedded log. `loads_per_s` empty: one live load, at half the peak.

    `store`: memory or disk; empty: what a worker does by default. `standbys`: see `create_app`. `warm_up`: so many
    uploads come before those that are measured. `broker_pid` names the broker's process if it is on this machine, so
    that its CPU time can be told too.
    """

    catalogue: Path
    broker_url: str = ""
    workers: int = 1
    vehicles: int = 40_000
    uploads: int = 40_000
    encoding: str = "json"
    poison: float = 0.0
    live_s: float = 10.0
    loads_per_s: tuple[float, ...] = ()
    partitions: int = 32
    broker_pid: int | None = None
    store: str = ""
    standbys: int = 0
    warm_up: int = 0

    @property
    def kept_in(self) -> str:
        """Where the workers keep states: memory or disk."""
        return self.store or ("disk" if self.is_on_kafka else "memory")

    @property
    def is_on_kafka(self) -> bool:
        """Whether the log is a Kafka."""
        return bool(self.broker_url) and not is_embedded(self.broker_url)


@dataclass
class _Bench:
    load: UploadLoad
    sender: Sender
    lag: LagReader
    crew: Crew
    broker_url: str
    broker_pid: int | None
    sent: int = 0

    async def drained(self) -> None:
        """Return when every upload's effects are durable and its offset is committed."""
        while any((await self.lag.lag((TELEMETRY_UPLOADS,))).values()):
            self.crew.check()
            await asyncio.sleep(DRAIN_LOOK_S)

    async def warm_up(self, uploads: int) -> None:
        """Have uploads worked off that nobody measures."""
        self.crew.go()
        await self.sender.fill(self.load, self.sent, uploads)
        self.sent += uploads
        await self.drained()
        self.crew.hold()

    async def peak(self, uploads: int) -> dict[str, Any]:
        """Fill the topic, then let the workers loose."""
        await self.sender.fill(self.load, self.sent, uploads)
        self.sent += uploads
        cpu_s, broker_s = self.crew.cpu_s(), self._broker_cpu_s()
        begin = time.perf_counter()
        self.crew.go()
        await self.drained()
        wall_s = time.perf_counter() - begin
        return {"rate": uploads / wall_s, "cost": self._cost(uploads, cpu_s, broker_s)}

    async def live(self, per_s: float, for_s: float) -> dict[str, Any]:
        """Send at a rate, and see how long a prediction takes and whether the workers keep up."""
        async with LatencySample(self.broker_url, PREDICTIONS) as sample:
            cpu_s, broker_s = self.crew.cpu_s(), self._broker_cpu_s()
            sent = await self.sender.send_live(self.load, self.sent, per_s, for_s)
            self.sent += sent
            begin = time.perf_counter()
            await self.drained()
            behind_s = time.perf_counter() - begin
            cost = self._cost(sent, cpu_s, broker_s)
            await asyncio.sleep(0.2)  # the last predictions are on their way to the reader
        return {
            "offered_per_s": round(per_s, 1),
            "p50_ms": sample.quantile_ms(0.5),
            "p99_ms": sample.quantile_ms(0.99),
            "sample": len(sample.latencies_ms),
            "kept_up": behind_s < 1.0,
            "behind_s": round(behind_s, 2),
            **cost,
        }

    def _cost(self, uploads: int, cpu_s: float, broker_s: float) -> dict[str, Any]:
        """CPU time per upload since the workers and the broker had used so much, in microseconds."""
        worker_us = (self.crew.cpu_s() - cpu_s) / uploads * 1e6
        broker_us = (self._broker_cpu_s() - broker_s) / uploads * 1e6
        return {
            "worker_cpu_us_per_upload": round(worker_us, 1),
            "broker_cpu_us_per_upload": round(broker_us, 1) if self.broker_pid else None,
        }

    def _broker_cpu_s(self) -> float:
        return process_cpu_s(self.broker_pid) if self.broker_pid else 0.0


async def bench_stream(options: StreamBench) -> dict[str, Any]:
    """Run the bench and return its figures; raises Conflict on a broker that already has uploads."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pitcall-bench-")))
        broker_url = options.broker_url or f"pitcall-log://{folder}/log.sqlite"
        is_local = is_embedded(broker_url)
        if is_local and options.workers > 1:
            raise InvalidInput("the embedded log has one worker", field="workers", fix="name a Kafka with --broker")
        partitions = EMBEDDED_PARTITIONS if is_local else options.partitions
        await create_topics(broker_url, partitions=partitions)
        reader = await stack.enter_async_context(lag_reader(broker_url))
        if (await reader.ends((TELEMETRY_UPLOADS,)))[TELEMETRY_UPLOADS]:
            raise Conflict("this log has uploads already: a bench takes one of its own, and leaves made-up cars in it")
        catalogue = load_catalogue(options.catalogue)
        first_ms = int(time.time() * 1000) - 30 * DAY_MS
        load = UploadLoad(catalogue, options.vehicles, options.encoding, first_ms, options.poison)
        crew: Crew = (
            EmbeddedCrew(broker_url, folder, options.catalogue, is_on_disk=options.kept_in == "disk")
            if is_local
            else ProcessCrew(
                (broker_url, str(options.catalogue), str(partitions), options.kept_in, str(options.standbys)),
                folder,
                options.workers,
            )
        )
        to_log = await stack.enter_async_context(sender(broker_url, partitions))
        await stack.enter_async_context(crew)
        bench = _Bench(load, to_log, reader, crew, broker_url, options.broker_pid)
        if options.warm_up:
            await bench.warm_up(options.warm_up)
        peak = await bench.peak(options.uploads)
        lives = [await bench.live(per_s, options.live_s) for per_s in options.loads_per_s or (peak["rate"] / 2,)]
        rss_mb = crew.rss_mb()
        found = await audit(broker_url, load, bench.sent, partitions)
    return _figures(options, load, peak, lives, bench.sent) | {"rss_mb": rss_mb} | vars(found)


def _figures(
    options: StreamBench, load: UploadLoad, peak: Mapping[str, Any], lives: list[dict[str, Any]], sent: int
) -> dict[str, Any]:
    return {
        "broker": "Kafka" if options.is_on_kafka else "embedded",
        "store": options.kept_in,
        "standbys": options.standbys,
        "encoding": options.encoding,
        "workers": options.workers,
        "vehicles": options.vehicles,
        "uploads": sent,
        "uploads_per_s": round(peak["rate"], 1),
        "samples_per_s": round(peak["rate"] * SAMPLES),
        "items": len(load.catalogue.items),
        "signals": len(load.signals),
        "p50_ms": lives[0]["p50_ms"],
        "p99_ms": lives[0]["p99_ms"],
        "rate_from": f"a topic filled with {options.uploads} uploads",
        "latency_from": f"a live sender of {lives[0]['offered_per_s']} uploads/s, at the predictions of one partition",
        **peak["cost"],
        "live": lives,
    }
