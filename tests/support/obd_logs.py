"""Logs of OBD-II apps as tests write and read them: headers as the apps have them, readings made up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adapters.car_drives import zone_named
from adapters.catalogue_file import load_catalogue
from adapters.obd_log import ObdLog
from domain.car_log import LogFile
from domain.iso_time import moment_ms

CATALOGUE = load_catalogue(Path(__file__).parents[2] / "pitcall" / "data" / "car.yaml")
SIGNALS = CATALOGUE.signals
NOW_MS = moment_ms("2026-11-01")
SPEED, RPM = "Vehicle.Speed", "Vehicle.Powertrain.CombustionEngine.Speed"
COOLANT = "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature"
VOLTAGE = "Vehicle.LowVoltageBattery.CurrentVoltage"
MANIFOLD, AIR = "Vehicle.Powertrain.CombustionEngine.MAP", "Vehicle.Powertrain.CombustionEngine.MAF"

TORQUE = """\
GPS Time, Device Time, Longitude, Latitude,GPS Speed (Meters/second), Altitude,Engine RPM(rpm),Speed (OBD)(km/h),Fuel Level(%)
Sun Oct 05 14:22:01 GMT+02:00 2025,05-Oct-2025 14:22:01.100,9.9,53.5,10,12,2100,36,-
Sun Oct 05 14:22:01 GMT+02:00 2025,05-Oct-2025 14:22:01.600,9.9,53.5,10,12,-,37,50
GPS Time, Device Time, Longitude, Latitude,GPS Speed (Meters/second), Altitude,Engine RPM(rpm),Speed (OBD)(km/h),Fuel Level(%)
-,05-Okt-2025 14:30:00.000,9.9,53.5,10,12,800,0,50
"""  # noqa: E501


@dataclass
class Read:
    """All of a log at once."""

    time_ms: np.ndarray
    columns: dict[str, np.ndarray]
    file: LogFile

    @property
    def start_ms(self) -> int:
        return int(self.time_ms[0])

    @property
    def dropped(self) -> dict[str, int]:
        return {one.reason: one.rows for one in self.file.dropped}


def read_log(path: Path, zone: str | None = None) -> Read:
    log = ObdLog(path, SIGNALS, zone_named(zone), NOW_MS)
    rows = list(log.rows())
    columns = {path: np.concatenate([block.values[path] for block in rows]) for path in log.signals}
    return Read(np.concatenate([block.time_ms for block in rows]), columns, log.told())


def written(folder: Path, text: str, name: str = "log.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path
