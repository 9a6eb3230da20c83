"""TelemetryUpload: one buffered batch of signals from one car."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.errors import InvalidInput

POWERTRAINS = ("petrol", "diesel", "hybrid", "electric")
LEAST_MASS_KG, GREATEST_MASS_KG = 300, 60_000
FURTHEST_MS = 4_102_444_800_000  # the year 2100; as far before 1970 is 1840, and no car

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

    powertrain: str = "petrol"  # one of POWERTRAINS
    mass_kg: float = 1400.0
    built_ms: int = 0  # 0: unknown

    def check(self) -> None:
        """Raise InvalidInput, naming the field, for what no car is."""
        if self.powertrain not in POWERTRAINS:
            raise InvalidInput(
                f"{self.powertrain[:40]!r} is no powertrain", field="powertrain", fix="one of " + ", ".join(POWERTRAINS)
            )
        if not LEAST_MASS_KG <= self.mass_kg <= GREATEST_MASS_KG:
            raise InvalidInput("a car weighs 300 to 60,000 kg", field="mass_kg", fix="give kilograms")
        if not -FURTHEST_MS <= self.built_ms <= FURTHEST_MS:
            raise InvalidInput(
                "no car was built then", field="built_ms", fix="give ms since 1970, UTC, or 0 if unknown"
            )
