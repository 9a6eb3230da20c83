"""What `pitcall backtest --obd` is told of the car beside its logs: the options, and the checks of what they say."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from domain.car_log import GivenCar, GivenService
from domain.catalogue import Catalogue
from domain.errors import InvalidInput
from domain.iso_time import moment_ms
from domain.telemetry import POWERTRAINS

FURTHEST_KM = 3_000_000  # no car has driven further
_SERVICE_FIX = "write it as engine_oil=2024-05-31@61000, the kilometres being the odometer's"
_OF_LOGS = ("built", "mass_kg", "odometer_km", "powertrain", "service", "time_zone")


def add_own_car_options(backtest: argparse.ArgumentParser) -> None:
    """What `pitcall backtest` takes for logs beside a case's options."""
    own = backtest.add_argument_group("your own car's logs, in place of a case")
    own.add_argument(
        "--obd", type=Path, nargs="+", metavar="LOG", help="CSV or Parquet of an OBD-II app, all of one car"
    )
    own.add_argument("--mass-kg", type=float, metavar="KG", help="mass in running order (default 1400)")
    own.add_argument("--powertrain", choices=POWERTRAINS, help="default petrol")
    own.add_argument("--odometer-km", type=float, metavar="KM", help="the odometer at the end of the newest log")
    own.add_argument("--built", metavar="DATE", help="when the car was built, such as 2019-05-01")
    own.add_argument(
        "--service",
        action="append",
        default=[],
        metavar="ITEM=DATE@KM",
        help="when an item was last renewed; repeat it",
    )
    own.add_argument(
        "--time-zone", metavar="ZONE", help="where the clock of a log stood that tells none: Europe/Berlin"
    )


def check_case_or_logs(options: argparse.Namespace) -> None:
    """Raise InvalidInput unless there is either a case or a log, with only the options that go with it."""
    if options.case is None and not options.obd:
        fix = "name a folder, or logs after --obd"
        raise InvalidInput("there is neither a case nor a log", field="case", fix=fix)
    if options.case is not None and options.obd:
        raise InvalidInput("there is both a case and a log", field="case", fix="name one of them")
    given = [f"--{name.replace('_', '-')}" for name in _OF_LOGS if getattr(options, name)]
    if given and not options.obd:
        raise InvalidInput(f"{', '.join(given)} goes with --obd only", field=given[0], fix="name logs after --obd")


def given_car(options: argparse.Namespace, catalogue: Catalogue, now_ms: int) -> GivenCar:
    """What the options tell of the car; InvalidInput names the one that can't be."""
    odometer_km = options.odometer_km
    if odometer_km is not None and not 0 <= odometer_km <= FURTHEST_KM:
        raise InvalidInput("--odometer-km: no car has driven that", field="--odometer-km", fix="give kilometres")
    built_ms = None if options.built is None else _day_ms("--built", options.built, now_ms)
    services = [_service(text, catalogue, now_ms) for text in options.service]
    for text, service in zip(options.service, services, strict=True):
        if odometer_km is not None and service.odometer_m > odometer_km * 1000:
            raise InvalidInput(
                f"--service {text}: that is more than --odometer-km", field="--service", fix="correct one of them"
            )
        if built_ms is not None and service.performed_ms < built_ms:
            raise InvalidInput(
                f"--service {text}: that was before --built", field="--service", fix="correct one of them"
            )
    car = GivenCar(
        mass_kg=options.mass_kg,
        powertrain=options.powertrain,
        built_ms=built_ms,
        odometer_m=None if odometer_km is None else round(odometer_km * 1000),
        services=tuple(services),
    )
    car.attributes.check()
    return car


def _service(text: str, catalogue: Catalogue, now_ms: int) -> GivenService:
    item, _, rest = text.partition("=")
    day, _, km = rest.partition("@")
    if item not in catalogue.items:
        raise InvalidInput(
            f"--service {text}: there is no item {item!r}",
            field="--service",
            fix="name one of " + ", ".join(catalogue.items),
        )
    performed_ms = _day_ms(f"--service {text}", day, now_ms)
    if not km:
        return GivenService(item, performed_ms)
    try:
        metres = float(km.removesuffix("km").strip()) * 1000
    except ValueError:
        metres = -1.0
    if not 0 <= metres <= FURTHEST_KM * 1000:
        raise InvalidInput(f"--service {text}: {km!r} is no odometer reading", field="--service", fix=_SERVICE_FIX)
    return GivenService(item, performed_ms, round(metres))


def _day_ms(option: str, text: str, now_ms: int) -> int:
    fix = _SERVICE_FIX if option.startswith("--service") else "write it as 2019-05-01"
    try:
        at = moment_ms(date.fromisoformat(text.strip()))
    except ValueError:
        raise InvalidInput(f"{option}: {text!r} is no day", field=option.split()[0], fix=fix) from None
    if at > now_ms:
        raise InvalidInput(f"{option}: {text} is still to come", field=option.split()[0], fix=fix)
    return at
