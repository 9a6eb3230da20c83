"""Trip: a recorded drive under way in a simulated car, and the uploads the car makes of it.

The wire format is telemetry upload v1: JSON, columnar, VSS 6.0 names. What the drive recorded goes out as recorded,
to the last digit; what it lacks (odometer, low-voltage battery, tyre pressure, and the moments before the recording
begins) is added and marked `simulated`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from domain.telemetry import RECORDED, SIMULATED
from simulators.drive import AMBIENT, ENGINE_SPEED, ODOMETER, SPEED, TYRE_PRESSURE, VOLTAGE, Drive
from simulators.parts_truth import tyre_at

SAMPLES_PER_UPLOAD = 300
CHARGING_V = 14.2
STOPPED_DROP_V = 0.1  # lights and pumps, less the surface charge, while the engine waits at a traffic light
WARM_RESTART_V = 0.4  # a warm engine asks less of the starter
WAKE_MS = 8_000
CRANK_RPM, IDLE_RPM = 220, 850
RUNS_FROM_RPM = 400.0  # below it the starter is still turning the engine
PRESSURE_EVERY = 60
RUNNING, REST, CRANK, STOPPED, RESTART = range(5)


@dataclass(frozen=True, slots=True)
class Trip:
    """What the car itself adds to the drive. `start_ms` is the event time of the drive's first sample (int64, UTC)."""

    boot_id: str
    drive: Drive
    start_ms: int
    odometer_m: float
    rest_v: float
    crank_v: float
    tyre_kpa: float  # cold, at 20 °C


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload as bytes; `ready_ms` is the event time of its last sample, before which no car could send it."""

    boot_id: str
    seq: int
    ready_ms: int
    samples: int
    body: bytes


class UploadWriter:
    """Writes the uploads of trips; a drive's own columns are rendered once and kept.

    `samples` is the most samples per upload (1 to 3,600). With `speed_is_constant` the car never slows down: its speed
    is replaced at the source by the mean of the drive and marked simulated (the control `brake_energy="zero"`).
    """

    def __init__(self, samples: int = SAMPLES_PER_UPLOAD, *, speed_is_constant: bool = False) -> None:
        if not 1 <= samples <= 3_600:
            raise ValueError("an upload holds 1 to 3,600 samples")
        self.samples = samples
        self.speed_is_constant = speed_is_constant
        self._columns: dict[tuple[str, int], dict[str, list[str]]] = {}
        self._recorded: dict[tuple[str, int, int], str] = {}
        self._battery: dict[tuple[str, int], np.ndarray] = {}

    def uploads(self, trip: Trip) -> list[Upload]:
        """All uploads of a trip, seq 0 being what the car says on waking, before the recording begins."""
        return [self._wake(trip), *(self._part(trip, seq, *span) for seq, span in enumerate(self.spans(trip.drive), 1))]

    def spans(self, drive: Drive) -> Iterator[tuple[int, int]]:
        """First and last (exclusive) sample of each upload of the recording."""
        for first in range(0, len(drive), self.samples):
            yield first, min(first + self.samples, len(drive))

    def _wake(self, trip: Trip) -> Upload:
        """The seconds before: the battery at rest and, where the recording begins with a running engine, its start."""
        rest, crank = round(trip.rest_v, 2), round(trip.crank_v, 2)
        if battery_codes(trip.drive)[0] == REST:
            volts, turns = [rest] * 8, [0] * 8
        else:
            volts = [*[rest] * 5, crank, CHARGING_V, CHARGING_V]
            turns = [*[0] * 5, CRANK_RPM, IDLE_RPM, IDLE_RPM]
        signals: dict[str, list[Any]] = {
            VOLTAGE: volts,
            ENGINE_SPEED: turns,
            ODOMETER: [int(trip.odometer_m)] * 8,
        }
        if not self.speed_is_constant:
            signals[SPEED] = [0] * 8
        ambient = trip.drive.held(AMBIENT) if AMBIENT in trip.drive.columns else np.zeros(1)
        outside_c = float(ambient[np.flatnonzero(ambient)[0]]) if np.any(ambient) else 20.0
        if np.any(ambient):
            signals[AMBIENT] = [outside_c] * 8
        signals[TYRE_PRESSURE] = [round(tyre_at(trip.tyre_kpa, outside_c), 1), *[None] * 7]
        start_ms = trip.start_ms - WAKE_MS
        body = {
            "schema": 1,
            "vss": "6.0",
            "boot_id": trip.boot_id,
            "seq": 0,
            "start_ms": start_ms,
            "offsets_ms": list(range(0, WAKE_MS, 1000)),
            "signals": signals,
            "origins": dict.fromkeys(signals, SIMULATED),
        }
        return Upload(trip.boot_id, 0, trip.start_ms - 1000, 8, json.dumps(body, allow_nan=False).encode())

    def _part(self, trip: Trip, seq: int, first: int, last: int) -> Upload:
        drive = trip.drive
        metres = (trip.odometer_m + drive.metres[first:last]).astype(np.int64)
        states = self._states(drive)[first:last]
        volts = (
            f"{CHARGING_V}",
            f"{trip.rest_v:.2f}",
            f"{trip.crank_v:.2f}",
            f"{trip.rest_v - STOPPED_DROP_V:.2f}",
            f"{trip.crank_v + WARM_RESTART_V:.2f}",
        )
        # Tyres warm up with driving: some 8 % more after a quarter of an hour.
        warm = 1.0 + 0.08 * (1.0 - np.exp(-drive.offsets_ms[first:last:PRESSURE_EVERY] / 600_000.0))
        pressures = ["null"] * (last - first)
        pressures[::PRESSURE_EVERY] = [f"{p:.1f}" for p in (trip.tyre_kpa * warm).tolist()]
        body = (
            f'{{"schema":1,"vss":"6.0","boot_id":"{trip.boot_id}","seq":{seq},'
            f'"start_ms":{trip.start_ms + int(drive.offsets_ms[first])},{self._fixed(drive, first, last)}'
            f',"{ODOMETER}":[{",".join(map(str, metres.tolist()))}]'
            f',"{VOLTAGE}":[{",".join([volts[s] for s in states.tolist()])}]'
            f',"{TYRE_PRESSURE}":[{",".join(pressures)}]'
            f'}},"origins":{self._origins(drive)}}}'
        )
        ready_ms = trip.start_ms + int(drive.offsets_ms[last - 1])
        return Upload(trip.boot_id, seq, ready_ms, last - first, body.encode())

    def _fixed(self, drive: Drive, first: int, last: int) -> str:
        """Offsets and the recorded signals of one span, as JSON text that ends inside the signals' object."""
        key = (drive.name, id(drive), first)
        if key not in self._recorded:
            offsets = (drive.offsets_ms[first:last] - drive.offsets_ms[first]).tolist()
            columns = self._rendered(drive)
            signals = ",".join(f'"{name}":[{",".join(cells[first:last])}]' for name, cells in columns.items())
            self._recorded[key] = f'"offsets_ms":[{",".join(map(str, offsets))}],"signals":{{{signals}'
        return self._recorded[key]

    def _rendered(self, drive: Drive) -> dict[str, list[str]]:
        key = (drive.name, id(drive))
        if key not in self._columns:
            seen = drive.with_constant_speed() if self.speed_is_constant else drive
            self._columns[key] = {name: _cells(column) for name, column in seen.columns.items()}
        return self._columns[key]

    def _origins(self, drive: Drive) -> str:
        origins = dict.fromkeys(drive.columns, RECORDED)
        if self.speed_is_constant and SPEED in origins:
            origins[SPEED] = SIMULATED
        return json.dumps({**origins, **dict.fromkeys((ODOMETER, VOLTAGE, TYRE_PRESSURE), SIMULATED)})

    def _states(self, drive: Drive) -> np.ndarray:
        key = (drive.name, id(drive))
        if key not in self._battery:
            self._battery[key] = battery_codes(drive)
        return self._battery[key]


def battery_codes(drive: Drive) -> np.ndarray:
    """Per sample what the 12 V battery is doing, from the recorded engine speed; shape (n,).

    REST before the recording's first engine start, CRANK in the second of that start, RUNNING, STOPPED while a
    stop-start engine waits, RESTART in the second in which it turns again.
    """
    codes = np.full(len(drive), RUNNING)
    if ENGINE_SPEED not in drive.columns:
        return codes
    turning = drive.columns[ENGINE_SPEED]
    is_off = turning < RUNS_FROM_RPM
    known = np.flatnonzero(~np.isnan(turning))
    if len(known):
        is_off[: known[0]] = is_off[known[0]]  # the recorder began before its first answer came
    codes[is_off] = STOPPED
    turns_next = np.append(is_off[:-1] & ~is_off[1:], False)
    codes[turns_next] = RESTART
    if is_off[0]:
        start = int(np.argmin(is_off)) or len(drive)
        codes[:start] = REST
        if start < len(drive):
            codes[start - 1] = CRANK
    return codes


def _cells(column: np.ndarray) -> list[str]:
    """A float32 column as JSON cells, each the shortest text that reads back as the same float32; NaN is null."""
    values, places = np.unique(column, return_inverse=True)
    texts = np.array(["null" if np.isnan(v) or np.isinf(v) else str(v) for v in values], dtype=object)
    return list(texts[places])
