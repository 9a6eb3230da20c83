"""Garage: every visit to a workshop, what is done there, and which of it is reported when."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np

from domain.service_record import ServiceOutcome
from simulators.years.arrays import Flags, Floats, Whole
from simulators.years.demand import DayDemand
from simulators.years.owners import ALMOST, NO_VISIT, Owners
from simulators.years.parts import Parts
from simulators.years.powertrain import COOLANT, INSPECTION, ITEMS, LEAK, TYRES
from simulators.years.reported_service import DEALER, ELSEWHERE, OWNER, ReportedService
from simulators.years.telltales import Telltales
from simulators.years.workshops import LOOKED_AT, Workshops

FILLS_UP = {"pressure": 0.15, "coolant": 0.08}  # the chance a day that somebody pumps or pours instead (M)


class Garage:
    """Owners come, workshops measure and replace, and records become known."""

    def __init__(self, telltales: Telltales, start_day: int, dices: Iterator[np.random.Generator]) -> None:
        self._tell, self._world, self._start_day = telltales, telltales.world, start_day
        world = self._world
        self._workshops = Workshops(world.count, next(dices))
        # The interval of the inspection is the place's and the car's: a live view of what the law of the place says.
        intervals = {INSPECTION: world.inspection.interval[0]}
        self._owners = Owners(world.power_train, intervals, next(dices))
        self._dice = next(dices)
        self._unknown: list[tuple[int, int, ReportedService]] = []  # by day known, then in order of their making
        self._made = 0
        self._begin()

    def _begin(self) -> None:
        """What was done before the first day, as far as the owner knows it and somebody entered it."""
        world = self._world
        for item, parts in world.parts.items():
            cars = np.flatnonzero(parts.has)
            installed = parts.ledger.installed_day[parts.row[0, cars]]
            since = np.maximum(world.first_day - installed, 0)
            self._owners.last_day[item][cars] = installed
            self._owners.last_km[item][cars] = np.maximum(world.odometer_km[cars] - since * world.km_per_day[cars], 0.0)
            told = cars[~parts.is_original[cars] & self._workshops.knows_past[cars]]
            parts.ledger.known_day[parts.row[0, told]] = self._start_day
            for car in told.tolist():
                day = int(parts.ledger.installed_day[parts.row[0, car]])
                odometer_m = int(self._owners.last_km[item][car] * 1000)
                self._keep(car, item, ServiceOutcome.REPLACED, day, self._start_day, odometer_m, None, "", DEALER)

    def step(self, day: int, demand: DayDemand) -> None:
        """The visits of one day, after what was driven on it."""
        world, owners = self._world, self._owners
        lamps = self._tell.lamps()
        throws = self._dice.random((3, world.count))
        self._tell.leak.pump(np.flatnonzero(lamps["pressure"] & (throws[0] < FILLS_UP["pressure"])))
        self._tell.coolant.fill(np.flatnonzero(lamps["coolant"] & (throws[1] < FILLS_UP["coolant"])))
        comes = owners.visits(day, world.odometer_km, demand.is_built > 0, lamps)
        is_elsewhere = throws[2] < owners.elsewhere
        stops = {item: world.parts[item].stops() & (demand.is_built > 0) for item in ITEMS}
        for item in ITEMS:
            cars = np.flatnonzero(world.parts[item].has & (comes | stops[item]))
            if len(cars):
                self._work(world.parts[item], cars, day, stops[item][cars], is_elsewhere[cars])
        owners.planned[comes] = NO_VISIT

    def _work(self, parts: Parts, cars: Whole, day: int, failed: Flags, is_elsewhere: Flags) -> None:
        world, item = self._world, parts.item
        read = self._workshops.measure(parts, cars, is_elsewhere)
        due = self._owners.is_due(item, day, world.odometer_km, ALMOST)[cars]
        works = failed | due | self._workshops.wants_to_replace(parts, cars, read)
        looked = ~works & (item in LOOKED_AT) & self._workshops.writes_down(cars)
        renewed = cars[works]
        if len(renewed):
            parts.replace(renewed, day)
            self._owners.was_done(item, renewed, day, world.odometer_km)
            if item == TYRES:
                # New tyres are tight; nobody writes that down.
                world.parts[LEAK].replace(renewed, day)
        if item == LEAK:
            self._tell.leak.pump(cars)
        if item == COOLANT:
            self._tell.coolant.fill(cars)
        self._report(parts, cars, day, (failed, works, looked), read, is_elsewhere)

    def _report(
        self,
        parts: Parts,
        cars: Whole,
        day: int,
        done: tuple[Flags, Flags, Flags],
        read: Floats,
        is_elsewhere: Flags,
    ) -> None:
        failed, works, looked = done
        after, has_value = self._workshops.known_after(is_elsewhere)
        is_past = day < self._start_day
        for at in np.flatnonzero((works | looked) & (after >= 0)).tolist():
            car, known = int(cars[at]), day + int(after[at])
            if is_past:
                if not self._workshops.knows_past[car]:
                    continue
                known = max(known, self._start_day)
            value = float(read[at]) if has_value[at] and not np.isnan(read[at]) else None
            outcome = ServiceOutcome.REPLACED if works[at] else ServiceOutcome.MEASURED
            if failed[at]:
                outcome = ServiceOutcome.FAILED
            if outcome is ServiceOutcome.MEASURED and value is None:
                outcome = ServiceOutcome.OK
            if works[at]:
                parts.ledger.known_day[parts.row[0, car]] = known
            source = DEALER if not is_elsewhere[at] else OWNER if value is None else ELSEWHERE
            odometer_m = int(self._world.odometer_km[car] * 1000.0)
            unit = "" if value is None else parts.unit
            self._keep(car, parts.item, outcome, day, known, odometer_m, value, unit, source)

    def _keep(
        self,
        car: int,
        item: str,
        outcome: ServiceOutcome,
        day: int,
        known: int,
        odometer_m: int,
        value: float | None,
        unit: str,
        source: str,
    ) -> None:
        vehicle_id = self._world.cars[car].vehicle_id
        record = ReportedService(car, vehicle_id, item, outcome, day, known, odometer_m, value, unit, source)
        heapq.heappush(self._unknown, (known, self._made, record))
        self._made += 1

    def known_until(self, day: int) -> list[ReportedService]:
        """What became known up to the evening of `day` and was not given out before, in that order."""
        known = []
        while self._unknown and self._unknown[0][0] <= day:
            known.append(heapq.heappop(self._unknown)[2])
        return known
