"""docs/monitoring.md names every metric, result and setting that there is, and none that there isn't."""

import re
from pathlib import Path

from pitcall.settings import variable
from tests.architecture.queries import known_metrics
from workflow.metrics import UPLOAD_RESULTS

PAGE = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()
SERIES = re.compile(r"_(bucket|count|sum|created)$")


def families() -> set[str]:
    """The metrics that a process of ours answers; a histogram's series are one."""
    names = {SERIES.sub("", name) for name in known_metrics() if name.startswith("pitcall_")}
    return {name for name in names if f"{name}_total" not in names}  # what was `…_created` of a counter


def test_the_page_names_every_metric_and_no_other() -> None:
    assert set(re.findall(r"`(pitcall_\w+)`", PAGE)) == families()


def test_the_page_names_the_labels_of_each() -> None:
    rows = re.findall(r"^\| `(pitcall_\w+)` \|([^|]*)\|", PAGE, re.M)
    assert len(rows) == len(families())
    known = known_metrics()
    for name, labels in rows:
        found = known.get(name) or known[f"{name}_count"]
        assert set(re.findall(r"`(\w+)`", labels)) == found - {"job", "instance"}, name


def test_the_page_names_the_results_of_an_upload_and_the_settings() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `pitcall_uploads_total`"))
    assert set(re.findall(r"`(\w+)`", row)) - {"pitcall_uploads_total", "result"} == set(UPLOAD_RESULTS)
    for setting in (variable("metrics_port"), variable("watchdog_seconds"), variable("http_host")):
        assert f"`{setting}`" in PAGE
