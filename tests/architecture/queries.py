"""Reads what Prometheus and Grafana are told to ask, and says what of it the product doesn't have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from prometheus_client.parser import text_string_to_metric_families

from adapters.metrics import GAUGES, PrometheusMetrics

DEPLOY = Path(__file__).parents[2] / "deploy"
# What Prometheus itself adds to every sample.
SCRAPE_LABELS = frozenset({"job", "instance"})
NAME = re.compile(r"\b(?:(?:pitcall|process)_\w+|up(?=\{))")
GROUPED = re.compile(r"\b(?:by|without|on|ignoring) \(([^)]*)\)")
MATCHED = re.compile(r"([a-z_]\w*)\s*(?:=~|!~|!=|=)\s*\"")
LEGEND = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")


class Query(NamedTuple):
    """A query, where it stands, and the text that names its labels."""

    place: str
    expression: str
    text: str


def dashboard() -> dict[str, Any]:
    return json.loads((DEPLOY / "grafana" / "pitcall.json").read_text())  # type: ignore[no-any-return]


def queries() -> list[Query]:
    """Every query of the dashboard and of the rules."""
    found = [
        Query(f"panel {panel['title']}", target["expr"], target["legendFormat"])
        for panel in dashboard()["panels"]
        for target in panel["targets"]
    ]
    rules = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())
    for group in rules["groups"]:
        found += [Query(rule["alert"], rule["expr"], rule["annotations"]["summary"]) for rule in group["rules"]]
    return found


def known_metrics() -> dict[str, frozenset[str]]:
    """Labels by sample name, from what a process really answers."""
    metrics = PrometheusMetrics()
    metrics.handled("vehicles", "telemetry-uploads", 1)
    readings = {name: {"x": 1.0} if label else 1.0 for name, (_, label) in GAUGES.items()}
    families = text_string_to_metric_families(metrics.exposition(readings).decode())
    samples = [sample for family in families for sample in family.samples]
    return {sample.name: frozenset(sample.labels) | SCRAPE_LABELS for sample in samples} | {"up": SCRAPE_LABELS}


def complaints(query: Query, known: dict[str, frozenset[str]]) -> Iterator[str]:
    """What a query asks for and nothing answers."""
    names = NAME.findall(query.expression)
    if not names:
        yield f"{query.place}: asks for nothing of ours"
    for name in names:
        if name not in known:
            yield f"{query.place}: there is no {name}"
            continue
        groups = [label.strip() for labels in GROUPED.findall(query.expression) for label in labels.split(",")]
        for label in {*groups, *MATCHED.findall(query.expression)} - known[name]:
            yield f"{query.place}: {name} has no label {label}"
        kept = set(groups) if groups else known[name]
        for label in set(LEGEND.findall(query.text)) - kept:
            yield f"{query.place}: the answer has no label {label}"
