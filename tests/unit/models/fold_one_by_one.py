"""The fold as one would write it first: one upload after the other, and all of a car sorted anew each time.

What the fold over blocks must equal to the bit. It shares nothing with it but the summaries and the layout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np

from domain.catalogue import Catalogue
from domain.telemetry import TelemetryUpload, VehicleAttributes
from models.day_ring import OBSERVED_STEP_M, day_quanta
from models.levels import Phase
from models.upload_block import UploadBlock
from models.upload_summary import Summariser, UnusableUpload, UploadSummary
from models.vehicle_state import (
    CLOCK_WRONG,
    DAY_MS,
    DAYS,
    IMPLAUSIBLE_VALUE,
    ODOMETER_CORRECTED,
    ODOMETER_JUMP,
    POWERTRAIN_CODES,
    RING,
    SEQUENCES,
    UNKNOWN,
    Record,
    StateLayout,
)

Key = tuple[int, int, int]


@dataclass
class Levels:
    """Odometer, trends and phase, in plain numbers."""

    last_ms: int = UNKNOWN
    key: Key = (UNKNOWN, 0, 0)
    odometer_m: int = UNKNOWN
    first_odometer_m: int = UNKNOWN
    held_odometer_m: int = UNKNOWN
    held_count: int = 0
    order_flags: int = 0
    phase: int = 0
    trends: dict[int, tuple[float, float, int]] = field(default_factory=dict)


class FoldOneByOne:
    """Folds single uploads of one car; `fold` says "folded", "duplicate", "replayed" or "rejected"."""

    def __init__(self, catalogue: Catalogue, layout: StateLayout) -> None:
        self._layout = layout
        self._catalogue = catalogue
        self._summariser = Summariser(catalogue)
        self._functions = [spec.function for spec in catalogue.trends.values()]
        self._accepted: list[tuple[Key, UploadSummary]] = []

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
            summary = self._summariser.summarise_block(UploadBlock.of([upload], [attributes])).row(0)
        except UnusableUpload:
            return "rejected"
        key = (summary.start_ms, crc32(upload.id.boot_id.encode()), upload.id.seq)
        if index is None and summary.end_ms <= int(state["forgotten_ms"]):
            return "rejected"
        if len(self._accepted) > RING and key < self._accepted[-RING - 1][0]:
            return "rejected"
        state["built_ms"] = attributes.built_ms or int(state["built_ms"])
        state["powertrain"] = POWERTRAIN_CODES[attributes.powertrain]
        flags = (IMPLAUSIBLE_VALUE if summary.implausible else 0) | (CLOCK_WRONG if summary.is_clock_wrong else 0)
        state["flags"] = int(state["flags"]) | flags
        self._boot(state, index, upload, summary)
        self._accepted = sorted([*self._accepted, (key, summary)], key=lambda one: one[0])
        self._levels(state)
        self._sums(state, summary)
        return "folded"

    def _boot(self, state: Record, index: int | None, upload: TelemetryUpload, summary: UploadSummary) -> None:
        seq = upload.id.seq
        if index is not None:
            boot = state["boots"][index]
            last, seen = int(boot["last"]), int(boot["seen"])
            if seq > last:
                seen, last = (seen << min(seq - last, SEQUENCES)) & (2**SEQUENCES - 1), seq
            boot["last"], boot["seen"] = last, seen | 1 << (last - seq)
            boot["first"] = min(int(boot["first"]), seq)
            boot["end_ms"] = max(int(boot["end_ms"]), summary.end_ms)
            return
        free = [i for i, boot in enumerate(state["boots"]) if not boot["id"]]
        oldest = min(range(len(state["boots"])), key=lambda i: int(state["boots"][i]["end_ms"]))
        boot = state["boots"][free[0] if free else oldest]
        if not free:
            state["forgotten_ms"] = max(int(state["forgotten_ms"]), int(boot["end_ms"]))
        boot["id"], boot["first"], boot["last"], boot["seen"] = upload.id.boot_id.encode(), seq, seq, 1
        boot["end_ms"] = summary.end_ms

    def _levels(self, state: Record) -> None:
        """Everything that follows the order of events, from all uploads of the car, sorted."""
        levels = Levels()
        by_day: dict[int, int] = {}
        older = max(0, len(self._accepted) - RING)
        kept: list[tuple[int, list[float | None]]] = []
        for place, (key, summary) in enumerate(self._accepted):
            if place == older:
                self._write(state["base"], levels)
            rise = self._follow(levels, key, summary)
            if place < older:
                self._keep(kept, levels)
            number = summary.end_ms // DAY_MS
            by_day[number] = by_day.get(number, 0) + rise
        self._write(state, levels)
        newest = levels.last_ms // DAY_MS
        state["days"]["odometer_m"] = 0
        for number, metres in by_day.items():
            if number > newest - DAYS:
                state["days"]["odometer_m"][number % DAYS] = metres
        state["ring_count"] = len(self._accepted) - older
        self._write_kept(state, kept)

    def _keep(self, kept: list[tuple[int, list[float | None]]], levels: Levels) -> None:
        """A moment every ten days; the newest three of them, and of those before two that lie sixty days apart."""
        day = levels.last_ms // DAY_MS
        if kept and day - kept[-1][0] < 10:
            return
        values: list[float | None] = []
        names = list(self._catalogue.trends)
        for item, name in self._layout.kept:
            hazard = self._catalogue.items[item].hazard
            assert hazard is not None
            feature = next(f for f in hazard.features if f.name == name)
            fast, slow, count = levels.trends.get(names.index(feature.source), (0.0, 0.0, 0))
            fast, slow = float(np.float32(fast)), float(np.float32(slow))
            value = (fast - (slow if feature.is_change else 0.0) - feature.centre) * (16.0 / feature.scale)
            values.append(min(max(round(value), -127), 127) if count else None)
        kept.append((day, values))
        if len(kept) > 3:
            leaving = kept[-4]
            before = kept[:-4]
            if before and leaving[0] - before[-1][0] < 60:
                del kept[-4]
            elif len(before) > 1:
                del kept[0]

    def _write_kept(self, state: Record, kept: list[tuple[int, list[float | None]]]) -> None:
        state["kept"] = np.zeros((), state["kept"].dtype)
        # The newest three stand last, and what is older right before their place.
        places = [*range(5 - min(len(kept), 3), 5)]
        places = [*range(2 - max(0, len(kept) - 3), 2), *places]
        for place, (day, values) in zip(places, kept, strict=True):
            state["kept"][place]["day"] = day
            state["kept"][place]["kept_value"] = [-128 if value is None else value for value in values]

    def _write(self, to: Any, levels: Levels) -> None:
        to["start_ms"], to["boot_tag"], to["seq"] = levels.key
        for name in ("last_ms", "odometer_m", "first_odometer_m", "held_odometer_m", "held_count", "order_flags"):
            to[name] = getattr(levels, name)
        to["phase"], to["trends"] = levels.phase, np.zeros((), to["trends"].dtype)
        for i, (fast, slow, count) in levels.trends.items():
            to["trends"][i]["fast"], to["trends"][i]["slow"], to["trends"][i]["count"] = fast, slow, count

    def _follow(self, levels: Levels, key: Key, summary: UploadSummary) -> int:
        is_first = levels.last_ms == UNKNOWN
        if is_first or levels.key[1] != key[1]:
            has_rested = is_first or summary.start_ms - levels.last_ms >= 3_600_000
            levels.phase = Phase.RESTED if has_rested else Phase.WARM
        for i, (function, value) in enumerate(zip(self._functions, summary.trends, strict=True)):
            value = float(np.float32(value))
            if not math.isfinite(value) or (function != "mean" and levels.phase != Phase.RESTED):
                continue
            fast, slow, count = levels.trends.get(i, (value, value, 0))
            fast, slow = fast + 0.3 * (value - fast), slow + 0.05 * (value - slow)
            levels.trends[i] = (float(np.float32(fast)), float(np.float32(slow)), count + 1)
        if summary.is_running:
            levels.phase = Phase.STARTED
        elapsed_s = 0.0 if is_first else max(0.0, (summary.end_ms - levels.last_ms) / 1000)
        rise = self._odometer(levels, summary, elapsed_s)
        levels.last_ms, levels.key = max(levels.last_ms, summary.end_ms), key
        return rise

    def _sums(self, state: Record, summary: UploadSummary) -> None:
        if int(state["first_ms"]) == UNKNOWN or summary.start_ms < int(state["first_ms"]):
            state["first_ms"] = summary.start_ms
        state["observed_m"] += summary.observed_m
        state["exposure"] += summary.exposure
        state["exposure_m"] += summary.exposure_m
        for item, columns in self._layout.wear_columns.items():
            own = state["items"][item]
            if columns and summary.end_ms <= int(own["set_ms"]):
                own["exposure"] += summary.exposure[list(columns)]
                own["exposure_m"] += summary.exposure_m[list(columns)]
        self._days(state)

    def _days(self, state: Record) -> None:
        newest = int(state["last_ms"]) // DAY_MS
        state["days"]["observed"] = 0
        state["days"]["exposure"] = 0
        quanta = day_quanta(self._catalogue)
        for (_, tag, seq), summary in self._accepted:
            number = summary.end_ms // DAY_MS
            if number > newest - DAYS:
                part = (seq * 2_654_435_769 + tag) % 2**32 / 2.0**32
                day = state["days"][number % DAYS]
                day["observed"] = min(
                    65_535, int(day["observed"]) + math.floor(summary.observed_m / OBSERVED_STEP_M + part)
                )
                for i, amount in enumerate(summary.exposure.tolist()):
                    day["exposure"][i] = min(65_535, int(day["exposure"][i]) + math.floor(amount / quanta[i] + part))

    @staticmethod
    def _odometer(levels: Levels, summary: UploadSummary, elapsed_s: float) -> int:
        known, reading = levels.odometer_m, summary.odometer_m
        if known == UNKNOWN:
            if reading == UNKNOWN:
                return 0
            levels.first_odometer_m, levels.odometer_m = summary.first_odometer_m, reading
            return max(0, reading - summary.first_odometer_m)
        beyond_s = max(0.0, elapsed_s - 21_600.0)
        farthest = 70.0 * (elapsed_s - beyond_s) + 1_000_000.0 * beyond_s / 86_400 + 2_000.0
        if reading != UNKNOWN and -1_000.0 <= reading - known <= farthest:
            levels.held_count, levels.odometer_m = 0, max(known, reading)
            return max(known, reading) - known
        rise = round(summary.observed_m)
        levels.odometer_m = known + rise
        if reading == UNKNOWN:
            return rise
        agrees = levels.held_count > 0 and 0 <= reading - levels.held_odometer_m <= farthest
        levels.held_count, levels.held_odometer_m = (levels.held_count + 1 if agrees else 1), reading
        levels.order_flags |= ODOMETER_JUMP
        if levels.held_count == 5:
            levels.first_odometer_m += reading - levels.odometer_m
            levels.odometer_m, levels.held_count = reading, 0
            levels.order_flags |= ODOMETER_CORRECTED
        return rise
