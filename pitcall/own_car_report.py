"""The report on the logs of one car: report.json for programs, report.html for people."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from domain.car_log import CarLog, ItemFinding
from domain.catalogue import Catalogue
from pitcall.backtest_report import plain, write_both
from web.car_log_page import car_log_page

SCHEMA = 1
"""Raised when a key of report.json goes away or changes its meaning; keys may be added without."""
KIND = "own-car"


def write_own_car_report(log: CarLog, catalogue: Catalogue, folder: Path, time_zone: str) -> tuple[Path, Path]:
    """Write both files into `folder`, which is made if need be; returns their paths. Unavailable names what failed."""
    return write_both(own_car_json(log), car_log_page(log, catalogue, time_zone), folder)


def own_car_json(log: CarLog) -> dict[str, Any]:
    """The findings as plain values with the keys of docs/backtest.md; what is not known is null."""
    report = {key: plain(value) for key, value in asdict(log).items()}
    report["odometer_m"] = None if log.odometer_m < 0 else log.odometer_m
    report["items"] = [_item(item) for item in log.items]
    return {"schema": SCHEMA, "kind": KIND} | report


def _item(item: ItemFinding) -> dict[str, Any]:
    told = plain(asdict(item))
    if item.prediction is not None:
        told["prediction"]["probability"] = {f"P{days}D": share for days, share in item.prediction.probability.items()}
    return dict(told)
