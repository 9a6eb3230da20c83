"""UploadBlock: the uploads of a block in columns, read and checked, ready to be folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.telemetry import TelemetryUpload, UploadId, VehicleAttributes
from models.vehicle_state import POWERTRAIN_CODES

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SampleTable:
    """m uploads of a block that have the same signals and the same number n of samples.

    `rows`: which uploads of the block, shape (m,), rising; `offsets_ms`: uint32 milliseconds since each upload's
    start, strictly rising, (m, n); `columns`: per VSS path (m, n), float32 or float64, NaN for a gap, never infinite.
    """

    rows: Ints
    offsets_ms: npt.NDArray[np.uint32]
    columns: Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class CodeReport:
    """What upload `row` says of trouble codes: those that appeared and those that went, each sorted and once.

    `is_whole`: `added` is everything that is stored in the car at the end of the upload, so that what is not in it
    has gone.
    """

    row: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class UploadBlock:
    """k uploads, in the order of their records; every upload is in exactly one of `tables`.

    `boot_ids`: dtype S36; `start_ms`, `received_ms`: int64 ms UTC; all of shape (k,). `origins`: of each upload's
    signals, `recorded` or `simulated`, where it says so. `lead_ins`: of uploads that are cut from one recording, the
    stretch from the last sample before each to its first; it adds to the sums, and to nothing else.
    """

    vehicle_ids: Sequence[str]
    boot_ids: npt.NDArray[np.bytes_]
    seqs: Ints
    start_ms: Ints
    received_ms: Ints
    attributes: Sequence[VehicleAttributes]
    tables: Sequence[SampleTable]
    origins: Sequence[Mapping[str, str]] = field(default=())
    codes: Sequence[CodeReport] = field(default=())
    lead_ins: Sequence[SampleTable] = field(default=())

    def __len__(self) -> int:
        return len(self.vehicle_ids)

    def built_ms(self) -> Ints:
        """When the car of each was built, 0 where nobody knows."""
        return built_moments(self.attributes)

    def ids(self) -> list[UploadId]:
        """Which uploads they are."""
        whose = zip(self.vehicle_ids, self.boot_ids.tolist(), self.seqs.tolist(), strict=True)
        return [UploadId(vehicle_id, boot_id.decode(), seq) for vehicle_id, boot_id, seq in whose]

    @classmethod
    def of(cls, uploads: Sequence[TelemetryUpload], attributes: Sequence[VehicleAttributes]) -> UploadBlock:
        """Single uploads, which were checked when they were read, as a block."""
        by_shape: dict[tuple[int, tuple[str, ...]], list[int]] = {}
        for row, upload in enumerate(uploads):
            by_shape.setdefault((len(upload.offsets_ms), tuple(upload.columns)), []).append(row)
        tables = [
            SampleTable(
                np.array(rows, dtype=np.int64),
                np.array([uploads[row].offsets_ms for row in rows], dtype=np.uint32),
                {path: np.array([uploads[row].columns[path] for row in rows], dtype=np.float64) for path in paths},
            )
            for (_, paths), rows in by_shape.items()
        ]
        return cls(
            vehicle_ids=[upload.id.vehicle_id for upload in uploads],
            boot_ids=np.array([upload.id.boot_id.encode() for upload in uploads], dtype="S36"),
            seqs=np.array([upload.id.seq for upload in uploads], dtype=np.int64),
            start_ms=np.array([upload.start_ms for upload in uploads], dtype=np.int64),
            received_ms=np.array([upload.received_ms for upload in uploads], dtype=np.int64),
            attributes=attributes,
            tables=tables,
            origins=[upload.origins for upload in uploads],
        )


def built_moments(attributes: Sequence[VehicleAttributes]) -> Ints:
    """When each car was built (ms), 0 where nobody knows."""
    return np.array([own.built_ms for own in attributes], dtype=np.int64)


def powertrain_codes(attributes: Sequence[VehicleAttributes]) -> npt.NDArray[np.uint8]:
    """The power train of each car by its code in a state, 0 where it is not known."""
    return np.array([POWERTRAIN_CODES.get(own.powertrain, 0) for own in attributes], dtype=np.uint8)
