"""SummaryBlock: what each upload of a block says, as a few numbers that can be added to a state in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from domain.catalogue import EVENT_COUNT, Catalogue
from domain.telemetry import VehicleAttributes
from models.block_samples import Bools, Floats, Ints, SampleBlock, SampleReader, UnusableUpload
from models.block_trends import LONGEST_STRETCH_S, is_running, mean, trend_values, without_engine
from models.event_time import event_times
from models.exposures import FUNCTIONS, CarColumns, car_columns
from models.upload_block import UploadBlock

__all__ = ["Summariser", "SummaryBlock", "UnusableUpload", "UploadSummary"]

M_PER_S_OF_TIME = 40_000.0 / 86_400.0  # a day for the way of a typical car's day (`models.usage`)
FASTEST_M_S = 100.0  # a stretch that the odometer alone tells of is not believed beyond this
STRAY_M_S, STRAY_M = 70.0, 1000.0  # how far readings of one upload may lie apart, beside the distance seen
# Sums are counted in steps far below what matters, of powers of two: float64 adds up multiples of one exactly, up to
# 2⁵³ of them, so that a sum is the same to the bit in whatever order uploads come.
STEP = 2.0**-30  # of an exposure's unit: exact up to eight million of it
STEP_M = 2.0**-20


@dataclass(frozen=True, slots=True)
class UploadSummary:
    """Sums of one upload: one row of a `SummaryBlock`."""

    start_ms: int
    end_ms: int
    observed_m: float
    exposure: Floats
    exposure_m: Floats
    first_odometer_m: int
    odometer_m: int
    trends: tuple[float, ...]
    is_running: bool
    is_clock_wrong: bool
    implausible: int


@dataclass(frozen=True, slots=True)
class SummaryBlock:
    """Sums of m uploads, a row each; a row with a `reason` couldn't be used and holds nothing else but its times.

    `start_ms`, `end_ms`: event time; where the car's clock was wrong (`is_clock_wrong`) by the receipt.
    `observed_m`: distance over the stretches whose speed is known (m); `exposure`: sums per exposure, shape (m, E);
    `exposure_m`: the distance over which each exposure was observed (m), (m, E); `first_odometer_m` and
    `odometer_m`: oldest and newest plausible reading or −1; `trends`: a value per trend, (m, T), NaN where the upload
    has none; `followed`: the mean of each followed signal, (m, S), likewise, and `sensed` of each sensor of wear,
    (m, W); `is_running`: the engine ran at some time;
    `implausible`: values that were dropped as impossible.
    """

    reasons: list[str]
    start_ms: Ints
    end_ms: Ints
    observed_m: Floats
    exposure: Floats
    exposure_m: Floats
    first_odometer_m: Ints
    odometer_m: Ints
    trends: Floats
    is_running: Bools
    is_clock_wrong: Bools
    implausible: Ints
    followed: Floats
    sensed: Floats

    def row(self, i: int) -> UploadSummary:
        """The sums of upload `i`; raises UnusableUpload with the reason when there are none."""
        if self.reasons[i]:
            raise UnusableUpload(self.reasons[i])
        return UploadSummary(
            int(self.start_ms[i]),
            int(self.end_ms[i]),
            float(self.observed_m[i]),
            self.exposure[i],
            self.exposure_m[i],
            int(self.first_odometer_m[i]),
            int(self.odometer_m[i]),
            tuple(self.trends[i].tolist()),
            bool(self.is_running[i]),
            bool(self.is_clock_wrong[i]),
            int(self.implausible[i]),
        )


class Summariser:
    """Makes summaries by the exposures and trends of a catalogue.

    Of a stretch between samples that is longer than `longest_stretch_s` nothing is known.
    """

    def __init__(self, catalogue: Catalogue, longest_stretch_s: float = LONGEST_STRETCH_S) -> None:
        self._longest_stretch_s = longest_stretch_s
        self._exposures = [catalogue.exposures[name] for name in catalogue.summed_exposures]
        self._trends = list(catalogue.trends.values())
        self._speed = catalogue.roles.get("speed")
        self._odometer = catalogue.roles.get("odometer")
        used = {path for exposure in self._exposures for path in exposure.signals.values()}
        used.update(path for trend in self._trends for path in trend.signals.values())
        used.update(path for path in (self._speed, self._odometer) if path)
        self._followed = catalogue.followed
        self._sensors = [sensor.signal for sensor in catalogue.sensed.values()]
        used.update(self._sensors)
        self._trend_places = {name: place for place, name in enumerate(catalogue.trends)}
        used.update(path for path in self._followed if path in catalogue.signals)
        # Where nothing is made of signals, any of them tells that the machine is there.
        used = used or set(catalogue.signals)
        self._reader = SampleReader([spec for path, spec in catalogue.signals.items() if path in used])

    def summarise_block(self, uploads: UploadBlock) -> SummaryBlock:
        """The summaries of `uploads`, each the same to the bit whatever else is in the block."""
        block = self._empty(len(uploads))
        span_ms = np.zeros(len(uploads), dtype=np.int64)
        for table in uploads.tables:
            span_ms[table.rows] = table.offsets_ms[:, -1]
        times = event_times(uploads.start_ms, span_ms, uploads.received_ms, uploads.built_ms())
        block.start_ms[:], block.end_ms[:], block.is_clock_wrong[:] = times
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            for samples in self._reader.read(uploads.tables, block.reasons):
                self._sum(samples, uploads.attributes, block)
            for samples in self._reader.read(uploads.lead_ins, [""] * len(uploads)):
                cars = car_columns([uploads.attributes[row] for row in samples.rows.tolist()])
                self._add_stretches(samples, cars, block)
        np.rint(block.exposure / STEP, out=block.exposure)
        block.exposure[:] *= STEP
        for metres in (block.observed_m, block.exposure_m):
            metres[:] = np.rint(metres / STEP_M) * STEP_M
        return block

    def _empty(self, m: int) -> SummaryBlock:
        exposures, trends = len(self._exposures), len(self._trends)
        return SummaryBlock(
            reasons=[""] * m,
            start_ms=np.zeros(m, dtype=np.int64),
            end_ms=np.zeros(m, dtype=np.int64),
            observed_m=np.zeros(m),
            exposure=np.zeros((m, exposures)),
            exposure_m=np.zeros((m, exposures)),
            first_odometer_m=np.full(m, -1, dtype=np.int64),
            odometer_m=np.full(m, -1, dtype=np.int64),
            trends=np.full((m, trends), np.nan),
            is_running=np.zeros(m, dtype=np.bool_),
            is_clock_wrong=np.zeros(m, dtype=np.bool_),
            implausible=np.zeros(m, dtype=np.int64),
            followed=np.full((m, len(self._followed)), np.nan),
            sensed=np.full((m, len(self._sensors)), np.nan),
        )

    def _sum(self, samples: SampleBlock, attributes: Sequence[VehicleAttributes], block: SummaryBlock) -> None:
        rows = samples.rows
        cars = car_columns([attributes[row] for row in rows.tolist()])
        observed_m = self._add_stretches(samples, cars, block)
        block.first_odometer_m[rows], block.odometer_m[rows] = self._odometer_span(samples, observed_m)
        turning = without_engine(self._trends, samples, self._speed, cars.is_electric)
        for i, trend in enumerate(self._trends):
            block.trends[rows, i] = trend_values(trend, turning, cars.is_electric)
        for i, path in enumerate(self._followed):
            place = self._trend_places.get(path)
            block.followed[rows, i] = mean(samples.columns[path]) if place is None else block.trends[rows, place]
        for i, path in enumerate(self._sensors):
            block.sensed[rows, i] = mean(samples.columns[path])
        block.is_running[rows] = is_running(self._trends, turning)
        block.implausible[rows] = samples.implausible

    def _add_stretches(self, samples: SampleBlock, cars: CarColumns, block: SummaryBlock) -> Floats:
        """Add what the stretches between samples came to; the metres of each upload's."""
        rows = samples.rows
        dt = samples.times[:, 1:] - samples.times[:, :-1]
        short = dt <= self._longest_stretch_s
        metres = self._metres(samples, dt, short)
        observed_m: Floats = metres.sum(axis=1)
        block.observed_m[rows] += observed_m
        done: dict[str, Floats] = {}
        for i, spec in enumerate(self._exposures):
            if spec.function == EVENT_COUNT:  # counted where the codes are; a code is told of on any metre
                block.exposure_m[rows, i] += observed_m
                continue
            own = {role: samples.columns[path] for role, path in spec.signals.items()}
            amounts = FUNCTIONS[spec.function](own, dt, spec.parameters, cars, done)
            known = short & np.isfinite(amounts)
            block.exposure[rows, i] += np.where(known, amounts, 0.0).sum(axis=1)
            # Where no stretch is missing that is the distance of all: `metres` has none outside of the short ones.
            is_whole = np.array_equal(known, short)
            block.exposure_m[rows, i] += observed_m if is_whole else np.where(known, metres, 0.0).sum(axis=1)
        return observed_m

    def _metres(self, samples: SampleBlock, dt: Floats, short: Bools) -> Floats:
        """Distance of each stretch by the speed, or by the odometer where an upload has no speed at all.

        Of a machine that has neither, time stands for distance, so that it too has a pace and habits.
        """
        if not self._speed and not self._odometer:
            return np.where(short, dt * M_PER_S_OF_TIME, 0.0)
        metres = np.zeros(dt.shape)
        if self._odometer:
            reading = samples.columns[self._odometer]
            gone = np.maximum(reading[:, 1:] - reading[:, :-1], 0.0)
            metres = np.where(short & (gone <= dt * FASTEST_M_S), gone, 0.0)
        if self._speed:
            speed = samples.columns[self._speed]
            gone = (speed[:, 1:] + speed[:, :-1]) * dt / 7.2
            gone = np.where(short & ~np.isnan(gone), gone, 0.0)
            metres = np.where(samples.has[self._speed][:, None], gone, metres)
        return metres

    def _odometer_span(self, samples: SampleBlock, observed_m: Floats) -> tuple[Ints, Ints]:
        """The first and last reading that others of the upload agree with, or −1 and −1."""
        m = len(samples.rows)
        first, last = np.full(m, -1, dtype=np.int64), np.full(m, -1, dtype=np.int64)
        if not self._odometer:
            return first, last
        has, every = samples.has[self._odometer], np.arange(m)
        readings = samples.columns[self._odometer]
        # One typo among many readings is outvoted: what is far from the middle one is not believed. The middle one is
        # looked for only where any two are far apart.
        far = observed_m + samples.span_s * STRAY_M_S + STRAY_M
        near = ~np.isnan(readings)
        apart = np.flatnonzero(np.fmax.reduce(readings, axis=1) - np.fmin.reduce(readings, axis=1) > far)
        if len(apart):
            some = readings[apart]
            middle = np.sort(some, axis=1)[np.arange(len(apart)), near[apart].sum(axis=1) // 2]
            near[apart] = np.abs(some - middle[:, None]) <= far[apart, None]
        width = readings.shape[1]
        first[has] = readings[every, near.argmax(axis=1)][has]
        last[has] = readings[every, width - 1 - near[:, ::-1].argmax(axis=1)][has]
        return first, last
