"""Audit: after a bench, what became of every upload, by what can be known of it beforehand.

Predictions by their causes, of which with the item their ids are made; states by the distance they were seen driving,
which a lost upload makes shorter and one that was folded twice longer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.prediction_row import PredictionLayout, Rows
from models.vehicle_state import StateLayout
from pitcall.bench.load import UploadLoad
from pitcall.bench.reading import read_topic
from pitcall.bench.template import BOOT
from streams.topics import PREDICTIONS, TELEMETRY_REJECTS, VEHICLE_STATES, changelog_name

TOLERANCE = 1e-6


@dataclass
class Audit:
    """`predictions` are distinct by cause and item; `repeated` those that came again with a replay."""

    predictions: int = 0
    repeated: int = 0
    rejects: int = 0
    lost: int = 0
    doubled: int = 0
    state_bytes_per_vehicle: int = 0


async def audit(broker_url: str, load: UploadLoad, uploads: int, partitions: int) -> Audit:
    """Compare all effects of the first `uploads` uploads of a load with those they must have."""
    result = Audit()
    await _audit_predictions(broker_url, load, uploads, partitions, result)
    await _audit_states(broker_url, load, uploads, partitions, result)
    async for records in read_topic(broker_url, TELEMETRY_REJECTS, partitions):
        result.rejects += len(records)
    return result


async def _audit_predictions(broker_url: str, load: UploadLoad, uploads: int, partitions: int, result: Audit) -> None:
    layout = PredictionLayout(load.catalogue)
    items = len(layout.items)
    found = np.zeros(uploads, dtype=np.int64)
    strangers = 0
    async for records in read_topic(broker_url, PREDICTIONS, partitions):
        rows = layout.from_bytes([record.value or b"" for record in records])
        numbers = _uploads_of(load, uploads, [record.key or b"" for record in records], rows)
        strangers += int((numbers < 0).sum())
        found += np.bincount(numbers[numbers >= 0], minlength=uploads)
    is_wanted = np.array([not load.is_poison(n) for n in range(uploads)], dtype=np.bool_)
    result.predictions = items * (int((found > 0).sum()) + strangers)
    result.repeated = items * int((found - 1).clip(0).sum())
    result.lost += items * int((is_wanted & (found == 0)).sum())
    result.doubled += items * (int((~is_wanted & (found > 0)).sum()) + strangers)


def _uploads_of(load: UploadLoad, uploads: int, keys: list[bytes], rows: Rows) -> npt.NDArray[np.int64]:
    """The number in the load of the upload that each row is predicted from; −1 where there is no such upload."""
    cause = rows["cause"]
    cars = np.array([load.vehicle_of(key) for key in keys], dtype=np.int64)
    numbers = cause["seq"].astype(np.int64) * load.vehicles + cars
    is_sent = (cars >= 0) & (numbers < uploads) & (cause["boot"] == BOOT.encode()) & (cause["record"] < 0)
    return np.where(is_sent, numbers, -1)


async def _audit_states(broker_url: str, load: UploadLoad, uploads: int, partitions: int, result: Audit) -> None:
    layout = StateLayout(load.catalogue)
    observed_m: dict[bytes, float] = {}
    size = 0
    async for records in read_topic(broker_url, changelog_name(VEHICLE_STATES), partitions):
        for record in records:
            if record.value is not None:
                observed_m[record.key or b""] = float(layout.from_bytes(record.value)["observed_m"])
                size = max(size, len(record.value))
    result.state_bytes_per_vehicle = size
    for vehicle in range(min(load.vehicles, uploads)):
        wanted_m, count = load.observed_m(vehicle, uploads)
        surplus_m = observed_m.get(load.key(vehicle), 0.0) - wanted_m
        if count and abs(surplus_m) > TOLERANCE * wanted_m:
            effects = max(1, round(abs(surplus_m) / (wanted_m / count)))
            result.doubled += effects if surplus_m > 0 else 0
            result.lost += effects if surplus_m < 0 else 0
