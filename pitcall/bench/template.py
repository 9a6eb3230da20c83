"""One drive, encoded once; what differs from upload to upload is put in its places."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from domain.telemetry import TelemetryUpload, UploadId
from workflow.upload_binary import encode_binary

SAMPLES = 60
BOOT = "bench-0001"
OFFSETS_MS = list(range(0, SAMPLES * 1000, 1000))

# Marks that stand nowhere else in an upload.
_SEQ = 0xFEDCBA98
_START_MS = 0x01FE_DCBA_9876
_READING_M = 0xFEDC_BA97
_VEHICLE = "car-@@@@@@@"


class JsonTemplate:
    """The text around head and odometer."""

    def __init__(self, columns: Mapping[str, Sequence[float]], odometer: str) -> None:
        signals: dict[str, Any] = dict(columns)
        if odometer:
            signals[odometer] = "@odometer@"
        body = msgspec.json.encode(
            {"schema": 1, "vss": "6.0", "seq": "@head@", "offsets_ms": OFFSETS_MS, "signals": signals}
        )
        self._before, rest = body.split(b'"@head@"')
        self._between, _, self._after = rest.partition(b'"@odometer@"')
        self._has_odometer = bool(odometer)

    def fill(self, vehicle: bytes, seq: int, start_ms: int, readings_m: npt.NDArray[np.int64]) -> bytes:
        """The upload."""
        head = b'%d,"vehicle_id":"%s","boot_id":"%s","start_ms":%d' % (seq, vehicle, BOOT.encode(), start_ms)
        readings = str(readings_m.tolist()).replace(" ", "").encode() if self._has_odometer else b""
        return b"".join((self._before, head, self._between, readings, self._after))


class BinaryTemplate:
    """The bytes, and where vehicle, number, time and odometer stand in them."""

    def __init__(self, columns: Mapping[str, Sequence[float]], odometer: str) -> None:
        signals = dict(columns)
        if odometer:
            signals[odometer] = [float(_READING_M)] * SAMPLES
        self._body = encode_binary(
            TelemetryUpload(UploadId(_VEHICLE, BOOT, _SEQ), _START_MS, OFFSETS_MS, signals, received_ms=0)
        )
        self._vehicle_at = self._body.index(_VEHICLE.encode())
        self._seq_at = self._body.index(struct.pack(">I", _SEQ))
        self._start_at = self._body.index(struct.pack(">Q", _START_MS))
        self._readings_at = self._body.index(struct.pack("<I", _READING_M) * SAMPLES) if odometer else None

    def fill(self, vehicle: bytes, seq: int, start_ms: int, readings_m: npt.NDArray[np.int64]) -> bytes:
        """The upload; `vehicle` has 11 bytes."""
        body = bytearray(self._body)
        body[self._vehicle_at : self._vehicle_at + len(_VEHICLE)] = vehicle
        struct.pack_into(">I", body, self._seq_at, seq)
        struct.pack_into(">Q", body, self._start_at, start_ms)
        if self._readings_at is not None:
            body[self._readings_at : self._readings_at + 4 * SAMPLES] = readings_m.astype("<u4").tobytes()
        return bytes(body)
