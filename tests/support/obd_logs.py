"""Logs of OBD-II apps as tests write and read them: headers as the apps have them, readings made up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
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


def drive_csv(
    start: str, seconds: int = 600, *, voltage: bool = True, header: bool = True, odometer_km: float | None = None
) -> str:
    """A drive at 1 Hz in Torque's columns: ten seconds at rest, a start, then stop and go up to 60 km/h.

    `start` is a moment of the device's clock, which tells its zone; the engine rests at 12.5 V and starts at 10.4 V.
    """
    begun = datetime.fromisoformat(start)
    lines = []
    metres = 0.0
    for second in range(seconds):
        at = begun + timedelta(seconds=second)
        speed = 0.0 if second < 20 else min(60.0, 3.0 * ((second - 20) % 60))
        metres += speed / 3.6
        rpm, volts = (0, 12.5) if second < 10 else (250, 10.4) if second == 10 else (900 + 20 * speed, 14.2)
        coolant = 20 + min(70, second / 5)
        cells = [f"{rpm:g}", f"{speed:g}", f"{coolant:g}", f"{2 + speed / 4:g}", f"{volts}" if voltage else "-"]
        if odometer_km is not None:
            cells.append(f"{odometer_km + metres / 1000:.3f}")
        lines.append(",".join([at.isoformat(), *cells]))
    names = [DRIVE_HEADER + (",Odometer(km)" if odometer_km is not None else "")] if header else []
    return "\n".join([*names, *lines]) + "\n"


DRIVE_HEADER = (
    "Device Time,Engine RPM(rpm),Speed (OBD)(km/h),Engine Coolant Temperature(°C),Mass Air Flow Rate(g/s),"
    "Voltage (Control Module)(V)"
)
