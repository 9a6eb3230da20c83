"""`pitcall backtest --obd LOG …`: what the logs of your own car show, and what they can't; a report into a folder."""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.car_drives import CarDrives, zone_named
from adapters.catalogue_file import load_catalogue
from adapters.clocks import WallClock
from domain.car_log import CarLog, GivenCar
from domain.errors import InvalidInput
from models.event_time import BUILT_SLACK_MS
from pitcall.own_car_options import given_car
from pitcall.own_car_report import write_own_car_report
from pitcall.progress import Progress
from workflow.own_car import read_own_car


def run_own_car(options: argparse.Namespace, catalogue_path: Path) -> dict[str, Any]:
    """Read the logs, write report.json and report.html; the figures.

    Raises InvalidInput naming the option, InvalidLogs with the mistakes of all logs, Unavailable when the folder can't
    be written.
    """
    begun = time.perf_counter()
    now_ms = WallClock().now_ms()
    catalogue = load_catalogue(catalogue_path)
    car = given_car(options, catalogue, now_ms)
    zone = zone_named(options.time_zone)
    with Progress("reading the logs", 1.0) as progress:
        drives = CarDrives(options.obd, catalogue.signals, zone, now_ms, progress.reached)
    with drives:
        _check_built(car, drives)
        log = read_own_car(catalogue, car, drives)
    _, report = write_own_car_report(log, catalogue, options.out, options.time_zone or "UTC")
    return figures(log) | {"wall_s": round(time.perf_counter() - begun, 1), "report": str(report)}


def _check_built(car: GivenCar, drives: CarDrives) -> None:
    """Raise InvalidInput when a log is older than the car: the fold would take its times for wrong."""
    oldest_ms = min(file.start_ms for file in drives.files)
    if car.built_ms is not None and oldest_ms < car.built_ms - BUILT_SLACK_MS:
        day = f"{datetime.fromtimestamp(oldest_ms / 1000, UTC):%Y-%m-%d}"
        raise InvalidInput(
            f"--built: the oldest log is of {day}, before the car was built",
            field="--built",
            fix="correct it, or leave out logs of other cars",
        )


def figures(log: CarLog) -> dict[str, Any]:
    """What belongs on one line."""
    return {
        "files": len(log.files),
        "rows": sum(file.rows for file in log.files),
        "kept": sum(file.kept for file in log.files),
        "drives": log.driving.drives,
        "km": round(log.driving.km, 1),
        "gap_minutes": round(log.driving.gap_minutes, 1),
        "items": {item.item: str(item.basis) for item in log.items},
    }
