"""Audit: after a bench, what became of every upload, by what can be known of it beforehand.

Predictions by their deterministic ids; states by the distance they were seen driving, which a lost upload makes
shorter and one that was folded twice longer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from models.predictor import prediction_id
from models.vehicle_state import StateLayout
from pitcall.bench.load import UploadLoad
from pitcall.bench.reading import read_topic
from streams.topics import PREDICTIONS, TELEMETRY_REJECTS, VEHICLE_STATES, changelog_name

# Ids are 32 hex digits however many predictions a record holds; nothing else in one is called "id".
_ID = re.compile(rb'"id":"([0-9a-f]{32})"')
TOLERANCE = 1e-6


@dataclass
class Audit:
    """`predictions` are distinct ids; `repeated` ids that came again with a replay, which readers know by their id."""

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
    seen: set[bytes] = set()
    count = 0
    async for records in read_topic(broker_url, PREDICTIONS, partitions):
        ids = [found for record in records for found in _ID.findall(record.value or b"")]
        seen.update(map(bytes.fromhex, map(bytes.decode, ids)))
        count += len(ids)
    wanted = {
        bytes.fromhex(prediction_id(load.cause(n), item))
        for n in range(uploads)
        if not load.is_poison(n)
        for item in load.catalogue.items
    }
    result.predictions = len(seen)
    result.repeated = count - len(seen)
    result.lost += len(wanted - seen)
    result.doubled += len(seen - wanted)


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
