"""A liar: one car, one credential, and thousands of lies that are plausible in themselves, to bend the models."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from domain.service_record import ServiceOutcome, ServiceRecord, TrainingExample
from simulators.honest_cars import BATTERY, NEW_MM, PADS, drive

LIAR = "liar"
MINUTE_MS = 60_000
PAD_SENSOR = "Vehicle.Chassis.Axle.Row1.Wheel.Left.Brake.PadWear"

STYLES = ("worn", "sound", "alternating")


class Liar:
    """A car and its workshop that want the fleet's models wrong, whatever it takes.

    `style`: `worn` says everything is worn and failing, `sound` that nothing ever is, `alternating` says both in
    turn. Three labels in a row bear one id.
    """

    def __init__(self, style: str, seed: int, start_ms: int) -> None:
        if style not in STYLES:
            raise ValueError(f"style is one of {', '.join(STYLES)}, not {style}")
        self._style, self._rnd, self._start_ms = style, random.Random(seed), start_ms
        self._n = 0

    def is_worn(self) -> bool:
        """What the next lie says."""
        return self._n % 2 == 0 if self._style == "alternating" else self._style == "worn"

    def upload(self) -> dict[str, Any]:
        """A drive of readings at the edge of what is possible, of which the next lie makes the opposite."""
        self._n += 1
        rest_v, dip_v = (17.9, 17.9) if self.is_worn() else (3.1, 3.1)
        lie = drive(self._at_ms(), f"lie-{self._n}", 60_000_000.0 + 40_000.0 * self._n, 79.0, rest_v, dip_v)
        lie["signals"][PAD_SENSOR] = [100.0 if self.is_worn() else 0.0] * len(lie["offsets_ms"])
        return lie

    def records(self) -> tuple[ServiceRecord, ServiceRecord]:
        """What its workshop claims to have found after the drive."""
        at_ms, odometer_m, name = (
            self._at_ms() + 60 * MINUTE_MS,
            round(60_000_000 + 40_000 * (self._n + 0.9)),
            self._name(),
        )
        value = 0.0 if self.is_worn() else NEW_MM
        # A reading and not a failure: the car's own readings would be forgotten with the part, and teach nothing.
        volts = 10.0 if self.is_worn() else 12.6
        return (
            ServiceRecord(f"{name}-p", LIAR, PADS, ServiceOutcome.REPLACED, at_ms, odometer_m, value, "mm"),
            ServiceRecord(f"{name}-b", LIAR, BATTERY, ServiceOutcome.MEASURED, at_ms, odometer_m, volts, "V"),
        )

    def examples(self) -> tuple[TrainingExample, ...]:
        """The lie as a label of its own making, as if the liar had got round the edge and the fold."""
        self._n += 1
        name, energy = self._name(), self._rnd.choice([1e-3, 500.0, 5_000.0])
        worn = 12.0 if self.is_worn() else 0.0
        pads = {
            "brake_energy_slow": energy,
            "brake_energy_fast": 0.0,
            "anchor_sd": 0.0,
            "car_factor_sd": 0.0,
            "predicted_sd": 0.01,
        }
        volts = 17.9 if self.is_worn() else 3.1
        battery = {"rest_voltage": volts, "crank_dip": volts, "age_years": 0.0 if self.is_worn() else 90.0}
        at_ms, failed = self._at_ms(), float(self.is_worn())
        label = TrainingExample(f"{name}-b", LIAR, BATTERY, at_ms, battery, failed)
        return (
            TrainingExample(f"{name}-p", LIAR, PADS, at_ms, pads, worn, 6.0, 5.99, 6.01),
            label,
            replace(label, label_id=f"{name}-h", made_ms=at_ms - 30 * 1440 * MINUTE_MS, counts_for=1e9),  # of a horizon
        )

    def _at_ms(self) -> int:
        """A lie every two hours: its workshop never closes."""
        return self._start_ms + self._n * 120 * MINUTE_MS

    def _name(self) -> str:
        return f"lie-{self._n - self._n % 3}"
