"""A car's log that never was: something of everything a report may have to say."""

from __future__ import annotations

from pathlib import Path

from adapters.catalogue_file import load_catalogue
from domain.car_log import (
    Basis,
    CarLog,
    ColumnUse,
    Driving,
    DroppedRows,
    ExposureReading,
    GivenCar,
    ItemFinding,
    LogColumn,
    LogFile,
    Missing,
    TrendReading,
)
from domain.prediction import Contribution, DueWindow, ItemKind, Prediction
from tests.support.moments import DAY, NOW

CATALOGUE = load_catalogue(Path(__file__).parents[2] / "pitcall" / "data" / "car.yaml")


def prediction(item: str, kind: ItemKind, due: int | None, probability: dict[int, float] | None = None) -> Prediction:
    window = DueWindow(None if due is None else due - 30 * DAY, due, None if due is None else due + 60 * DAY, 0.9)
    return Prediction(
        id="1", vehicle_id="own-car", item=item, kind=kind, event_ms=NOW, odometer_m=52_000_000, health=0.5,
        window=window, remaining_km=4_189.0 if kind is ItemKind.WEAR else None, probability=probability or {},
        contributions=(Contribution("days", 1.0, "days"),), reason=f"The reason of {item}.", features={},
        model_version="0", uploads=(),
    )  # fmt: skip


def finding(item: str, basis: Basis, said: Prediction | None, *missing: Missing) -> ItemFinding:
    return ItemFinding(item, item.replace("_", " "), basis, said, ("fuel burnt, over 12.0 km of the log",), missing)


def made_up_car_log() -> CarLog:
    """The findings; names have what a page must escape."""
    columns = (
        LogColumn("Speed (mph)", ColumnUse.READ, "Vehicle.Speed", "mph", "km/h", 90, 2, 1, 7),
        LogColumn("Latitude", ColumnUse.POSITION),
        LogColumn("<b>Boost</b>", ColumnUse.UNKNOWN, hint="if it is “boost”, call the column so"),
        LogColumn("Time", ColumnUse.TIME),
    )
    dropped = (DroppedRows("the time is missing or can't be read", 10, 12),)
    file = LogFile("<i>drive</i>.csv", 100, 90, dropped, columns, ("a note",), NOW - DAY, NOW)
    return CarLog(
        files=(file,),
        driving=Driving(2, 5, 90, NOW - DAY, NOW, 75.0, 12.34, 3, 1.5, 0.4, (("too late", 2),)),
        car=GivenCar(),
        odometer_m=-1,
        remarks=(Missing("the car's mass: 1,400 kg was assumed", "give --mass-kg"),),
        exposures=(
            ExposureReading("fuel", "fuel burnt", "l", 1.5, 12.3, 0.122, 0.08, ("x",), ()),
            ExposureReading("slow", "braking", "MJ", 0.5, 12.3, 0.0406, 0.04, ("x",), ()),
            ExposureReading("hot", "overheating", "min", 0.0, 12.3, 0.0, 0.0, ("x",), ()),
            ExposureReading("cold", "starts", "n", 0.0, 0.0, None, 0.014, ("x",), ("x",), "the log has no ect"),
        ),
        trends=(
            TrendReading("rest", "voltage at rest", "V", 12.503, 1, "", (), True),
            TrendReading("dip", "lowest voltage", "V", None, 0, "no row before the engine", (), True),
        ),
        has_codes=False,
        codes=(),
        items=(
            finding("brake_fluid", Basis.NOTHING, None, Missing("nobody told", "give --service brake_fluid=…")),
            finding("front_brake_pads", Basis.GUESS, prediction("front_brake_pads", ItemKind.WEAR, None)),
            finding("engine_oil", Basis.KNOWN, prediction("engine_oil", ItemKind.WEAR, NOW + 90 * DAY)),
            finding("battery_12v", Basis.KNOWN, prediction("battery_12v", ItemKind.HAZARD, None, {7: 0.001, 90: 0.4})),
        ),
    )  # fmt: skip
