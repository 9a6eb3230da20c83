"""UploadSummary: what one upload says, as a few numbers that can be added to a state in any order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue, TrendSpec
from domain.telemetry import TelemetryUpload, VehicleAttributes
from models.exposures import FUNCTIONS

Floats = npt.NDArray[np.float64]

LONGEST_STRETCH_S = 5.0  # over a longer gap nothing is known of what happened; the odometer tells the distance
RUNNING_RPM = 400.0


class UnusableUpload(ValueError):
    """The upload can't be folded; `str()` is the reason, fit for the rejects topic."""


@dataclass(frozen=True, slots=True)
class UploadSummary:
    """Sums of one upload.

    `observed_m`: distance over the stretches whose speed is known (m); `exposure`: sums per exposure, shape (E,);
    `exposure_m`: the distance over which each exposure was observed (m), shape (E,); `first_odometer_m` and
    `odometer_m`: oldest and newest plausible reading or −1; `trends`: a value per trend, NaN where the upload has
    none; `is_running`: the engine ran at some time; `implausible`: values that were dropped as impossible.
    """

    start_ms: int
    end_ms: int
    observed_m: float
    exposure: Floats
    exposure_m: Floats
    first_odometer_m: int
    odometer_m: int
    trends: tuple[float, ...]
    is_running: bool
    implausible: int


class Summariser:
    """Makes summaries by the exposures and trends of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._signals = catalogue.signals
        self._exposures = [catalogue.exposures[name] for name in catalogue.summed_exposures]
        self._trends = list(catalogue.trends.values())
        self._speed = catalogue.roles.get("speed")
        self._odometer = catalogue.roles.get("odometer")
        used = {path for exposure in self._exposures for path in exposure.signals.values()}
        used.update(path for trend in self._trends for path in trend.signals.values())
        used.update(path for path in (self._speed, self._odometer) if path)
        self._used = tuple(path for path in catalogue.signals if path in used)

    def summarise(self, upload: TelemetryUpload, attributes: VehicleAttributes) -> UploadSummary:
        """The summary of `upload`; raises UnusableUpload when there is nothing in it to go by."""
        times = self._times(upload)
        columns, implausible = self._columns(upload)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            return self._sum(upload, times, columns, implausible, attributes)

    def _sum(
        self,
        upload: TelemetryUpload,
        times: Floats,
        columns: dict[str, Floats],
        implausible: int,
        attributes: VehicleAttributes,
    ) -> UploadSummary:
        dt = times[1:] - times[:-1]
        short = dt <= LONGEST_STRETCH_S
        metres = self._metres(columns, dt, short)
        observed_m = float(metres.sum())
        first_m, last_m = self._odometer_span(columns, times, observed_m)
        exposure, exposure_m = np.zeros(len(self._exposures)), np.zeros(len(self._exposures))
        for i, spec in enumerate(self._exposures):
            own = {role: columns[path] for role, path in spec.signals.items() if path in columns}
            if len(own) < len(spec.signals) or not len(dt):
                continue
            amounts = FUNCTIONS[spec.function](own, dt, spec.parameters, attributes)
            known = short & np.isfinite(amounts)
            exposure[i] = amounts[known].sum()
            exposure_m[i] = metres[known].sum()
        engine = next((columns[s.signals["engine_speed"]] for s in self._trends if s.signals.get("engine_speed") in columns), None)  # fmt: skip # noqa: E501
        return UploadSummary(
            start_ms=upload.start_ms,
            end_ms=upload.start_ms + int(upload.offsets_ms[-1]),
            observed_m=observed_m,
            exposure=exposure,
            exposure_m=exposure_m,
            first_odometer_m=first_m,
            odometer_m=last_m,
            trends=tuple(self._trend(spec, columns, times) for spec in self._trends),
            is_running=engine is not None and bool((engine >= RUNNING_RPM).any()),
            implausible=implausible,
        )

    @staticmethod
    def _times(upload: TelemetryUpload) -> Floats:
        """Seconds since the start of the upload, shape (n,)."""
        if not len(upload.offsets_ms):
            raise UnusableUpload("there are no samples")
        times = np.asarray(upload.offsets_ms, dtype=np.float64) / 1000.0
        if len(times) > 1 and not bool((times[1:] > times[:-1]).all()):
            raise UnusableUpload("offsets_ms do not rise")
        return times

    def _columns(self, upload: TelemetryUpload) -> tuple[dict[str, Floats], int]:
        columns, implausible, n = {}, 0, len(upload.offsets_ms)
        for path in self._used:
            values = upload.columns.get(path)
            if values is None:
                continue
            try:
                column = np.array(values, dtype=np.float64)
            except (TypeError, ValueError, OverflowError):
                raise UnusableUpload(f"{path} holds something that is no number") from None
            if column.shape != (n,):
                raise UnusableUpload(f"{path} has {column.size} values for {n} offsets")
            spec = self._signals[path]
            with np.errstate(invalid="ignore"):
                good = (column >= spec.minimum) & (column <= spec.maximum)
            if not good.all():
                bad = ~good
                implausible += int((bad & ~np.isnan(column)).sum())
                column[bad] = np.nan
            if good.any():
                columns[path] = column
        if not columns:
            raise UnusableUpload("it has no plausible value of any signal that is used")
        return columns, implausible

    def _metres(self, columns: dict[str, Floats], dt: Floats, short: npt.NDArray[np.bool_]) -> Floats:
        """Distance of each stretch by the speed, or by the odometer where there is no speed at all."""
        if self._speed in columns:
            speed = columns[self._speed]
            metres = (speed[1:] + speed[:-1]) * dt / 7.2
        elif self._odometer in columns:
            metres = np.maximum(np.diff(columns[self._odometer]), 0.0)
            short = short & (metres <= dt * 100.0)
        else:
            return np.zeros(len(dt))
        metres[~short | np.isnan(metres)] = 0.0
        return metres

    def _odometer_span(self, columns: dict[str, Floats], times: Floats, observed_m: float) -> tuple[int, int]:
        """The first and last reading that others of the upload agree with, or −1 and −1."""
        if self._odometer not in columns:
            return -1, -1
        column = columns[self._odometer]
        readings = column[~np.isnan(column)]  # never empty: a column without a value is left out
        # One typo among many readings is outvoted: what is far from the middle one is not believed.
        far = observed_m + (times[-1] - times[0]) * 70.0 + 1000.0
        middle = np.partition(readings, len(readings) // 2)[len(readings) // 2]
        near = readings[np.abs(readings - middle) <= far]
        return (int(near[0]), int(near[-1])) if len(near) else (-1, -1)

    @staticmethod
    def _trend(spec: TrendSpec, columns: dict[str, Floats], times: Floats) -> float:
        if any(path not in columns for path in spec.signals.values()):
            return float("nan")
        signal = columns[spec.signals["signal"]]
        if spec.function == "mean":
            return float(np.nanmean(signal))
        turning = columns[spec.signals["engine_speed"]]
        running = turning >= RUNNING_RPM
        start = int(running.argmax()) if running.any() else -1
        if spec.function == "level_at_rest":
            # The second before the start already feeds the starter.
            resting = (turning < 50.0) & ((times < times[start] - 1.5) if start >= 0 else True)
            level = signal[resting & ~np.isnan(signal)]
            return float(np.median(level)) if len(level) else float("nan")
        if start <= 0 or times[start] - times[start - 1] > LONGEST_STRETCH_S:
            return float("nan")
        around = np.abs(times - times[start]) <= spec.parameters["seconds"]
        dip = signal[around & ~np.isnan(signal)]
        return float(dip.min()) if len(dip) else float("nan")
