"""`make bench-edge`: the edge on a real Kafka with a real PostgreSQL, and the embedded system end to end."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.bench_command import ROOT, bench
from tests.servers import kafka_broker, postgres

OUT = ROOT / "var" / "bench"


def main() -> None:
    """Run all, print a line each, and keep the figures in var/bench/edge.json; 1 when anything was lost or doubled."""
    parser = argparse.ArgumentParser(prog="make bench-edge", description=__doc__)
    parser.add_argument("--vehicles", type=int, default=10_000, help="distinct cars (default 10,000)")
    parser.add_argument("--uploads", type=int, default=50_000, help="uploads of each peak (default 50,000)")
    options = parser.parse_args()
    rows = []
    for encoding in ("binary", "json"):
        rows.append(_on_kafka(options, encoding))
        _say(rows[-1])
        rows.append(_run(options, encoding, []))
        _say(rows[-1])
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "edge.json").write_text(json.dumps(rows, indent=1))
    sys.exit(any(row["lost"] or row["doubled"] for row in rows))


def _on_kafka(options: argparse.Namespace, encoding: str) -> dict[str, Any]:
    server, address = kafka_broker.start(kafka_broker.LARGE)
    database = postgres.start()
    with server, database.server, database.fresh_database() as url:
        broker = ["--broker", f"pitcall-kafka://{address}", "--broker-pid", str(server.pid), "--database", url]
        return _run(options, encoding, broker)


def _run(options: argparse.Namespace, encoding: str, more: Sequence[str]) -> dict[str, Any]:
    sizes = ["--vehicles", str(options.vehicles), "--uploads", str(options.uploads)]
    return bench(["edge", "--encoding", encoding, *sizes, *more])


def _say(row: dict[str, Any]) -> None:
    sys.stdout.write(
        f"{row['target']:<22} {row['encoding']:<7} {row['uploads_per_s']:9,.0f} uploads/s"
        f"   CPU per upload {row['api_cpu_us_per_upload']:6.1f} us"
        f" + {row['broker_cpu_us_per_upload'] or 0:5.1f} us in Kafka"
        f"   p99 {row['p99_ms']} ms ({row['latency_from']})   lost {row['lost']} doubled {row['doubled']}\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
