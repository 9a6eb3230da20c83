"""`make bench-bookings`: bookings at dealers' sites on a real PostgreSQL and on SQLite, webhooks included."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from benchmarks.bench_command import ROOT, bench
from tests.servers import postgres

OUT = ROOT / "var" / "bench"


def main() -> None:
    """Run both, print a line each, and keep the figures in var/bench/bookings.json; 1 unless all went well."""
    parser = argparse.ArgumentParser(prog="make bench-bookings", description=__doc__)
    parser.add_argument("--bookings", type=int, default=20_000, help="bookings (default 20,000)")
    parser.add_argument("--dealers", type=int, default=600, help="dealers (default 600)")
    parser.add_argument("--bad", type=float, default=0.05, help="share of dealers that misbehave (default 0.05)")
    parser.add_argument("--only", choices=("postgres", "sqlite"), help="one database alone")
    options = parser.parse_args()
    sizes = [f"--{name}={getattr(options, name)}" for name in ("bookings", "dealers", "bad")]
    rows = []
    if options.only != "sqlite":
        cluster = postgres.start(is_durable=True)
        with cluster.server, cluster.fresh_database() as url:
            rows.append(bench(["bookings", *sizes, "--database", url]))
        _say(rows[-1])
    if options.only != "postgres":
        rows.append(bench(["bookings", *sizes]))
        _say(rows[-1])
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "bookings.json").write_text(json.dumps(rows, indent=1))
    sys.exit(any(row["lost"] or row["double_booked"] for row in rows))


def _say(row: dict[str, Any]) -> None:
    sys.stdout.write(
        f"{row['database']:<18} {row['bookings']:,} bookings at {row['dealers']} dealers in {row['wall_s']:.0f} s"
        f"   {row['transactions_per_booking']} transactions, {row['deliveries_per_booking']} deliveries"
        f" and {row['cpu_ms_per_booking']} ms of CPU in our processes each\n"
        f"   p99 of a step {row['p99_ms']} ms, of the wait for a healthy dealer {row['healthy_wait_p99_ms']} ms"
        f" ({row['bad_dealers']} others hang, redirect or never end)\n"
        f"   double-booked {row['double_booked']}   lost {row['lost']}   (load average {row['load_average']})\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
