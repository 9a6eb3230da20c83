"""VehicleFold: uploads and service records into the state of their car.

Upload by upload, in the order given, so that the state does not depend on where a block begins. What is a sum
(exposures, distance, days, baselines) comes out the same in any order up to rounding; what is not (odometer while
readings are held back, trends, whether a boot began after a standstill) follows the order of arrival, and uploads older
than the newest event leave it alone. The reorder ring that takes this away is the next issue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from domain.catalogue import Catalogue
from domain.service_record import ServiceRecord, TrainingExample
from domain.telemetry import TelemetryUpload, VehicleAttributes
from models import boots
from models.boots import Phase
from models.odometer import advance_odometer
from models.predictor import Predictor
from models.service_fold import ServiceFold
from models.upload_summary import Summariser, UnusableUpload, UploadSummary
from models.vehicle_state import DAY_MS, DAYS, IMPLAUSIBLE_VALUE, TELEMETRY_UPLOADS, UNKNOWN, Record, StateLayout

FAST_WEIGHT, SLOW_WEIGHT = 0.3, 0.05
MATERIAL_M = 10_000.0  # after so much driving a prediction may say something else


class FoldResult(StrEnum):
    FOLDED = "folded"
    DUPLICATE = "duplicate"
    REPLAYED = "replayed"  # its offset is in the state already
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class FoldOutcome:
    """What became of one upload; `reason` says why it was rejected."""

    result: FoldResult
    reason: str = ""

    @property
    def is_folded(self) -> bool:
        return self.result is FoldResult.FOLDED


class VehicleFold:
    """Folds the uploads of cars with this catalogue; holds no state of its own."""

    def __init__(self, catalogue: Catalogue, layout: StateLayout) -> None:
        self._layout = layout
        self._summariser = Summariser(catalogue)
        self._trend_functions = [spec.function for spec in catalogue.trends.values()]
        waits = [s.parameters["standstill_minutes"] for s in catalogue.trends.values() if "standstill_minutes" in s.parameters]  # fmt: skip # noqa: E501
        self._standstill_ms = int(max(waits, default=60.0) * 60_000)

    def fold(
        self,
        state: Record,
        uploads: Sequence[TelemetryUpload],
        attributes: VehicleAttributes | Sequence[VehicleAttributes],
        offsets: Sequence[int] | None = None,
    ) -> list[FoldOutcome]:
        """Fold one car's uploads into `state`, in place, and tell what became of each.

        `offsets`: where each stands in its topic (rising); one at or below the state's own is skipped, the others'
        is remembered whatever becomes of the upload.
        """
        outcomes = []
        for i, upload in enumerate(uploads):
            own = attributes if isinstance(attributes, VehicleAttributes) else attributes[i]
            if offsets is not None and offsets[i] <= self._layout.offset(state, TELEMETRY_UPLOADS):
                outcomes.append(FoldOutcome(FoldResult.REPLAYED))
                continue
            outcomes.append(self._fold_one(state, upload, own))
            if offsets is not None:
                self._layout.set_offset(state, TELEMETRY_UPLOADS, offsets[i])
        return outcomes

    def apply_service(self, state: Record, record: ServiceRecord, predictor: Predictor) -> TrainingExample | None:
        """Fold a service record into `state`, in place, and return the label it teaches, if any (see ServiceFold)."""
        return ServiceFold(predictor, self._layout).apply(state, record)

    def is_prediction_due(self, state: Record) -> bool:
        """Whether the state has moved materially since it was last predicted from.

        It has on a new day, after 10 km of driving, and when the battery was read again.
        """
        last_ms, predicted_ms = int(state["last_ms"]), int(state["predicted_ms"])
        return last_ms != UNKNOWN and (
            predicted_ms == UNKNOWN
            or last_ms // DAY_MS > predicted_ms // DAY_MS
            or float(state["observed_m"]) - float(state["predicted_m"]) >= MATERIAL_M
            or self._readings(state) != int(state["predicted_readings"])
        )

    def mark_predicted(self, state: Record) -> None:
        """Remember that the state as it is now was predicted from."""
        state["predicted_ms"], state["predicted_m"] = state["last_ms"], state["observed_m"]
        state["predicted_readings"] = self._readings(state)

    def _readings(self, state: Record) -> int:
        counts = state["trends"]["count"].tolist()
        return sum(n for n, function in zip(counts, self._trend_functions, strict=True) if function != "mean")

    def _fold_one(self, state: Record, upload: TelemetryUpload, attributes: VehicleAttributes) -> FoldOutcome:
        index = boots.find_boot(state, upload.id.boot_id)
        seq = upload.id.seq
        if index >= 0 and boots.is_seen(state, index, seq):
            return FoldOutcome(FoldResult.DUPLICATE)
        if index >= 0 and boots.is_beyond_memory(state, index, seq):
            return FoldOutcome(FoldResult.REJECTED, "it is too far behind its boot to know whether it came before")
        try:
            summary = self._summariser.summarise(upload, attributes)
        except UnusableUpload as error:
            return FoldOutcome(FoldResult.REJECTED, str(error))
        if index < 0 and summary.end_ms <= int(state["forgotten_ms"]):
            return FoldOutcome(FoldResult.REJECTED, "it is of a boot too old to know whether it came before")
        if attributes.built_ms:
            state["built_ms"] = attributes.built_ms
        if summary.implausible:
            state["flags"] = int(state["flags"]) | IMPLAUSIBLE_VALUE
        index = self._remember_boot(state, index, upload, summary)
        self._follow_trends(state, index, summary)
        self._add_sums(state, summary)
        return FoldOutcome(FoldResult.FOLDED)

    def _remember_boot(self, state: Record, index: int, upload: TelemetryUpload, summary: UploadSummary) -> int:
        if index >= 0:
            boots.mark_seen(state, index, upload.id.seq, summary.end_ms)
            return index
        last_ms = int(state["last_ms"])
        has_rested = last_ms == UNKNOWN or summary.start_ms - last_ms >= self._standstill_ms
        phase = Phase.RESTED if has_rested else Phase.WARM
        return boots.open_boot(state, upload.id.boot_id, upload.id.seq, summary.end_ms, phase)

    def _follow_trends(self, state: Record, index: int, summary: UploadSummary) -> None:
        if summary.start_ms < int(state["last_ms"]):
            return
        boot = state["boots"][index]
        rested = boot["phase"] == Phase.RESTED
        for i, (function, value) in enumerate(zip(self._trend_functions, summary.trends, strict=True)):
            if not np.isfinite(value) or (function != "mean" and not rested):
                continue
            trend = state["trends"][i]
            if trend["count"] == 0:
                trend["fast"] = trend["slow"] = value
            else:
                trend["fast"] += FAST_WEIGHT * (value - trend["fast"])
                trend["slow"] += SLOW_WEIGHT * (value - trend["slow"])
            trend["count"] += 1
        if summary.is_running:
            boot["phase"] = Phase.STARTED

    def _add_sums(self, state: Record, summary: UploadSummary) -> None:
        last_ms = int(state["last_ms"])
        rise = 0.0
        if summary.end_ms > last_ms:
            elapsed_s = 0.0 if last_ms == UNKNOWN else (summary.end_ms - last_ms) / 1000
            rise = advance_odometer(state, summary, elapsed_s)
            state["last_ms"] = summary.end_ms
        first_ms = int(state["first_ms"])
        if first_ms == UNKNOWN or summary.start_ms < first_ms:
            state["first_ms"] = summary.start_ms
            # A late first upload began further back on the odometer.
            if summary.first_odometer_m != UNKNOWN and summary.first_odometer_m < int(state["first_odometer_m"]):
                state["first_odometer_m"] = summary.first_odometer_m
        state["observed_m"] += summary.observed_m
        state["exposure"] += summary.exposure
        state["exposure_m"] += summary.exposure_m
        self._add_to_day(state, summary, rise)
        for item, columns in self._layout.wear_columns.items():
            own = state["items"][item]
            if summary.end_ms <= int(own["set_ms"]) and columns:
                # It tells of the time before the service: that wear went out with the old part.
                own["exposure"] += summary.exposure[list(columns)]
                own["exposure_m"] += summary.exposure_m[list(columns)]

    @staticmethod
    def _add_to_day(state: Record, summary: UploadSummary, rise: float) -> None:
        number = summary.end_ms // DAY_MS
        day = state["days"][number % DAYS]
        if int(day["day"]) > number:
            return  # older than the ring
        if int(day["day"]) < number:
            day["day"], day["odometer_m"], day["observed_m"], day["exposure"] = number, 0, 0, 0
        day["odometer_m"] += rise
        day["observed_m"] += summary.observed_m
        day["exposure"] += summary.exposure
