"""What Prometheus reads of a process: every name documented, every label from a fixed set."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.metrics import GAUGES, PrometheusMetrics
from workflow.metrics import UPLOAD_RESULTS
from workflow.reject_reasons import REASONS


def samples(metrics: PrometheusMetrics, **readings: object) -> dict[tuple[str, tuple[str, ...]], float]:
    """Value by name and label values."""
    families = text_string_to_metric_families(metrics.exposition(readings).decode())  # type: ignore[arg-type]
    return {
        (sample.name, tuple(sample.labels.values())): sample.value for family in families for sample in family.samples
    }


def test_every_result_and_reason_is_there_before_the_first_of_its_kind() -> None:
    found = samples(PrometheusMetrics())
    assert {labels for name, labels in found if name == "pitcall_uploads_total"} == {(r,) for r in UPLOAD_RESULTS}
    assert {labels for name, labels in found if name == "pitcall_rejects_total"} == {(r,) for r in REASONS}
    assert found["pitcall_prediction_delay_seconds_count", ()] == 0


def test_what_is_told_is_counted() -> None:
    metrics = PrometheusMetrics()
    metrics.uploaded("accepted", 3)
    metrics.rejected("too_late")
    metrics.handled("vehicles", "telemetry-uploads", 512)
    found = samples(metrics)
    assert found["pitcall_uploads_total", ("accepted",)] == 3
    assert found["pitcall_rejects_total", ("too_late",)] == 1
    assert found["pitcall_records_handled_total", ("vehicles", "telemetry-uploads")] == 512


def test_delays_fall_into_the_bucket_whose_bound_they_do_not_pass() -> None:
    metrics = PrometheusMetrics()
    metrics.predicted([0.3, 0.31, -2.0, 99_999.0])
    found = samples(metrics)
    buckets = {labels[0]: value for (name, labels), value in found.items() if name.endswith("_bucket")}
    assert (buckets["0.01"], buckets["0.3"], buckets["0.5"], buckets["3600.0"], buckets["+Inf"]) == (1, 2, 3, 3, 4)
    assert found["pitcall_prediction_delay_seconds_count", ()] == 4
    assert found["pitcall_prediction_delay_seconds_sum", ()] == pytest.approx(99_999.61)


def test_a_reading_that_is_not_known_is_left_out_and_not_zero() -> None:
    metrics = PrometheusMetrics()
    assert ("pitcall_outbox_waiting", ()) not in samples(metrics)
    assert samples(metrics, pitcall_outbox_waiting=0)["pitcall_outbox_waiting", ()] == 0
    assert ("pitcall_outbox_waiting", ()) not in samples(metrics)


def test_every_gauge_can_be_read() -> None:
    readings = {name: {"a": 1.0, "b": 2.0} if label else 1.0 for name, (_, label) in GAUGES.items()}
    found = samples(PrometheusMetrics(), **readings)
    assert set(GAUGES) <= {name for name, _ in found}
    assert found["pitcall_log_lag_records", ("b",)] == 2


def test_a_reading_without_a_description_is_refused() -> None:
    with pytest.raises(KeyError, match="pitcall_unheard_of"):
        PrometheusMetrics().exposition({"pitcall_unheard_of": 1.0})
