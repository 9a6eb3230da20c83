"""The command line: `pitcall demo | api | worker | outbox | … | backtest | evaluate | bench | doctor`."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

from domain.errors import InvalidInput, PitcallError
from pitcall.bench.options import add_bench, has_worked, run_bench
from pitcall.evaluations import EVALUATIONS
from pitcall.own_car_options import add_own_car_options, check_case_or_logs
from pitcall.settings import Settings, read_settings


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="pitcall",
        description="Predicts what a connected car needs before it breaks, and books it with the owner's consent.",
        epilog="settings, from the environment:\n"
        + "\n".join(f"  {entry.metadata['env']:<32} {entry.metadata['about']}" for entry in fields(Settings)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_demo(commands)
    for part, about in (
        ("api", "serve HTTP (with the embedded log: everything in one process)"),
        ("worker", "run the stream agents of a cluster"),
        ("outbox", "send what waits: topics, webhooks, reminders"),
    ):
        commands.add_parser(part, help=about, description=about)
    _add_operator(commands)
    _add_simulate(commands)
    _add_dealer(commands)
    _add_rejects(commands)
    _add_state(commands)
    _add_model(commands)
    add_bench(commands)
    doctor = commands.add_parser("doctor", help="show every setting and whether each component answers")
    doctor.add_argument("--json", action="store_true", help="one JSON object on standard output")
    return parser


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser("demo", help="a simulated fleet, its owners and dealers, on this machine")
    demo.add_argument("--cars", type=_positive, help="how many cars (default 20)")
    demo.add_argument("--seed", type=_whole, help="what the fleet is drawn from (default 1)")
    demo.add_argument(
        "--speed", type=_faster, default=21_600.0, help="simulated seconds per second (default 21600: a day takes 4 s)"
    )
    demo.add_argument("--port", type=_port, help="port on 127.0.0.1 (default 8080; 0 takes a free one)")
    demo.add_argument("--data-dir", type=Path, help="folder to go on in (default var/demo; headless: a passing one)")
    demo.add_argument("--headless", action="store_true", help="no pacing, lock-step: one seed gives one outcome")
    demo.add_argument("--until-bookings", type=_positive, help="headless: stop when so many visits are confirmed")
    demo.add_argument(
        "--brake-energy", choices=("recorded", "zero"), default="recorded", help="a control: cars that never brake"
    )
    demo.add_argument("--json", action="store_true", help="one JSON object on standard output at the end")


def _add_operator(commands: Any) -> None:
    operator = commands.add_parser("operator", help="accounts of the people who run the system")
    deeds = operator.add_subparsers(dest="deed", required=True, metavar="DEED")
    about = "add an operator; the password is asked for, or read as one line from standard input"
    add = deeds.add_parser("add", help=about, description=about)
    add.add_argument("--email", required=True, help="what they sign in with")
    add.add_argument("--name", required=True, help="how to address them")
    add.add_argument("--generate", action="store_true", help="make a password and print it, this once")
    add.add_argument("--json", action="store_true", help="one JSON object on standard output")


def _add_dealer(commands: Any) -> None:
    dealer = commands.add_parser("dealer", help="for dealers who connect a system of theirs")
    deeds = dealer.add_subparsers(dest="deed", required=True, metavar="DEED")
    about = "try an endpoint for webhooks from outside, with made-up proposals, and say what to fix"
    check = deeds.add_parser("check", help=about, description=about)
    check.add_argument("url", metavar="URL", help="the endpoint, https://…")
    check.add_argument("--secret", required=True, help="its secret, whsec_…; - reads it from standard input")
    check.add_argument("--json", action="store_true", help="one JSON object on standard output")


def _add_rejects(commands: Any) -> None:
    rejects = commands.add_parser("rejects", help="uploads that could not be used: why, and sending them again")
    deeds = rejects.add_subparsers(dest="deed", required=True, metavar="DEED")
    newest = deeds.add_parser("list", help="how many by reason, and the newest")
    newest.add_argument("--limit", type=_positive, default=20, help="how many of the newest to show (default 20)")
    show = deeds.add_parser("show", help="one, with the upload as it came")
    show.add_argument("id", metavar="ID", help="topic/partition/offset, as listed")
    replay = deeds.add_parser("replay", help="send uploads again, once what they were refused for is mended")
    replay.add_argument("ids", nargs="*", metavar="ID", help="which ones")
    replay.add_argument("--all", action="store_true", help="all that were not sent again yet")
    replay.add_argument("--again", action="store_true", help="also those that were sent again before")
    for deed in (newest, replay):
        deed.add_argument("--reason", metavar="TEXT", help="those whose reason has this text in it")
    for deed in (newest, show, replay):
        deed.add_argument("--json", action="store_true", help="one JSON object on standard output")


def _add_state(commands: Any) -> None:
    state = commands.add_parser("state", help="the cars' states that a worker keeps on disk")
    deeds = state.add_subparsers(dest="deed", required=True, metavar="DEED")
    about = "wipe them and read them from the changelog again; the worker of that data folder must be stopped"
    rebuild = deeds.add_parser("rebuild", help=about, description=about)
    rebuild.add_argument("--json", action="store_true", help="one JSON object on standard output")


def _add_model(commands: Any) -> None:
    model = commands.add_parser("model", help="the models that predict: versions, scores, promotion, rollback")
    deeds = model.add_subparsers(dest="deed", required=True, metavar="DEED")
    about = "per item: what serves, how well it predicts labels before it learns them, drift, the model in shadow"
    deeds.add_parser("list", help=about, description=about)
    about = "let the model that learns in shadow serve, without waiting for its trial"
    promote = deeds.add_parser("promote", help=about, description=about)
    about = "let a former version serve, as a new one; what served learns on in shadow, so that no label is lost"
    rollback = deeds.add_parser("rollback", help=about, description=about)
    for deed in (promote, rollback):
        deed.add_argument("item", metavar="ITEM", help="id of the item, as listed")
    rollback.add_argument(
        "version",
        nargs="?",
        type=_whole,
        metavar="VERSION",
        help="number of a kept version, as listed; 0 is the catalogue's prior (default: what served before)",
    )
    for deed in deeds.choices.values():
        deed.add_argument("--json", action="store_true", help="one JSON object on standard output")


def _add_simulate(commands: Any) -> None:
    about = "how well a past of yours would have been predicted: predictions and a report"
    backtest = commands.add_parser("backtest", help=about, description=about)
    backtest.add_argument(
        "case", type=Path, nargs="?", help="folder with case.yaml, catalogue.yaml, telemetry, services …"
    )
    backtest.add_argument("--out", type=Path, required=True, help="folder for predictions.parquet and the report")
    backtest.add_argument("--json", action="store_true", help="one JSON object on stdout")
    add_own_car_options(backtest)
    about = "the models on data of others, and on a fleet whose truth is known, beside peers and goals"
    evaluate = commands.add_parser("evaluate", help=about, description=about)
    evaluate.add_argument("name", choices=EVALUATIONS, help="which data")
    evaluate.add_argument("--out", type=Path, default=Path("var/evaluate"), help="folder for reports (%(default)s)")
    evaluate.add_argument(
        "--peers", action="store_true", help="those too that take many minutes: forests (ai4i), LightGBM (fleet)"
    )
    evaluate.add_argument("--cars", type=_positive, default=None, help="cars of the fleet (2000)")
    evaluate.add_argument(
        "--seed", type=int, action="append", default=[], help="of the fleet; three are drawn by default"
    )
    evaluate.add_argument("--json", action="store_true", help="one JSON object on stdout")
    simulate = commands.add_parser("simulate", help="cars and dealers from outside, against a running system")
    kinds = simulate.add_subparsers(dest="kind", required=True, metavar="KIND")
    fleet = kinds.add_parser("fleet", help="cars that drive and wear")
    fleet.add_argument("--cars", type=_positive, default=20)
    fleet.add_argument("--seed", type=_whole, default=1)
    fleet.add_argument("--days", type=_positive, default=1, help="days of driving, ending now")
    replay = kinds.add_parser("replay", help="recorded drives as they are, as one car")
    replay.add_argument("file", type=Path, metavar="FILE", help="parquet or CSV with the columns of the shipped drives")
    replay.add_argument("--as-recorded", action="store_true", help="keep the recorded dates (default: ending now)")
    dealer = kinds.add_parser("dealer", help="a scripted dealer that answers its queue")
    dealer.add_argument("--rounds", type=_positive, default=60, help="how often to look, two seconds apart")
    dealer.add_argument(
        "--webhook", type=_port, metavar="PORT", help="take webhooks on 127.0.0.1:PORT instead, until told to stop"
    )
    dealer.add_argument("--secret", action="append", default=[], help="of the webhook, whsec_…; both in a rotation")
    dealer.add_argument(
        "--script", choices=("accept", "counter", "decline", "turns"), default="turns",
        help="how to answer a webhook (default: by turns)",
    )  # fmt: skip
    dealer.add_argument("--client-id", help="a machine client of the dealer's, instead of an advisor's account")
    dealer.add_argument("--client-secret", help="its secret")
    for command, who in ((fleet, "an operator"), (replay, "an operator"), (dealer, "a dealer's advisor")):
        is_only_way = command is not dealer
        command.add_argument("--url", default="http://127.0.0.1:8080", help="the running API")
        command.add_argument("--email", required=is_only_way, help=f"e-mail of {who}'s account")
        command.add_argument("--password", required=is_only_way, help="its password")
        command.add_argument("--json", action="store_true", help="one JSON object on standard output")


def _positive(text: str) -> int:
    number = _whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return number


def _port(text: str) -> int:
    number = _whole(text)
    if not 0 <= number <= 65_535:
        raise argparse.ArgumentTypeError("a port is 0 to 65535")
    return number


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def _faster(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not 1 <= number <= 10_000_000:
        raise argparse.ArgumentTypeError("it must be 1 (real time) to 10,000,000")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 only when it worked. Errors are one sentence on standard error."""
    options = build_parser().parse_args(arguments)
    try:
        settings = read_settings()
        if options.command == "operator":
            # Before there is an event loop, which would keep Ctrl-C from a person at the prompt.
            options.password = _password(options)
        return asyncio.run(_run(options, settings))
    except InvalidInput as error:
        print(f"pitcall: {error}" + f" ({error.fix})" * bool(error.fix), file=sys.stderr)  # noqa: T201
        return 1
    except PitcallError as error:
        print(f"pitcall: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130


async def _run(options: argparse.Namespace, settings: Settings) -> int:
    # Imported here, so that --help and a wrong setting answer at once.
    from adapters.logging import configure_logging

    configure_logging(form=settings.log_format, level=settings.log_level)
    # Faust's own timers report every pause of the loop as a warning; lag and readiness say what matters of it.
    logging.getLogger("mode.timers").setLevel(logging.ERROR)
    if options.command == "demo":
        return await _demo(options, settings)
    if options.command == "doctor":
        from pitcall.doctor import examine

        return await examine(settings, as_json=options.json)
    if options.command == "operator":
        return await _operator(options, settings)
    if options.command == "dealer":
        return await _dealer(options, settings)
    if options.command == "rejects":
        from pitcall.rejects import run_rejects

        return await run_rejects(options, settings)
    if options.command == "state":
        from pitcall.state import run_state

        return await run_state(options, settings)
    if options.command == "model":
        from pitcall.model import run_model

        return await run_model(options, settings)
    if options.command == "simulate":
        from pitcall.simulate import simulate

        print_result(await simulate(options), as_json=options.json)
        return 0
    if options.command == "backtest":
        print_result(_backtest(options, settings), as_json=options.json)
        return 0
    if options.command == "evaluate":
        from pitcall.evaluate import evaluate, table

        figures = evaluate(options.name, options.out, all_peers=options.peers, cars=options.cars, seeds=options.seed)
        print_result(figures, as_json=True) if options.json else print(table(figures))  # noqa: T201
        return 0
    if options.command == "bench":
        figures = await run_bench(options, settings)
        print_result(figures, as_json=options.json)
        return 0 if has_worked(figures) else 1
    from pitcall.processes import run_part

    await run_part(settings, options.command)
    return 0


def _backtest(options: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    check_case_or_logs(options)
    if options.obd:
        from pitcall.own_car import run_own_car

        return run_own_car(options, settings.catalogue)
    from pitcall.backtest import run_backtest

    return run_backtest(options.case, options.out)


def _password(options: argparse.Namespace) -> str:
    from pitcall.operators import generate_password, read_password

    return generate_password() if options.generate else read_password()


async def _operator(options: argparse.Namespace, settings: Settings) -> int:
    from pitcall.operators import add_first_operator

    account_id = await add_first_operator(settings, email=options.email, name=options.name, password=options.password)
    added = {"account_id": account_id, "email": options.email}
    print_result(added | ({"password": options.password} if options.generate else {}), as_json=options.json)
    return 0


async def _dealer(options: argparse.Namespace, settings: Settings) -> int:
    from pitcall.dealer_check import as_json, as_text, run_check

    report = await run_check(options.url, options.secret, settings)
    print_result(as_json(report), as_json=True) if options.json else print(as_text(report))  # noqa: T201
    return 0 if report.has_passed else 1


async def _demo(options: argparse.Namespace, settings: Settings) -> int:
    from pitcall.demo import Demo, DemoOptions, demo_settings

    given = DemoOptions(
        cars=options.cars,
        seed=options.seed,
        speed=options.speed,
        port=options.port,
        data_dir=options.data_dir,
        is_headless=options.headless,
        until_bookings=options.until_bookings,
        brake_energy=options.brake_energy,
    )
    async with AsyncExitStack() as stack:
        figures = await Demo(demo_settings(settings, given, stack), given).run()
    if options.json or options.headless:
        print_result(figures, as_json=options.json)
    return 0


def print_result(result: dict[str, Any], *, as_json: bool) -> None:
    """One JSON object, or one line a figure."""
    if as_json:
        print(json.dumps(result))  # noqa: T201
        return
    for name, value in result.items():
        print(f"{name:<18} {value}")  # noqa: T201
