"""UploadLoad: as many made-up uploads as a bench wants, the same ones for the same numbers, cheap to make."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from domain.errors import InvalidInput
from domain.telemetry import UploadId, VehicleAttributes
from pitcall.bench.template import BOOT, SAMPLES, BinaryTemplate, JsonTemplate
from streams.block import Headers
from streams.producer import NewRecord
from streams.topics import TELEMETRY_UPLOADS
from workflow.messages import encode

JSON, BINARY = "json", "binary"
SIGNALS = 12
"""Signals of an upload, if the catalogue has so many."""
TEMPLATES = 64
ATTRIBUTES = VehicleAttributes(built_ms=1_600_000_000_000)


class _Drive(NamedTuple):
    """Columns of one drive, and the metres since its start, by its speed, at each sample: shape (60,)."""

    columns: dict[str, list[float]]
    driven_m: npt.NDArray[np.float64]


@dataclass
class UploadLoad:
    """Upload `n` is the `n // vehicles`-th of car `n % vehicles`: a minute of samples at 1 Hz, driven in town.

    All cars share 64 drives, so that an upload costs the sender little; identity, time and odometer are its own, and
    the odometer goes on where the drive before ended.
    `poison` is the share of uploads that are broken (cut off in the middle); `first_ms` the time of each car's first.
    """

    catalogue: Catalogue
    vehicles: int
    encoding: str
    first_ms: int
    poison: float = 0.0
    seed: int = 1
    _names: list[bytes] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        if self.encoding not in (JSON, BINARY):
            raise InvalidInput(f"no encoding {self.encoding!r}", field="encoding", fix="json or binary")
        self._names = [f"car-{n:07d}".encode() for n in range(self.vehicles)]
        self._attributes = encode(ATTRIBUTES)
        odometer = self.catalogue.roles.get("odometer")
        paths = [path for path in self.catalogue.signals if path != odometer][: SIGNALS - 1]
        self._odometer = odometer or ""
        self.signals = (*paths, *([odometer] if odometer else []))
        self._drives = [self._drive(np.random.default_rng([self.seed, n]), paths) for n in range(TEMPLATES)]
        # A car drives all of them in turn, for ever: how far it is before each, counted from before the first.
        self._before_m = np.concatenate([[0.0], np.cumsum([drive.driven_m[-1] for drive in self._drives])])
        template = JsonTemplate if self.encoding == JSON else BinaryTemplate
        self._templates = [template(drive.columns, self._odometer) for drive in self._drives]

    def _drive(self, chance: np.random.Generator, paths: list[str]) -> _Drive:
        speed = np.clip(40 + np.cumsum(chance.normal(0, 3, SAMPLES)), 0, 130).round(1)
        driven_m = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 7.2)])
        columns = {}
        for path in paths:
            spec = self.catalogue.signals[path]
            middle = spec.minimum + (spec.maximum - spec.minimum) * chance.uniform(0.3, 0.6)
            wandering = middle + np.cumsum(chance.normal(0, (spec.maximum - spec.minimum) / 400, SAMPLES))
            is_speed = path == self.catalogue.roles.get("speed")
            columns[path] = (speed if is_speed else np.clip(wandering, spec.minimum, spec.maximum).round(2)).tolist()
        return _Drive(columns, driven_m)

    def vehicle(self, n: int) -> int:
        """The car that sends upload `n`."""
        return n % self.vehicles

    def key(self, vehicle: int) -> bytes:
        """The vehicle id of a car, as the key of its records."""
        return self._names[vehicle]

    def vehicle_of(self, key: bytes) -> int:
        """The car whose records have this key; −1 when none has."""
        number = int(key[4:]) if key[4:].isdigit() else -1
        return number if 0 <= number < self.vehicles and self._names[number] == key else -1

    def upload_id(self, n: int) -> UploadId:
        """What upload `n` is known by."""
        return UploadId(self.key(self.vehicle(n)).decode(), BOOT, n // self.vehicles)

    def is_poison(self, n: int) -> bool:
        """Whether upload `n` is broken."""
        return self.poison > 0 and random.Random(self.seed * 1_000_003 + n).random() < self.poison  # noqa: S311

    def body(self, n: int) -> bytes:
        """Upload `n` as the edge would take it."""
        car, seq = self.vehicle(n), n // self.vehicles
        which = (car + seq) % TEMPLATES
        rounds = (car + seq) // TEMPLATES - car // TEMPLATES
        driven_m = rounds * self._before_m[-1] + self._before_m[which] - self._before_m[car % TEMPLATES]
        start_m = 10_000_000 + car % 1000 * 100_000 + driven_m
        readings_m = (self._drives[which].driven_m + start_m).astype(np.int64)
        start_ms = self.first_ms + seq * SAMPLES * 1000
        value = self._templates[which].fill(self.key(car), seq, start_ms, readings_m)
        return value[: len(value) // 2] if self.is_poison(n) else value

    def record(self, n: int, received_ms: int) -> NewRecord:
        """Upload `n` as the edge would append it, received at `received_ms`."""
        headers: Headers = (("received-ms", b"%d" % received_ms), ("attributes", self._attributes))
        return NewRecord(TELEMETRY_UPLOADS, self.key(self.vehicle(n)), self.body(n), received_ms, headers)

    def records(self, first: int, count: int, received_ms: int) -> Iterator[NewRecord]:
        """`count` uploads from upload `first` on."""
        return (self.record(n, received_ms) for n in range(first, first + count))

    def observed_m(self, vehicle: int, uploads: int) -> tuple[float, int]:
        """What a car's state must say it was seen driving after `uploads` of the whole load, and from how many."""
        total, sound = 0.0, 0
        for n in range(vehicle, uploads, self.vehicles):
            if not self.is_poison(n):
                total += float(self._drives[(vehicle + n // self.vehicles) % TEMPLATES].driven_m[-1])
                sound += 1
        return total, sound
