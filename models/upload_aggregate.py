"""What one upload says of each of its signals: count, mean, least and greatest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from domain.signal_history import LARGEST, SignalAggregate
from domain.telemetry import RECORDED
from models.event_time import event_times
from models.upload_block import UploadBlock

Floats = npt.NDArray[np.float64]


class UploadAggregator:
    """Aggregates uploads by the plausible ranges of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._ranges = {
            path: (max(spec.minimum, -LARGEST), min(spec.maximum, LARGEST)) for path, spec in catalogue.signals.items()
        }

    def aggregate(self, uploads: UploadBlock) -> list[SignalAggregate]:
        """One aggregate for each signal of each upload with at least one plausible value, in the uploads' order.

        Gaps and values outside the signal's range count for nothing. Sums are float64. Times are those that the fold
        goes by (`models.event_time`).
        """
        span_ms = np.zeros(len(uploads), dtype=np.int64)
        for table in uploads.tables:
            span_ms[table.rows] = table.offsets_ms[:, -1]
        start_ms, end_ms, _ = event_times(uploads.start_ms, span_ms, uploads.received_ms, uploads.built_ms())
        found: list[list[SignalAggregate]] = [[] for _ in range(len(uploads))]
        for table in uploads.tables:
            for path, values in table.columns.items():
                if path not in self._ranges:
                    continue
                # A signalling NaN, which a maker's bytes may hold, is told of once when it is converted.
                with np.errstate(invalid="ignore"):
                    wide = values.astype(np.float64)
                counts, means, least, greatest = _figures(wide, *self._ranges[path])
                for place in np.flatnonzero(counts).tolist():
                    row = int(table.rows[place])
                    aggregate = SignalAggregate(
                        vehicle_id=uploads.vehicle_ids[row],
                        signal=path,
                        start_ms=int(start_ms[row]),
                        end_ms=int(end_ms[row]),
                        count=int(counts[place]),
                        mean=float(means[place]),
                        minimum=float(least[place]),
                        maximum=float(greatest[place]),
                        origin=uploads.origins[row].get(path, RECORDED),
                    )
                    found[row].append(aggregate)
        return [aggregate for own in found for aggregate in own]


def _figures(values: Floats, low: float, high: float) -> tuple[npt.NDArray[np.int64], Floats, Floats, Floats]:
    """Count, mean, least and greatest of the values between `low` and `high` in each row, shape (m,) each."""
    good = (values >= low) & (values <= high)  # NaN is in no range
    counts = good.sum(axis=1)
    totals = values.sum(axis=1, where=good)
    least = values.min(axis=1, where=good, initial=np.inf)
    greatest = values.max(axis=1, where=good, initial=-np.inf)
    return counts, np.clip(totals / np.maximum(counts, 1), least, greatest), least, greatest
