"""World: the hidden side of the fleet. Cars, places, drivers, and what is really left of every part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from simulators.drive import Drive
from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.calendar_law import FluidLaw, check_law, inspection_law
from simulators.years.car import Car
from simulators.years.climate import CLIMATES, LOCAL_SD_K, Weather
from simulators.years.coolant_law import CoolantLaw
from simulators.years.demand import COLUMNS, DayDemand, DriveDemands
from simulators.years.driver import Drivers
from simulators.years.filter_law import FilterLaw
from simulators.years.leak_law import LeakLaw
from simulators.years.oil_law import OilLaw
from simulators.years.pad_law import PadLaw
from simulators.years.particulate_law import ParticulateLaw
from simulators.years.parts import Parts
from simulators.years.plug_law import PlugLaw
from simulators.years.powertrain import (
    BATTERY,
    CHECK,
    COOLANT,
    FILTER,
    FLUID,
    FRONT_PADS,
    INSPECTION,
    LEAK,
    OIL,
    PARTICULATE,
    PLUGS,
    POWER_TRAINS,
    REAR_PADS,
    TRACTION,
    TYRES,
)
from simulators.years.shift import Shift
from simulators.years.starter_law import StarterLaw
from simulators.years.traction_law import TractionLaw
from simulators.years.tyre_law import TyreLaw

OLDEST_DAYS, YOUNGEST_DAYS = 2_700, -300  # built so long before the start; some join in the first months after it
FLEET_KM_PER_DAY = 38.0
# Below this the traction battery takes less and less of the braking, down to half 20 K further.
COLD_BRAKING_C, COLD_BRAKING_K = 5.0, 40.0


class World:
    """`step` lives one day. Nothing in here is ever sent; `simulators.years.sent_chunk` says what is."""

    def __init__(
        self,
        drives: Sequence[Drive],
        count: int,
        first_day: int,
        start_day: int,
        shifts: Sequence[Shift],
        dices: Iterator[np.random.Generator],
    ) -> None:
        self.drives, self.count, self.first_day, self.shifts = drives, count, first_day, shifts
        dice = next(dices)
        self.power_train = dice.choice(len(POWER_TRAINS), count, p=[kind.share for kind in POWER_TRAINS])
        self.climate = dice.choice(len(CLIMATES), count, p=[climate.share for climate in CLIMATES])
        self.built_day = start_day - dice.integers(YOUNGEST_DAYS, OLDEST_DAYS, count)
        low, high = np.array([kind.mass_kg for kind in POWER_TRAINS])[self.power_train].T
        self.mass_kg = np.round(dice.uniform(low, high))
        self._local_k = LOCAL_SD_K * dice.standard_normal(count)
        self.cars = tuple(
            Car(dice.bytes(10).hex(), POWER_TRAINS[kind].name, float(mass), int(built))
            for kind, mass, built in zip(self.power_train, self.mass_kg, self.built_day, strict=True)
        )
        self.drivers = Drivers(drives, np.array([kind.far for kind in POWER_TRAINS])[self.power_train], next(dices))
        self._weather = Weather(next(dices))
        self._demands = DriveDemands(drives, self.power_train, self.mass_kg)
        self.km_per_day = self._usual_km()
        age = np.maximum(first_day - self.built_day, 0)
        self.odometer_km = age * self.km_per_day * dice.uniform(0.9, 1.1, count)
        self.dices = dices
        self.parts: Mapping[str, Parts] = self._made_parts(age, dices)
        for parts in self.parts.values():
            begins, pace = np.maximum(self.built_day, first_day), self.km_per_day / FLEET_KM_PER_DAY
            parts.begin(begins, age.astype(np.float64), pace)
        self.counts = np.zeros((count, len(drives)), dtype=np.uint8)

    def _usual_km(self) -> Floats:
        """About how far each car is driven a day, by its driver's rates and the pool's middle drives."""
        km = np.sort([drive.distance_m / 1000 for drive in self.drives])
        town, commute, far = (float(np.quantile(km, share)) for share in (0.15, 0.5, 0.85))
        rates = self.drivers.rates
        usual: Floats = np.maximum(rates[0] * town + 2 * rates[1] * commute + rates[2] * 1.2 * far, 3.0)
        return usual

    def _made_parts(self, age: Whole, dices: Iterator[np.random.Generator]) -> dict[str, Parts]:
        kinds = [POWER_TRAINS[at] for at in range(len(POWER_TRAINS))]

        def has(item: str) -> Flags:
            return np.array([kind.has(item) for kind in kinds])[self.power_train]

        fuel = np.array([kind.fuel for kind in kinds])[self.power_train]
        # Hybrids start their engine with the traction machine.
        self.has_starter = np.array([kind.recuperation.power_w == 0.0 for kind in kinds])[self.power_train]
        places = [CLIMATES[at] for at in self.climate]
        dust = np.array([place.dust for place in places])
        humidity = np.array([place.humidity for place in places])
        first, later = np.array([place.inspections_days for place in places], dtype=np.float64).T
        self.front = PadLaw(has(FRONT_PADS), next(dices), is_front=True)
        self.rear = PadLaw(has(REAR_PADS), next(dices), is_front=False)
        self.oil = OilLaw(has(OIL), next(dices), fuel)
        self.tyres = TyreLaw(has(TYRES), next(dices), self.mass_kg)
        self.filter = FilterLaw(has(FILTER), next(dices), dust)
        self.plugs = PlugLaw(has(PLUGS), next(dices))
        self.traction = TractionLaw(has(TRACTION), next(dices), age.astype(np.float64))
        self.leak = LeakLaw(has(LEAK), next(dices))
        self.starter = StarterLaw(has(BATTERY), next(dices), self.has_starter)
        self.coolant = CoolantLaw(has(COOLANT), next(dices), age.astype(np.float64), fuel == 0.0)
        self.particulate = ParticulateLaw(has(PARTICULATE), next(dices), self.odometer_km)
        self.fluid = FluidLaw(has(FLUID), next(dices), humidity)
        self.check = check_law(has(CHECK), next(dices))
        self.inspection = inspection_law(has(INSPECTION), next(dices), (first, later))
        wear = (self.front, self.rear, self.oil, self.tyres, self.filter, self.plugs, self.traction)
        hazards = (self.leak, self.starter, self.coolant, self.particulate)
        return {law.item: law for law in (*wear, *hazards, self.fluid, self.check, self.inspection)}

    def step(self, day: int) -> DayDemand:
        """Drive and wear for one day."""
        for shift in self.shifts:
            if day == shift.from_day:
                parts = self.parts[shift.item]
                parts.shifted = np.where(shift.population(self.built_day), shift.factor, parts.shifted)
        demand = self._driven(day)
        self.tyres.style, self.leak.tread_mm = self.drivers.style, self.tyres.left_mm[0]
        for parts in self.parts.values():
            parts.step(demand)
            parts.note_limits(day)
        return demand

    def _driven(self, day: int) -> DayDemand:
        is_built = self.built_day <= day
        counts = self.drivers.of_day(day)
        counts[~is_built] = 0
        self.counts = counts
        plain, pads = self._demands.of_day(counts)
        asked = dict(zip(COLUMNS, plain.T, strict=True))
        mean, low = (place[self.climate] + self._local_k for place in self._weather.step(day))
        cold = np.clip((COLD_BRAKING_C - mean) / COLD_BRAKING_K, 0.0, 0.5)
        front, front_cold, rear, rear_cold = pads.T
        self.odometer_km = self.odometer_km + asked["km"]
        return DayDemand(
            day=day,
            is_built=is_built.astype(np.float64),
            ambient_c=mean,
            lowest_c=low,
            front_mm=(front * (1 - cold) + front_cold * cold) * self.drivers.style,
            rear_mm=(rear * (1 - cold) + rear_cold * cold) * self.drivers.style,
            fast_charges=np.where(self.parts[TRACTION].has, self.drivers.fast_charges(asked["km"]), 0.0),
            **asked,
        )
