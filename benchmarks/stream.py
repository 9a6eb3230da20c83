"""`make bench-stream`: ours and the peers, one after the other, each on a fresh Kafka on this machine.

All get the same made-up uploads, the same number of worker processes, models taught beforehand, and a topic that is
filled before they may begin. A peer's rate runs from then to its last prediction; ours until every effect is durable
and every offset committed, and its lost and doubled effects are counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.catalogue_file import load_catalogue
from benchmarks.bench_command import ROOT, bench
from pitcall.bench.crew import process_cpu_s
from pitcall.bench.load import UploadLoad
from pitcall.bench.options import BENCH_CATALOGUE
from pitcall.bench.sender import sender
from pitcall.bench.template import OFFSETS_MS, SAMPLES
from streams.lag import lag_reader
from streams.producer import NewRecord
from streams.topics import PREDICTIONS, TELEMETRY_UPLOADS, Topic, create_topics
from tests.servers import kafka_broker

ROOM = ROOT / ".cache" / "peers"
PYTHON = ROOM / "venv" / "bin" / "python"
LOCK = ROOT / "benchmarks" / "peers" / "requirements.lock"
SETTLE_S = 12.0
PATIENCE_S = 600.0
LOADS = {"json": ("5000", "10000"), "binary": ("10000", "20000")}
"""Live loads for ours: half of what is to be kept up with, and all of it."""
FAUST_SHARE = 8  # Faust gets an eighth of what Quix gets a sample at a time, or it would take all day


@dataclass(frozen=True)
class Contender:
    """A peer: the program that is its worker, and what it reads."""

    name: str
    module: str
    topic: str
    encoding: str
    uploads: int

    @property
    def messages(self) -> int:
        """How many messages it has to read, each giving one prediction message."""
        return self.uploads if self.topic == TELEMETRY_UPLOADS else self.uploads * SAMPLES


def main() -> None:
    """Run all, print the table, write figures and picture."""
    options = _options()
    prepare_peers()
    rows = []
    for encoding in options.encodings:
        rows.append(_ours(options, encoding))
        print(_line(rows[-1]), flush=True)
    if not options.only_ours:
        for contender in _contenders(options):
            rows.append(asyncio.run(_peer(contender, options)))
            print(_line(rows[-1]), flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    figures = options.out / "stream.json"
    figures.write_text(json.dumps({"rows": rows, "ratios": _ratios(rows)}, indent=1))
    print("\n".join(f"{name}: {ratio:.2f} x" for name, ratio in _ratios(rows).items()))
    subprocess.run([PYTHON, "-m", "benchmarks.draw", figures, options.out / "stream.svg"], cwd=ROOT, check=True)  # noqa: S603
    print(f"figures in {figures}, picture beside it")
    if any(row.get("lost") or row.get("doubled") for row in rows):
        sys.exit("ours lost or doubled something: the rates don't count")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-stream", description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--vehicles", type=int, default=40_000)
    parser.add_argument("--uploads", type=int, default=200_000, help="whole uploads, for ours (default 200,000)")
    parser.add_argument("--peer-uploads", type=int, default=80_000, help="of them, for Quix on the same (80,000)")
    parser.add_argument("--sample-uploads", type=int, default=4_000, help="uploads that Quix gets a sample at a time")
    parser.add_argument("--partitions", type=int, default=32)
    parser.add_argument("--live-s", type=float, default=10.0)
    parser.add_argument("--load", action="append", default=[], help="a live load for ours")
    parser.add_argument("--encodings", nargs="+", default=["json", "binary"])
    parser.add_argument("--only-ours", action="store_true")
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "bench")
    return parser.parse_args()


def _contenders(options: argparse.Namespace) -> Iterator[Contender]:
    for encoding in options.encodings:
        module = "benchmarks.peers.quix_uploads"
        yield Contender("Quix, uploads", module, TELEMETRY_UPLOADS, encoding, options.peer_uploads)
    few = max(1, options.sample_uploads // FAUST_SHARE)
    yield Contender("Quix, samples", "benchmarks.peers.quix_samples", "samples", "json", options.sample_uploads)
    yield Contender("Faust, samples", "benchmarks.peers.faust_samples", "samples", "json", few)


def prepare_peers() -> None:
    """Make the peers' environment, once for each version of its lock."""
    stamp = ROOM / "lock"
    if stamp.exists() and stamp.read_text() == LOCK.read_text():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", ROOM / "venv"], check=True)  # noqa: S603
    install = [
        PYTHON,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--quiet",
        "install",
        "--no-deps",
        "--require-hashes",
    ]
    subprocess.run([*install, "-r", LOCK], check=True)  # noqa: S603
    stamp.write_text(LOCK.read_text())


def bench_ours(arguments: list[str], partitions: int) -> dict[str, Any]:
    """The figures of `pitcall bench stream` with these arguments, on a fresh Kafka."""
    server, address = kafka_broker.start(kafka_broker.LARGE)
    settings = {
        "PITCALL_SNAPSHOT_KEY": "a key for benches, which keep no secret",
        "PITCALL_KAFKA_PARTITIONS": str(partitions),
    }
    with server:
        broker = ["--broker", f"pitcall-kafka://{address}", "--broker-pid", str(server.pid)]
        return bench(["stream", *broker, *arguments], settings)


def _ours(options: argparse.Namespace, encoding: str) -> dict[str, Any]:
    arguments = ["--workers", str(options.workers), "--vehicles", str(options.vehicles)]
    arguments += ["--uploads", str(options.uploads), "--encoding", encoding, "--live-s", str(options.live_s)]
    arguments += [part for load in options.load or LOADS[encoding] for part in ("--load", load)]
    return {"name": "Pitcall, uploads"} | bench_ours(arguments, options.partitions)


async def _peer(contender: Contender, options: argparse.Namespace) -> dict[str, Any]:
    server, address = kafka_broker.start(kafka_broker.LARGE)
    url = f"pitcall-kafka://{address}"
    with server, ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pitcall-peer-")))
        topics = [Topic(contender.topic), Topic(PREDICTIONS)]
        await create_topics(url, topics=topics, partitions=options.partitions)
        catalogue = load_catalogue(BENCH_CATALOGUE)
        load = UploadLoad(catalogue, options.vehicles, contender.encoding, int(time.time() * 1000) - 30 * 86_400_000)
        gate = folder / "gate"
        workers = [
            stack.enter_context(_worker(contender, address, load, folder / f"worker-{number}", gate, options))
            for number in range(options.workers)
        ]
        try:
            await asyncio.sleep(SETTLE_S)
            async with sender(url, options.partitions) as to_log:
                for start in range(0, contender.uploads, 500):
                    records = _records(contender, load, start, min(500, contender.uploads - start))
                    await to_log.send(to_log.prepare(records))
            cpu_s = sum(process_cpu_s(worker.pid) for worker in workers)
            broker_s, begin = process_cpu_s(server.pid), time.perf_counter()
            gate.touch()
            await _all_predicted(url, contender.messages, workers)
            wall_s = time.perf_counter() - begin
            cpu_s = sum(process_cpu_s(worker.pid) for worker in workers) - cpu_s
            broker_s = process_cpu_s(server.pid) - broker_s
        finally:
            for worker in workers:
                worker.kill()
    return {
        "name": contender.name,
        "encoding": contender.encoding,
        "uploads": contender.uploads,
        "uploads_per_s": contender.uploads / wall_s,
        "samples_per_s": contender.uploads * SAMPLES / wall_s,
        "worker_cpu_us_per_upload": cpu_s / contender.uploads * 1e6,
        "broker_cpu_us_per_upload": broker_s / contender.uploads * 1e6,
    }


def _worker(
    contender: Contender, address: str, load: UploadLoad, folder: Path, gate: Path, options: argparse.Namespace
) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "BENCH_SERVERS": address,
        "BENCH_GATE": str(gate),
        "BENCH_DIR": str(folder),
        "BENCH_SIGNALS": json.dumps(load.signals),
        "BENCH_ITEMS": str(len(load.catalogue.items)),
        "BENCH_PARTITIONS": str(options.partitions),
        "OPENBLAS_NUM_THREADS": "1",
    }
    return subprocess.Popen([PYTHON, "-m", contender.module], cwd=ROOT, env=environment)  # noqa: S603


def _records(contender: Contender, load: UploadLoad, first: int, count: int) -> list[NewRecord]:
    records = list(load.records(first, count, int(time.time() * 1000)))
    if contender.topic == TELEMETRY_UPLOADS:
        return records
    return [sample for record in records for sample in _samples(contender.topic, record)]


def _samples(topic: str, record: NewRecord) -> Iterator[NewRecord]:
    """The upload, a message per sample."""
    upload = json.loads(record.value or b"")
    for n, offset_ms in enumerate(OFFSETS_MS):
        values = {path: column[n] for path, column in upload["signals"].items()}
        value = json.dumps({"time_ms": upload["start_ms"] + offset_ms, "signals": values}).encode()
        yield NewRecord(topic, record.key, value, record.timestamp_ms)


async def _all_predicted(url: str, messages: int, workers: list[subprocess.Popen[bytes]]) -> None:
    async with asyncio.timeout(PATIENCE_S), lag_reader(url) as reader:
        while (await reader.ends((PREDICTIONS,)))[PREDICTIONS] < messages:
            if any(worker.poll() is not None for worker in workers):
                sys.exit("a peer's worker has ended; what it said is above")
            await asyncio.sleep(0.05)


def _ratios(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Ours against each peer in the same encoding, by uploads; by samples where a peer gets one a message."""
    ours = {row["encoding"]: row["samples_per_s"] for row in rows if row["name"].startswith("Pitcall")}
    return {
        f"ours ({encoding}) / {row['name']} ({row['encoding']})": ours[encoding] / row["samples_per_s"]
        for row in rows
        for encoding in ours
        if not row["name"].startswith("Pitcall") and (encoding == row["encoding"] or row["name"].endswith("samples"))
    }


def _line(row: dict[str, Any]) -> str:
    rate = f"{row['uploads_per_s']:10,.0f} uploads/s {row['samples_per_s']:12,.0f} samples/s"
    cpu = f"CPU per upload {row['worker_cpu_us_per_upload'] or 0:8,.1f} us + {row['broker_cpu_us_per_upload'] or 0:6,.1f} us in Kafka"  # fmt: skip # noqa: E501
    live = "".join(f"  live {x['offered_per_s']:,.0f}/s p99 {x['p99_ms']} ms" for x in row.get("live", []))
    counts = f"  lost {row['lost']} doubled {row['doubled']}" if "lost" in row else ""
    return f"{row['name']:<18} {row['encoding']:<7} {rate}   {cpu}{live}{counts}"


if __name__ == "__main__":
    main()
