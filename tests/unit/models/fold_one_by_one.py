"""The fold as one would write it first: one upload of one car after the other, in plain Python.

What the fold over blocks must equal to the bit. It shares nothing with it but the summaries and the layout.
"""

from __future__ import annotations

import math

import numpy as np

from domain.catalogue import Catalogue
from domain.telemetry import TelemetryUpload, VehicleAttributes
from models.boots import Phase
from models.upload_summary import Summariser, UnusableUpload, UploadSummary
from models.vehicle_state import (
    DAY_MS,
    DAYS,
    IMPLAUSIBLE_VALUE,
    ODOMETER_CORRECTED,
    ODOMETER_JUMP,
    SEQUENCES,
    UNKNOWN,
    Record,
    StateLayout,
)


class FoldOneByOne:
    """Folds single uploads; `fold` says "folded", "duplicate", "replayed" or "rejected"."""

    def __init__(self, catalogue: Catalogue, layout: StateLayout) -> None:
        self._layout = layout
        self._summariser = Summariser(catalogue)
        self._functions = [spec.function for spec in catalogue.trends.values()]

    def fold(self, state: Record, upload: TelemetryUpload, attributes: VehicleAttributes, offset: int) -> str:
        if offset <= int(state["offsets"][0]):
            return "replayed"
        state["offsets"][0] = offset
        index = next((i for i, boot in enumerate(state["boots"]) if boot["id"].decode() == upload.id.boot_id), None)
        if index is not None:
            behind = int(state["boots"][index]["last"]) - upload.id.seq
            if behind >= SEQUENCES:
                return "rejected"
            if behind >= 0 and int(state["boots"][index]["seen"]) >> behind & 1:
                return "duplicate"
        try:
            summary = self._summariser.summarise(upload, attributes)
        except UnusableUpload:
            return "rejected"
        if index is None and summary.end_ms <= int(state["forgotten_ms"]):
            return "rejected"
        state["built_ms"] = attributes.built_ms or int(state["built_ms"])
        state["flags"] = int(state["flags"]) | (IMPLAUSIBLE_VALUE if summary.implausible else 0)
        boot = self._boot(state, index, upload, summary)
        self._trends(state, boot, summary)
        self._sums(state, summary)
        return "folded"

    def _boot(self, state: Record, index: int | None, upload: TelemetryUpload, summary: UploadSummary) -> Record:
        seq = upload.id.seq
        if index is not None:
            boot = state["boots"][index]
            last, seen = int(boot["last"]), int(boot["seen"])
            if seq > last:
                seen, last = (seen << min(seq - last, SEQUENCES)) & (2**SEQUENCES - 1), seq
            boot["last"], boot["seen"] = last, seen | 1 << (last - seq)
            boot["first"] = min(int(boot["first"]), seq)
            boot["end_ms"] = max(int(boot["end_ms"]), summary.end_ms)
            return boot
        free = [i for i, boot in enumerate(state["boots"]) if not boot["id"]]
        oldest = min(range(len(state["boots"])), key=lambda i: int(state["boots"][i]["end_ms"]))
        boot = state["boots"][free[0] if free else oldest]
        if not free:
            state["forgotten_ms"] = max(int(state["forgotten_ms"]), int(boot["end_ms"]))
        last_ms = int(state["last_ms"])
        has_rested = last_ms == UNKNOWN or summary.start_ms - last_ms >= 3_600_000
        boot["id"], boot["first"], boot["last"], boot["seen"] = upload.id.boot_id.encode(), seq, seq, 1
        boot["end_ms"], boot["phase"] = summary.end_ms, Phase.RESTED if has_rested else Phase.WARM
        return boot

    def _trends(self, state: Record, boot: Record, summary: UploadSummary) -> None:
        if summary.start_ms < int(state["last_ms"]):
            return
        for trend, function, value in zip(state["trends"], self._functions, summary.trends, strict=True):
            if not math.isfinite(value) or (function != "mean" and boot["phase"] != Phase.RESTED):
                continue
            if trend["count"] == 0:
                trend["fast"] = trend["slow"] = value
            else:
                trend["fast"] += 0.3 * (value - trend["fast"])
                trend["slow"] += 0.05 * (value - trend["slow"])
            trend["count"] += 1
        if summary.is_running:
            boot["phase"] = Phase.STARTED

    def _sums(self, state: Record, summary: UploadSummary) -> None:
        last_ms, rise = int(state["last_ms"]), 0
        if summary.end_ms > last_ms:
            elapsed_s = 0.0 if last_ms == UNKNOWN else (summary.end_ms - last_ms) / 1000
            rise = self._odometer(state, summary, elapsed_s)
            state["last_ms"] = summary.end_ms
        if int(state["first_ms"]) == UNKNOWN or summary.start_ms < int(state["first_ms"]):
            state["first_ms"] = summary.start_ms
            if UNKNOWN != summary.first_odometer_m < int(state["first_odometer_m"]):
                state["first_odometer_m"] = summary.first_odometer_m
        state["observed_m"] += summary.observed_m
        state["exposure"] += summary.exposure
        state["exposure_m"] += summary.exposure_m
        number = summary.end_ms // DAY_MS
        day = state["days"][number % DAYS]
        if int(day["day"]) < number:
            day["day"], day["odometer_m"], day["observed_m"], day["exposure"] = number, 0, 0, 0
        if int(day["day"]) == number:
            day["odometer_m"] = np.float64(day["odometer_m"]) + rise
            day["observed_m"] = np.float64(day["observed_m"]) + summary.observed_m
            day["exposure"] = day["exposure"].astype(np.float64) + summary.exposure
        for item, columns in self._layout.wear_columns.items():
            own = state["items"][item]
            if columns and summary.end_ms <= int(own["set_ms"]):
                own["exposure"] += summary.exposure[list(columns)]
                own["exposure_m"] += summary.exposure_m[list(columns)]

    @staticmethod
    def _odometer(state: Record, summary: UploadSummary, elapsed_s: float) -> int:
        known, reading = int(state["odometer_m"]), summary.odometer_m
        if known == UNKNOWN:
            if reading == UNKNOWN:
                return 0
            state["first_odometer_m"], state["odometer_m"] = summary.first_odometer_m, reading
            return reading - summary.first_odometer_m
        beyond_s = max(0.0, elapsed_s - 21_600.0)
        farthest = 70.0 * (elapsed_s - beyond_s) + 1_000_000.0 * beyond_s / 86_400 + 2_000.0
        if reading != UNKNOWN and -1_000.0 <= reading - known <= farthest:
            state["held_count"], state["odometer_m"] = 0, max(known, reading)
            return max(known, reading) - known
        rise = round(summary.observed_m)
        state["odometer_m"] = known + rise
        if reading == UNKNOWN:
            return rise
        agrees = int(state["held_count"]) > 0 and 0 <= reading - int(state["held_odometer_m"]) <= farthest
        state["held_count"], state["held_odometer_m"] = (int(state["held_count"]) + 1 if agrees else 1), reading
        state["flags"] = int(state["flags"]) | ODOMETER_JUMP
        if int(state["held_count"]) == 5:
            state["first_odometer_m"] = int(state["first_odometer_m"]) + reading - int(state["odometer_m"])
            state["odometer_m"], state["held_count"] = reading, 0
            state["flags"] = int(state["flags"]) | ODOMETER_CORRECTED
        return rise
