"""Model quality for Prometheus: reckoned from the ledger at most once a minute, whoever scrapes how often."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from domain.model_quality import ItemQuality
from workflow.metrics import Readings
from workflow.model_quality import model_quality
from workflow.ports import Office

KEPT_S = 60.0


class QualityReadings:
    """Readings of the last 90 days by the names that `adapters.metrics.GAUGES` describes."""

    def __init__(self, office: Office, now_s: Callable[[], float] = time.monotonic) -> None:
        self._office = office
        self._now_s = now_s
        self._taken_s = -KEPT_S
        self._readings: Readings = {}

    async def take(self) -> Readings:
        """The readings, not older than a minute; PitcallError when the database does not answer."""
        now_s = self._now_s()
        if now_s - self._taken_s >= KEPT_S:
            # The versions that serve are a metric of their own.
            quality = await model_quality(self._office, {})
            self._readings = _readings({item.item: item for item in quality.items})
            self._taken_s = now_s
        return self._readings


def _readings(items: Mapping[str, ItemQuality]) -> Readings:
    windows = {item: found.recent.windows for item, found in items.items() if found.recent.windows is not None}
    chances = {item: found.recent.chances for item, found in items.items() if found.recent.chances is not None}
    drift = {item: float(found.is_drifting) for item, found in items.items() if found.is_drifting is not None}
    return {
        "pitcall_model_labels": {item: float(found.overall.labels) for item, found in items.items()},
        "pitcall_model_recent_labels": {item: float(found.recent.labels) for item, found in items.items()},
        "pitcall_model_labels_per_week": {item: found.recent.per_week for item, found in items.items()},
        "pitcall_model_coverage_ratio": {item: found.coverage.value for item, found in windows.items()},
        "pitcall_model_coverage_high_ratio": {item: found.coverage.high for item, found in windows.items()},
        "pitcall_model_stated_coverage_ratio": {item: found.stated_coverage for item, found in windows.items()},
        "pitcall_model_window_width": {item: found.mean_width for item, found in windows.items()},
        "pitcall_model_mean_error": {item: found.mean_error for item, found in windows.items()},
        "pitcall_model_brier_score": {item: found.brier for item, found in chances.items()},
        "pitcall_model_log_loss": {item: found.log_loss for item, found in chances.items()},
        "pitcall_model_calibration_error": {item: found.calibration_error for item, found in chances.items()},
        "pitcall_model_drift": drift,
    }
