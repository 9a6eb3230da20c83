"""The options of `pitcall bench`, and what they run."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from pitcall.settings import DATA, Settings

BENCH_CATALOGUE = DATA / "ten_items.yaml"


def add_bench(commands: Any) -> None:
    """Add `bench` and its kinds to the commands."""
    bench = commands.add_parser("bench", help="measure this machine with the product's own path")
    kinds = bench.add_subparsers(dest="kind", required=True, metavar="KIND")
    stream = kinds.add_parser("stream", help="uploads per second, latency, and that none is lost or counted twice")
    stream.add_argument("--workers", type=_positive, default=1, help="worker processes (on Kafka; default 1)")
    stream.add_argument("--vehicles", type=_positive, default=40_000, help="distinct cars (default 40,000)")
    stream.add_argument(
        "--uploads", type=_positive, default=40_000, help="uploads in the filled topic (default 40,000)"
    )
    stream.add_argument(
        "--warm-up", type=_not_negative, default=0, metavar="UPLOADS",
        help="uploads worked off before anything is measured, so that cars are known (default 0)",
    )  # fmt: skip
    stream.add_argument("--encoding", choices=("json", "binary"), default="json")
    stream.add_argument("--poison", type=_share, default=0.0, help="share of uploads that are broken (default 0)")
    stream.add_argument("--live-s", type=_above_zero, default=10.0, help="how long each live load lasts (default 10)")
    stream.add_argument(
        "--load", type=_above_zero, action="append", default=[], metavar="PER_S",
        help="a live load; may be given several times (default: half the peak)",
    )  # fmt: skip
    stream.add_argument(
        "--store", choices=("memory", "disk"), default="",
        help="where the workers keep the states (default: disk on Kafka, memory else)",
    )  # fmt: skip
    stream.add_argument(
        "--standbys", type=_not_negative, default=0,
        help="other workers on Kafka that keep each partition's state ready too (default 0)",
    )  # fmt: skip
    stream.add_argument("--broker-pid", type=_positive, help="process of a Kafka on this machine, to tell its CPU time")
    recover = kinds.add_parser("recover", help="how long a worker takes to hold every car's state again")
    recover.add_argument("--vehicles", type=_positive, default=100_000, help="cars with a state (default 100,000)")
    recover.add_argument("--store", choices=("memory", "disk"), default="memory", help="where the worker keeps them")
    predict = kinds.add_parser("predict", help="what a prediction costs in blocks, beside River's logistic")
    predict.add_argument("--block", type=_positive, default=256, help="cars in a block (default 256)")
    edge = kinds.add_parser("edge", help="uploads per second over HTTP, durable before the answer")
    edge.add_argument("--vehicles", type=_positive, default=10_000, help="distinct cars (default 10,000)")
    edge.add_argument("--uploads", type=_positive, default=50_000, help="uploads of the peak (default 50,000)")
    edge.add_argument("--encoding", choices=("json", "binary"), default="binary")
    edge.add_argument("--batch", type=_positive, default=500, help="uploads of a request (default 500, at most 1,000)")
    edge.add_argument("--live-s", type=_above_zero, default=10.0, help="how long the live load lasts (default 10)")
    edge.add_argument("--broker-pid", type=_positive, help="process of a Kafka on this machine, to tell its CPU time")
    bookings = kinds.add_parser("bookings", help="bookings from the grant to the completed visit, with their webhooks")
    bookings.add_argument("--bookings", type=_positive, default=20_000, help="bookings (default 20,000)")
    bookings.add_argument("--dealers", type=_positive, default=600, help="dealers (default 600)")
    bookings.add_argument(
        "--bad",
        type=_share,
        default=0.05,
        help="share of dealers whose servers hang, redirect or never end (default 0.05)",
    )
    bookings.add_argument("--clerks", type=_positive, default=2, help="processes that book, on PostgreSQL (default 2)")
    for kind in (edge, bookings):
        kind.add_argument("--database", default="", metavar="URL", help="postgresql+psycopg://… (default: SQLite)")
    for kind in (stream, recover, edge):
        kind.add_argument("--broker", default="", metavar="URL", help="pitcall-kafka://host:port (default: embedded)")
    for kind in (stream, recover, predict, edge):
        kind.add_argument(
            "--catalogue",
            type=Path,
            default=BENCH_CATALOGUE,
            metavar="FILE",
            help="of another fleet (default: ten items)",
        )
    for kind in (stream, recover, predict, edge, bookings):
        kind.add_argument("--json", action="store_true", help="one JSON object on standard output")


async def run_bench(options: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Run the bench that the command line asks for, and return its figures."""
    # Imported here, so that --help answers at once.
    if options.kind == "recover":
        from pitcall.bench.recover import RecoverBench, bench_recover

        return await bench_recover(
            RecoverBench(options.catalogue, options.broker, options.vehicles, settings.kafka_partitions, options.store)
        )
    if options.kind == "edge":
        from pitcall.bench.edge import EdgeBench, bench_edge

        return await bench_edge(
            EdgeBench(
                options.catalogue,
                options.broker,
                options.database,
                options.vehicles,
                options.uploads,
                options.encoding,
                options.batch,
                options.live_s,
                settings.kafka_partitions,
                options.broker_pid,
            )
        )
    if options.kind == "bookings":
        from pitcall.bench.bookings import BookingsBench, bench_bookings

        return await bench_bookings(
            BookingsBench(
                settings.catalogue, options.database, options.bookings, options.dealers, options.bad, options.clerks
            )
        )
    if options.kind == "predict":
        from pitcall.bench.predict import PredictBench, bench_predict

        return await asyncio.to_thread(bench_predict, PredictBench(options.catalogue, options.block))
    from pitcall.bench.stream import StreamBench, bench_stream

    return await bench_stream(
        StreamBench(
            catalogue=options.catalogue,
            broker_url=options.broker,
            workers=options.workers,
            vehicles=options.vehicles,
            uploads=options.uploads,
            encoding=options.encoding,
            poison=options.poison,
            live_s=options.live_s,
            loads_per_s=tuple(options.load),
            partitions=settings.kafka_partitions,
            broker_pid=options.broker_pid,
            store=options.store,
            standbys=options.standbys,
            warm_up=options.warm_up,
        )
    )


def has_worked(figures: dict[str, Any]) -> bool:
    """Whether a bench may end with 0: nothing lost, nothing twice, everything recovered as it was."""
    wrong = ("lost", "doubled", "double_booked")
    return not any(figures.get(name) for name in wrong) and figures.get("identical", True)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return number


def _not_negative(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("it must be at least 0")
    return number


def _above_zero(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("it must be above 0")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError("it must be at least 0 and below 1")
    return number
