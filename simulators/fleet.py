"""Fleet: seeded cars with drivers, pasts and hidden truths, and the workshop that may look inside them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from simulators.car import CarIdentity, SimulatedCar
from simulators.drive import Drive, load_drives
from simulators.parts_truth import CHECK, INSPECTION, PARTS
from simulators.past import daily_rates, start_condition
from simulators.profile import PROFILES
from simulators.trip import SAMPLES_PER_UPLOAD, UploadWriter
from simulators.wear_truth import BATTERY, FLUID, OIL, PADS, TripDemand, WearFactors, trip_demand
from simulators.workshop import Workshop

FIRST_DUE: tuple[str | None, ...] = (PADS, OIL, BATTERY, FLUID, None)
RECORDED, ZERO = "recorded", "zero"
_VIN_VALUES = {
    c: v for v, row in enumerate(("", "AJ", "BKS", "CLT", "DMU", "ENV", "FW", "GPX", "HY", "RZ")) for c in row
}
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_YEAR_LETTERS = "ABCDEFGHJKLMNPRSTVWXY123456789"  # 2010 is A; 49 CFR 565, table VII


class Fleet:
    """`size` cars from one `seed`, as they stand at `start_ms` (int64 ms, UTC).

    Of five cars one each is soon due for pads, oil, battery and brake fluid, and one for nothing. With
    `brake_energy="zero"` the cars start alike, but from then on never brake: neither their signals nor their truth do.
    """

    def __init__(
        self,
        size: int,
        seed: int,
        start_ms: int,
        *,
        drives: Sequence[Drive] | None = None,
        brake_energy: str = RECORDED,
        samples_per_upload: int = SAMPLES_PER_UPLOAD,
    ) -> None:
        if brake_energy not in (RECORDED, ZERO):
            raise ValueError(f'brake_energy is "{RECORDED}" or "{ZERO}", not "{brake_energy}"')
        self.seed = seed
        self.start_ms = start_ms
        self._drives = list(drives if drives is not None else load_drives())
        self._is_zero = brake_energy == ZERO
        self._writer = UploadWriter(samples_per_upload, speed_is_constant=self._is_zero)
        dice = random.Random(f"{seed}/fleet")
        due = [FIRST_DUE[i % len(FIRST_DUE)] for i in range(size)]
        dice.shuffle(due)
        self.cars = [self._build(index, first_due) for index, first_due in enumerate(due)]
        self.workshop = Workshop(self.cars, seed)

    def _build(self, index: int, first_due: str | None) -> SimulatedCar:
        key = f"{self.seed}/car/{index}"
        dice = random.Random(key)
        profile = PROFILES[index % len(PROFILES)]
        pool = profile.pool(self._drives)
        mass_kg = round(dice.uniform(1_200.0, 1_750.0))
        factors = WearFactors(*(_scatter(dice, sigma) for sigma in (0.15, 0.08, 0.12, 0.10)))
        asked = {drive.name: trip_demand(drive, mass_kg) for drive in pool}
        parts_dice = random.Random(f"{key}/parts")
        part_factors = {part: 1.0 if part in (CHECK, INSPECTION) else _scatter(parts_dice, 0.12) for part in PARTS}
        rates = daily_rates(profile, pool, key, asked, factors, part_factors, self.start_ms)
        condition = start_condition(dice, parts_dice, rates, factors, part_factors, first_due, self.start_ms)
        return SimulatedCar(
            identity=_identity(index, mass_kg, condition.built_ms),
            key=key,
            profile=profile,
            pool=pool,
            demands=self._without_braking(pool, mass_kg) if self._is_zero else asked,
            writer=self._writer,
            truth=condition.truth,
            odometer_m=condition.odometer_m,
            planned_until_ms=self.start_ms,
            tyre_kpa=round(dice.uniform(222.0, 242.0), 1),
            history=condition.history,
        )

    def _without_braking(self, pool: Sequence[Drive], mass_kg: float) -> dict[str, TripDemand]:
        return {drive.name: trip_demand(drive.with_constant_speed(), mass_kg) for drive in pool}

    def state(self) -> dict[str, Any]:
        """What must be kept to go on later, as plain JSON values."""
        return {"cars": [car.state() for car in self.cars], "workshop": self.workshop.state()}

    def restore(self, state: dict[str, Any]) -> None:
        for car, kept in zip(self.cars, state["cars"], strict=True):
            car.restore(kept)
        self.workshop.restore(state["workshop"])


def _scatter(dice: random.Random, sigma: float) -> float:
    """A log-normal factor around 1, cut at two and a half sigmas."""
    return math.exp(sigma * max(-2.5, min(2.5, dice.gauss(0.0, 1.0))))


def _identity(index: int, mass_kg: float, built_ms: int) -> CarIdentity:
    year = datetime.fromtimestamp(built_ms / 1000, UTC).year
    return CarIdentity(index, fictitious_vin(index, year), "Example", "Hatch", year, mass_kg, built_ms)


def fictitious_vin(index: int, year: int) -> str:
    """A VIN of the right form with a true check digit whose maker code, 0SM, nobody can have."""
    body = f"0SMPTCARX{_YEAR_LETTERS[(year - 2010) % 30]}X{index:06d}"
    return body[:8] + check_digit(body) + body[9:]


def check_digit(vin: str) -> str:
    """The check digit that position 9 of `vin` should hold (49 CFR 565.15)."""
    values = [int(letter) if letter.isdigit() else _VIN_VALUES[letter] for letter in vin]
    rest = sum(weight * value for weight, value in zip(_VIN_WEIGHTS, values, strict=True)) % 11
    return "X" if rest == 10 else str(rest)
