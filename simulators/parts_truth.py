"""PartsTruth: how much of their life the plainer parts of a car have used, hidden as all of `WearTruth` is.

Each wears in shares of its life, 0 new and 1 at its limit, by a law of the simulator's own:

- rear brake pads: `simulators.braking` on the rear axle, from 10 to 3 mm;
- tyres: 5 mm of tread by rolling (1.0·10⁻⁴ mm a km) and by the slip of braking (2·10⁻⁴ mm per MJ at the front discs):
  some 45,000 km (M);
- cabin filter: the hours that its blower runs with the engine, and age: 2 years or 20,000 km at 45 km/h (BMW);
- spark plugs: sparks, that is revolutions, and cold starts: some 60,000 km (China's norm 20,000, BMW's 160,000);
- vehicle check and inspection: the date alone, 365 and 730 days.

Nothing here leaks or boils over: of tyre leaks and coolant the play has no law, and its cars show sound readings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from simulators.braking import REAR, brake_demand
from simulators.drive import COOLANT, ENGINE_SPEED, Drive

REAR_PADS, TYRES, CABIN_FILTER, PLUGS = "rear_brake_pads", "tyres", "cabin_filter", "spark_plugs"
CHECK, INSPECTION = "vehicle_check", "inspection"
PARTS = (REAR_PADS, TYRES, CABIN_FILTER, PLUGS, CHECK, INSPECTION)

NEW_REAR_PAD_MM, WORN_REAR_PAD_MM = 11.0, 3.0
NEW_TREAD_MM, WORN_TREAD_MM = 8.0, 3.0
TREAD_MM_PER_KM, TREAD_MM_PER_MJ = 1.0e-4, 2.0e-4
FILTER_HOURS = 600.0  # 36,000 km at the 60 km/h of the recorded drives, by three fifths of its life
PLUG_REVOLUTIONS, PLUG_STARTS = 90e6, 20_000.0
TURNS_PER_KM = 1_900.0  # where a drive has no engine speed (M)
COLD_C = 50.0
LEAST_SHARE = 1e-7  # a day: a life has an end even where no drive of the plan asks for it
SHARE_PER_DAY: Mapping[str, float] = {CABIN_FILTER: 0.4 / 730.0, CHECK: 1 / 365.0, INSPECTION: 1 / 730.0}


def part_shares(drive: Drive, mass_kg: float, brake_work_j: float) -> dict[str, float]:
    """What `drive` takes of each part's life in a car of `mass_kg`; `brake_work_j`: at its front discs."""
    km = drive.distance_m / 1000.0
    tread_mm = TREAD_MM_PER_KM * km + TREAD_MM_PER_MJ * brake_work_j / 1e6
    turns = TURNS_PER_KM * km
    if ENGINE_SPEED in drive.columns:
        turns = float((drive.held(ENGINE_SPEED)[1:] * drive.steps_s).sum()) / 60.0
    is_cold = COOLANT in drive.columns and bool(drive.held(COOLANT)[0] < COLD_C)
    return {
        REAR_PADS: brake_demand(drive, mass_kg, REAR).pad_mm / (NEW_REAR_PAD_MM - WORN_REAR_PAD_MM),
        TYRES: tread_mm / (NEW_TREAD_MM - WORN_TREAD_MM),
        CABIN_FILTER: float(drive.steps_s.sum()) / 3_600.0 / FILTER_HOURS,
        PLUGS: turns / PLUG_REVOLUTIONS + is_cold / PLUG_STARTS,
    }


@dataclass(slots=True)
class PartsTruth:
    """The share of its life that each part has used, and what makes this car's differ (1: the fleet's middle)."""

    used: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    factors: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 1.0))

    def drive(self, shares: Mapping[str, float]) -> None:
        """Wear by one trip."""
        for part, share in shares.items():
            self.used[part] += share * self.factors[part]

    def rest(self, days: float) -> None:
        """Age by `days` of standing or driving."""
        for part, share in SHARE_PER_DAY.items():
            self.used[part] += share * days * self.factors[part]

    def rear_pad_mm(self) -> float:
        """What is left of the rear pads; below 0 there is nothing."""
        return max(0.0, NEW_REAR_PAD_MM - self.used[REAR_PADS] * (NEW_REAR_PAD_MM - WORN_REAR_PAD_MM))

    def tread_mm(self) -> float:
        """What is left of the tread."""
        return max(0.0, NEW_TREAD_MM - self.used[TYRES] * (NEW_TREAD_MM - WORN_TREAD_MM))


def daily_shares(asked: Sequence[Mapping[str, float]], days: float, factors: Mapping[str, float]) -> dict[str, float]:
    """What a mean day takes of each part, given what the drives of `days` days asked."""
    return {
        part: max(LEAST_SHARE, sum(s.get(part, 0.0) for s in asked) / days + SHARE_PER_DAY.get(part, 0.0))
        * factors[part]
        for part in PARTS
    }


def tyre_at(kpa_at_20_c: float, ambient_c: float) -> float:
    """A tyre's gauge pressure in the cold or heat, kPa (Gay-Lussac's law, at sea level)."""
    air = 101.325
    return (kpa_at_20_c + air) * (273.15 + ambient_c) / 293.15 - air
