"""WearTruth: what is really left of each item of one car, hidden from the system under test.

Only the workshop ever sees these numbers, with a small measuring error (`simulators.workshop`). The laws are the
simulator's own and the product's models do not share them:

- front brake pads: `simulators.braking`, times a factor of the car (pad compound, calipers, habits between samples);
- engine oil: a budget of fuel (BMW CBS4 counts fuel, not distance), fuel burnt cold counting more because part of it
  ends in the oil, and a share for age; used up after 24 months at the latest (BMW's upper limit);
- 12 V battery: age, doubled by every 10 K above 20 °C (Arrhenius' rule of thumb), and cycles of short trips; inner
  resistance climbs steeply near the end of life, rest voltage follows the state of charge (12.65 V full, 12.45 V at
  75 %, 12.24 V at half, 12.06 V at a quarter, 11.89 V empty: the table every battery maker prints);
- brake fluid: water at a rate of about 1.3 % a year from 0.2 %, over 2.8 % at 24 months; due by date;
- the plainer parts: `simulators.parts_truth`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from simulators.braking import brake_demand
from simulators.drive import AIR_MASS, AMBIENT, COOLANT, Drive
from simulators.parts_truth import PARTS, PartsTruth, part_shares

DAY_MS = 86_400_000
PADS, OIL, BATTERY, FLUID = "front_brake_pads", "engine_oil", "battery_12v", "brake_fluid"
ITEMS = (PADS, OIL, BATTERY, FLUID)

NEW_PAD_MM, WORN_PAD_MM = 12.0, 3.0
AIR_PER_FUEL, PETROL_G_PER_L = 14.7, 745.0
OIL_BUDGET_L = 1_900.0  # 30,000 km at 6.3 l/100 km
COLD_OIL_BELOW_C, COLD_OIL_EXTRA = 70.0, 1.5
OIL_AGE_SHARE = 0.20  # of the oil's life that passes by age alone in 24 months
OIL_LIMIT_DAYS = FLUID_LIMIT_DAYS = 730.0
BATTERY_LIFE_DAYS = 5.2 * 365.25
SHORT_TRIP_DAYS = 0.35  # each trip under 15 km ages the battery as this many days do
SHORT_TRIP_M = 15_000.0
CRANK_A = 280.0
BATTERY_OHM = 0.0055  # battery and cable, new, at 25 °C
OHM_PER_K = 0.008
FLUID_WATER_PCT, FLUID_WATER_PCT_PER_YEAR = 0.2, 1.3
OPEN_CIRCUIT_V = ((0.0, 11.89), (0.25, 12.06), (0.5, 12.24), (0.75, 12.45), (1.0, 12.65))


@dataclass(frozen=True, slots=True)
class TripDemand:
    """What one drive takes from a car of factor 1."""

    distance_m: float
    pad_mm: float
    brake_work_j: float
    oil_share: float  # of the oil's life, by fuel alone
    fuel_l: float
    ambient_c: float
    part_shares: Mapping[str, float]  # of each plainer part's life

    @property
    def is_short(self) -> bool:
        return self.distance_m < SHORT_TRIP_M


def trip_demand(drive: Drive, mass_kg: float) -> TripDemand:
    """What `drive` asks of a car of `mass_kg`, from its recorded signals."""
    brakes = brake_demand(drive, mass_kg)
    litres = cold = 0.0
    if AIR_MASS in drive.columns:
        flow = drive.held(AIR_MASS)[1:] * drive.steps_s / AIR_PER_FUEL / PETROL_G_PER_L
        litres = float(flow.sum())
        if COOLANT in drive.columns:
            cold = float(flow[drive.held(COOLANT)[1:] < COLD_OIL_BELOW_C].sum())
    ambient = drive.columns.get(AMBIENT)
    known = ambient is not None and bool(np.any(~np.isnan(ambient)))
    return TripDemand(
        distance_m=drive.distance_m,
        pad_mm=brakes.pad_mm,
        brake_work_j=brakes.work_j,
        oil_share=(litres + COLD_OIL_EXTRA * cold) / OIL_BUDGET_L,
        fuel_l=litres,
        ambient_c=float(np.nanmean(ambient)) if known and ambient is not None else 18.0,
        part_shares=part_shares(drive, mass_kg, brakes.work_j),
    )


@dataclass(frozen=True, slots=True)
class WearFactors:
    """What makes this car differ from the next one under the same demand; 1 is the fleet's middle."""

    pads: float = 1.0
    oil: float = 1.0
    battery: float = 1.0
    fluid: float = 1.0


@dataclass(slots=True)
class WearTruth:
    """The hidden state of one car. `battery_used` runs from 0 (new) over 1 (at its end); `charge` is 0 to 1."""

    factors: WearFactors
    pad_mm: float
    oil_used: float
    oil_filled_ms: int
    battery_used: float
    charge: float
    fluid_filled_ms: int
    parts: PartsTruth = field(default_factory=PartsTruth)

    def drive(self, demand: TripDemand) -> None:
        """Wear by one trip."""
        self.pad_mm = max(0.0, self.pad_mm - demand.pad_mm * self.factors.pads)
        self.oil_used += demand.oil_share * self.factors.oil
        self.parts.drive(demand.part_shares)
        if demand.is_short:
            self.battery_used += SHORT_TRIP_DAYS / BATTERY_LIFE_DAYS * self.factors.battery
        self.charge = min(self._fullest(), self.charge + 0.06 + demand.distance_m / 150_000.0)

    def rest(self, days: float, ambient_c: float = 20.0) -> None:
        """Age by `days` of standing or driving; the battery feeds what never sleeps (about 1 % a day)."""
        self.oil_used += OIL_AGE_SHARE * days / OIL_LIMIT_DAYS * self.factors.oil
        heat = 2.0 ** ((ambient_c - 20.0) / 10.0)
        self.battery_used += days / BATTERY_LIFE_DAYS * heat * self.factors.battery
        self.charge = max(0.0, min(self._fullest(), self.charge) - 0.01 * days)
        self.parts.rest(days)

    def _fullest(self) -> float:
        """A sulphated battery no longer takes a full charge."""
        return 1.0 - 0.6 * min(self.battery_used, 1.05) ** 8

    @property
    def rest_v(self) -> float:
        """Voltage after standing."""
        charges, volts = zip(*OPEN_CIRCUIT_V, strict=True)
        return float(np.interp(self.charge, charges, volts))

    def crank_v(self, ambient_c: float) -> float:
        """Lowest voltage while the starter turns; must stay at or above 9.6 V, and under about 7.2 V nothing turns."""
        used = min(self.battery_used, 1.2)
        ohm = BATTERY_OHM * (1.0 + 0.25 * used + 0.75 * used**8) * (1.0 + OHM_PER_K * (25.0 - ambient_c))
        return self.rest_v - CRANK_A * ohm

    def oil_left(self, now_ms: int) -> float:
        """Share of the oil's life that is left, 0 to 1; also 0 when it is 24 months old."""
        return max(0.0, 1.0 - self.used_share(OIL, now_ms))

    def water_pct(self, now_ms: int) -> float:
        """Water in the brake fluid, % by mass."""
        years = (now_ms - self.fluid_filled_ms) / DAY_MS / 365.25
        return FLUID_WATER_PCT + FLUID_WATER_PCT_PER_YEAR * years * self.factors.fluid

    def is_due(self, item: str, now_ms: int) -> bool:
        """Whether the item has reached its limit."""
        return self.used_share(item, now_ms) >= 1.0

    def used_share(self, item: str, now_ms: int) -> float:
        """How much of the item's life is gone, 0 (new) to 1 (at its limit) and beyond."""
        if item in PARTS:
            return self.parts.used[item]
        if item == PADS:
            return (NEW_PAD_MM - self.pad_mm) / (NEW_PAD_MM - WORN_PAD_MM)
        if item == OIL:
            return max(self.oil_used, (now_ms - self.oil_filled_ms) / DAY_MS / OIL_LIMIT_DAYS)
        if item == BATTERY:
            return self.battery_used
        return (now_ms - self.fluid_filled_ms) / DAY_MS / FLUID_LIMIT_DAYS

    def renew(self, item: str, now_ms: int) -> None:
        """The item was replaced."""
        if item == PADS:
            self.pad_mm = NEW_PAD_MM
        elif item == OIL:
            self.oil_used, self.oil_filled_ms = 0.0, now_ms
        elif item == BATTERY:
            self.battery_used, self.charge = 0.0, 0.95
        elif item == FLUID:
            self.fluid_filled_ms = now_ms
        elif item in PARTS:
            self.parts.used[item] = 0.0
        else:
            raise ValueError(f"no such item: {item}")

    def state(self) -> dict[str, Any]:
        """Plain values, from which `restored` makes it again."""
        return asdict(self)

    @classmethod
    def restored(cls, state: dict[str, Any]) -> WearTruth:
        own = {"factors": WearFactors(**state["factors"]), "parts": PartsTruth(**state["parts"])}
        return cls(**{**state, **own})
