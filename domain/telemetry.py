"""TelemetryUpload: one buffered batch of signals from one car."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

RECORDED = "recorded"
SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class UploadId:
    """What makes an upload one and the same, however often it arrives."""

    vehicle_id: str
    boot_id: str
    seq: int

    def __str__(self) -> str:
        return f"{self.vehicle_id}/{self.boot_id}/{self.seq}"


@dataclass(frozen=True, slots=True)
class TelemetryUpload:
    """Columnar samples by VSS name.

    `start_ms` is the event time of offset 0 (int64 milliseconds, UTC); `offsets_ms` are uint32 milliseconds since
    then, strictly rising, n ≥ 1 of them; every column of `columns` has n values, a gap is None. `origins` tells for
    each signal whether it was `recorded` or `simulated`. `received_ms` is the receipt at the edge.
    """

    id: UploadId
    start_ms: int
    offsets_ms: Sequence[int]
    columns: Mapping[str, Sequence[float | None]]
    received_ms: int
    origins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VehicleAttributes:
    """What the fold must know of a car, and nothing that names it."""

    powertrain: str = "petrol"  # petrol | diesel | hybrid | electric
    mass_kg: float = 1400.0
    built_ms: int = 0  # 0: unknown
