"""What one upload says of each of its signals: count, mean, least and greatest."""

from __future__ import annotations

import numpy as np

from domain.catalogue import Catalogue
from domain.signal_history import LARGEST, SignalAggregate
from domain.telemetry import RECORDED, TelemetryUpload


class UploadAggregator:
    """Aggregates uploads by the plausible ranges of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._ranges = {
            path: (max(spec.minimum, -LARGEST), min(spec.maximum, LARGEST)) for path, spec in catalogue.signals.items()
        }

    def aggregate(self, upload: TelemetryUpload) -> list[SignalAggregate]:
        """One aggregate for each signal with at least one plausible value, in the upload's order.

        Gaps, values that are not finite and values outside the signal's range count for nothing. Sums are float64.
        An upload whose columns hold something else than numbers, or not one value per offset, has no aggregates:
        the fold says why it is unusable.
        """
        paths = [path for path in upload.columns if path in self._ranges]
        if not paths or not len(upload.offsets_ms):
            return []
        try:
            table = np.array([upload.columns[path] for path in paths], dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            return []
        if table.shape != (len(paths), len(upload.offsets_ms)):
            return []
        low, high = np.array([self._ranges[path] for path in paths]).T[:, :, None]
        with np.errstate(invalid="ignore"):
            good = (table >= low) & (table <= high)  # NaN is in no range
        counts = good.sum(axis=1)
        totals = table.sum(axis=1, where=good)
        least = table.min(axis=1, where=good, initial=np.inf)
        greatest = table.max(axis=1, where=good, initial=-np.inf)
        means = np.clip(totals / np.maximum(counts, 1), least, greatest)
        end_ms = upload.start_ms + int(upload.offsets_ms[-1])
        return [
            SignalAggregate(
                vehicle_id=upload.id.vehicle_id,
                signal=path,
                start_ms=upload.start_ms,
                end_ms=end_ms,
                count=int(counts[i]),
                mean=float(means[i]),
                minimum=float(least[i]),
                maximum=float(greatest[i]),
                origin=upload.origins.get(path, RECORDED),
            )
            for i, path in enumerate(paths)
            if counts[i]
        ]
