"""Drive: one recorded trip of a real car, second by second.

The 38 shipped drives are the "Automotive OBD-II Dataset" (M. Weber, Karlsruhe Institute of Technology,
DOI 10.35097/1130, CC BY 4.0), resampled to 1 Hz. Any parquet or CSV file with the same columns can stand in for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

SPEED = "Vehicle.Speed"
ODOMETER = "Vehicle.TraveledDistance"
AMBIENT = "Vehicle.Exterior.AirTemperature"
ENGINE_SPEED = "Vehicle.Powertrain.CombustionEngine.Speed"
COOLANT = "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature"
AIR_MASS = "Vehicle.Powertrain.CombustionEngine.MAF"
MANIFOLD = "Vehicle.Powertrain.CombustionEngine.MAP"
THROTTLE = "Vehicle.Powertrain.CombustionEngine.TPS"
VOLTAGE = "Vehicle.LowVoltageBattery.CurrentVoltage"
TYRE_PRESSURE = "Vehicle.Chassis.Axle.Row1.Wheel.Left.Tire.Pressure"

# Column of the file → VSS 6.0 signal. Units are the same on both sides (km/h, °C, rpm, g/s, kPa, %).
RECORDED_SIGNALS: Mapping[str, str] = {
    "speed_kmh": SPEED,
    "ambient_c": AMBIENT,
    "rpm": ENGINE_SPEED,
    "coolant_c": COOLANT,
    "maf_g_s": AIR_MASS,
    "map_kpa": MANIFOLD,
    "throttle_pct": THROTTLE,
}
# Between samples further apart than this the recorder was paused: the car is not known to have driven on.
LONGEST_STEP_MS = 2_500


@dataclass(frozen=True)
class Drive:
    """One trip: `offsets_ms` (int64, from 0, strictly rising) and float32 columns by VSS name; a gap is NaN."""

    name: str
    recorded_ms: int
    offsets_ms: np.ndarray
    columns: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.offsets_ms)

    @property
    def duration_ms(self) -> int:
        return int(self.offsets_ms[-1])

    @cached_property
    def steps_s(self) -> np.ndarray:
        """Seconds from each sample to the next, 0 where the recorder was paused; shape (n − 1,)."""
        steps = np.diff(self.offsets_ms)
        return np.where(steps <= LONGEST_STEP_MS, steps, 0) / 1000.0

    @cached_property
    def speed_m_s(self) -> np.ndarray:
        """Speed in m/s without gaps: the last known value is held (0 before the first)."""
        return self.held(SPEED) / 3.6

    @cached_property
    def metres(self) -> np.ndarray:
        """Distance driven since the first sample, in metres; shape (n,), never falling."""
        speed = self.speed_m_s
        return np.concatenate(([0.0], np.cumsum((speed[1:] + speed[:-1]) / 2 * self.steps_s)))

    @property
    def distance_m(self) -> float:
        return float(self.metres[-1])

    def held(self, signal: str) -> np.ndarray:
        """A recorded column as float64 with every gap filled by the value before it (0 before the first)."""
        column = self.columns[signal].astype(np.float64)
        known = ~np.isnan(column)
        newest = np.maximum.accumulate(np.where(known, np.arange(len(column)), -1))
        return np.where(newest >= 0, column[newest], 0.0)

    def with_constant_speed(self) -> Drive:
        """The same trip driven without ever slowing down: its speed is the mean from start to end."""
        seconds = float(self.steps_s.sum())
        mean = np.float32(self.distance_m / seconds * 3.6 if seconds else 0.0)
        columns = {**self.columns, SPEED: np.full(len(self), mean, np.float32)}
        return Drive(self.name, self.recorded_ms, self.offsets_ms, columns)


def shipped_drives_path() -> Path:
    return Path(str(resources.files("simulators") / "data" / "kit_obd2_2017_1hz.parquet"))


def load_drives(path: Path | None = None) -> list[Drive]:
    """All drives of a parquet or CSV file (default: the shipped one), in the file's order.

    Raises FileNotFoundError if there is no such file and ValueError if it lacks a column or its time runs backwards.
    """
    path = path or shipped_drives_path()
    if not path.exists():
        raise FileNotFoundError(f"there is no drives file at {path}")
    table = _read(path)
    missing = [name for name in ("ts", "speed_kmh") if name not in table.column_names]
    if missing:
        raise ValueError(f"{path.name} lacks the column(s) {', '.join(missing)}")
    return list(_split(table, path))


def _read(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return pa.parquet.read_table(path)
    if path.suffix == ".csv":
        return pa.csv.read_csv(path)
    raise ValueError(f"{path.name}: a drives file ends in .parquet or .csv")


def _split(table: pa.Table, path: Path) -> Iterator[Drive]:
    times = table["ts"].cast(pa.timestamp("ms")).to_numpy().astype("datetime64[ms]").astype(np.int64)
    if "drive" in table.column_names:
        names = np.array(table["drive"].cast(pa.string()).to_pylist())
    else:
        names = np.full(len(times), path.stem)
    columns = {
        signal: table[column].cast(pa.float32()).to_numpy(zero_copy_only=False)
        for column, signal in RECORDED_SIGNALS.items()
        if column in table.column_names
    }
    bounds = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1).tolist(), len(names)]
    for first, last in pairwise(bounds):
        offsets = times[first:last] - times[first]
        if np.any(np.diff(offsets) <= 0):
            raise ValueError(f"{path.name}: the times of drive {names[first]} do not rise")
        values = {signal: column[first:last] for signal, column in columns.items()}
        yield Drive(str(names[first]), int(times[first]), offsets, values)
