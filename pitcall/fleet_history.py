"""FleetHistory: a simulated fleet over years as a history to replay, from what its cars send and workshops report.

What a car's drives come to is folded once, second by second, by the very summaries of the live stream; a day is the sum
of its drives. The fleet's truth is not read here, and nothing of it reaches a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.backtest_case import CaseSettings, Decide
from domain.catalogue import Catalogue, TrendSpec
from domain.telemetry import VehicleAttributes
from models.block_trends import at_20_c
from models.day_sums import ENDS_MS, SUMS, day_dtype
from models.upload_block import SampleTable, UploadBlock
from models.upload_summary import Summariser
from models.vehicle_state import DAY_MS, UNKNOWN
from simulators.drive import AMBIENT, VOLTAGE, Drive
from simulators.years.car import Car
from simulators.years.car_days import CarDays
from simulators.years.fleet_years import FleetYears
from simulators.years.reported_service import ReportedService
from simulators.years.sensors import CHANNELS
from workflow.case_history import CaseEvents, CaseService, CaseSpan

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SERVED_MS = ENDS_MS + 3_600_000  # workshops write down what they did when the day's driving is over
# Channels that are read before and while the engine starts; every other channel is the signal it is named after.
_AT_START = {"level_at_rest": "rest_voltage_v", "dip_at_start": "crank_voltage_v"}


class FleetHistory:
    """A `CaseHistory` of days: `values` of its spans are rows of `models.day_sums.day_dtype`."""

    def __init__(self, fleet: FleetYears, catalogue: Catalogue, every_ms: int = 7 * DAY_MS) -> None:
        self._fleet = fleet
        self.catalogue = catalogue
        begin, end = fleet.start_day * DAY_MS, (fleet.start_day + fleet.days) * DAY_MS
        self.settings = CaseSettings("fleet", Decide(every_ms, begin, end, None), tells_all_failures=False)
        self.vehicle_ids = tuple(car.vehicle_id for car in fleet.cars)
        self._dtype = day_dtype(catalogue)
        self._channels = {channel.signal: channel.name for channel in CHANNELS if channel.signal != VOLTAGE}

    signals: tuple[str, ...] = ()
    usual_gap_ms = DAY_MS

    @property
    def attributes(self) -> Mapping[str, Floats | tuple[str, ...]]:
        """What is stamped on the cars."""
        cars = self._fleet.cars
        return {
            "powertrain": tuple(car.powertrain for car in cars),
            "mass_kg": np.array([car.mass_kg for car in cars]),
            "built_ms": np.array([float(car.built_ms) for car in cars]),
        }

    def spans(self) -> Iterator[CaseSpan]:
        """The fleet's years, some weeks at a time; once."""
        of_drives = self._drive_sums(self._fleet.drives, self._fleet.cars)
        for sent, services in self._fleet.chunks():
            day, car = np.nonzero(sent.sent)
            rows = np.zeros(len(day), dtype=self._dtype)
            trips = sent.trips.astype(np.float64)
            for name in SUMS:
                # Sums are counted in steps of powers of two: exact in any order.
                rows[name] = np.einsum("dnk,nk...->dn...", trips, of_drives[name])[day, car]
            rows["odometer_m"] = np.nan_to_num(sent.odometer_m, nan=UNKNOWN)[day, car].astype(np.int64)
            rows["is_running"] = True
            self._fill_levels(rows, sent, day, car)
            end_ms = sent.days[day] * DAY_MS + ENDS_MS
            until_ms = int(sent.days[-1]) * DAY_MS + SERVED_MS
            yield CaseSpan(until_ms, car, end_ms, rows, self._events(sent), self._services(services))

    def _drive_sums(self, drives: Sequence[Drive], cars: Sequence[Car]) -> npt.NDArray[Any]:
        """The sums of each drive in each car, shape (cars, drives), fields of `SUMS`."""
        fields = [(name, self._dtype[name]) for name in SUMS]
        sums = np.zeros((len(cars), len(drives)), dtype=fields)
        summariser = Summariser(self.catalogue)
        known: dict[tuple[str, float], int] = {}
        for place, car in enumerate(cars):
            same = known.setdefault((car.powertrain, car.mass_kg), place)
            if same == place:
                block = summariser.summarise_block(uploads_of(drives, car))
                for name in SUMS:
                    sums[name][place] = getattr(block, name)
            else:
                sums[place] = sums[same]
        return sums

    def _fill_levels(self, rows: npt.NDArray[Any], sent: CarDays, day: Ints, car: Ints) -> None:
        """What the cars' sensors showed, as trends and followed signals."""
        rows["trends"], rows["followed"], rows["sensed"] = np.nan, np.nan, np.nan
        of_trends = {name: self._of_trend(sent, trend) for name, trend in self.catalogue.trends.items()}
        for n, reading in enumerate(of_trends.values()):
            if reading is not None:
                rows["trends"][:, n] = reading[day, car]
        for n, name in enumerate(self.catalogue.followed):
            reading = of_trends[name] if name in of_trends else self._reading(sent, name)
            if reading is not None:
                rows["followed"][:, n] = reading[day, car]
        for n, sensor in enumerate(self.catalogue.sensed.values()):
            reading = self._reading(sent, sensor.signal)
            if reading is not None:
                rows["sensed"][:, n] = reading[day, car]

    def _of_trend(self, sent: CarDays, trend: TrendSpec) -> npt.NDArray[Any] | None:
        """The trend of each day, shape (d, n)."""
        signal = trend.signals["signal"]
        if signal == VOLTAGE:
            name = _AT_START.get(trend.function)
            return None if name is None else sent.readings[name]
        reading = self._reading(sent, signal)
        if reading is not None and trend.function == "gas_at_rest":
            return at_20_c(reading.astype(np.float64), sent.ambient_mean_c.astype(np.float64))
        return reading

    def _reading(self, sent: CarDays, signal: str) -> npt.NDArray[Any] | None:
        if signal == AMBIENT:
            return sent.ambient_mean_c
        name = self._channels.get(signal)
        return None if name is None else sent.readings[name]

    def _events(self, sent: CarDays) -> CaseEvents:
        codes = list(self.catalogue.events)
        known = sorted((code.day, code.car, codes.index(code.code)) for code in sent.codes if code.code in codes)
        day, car, code = np.array(known, dtype=np.int64).reshape(-1, 3).T
        return CaseEvents(car, day * DAY_MS + ENDS_MS, code)

    def _services(self, services: Sequence[ReportedService]) -> list[CaseService]:
        """Those of the catalogue's items, and the same of items whose names begin with theirs (twins)."""
        return [
            CaseService(
                vehicle=service.car,
                time_ms=service.performed_day * DAY_MS + SERVED_MS,
                known_ms=service.known_day * DAY_MS + SERVED_MS,
                item=item,
                outcome=service.outcome,
                value=service.value,
                odometer_m=service.odometer_m,
            )
            for service in services
            for item in self.catalogue.items
            if item == service.item or item.startswith(service.item + " ")
        ]


def uploads_of(drives: Sequence[Drive], car: Car) -> UploadBlock:
    """Each drive in this car as one upload."""
    m = len(drives)
    tables = [
        SampleTable(
            np.array([row]),
            drive.offsets_ms.astype(np.uint32)[None],
            {path: column.astype(np.float64)[None] for path, column in drive.columns.items() if _sends(car, path)},
        )
        for row, drive in enumerate(drives)
    ]
    recorded = np.array([drive.recorded_ms for drive in drives], dtype=np.int64)
    attributes = VehicleAttributes(powertrain=car.powertrain, mass_kg=car.mass_kg, built_ms=car.built_ms)
    return UploadBlock(
        vehicle_ids=[""] * m,
        boot_ids=np.full(m, b"drive", dtype="S36"),
        seqs=np.arange(m),
        start_ms=recorded,
        received_ms=recorded,
        attributes=[attributes] * m,
        tables=tables,
    )


def _sends(car: Car, path: str) -> bool:
    """An electric car has no engine to tell of."""
    return car.powertrain != "electric" or "CombustionEngine" not in path
