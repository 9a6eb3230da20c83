"""Dashboards rot in silence: so every query is held to the names and labels that the product really has."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.metrics import GAUGES
from tests.architecture.queries import DEPLOY, NAME, Query, complaints, dashboard, known_metrics, queries

ROOT = Path(__file__).parents[2]
QUERIES = queries()


def test_there_are_queries_to_hold() -> None:
    assert len(QUERIES) > 25
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(dashboard()["panels"])


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.place}: {query.expression}"[:70])
def test_every_query_asks_for_what_there_is(query: Query) -> None:
    assert list(complaints(query, known_metrics())) == []


@pytest.mark.parametrize(
    ("expression", "text", "complaint"),
    [
        ("max(pitcall_dead_letter)", "", "there is no pitcall_dead_letter"),
        ("rate(pitcall_uploads[1m])", "", "there is no pitcall_uploads"),
        ("sum by (topics) (pitcall_log_lag_records)", "", "pitcall_log_lag_records has no label topics"),
        ('pitcall_ready{component="log"}', "", "pitcall_ready has no label component"),
        ("max by (topic) (pitcall_log_lag_records)", "{{item}}", "the answer has no label item"),
        ("1 + 1", "", "asks for nothing of ours"),
    ],
)
def test_a_slip_in_a_query_is_found(expression: str, text: str, complaint: str) -> None:
    assert list(complaints(Query("here", expression, text), known_metrics())) == [f"here: {complaint}"]


def test_every_gauge_is_on_the_dashboard() -> None:
    shown = {
        name for panel in dashboard()["panels"] for target in panel["targets"] for name in NAME.findall(target["expr"])
    }
    assert set(GAUGES) <= shown


def test_no_panel_covers_another() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        own = {(at["x"] + dx, at["y"] + dy) for dx in range(at["w"]) for dy in range(at["h"])}
        assert not own & cells, panel["title"]
        assert max(x for x, _ in own) < 24
        cells |= own


def test_prometheus_asks_each_of_our_processes_on_the_port_it_serves() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    asked = dict(place for job in config["scrape_configs"] for place in asked_by(job))
    served = {
        name: service["environment"]["PITCALL_METRICS_PORT"]
        for name, service in compose["services"].items()
        if "PITCALL_METRICS_PORT" in service.get("environment", {})
    }
    assert asked == served
    assert set(asked) == {"api", "worker", "outbox"}
    assert {job["job_name"] for job in config["scrape_configs"]} == {f"pitcall-{name}" for name in asked}
    assert all((DEPLOY / "prometheus" / name).is_file() for name in config["rule_files"])


def asked_by(job: dict[str, Any]) -> list[tuple[str, str]]:
    """Host and port of what a job scrapes."""
    fixed = [tuple(target.split(":")) for places in job.get("static_configs", ()) for target in places["targets"]]
    found = [(name, str(places["port"])) for places in job.get("dns_sd_configs", ()) for name in places["names"]]
    return [*fixed, *found]
