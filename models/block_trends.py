"""What a block of uploads says of each trend: a level at rest, a dip while starting, a mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from domain.catalogue import TrendSpec
from models.block_samples import Bools, Floats, Ints, SampleBlock

LONGEST_STRETCH_S = 5.0  # over a longer gap nothing is known of what happened; the odometer tells the distance
RUNNING_RPM = 400.0
AIR_KPA = 101.325  # the standard atmosphere; a height of 1,000 m takes off 11
STILL_RPM = 50.0
MOVES_KMH, STILL_KMH = 3.0, 0.5  # of a car without an engine
BEFORE_START_S = 1.5  # the second before the start already feeds the starter


def without_engine(
    specs: Sequence[TrendSpec], samples: SampleBlock, speed: str | None, is_electric: Bools
) -> SampleBlock:
    """The samples with an engine speed for electric cars, which have none: running while they move, still at rest.

    `speed`: the path of the car's speed; `is_electric`: shape (m, 1). A car that creeps is neither.
    """
    paths = {spec.signals["engine_speed"] for spec in specs if "engine_speed" in spec.signals}
    if speed is None or not paths or not is_electric.any():
        return samples
    kmh = samples.columns[speed]
    turning = np.where(kmh >= MOVES_KMH, RUNNING_RPM, np.where(kmh < STILL_KMH, 0.0, np.nan))
    own = {path: np.where(is_electric, turning, samples.columns[path]) for path in paths}
    is_known = {path: samples.has[path] | (is_electric[:, 0] & samples.has[speed]) for path in paths}
    return replace(samples, columns={**samples.columns, **own}, has={**samples.has, **is_known})


def trend_values(spec: TrendSpec, samples: SampleBlock, is_electric: Bools) -> Floats:
    """The trend's value per upload, shape (m,); NaN where the upload has none. `is_electric`: shape (m, 1)."""
    signal = samples.columns[spec.signals["signal"]]
    if spec.function == "mean":
        return mean(signal)
    turning = samples.columns[spec.signals["engine_speed"]]
    values = np.full(len(signal), np.nan)
    if spec.function in ("level_at_rest", "gas_at_rest"):
        # Few uploads begin at rest: only those are looked at further.
        rows = np.flatnonzero((turning < STILL_RPM).any(axis=1))
        if len(rows):
            values[rows] = _level_at_rest(signal[rows], turning[rows], samples.times[rows])
            if spec.function == "gas_at_rest":
                values[rows] = at_20_c(values[rows], mean(samples.columns[spec.signals["ambient"]][rows]))
        return values
    # A car without a starter has no dip.
    running = (turning >= RUNNING_RPM) & ~is_electric
    starts = running.argmax(axis=1)
    rows = np.flatnonzero(running.any(axis=1) & (starts > 0))
    if len(rows):
        values[rows] = _dip_at_start(signal[rows], starts[rows], samples.times[rows], spec.parameters["seconds"])
    return values


def is_running(specs: Sequence[TrendSpec], samples: SampleBlock) -> Bools:
    """Whether the engine ran at some time of each upload, shape (m,), by the first engine speed that it has."""
    runs = np.zeros(len(samples.rows), dtype=np.bool_)
    paths = dict.fromkeys(spec.signals["engine_speed"] for spec in specs if "engine_speed" in spec.signals)
    for path in reversed(paths):
        runs = np.where(samples.has[path], (samples.columns[path] >= RUNNING_RPM).any(axis=1), runs)
    return runs


def at_20_c(gauge_kpa: Floats, gas_c: Floats) -> Floats:
    """A gauge pressure as it would read at 20 °C: Gay-Lussac's law on the absolute pressure; NaN where either is."""
    return np.asarray((gauge_kpa + AIR_KPA) * 293.15 / (273.15 + gas_c) - AIR_KPA, dtype=np.float64)


def mean(signal: Floats) -> Floats:
    """The mean of what each upload has of a signal, shape (m,); NaN where it has nothing."""
    known = ~np.isnan(signal)
    return np.asarray(np.where(known, signal, 0.0).sum(axis=1) / known.sum(axis=1), dtype=np.float64)


def _level_at_rest(signal: Floats, turning: Floats, times: Floats) -> Floats:
    """The median before the engine first runs; all of it when it never does."""
    running = turning >= RUNNING_RPM
    start = np.where(running.any(axis=1), times[np.arange(len(times)), running.argmax(axis=1)], np.inf)
    resting = (turning < STILL_RPM) & (times < start[:, None] - BEFORE_START_S)
    level = np.sort(np.where(resting, signal, np.nan), axis=1)  # NaN goes last
    count = (~np.isnan(level)).sum(axis=1)
    return (_nth(level, (count - 1) // 2) + _nth(level, count // 2)) / 2


def _nth(values: Floats, n: Ints) -> Floats:
    return np.asarray(values[np.arange(len(values)), n], dtype=np.float64)


def _dip_at_start(signal: Floats, starts: Ints, times: Floats, seconds: float) -> Floats:
    """The least value within `seconds` of the first running sample, if the one before is close enough to tell."""
    begun = _nth(times, starts)
    around = (np.abs(times - begun[:, None]) <= seconds) & ~np.isnan(signal)
    dip = np.where(around, signal, np.inf).min(axis=1)
    is_told = around.any(axis=1) & (begun - _nth(times, starts - 1) <= LONGEST_STRETCH_S)
    return np.where(is_told, dip, np.nan)
