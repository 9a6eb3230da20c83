"""`Metrics` for Prometheus: counters as things happen, gauges from what is looked up when it scrapes.

No label holds anything that a car, a person or a sender chose: each has a fixed, small set of values.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from workflow.metrics import UPLOAD_RESULTS, Readings
from workflow.reject_reasons import REASONS

CONTENT_TYPE = CONTENT_TYPE_LATEST

# Fine where the promises lie: 300 ms at half load, one second at full load.
BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)

# name: (what it is, its label or none)
GAUGES: Mapping[str, tuple[str, str]] = {
    "pitcall_component_up": ("Whether a part this process relies on answered just now.", "component"),
    "pitcall_ready": ("Whether this process can serve: what it relies on answers and recovery is over.", ""),
    "pitcall_log_lag_records": ("Records that the workers have not handled yet, over the whole deployment.", "topic"),
    "pitcall_history_lag_records": ("Records that are not in the history of signals yet; it may lag.", ""),
    "pitcall_log_last_commit_age_seconds": ("Time since this worker committed anything, or since it started.", ""),
    "pitcall_dead_letters": ("Records that could not be handled, over the whole deployment.", ""),
    "pitcall_rejected_uploads": ("Uploads in the rejects, over the whole deployment.", ""),
    "pitcall_outbox_waiting": ("Outbox rows that are due and not sent, over the whole deployment.", ""),
    "pitcall_state_vehicles": ("Cars whose state this worker works on.", ""),
    "pitcall_state_bytes": ("Bytes of those states, without what the store adds.", ""),
    "pitcall_state_disk_bytes": ("Bytes of the files that this worker keeps states in; 0 in memory.", ""),
    "pitcall_state_wiped_partitions": ("Partitions kept on disk that could not be used, and were read again.", ""),
    "pitcall_standby_vehicles": ("Cars whose state this worker keeps ready for when another one fails.", ""),
    "pitcall_standby_remaining_records": ("Changelog records this worker has yet to read to stand by.", ""),
    "pitcall_recovery_remaining_records": ("Changelog records this worker has yet to read before it works.", ""),
    "pitcall_recovery_progress_ratio": ("Part of the changelog that is read, 0 to 1.", ""),
    "pitcall_blocks_in_flight": (
        "Blocks handed to this worker's agents and not acknowledged; about 16 of a topic at most.",
        "",
    ),
    "pitcall_model_version": ("Version of the model that serves an item in this worker.", "item"),
    "pitcall_model_labels": ("Labels in the calibration ledger, over the whole deployment.", "item"),
    "pitcall_model_recent_labels": ("Labels of the last 90 days, which the gauges below are about.", "item"),
    "pitcall_model_labels_per_week": ("Labels a week in the last 90 days.", "item"),
    "pitcall_model_coverage_ratio": ("How often the range stated for a measurement held it.", "item"),
    "pitcall_model_coverage_high_ratio": ("Upper end of the 95 % interval of that coverage.", "item"),
    "pitcall_model_stated_coverage_ratio": ("How often the range was said to hold.", "item"),
    "pitcall_model_window_width": ("Mean width of the range, in the item's unit.", "item"),
    "pitcall_model_mean_error": ("Mean size of the error of what was measured, in the item's unit.", "item"),
    "pitcall_model_brier_score": ("Mean squared error of the probabilities of a failure.", "item"),
    "pitcall_model_log_loss": ("Mean logarithmic loss of the probabilities of a failure, in nats.", "item"),
    "pitcall_model_calibration_error": ("Mean gap between probabilities and what came true, in equal bins.", "item"),
    "pitcall_model_drift": ("1 while the learner says that an item drifts; missing where nobody watches.", "item"),
}


class PrometheusMetrics:
    """The `Metrics` of one process, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._uploads = self._counter("pitcall_uploads", "Uploads the edge answered.", "result")
        self._rejects = self._counter("pitcall_rejects", "Uploads this worker put among the rejects.", "reason")
        self._handled = self._counter(
            "pitcall_records_handled", "Records whose effects are all durable.", "agent", "topic"
        )
        # So that a rate is 0 and not missing before the first of its kind.
        for result in UPLOAD_RESULTS:
            self._uploads.labels(result)
        for reason in REASONS:
            self._rejects.labels(reason)
        self._delays = _Delays(
            "pitcall_prediction_delay_seconds", "From the receipt of an upload until its predictions were in the log."
        )
        self._gauges = _Gauges()
        self._registry.register(self._delays)
        self._registry.register(self._gauges)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, registry=self._registry)

    def uploaded(self, result: str, uploads: int = 1) -> None:
        """Uploads that the edge has answered."""
        self._uploads.labels(result).inc(uploads)

    def rejected(self, reason: str) -> None:
        """One upload that went to the rejects."""
        self._rejects.labels(reason).inc()

    def handled(self, agent: str, topic: str, records: int) -> None:
        """Records of a topic whose effects are all durable."""
        self._handled.labels(agent, topic).inc(records)

    def predicted(self, delays_s: Sequence[float]) -> None:
        """What was predicted from, each with its delay; one from the future (a sender's clock) counts as none."""
        self._delays.add(delays_s)

    def exposition(self, readings: Readings) -> bytes:
        """What Prometheus reads; a reading that `GAUGES` doesn't know raises KeyError."""
        self._gauges.readings = readings
        return generate_latest(self._registry)


class _Gauges(Collector):
    def __init__(self) -> None:
        self.readings: Readings = {}

    def collect(self) -> Iterator[Metric]:
        for name, reading in self.readings.items():
            about, label = GAUGES[name]
            family = GaugeMetricFamily(name, about, labels=[label] if label else [])
            if isinstance(reading, Mapping):
                for of, value in sorted(reading.items()):
                    family.add_metric([of], value)
            else:
                family.add_metric([], reading)
            yield family

    def describe(self) -> Iterable[Metric]:
        return [GaugeMetricFamily(name, about) for name, (about, _) in GAUGES.items()]


class _Delays(Collector):
    """A histogram that takes a block at once: the library's own costs some microseconds for each value."""

    def __init__(self, name: str, about: str) -> None:
        self._name = name
        self._about = about
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self._sum_s = 0.0

    def add(self, delays_s: Sequence[float]) -> None:
        for delay_s in delays_s:
            self._counts[bisect_left(BOUNDS_S, delay_s)] += 1
            self._sum_s += max(delay_s, 0.0)

    def collect(self) -> Iterator[Metric]:
        buckets, total = [], 0
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        yield HistogramMetricFamily(self._name, self._about, buckets=buckets, sum_value=self._sum_s)
