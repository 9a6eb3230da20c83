"""A catalogue, and made-up drives whose sums can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.catalogue_file import load_catalogue
from domain.catalogue import Catalogue
from domain.telemetry import TelemetryUpload, UploadId, VehicleAttributes
from models.fold import VehicleFold
from models.learner import Learner
from models.predictor import Predictor
from models.upload_block import UploadBlock
from models.upload_summary import Summariser, UploadSummary
from models.vehicle_state import DAY_MS, Record, StateLayout

CATALOGUE = Path(__file__).parents[3] / "pitcall" / "data" / "car.yaml"
SPEED = "Vehicle.Speed"
ODOMETER = "Vehicle.TraveledDistance"
RPM = "Vehicle.Powertrain.CombustionEngine.Speed"
COOLANT = "Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature"
AIR_MASS = "Vehicle.Powertrain.CombustionEngine.MAF"
VOLTAGE = "Vehicle.LowVoltageBattery.CurrentVoltage"
AMBIENT = "Vehicle.Exterior.AirTemperature"
START_MS = 1_760_000_000_000 // DAY_MS * DAY_MS  # a midnight in October 2025
KEY = b"a key of tests, nothing else...."


def upload(
    speed_kmh: Any,
    *,
    seq: int = 0,
    boot: str = "boot-1",
    start_ms: int = START_MS,
    odometer_m: float | None = 60_000_000.0,
    vehicle: str = "car-1",
    **columns: Any,
) -> TelemetryUpload:
    """One sample a second; the odometer follows the speed from `odometer_m` on. Columns by the short names above."""
    speed = [None if v is None else float(v) for v in speed_kmh]
    n = len(speed)
    signals: dict[str, Any] = {SPEED: speed}
    if odometer_m is not None:
        v = np.array([0.0 if s is None else s for s in speed]) / 3.6
        signals[ODOMETER] = (odometer_m + np.concatenate([[0.0], np.cumsum((v[1:] + v[:-1]) / 2)])).tolist()
    names = {"rpm": RPM, "coolant": COOLANT, "air_mass": AIR_MASS, "voltage": VOLTAGE, "ambient": AMBIENT}
    for name, values in columns.items():
        signals[names[name]] = [values] * n if isinstance(values, int | float) else list(values)
    offsets_ms = list(range(0, n * 1000, 1000))
    return TelemetryUpload(UploadId(vehicle, boot, seq), start_ms, offsets_ms, signals, start_ms + n * 1000)


def summary_of(
    catalogue: Catalogue, one: TelemetryUpload, attributes: VehicleAttributes | None = None
) -> UploadSummary:
    """What a single upload says, of a petrol car of 1,400 kg by default; raises UnusableUpload when it says nothing."""
    return Summariser(catalogue).summarise_block(UploadBlock.of([one], [attributes or VehicleAttributes()])).row(0)


def stop_and_go(n: int = 300, top_kmh: float = 60.0) -> list[float]:
    """Up to `top_kmh` in 20 s, held for 20 s, down to a stop in 8 s, and again."""
    one = [*np.linspace(0, top_kmh, 20), *[top_kmh] * 20, *np.linspace(top_kmh, 0, 8)]
    return (one * (n // len(one) + 1))[:n]


@dataclass
class Car:
    """A car that drives and whose state follows."""

    fold: VehicleFold
    state: Record
    attributes: VehicleAttributes
    vehicle: str = "car-1"
    odometer_m: float = 60_000_000.0
    day: int = 0

    def drive_days(
        self, days: int, *, uploads: int = 20, speed: Callable[[int], list[float]] = stop_and_go, **columns: Any
    ) -> None:
        """Drive `uploads` of 300 samples on each of the next `days` days."""
        extras = {"rpm": 1500.0, "coolant": 90.0, "air_mass": 12.0, "ambient": 15.0} | columns
        for _ in range(days):
            for seq in range(uploads):
                start_ms = START_MS + self.day * DAY_MS + 8 * 3_600_000 + seq * 300_000
                one = upload(
                    speed(300),
                    seq=seq,
                    boot=f"day-{self.day}",
                    start_ms=start_ms,
                    odometer_m=self.odometer_m,
                    vehicle=self.vehicle,
                    **extras,
                )
                (outcome,) = self.fold.fold(self.state, [one], self.attributes)
                assert outcome.is_folded, outcome.reason
                self.odometer_m = float(one.columns[ODOMETER][-1])  # type: ignore[arg-type]
            self.day += 1


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue(CATALOGUE)


@pytest.fixture(scope="session")
def layout(catalogue: Catalogue) -> StateLayout:
    return StateLayout(catalogue)


@pytest.fixture(scope="session")
def fold(catalogue: Catalogue, layout: StateLayout) -> VehicleFold:
    return VehicleFold(catalogue, layout)


@pytest.fixture
def predictor(catalogue: Catalogue, layout: StateLayout) -> Predictor:
    return Predictor(catalogue, KEY)


@pytest.fixture(scope="session")
def attributes() -> VehicleAttributes:
    return VehicleAttributes("petrol", 1400.0, 0)


@pytest.fixture
def state(catalogue: Catalogue, layout: StateLayout, attributes: VehicleAttributes) -> Record:
    return layout.empty(catalogue, attributes)


@pytest.fixture
def new_car(
    catalogue: Catalogue, layout: StateLayout, fold: VehicleFold, attributes: VehicleAttributes
) -> Callable[..., Car]:
    def make(vehicle: str = "car-1") -> Car:
        return Car(fold, layout.empty(catalogue, attributes), attributes, vehicle)

    return make


@pytest.fixture
def learner(catalogue: Catalogue) -> Learner:
    return Learner(catalogue, KEY)
