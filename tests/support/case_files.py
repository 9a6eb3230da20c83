"""A back-test case written to a folder: tables of plain Python rows, as CSV, gzipped CSV or parquet."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

SETTINGS = """
name: pumps
decide: {every: PT3H, from: 2024-01-02, to: 2024-02-01T00:00:00Z, stale_after: P2D}
"""
CATALOGUE = """
signals:
  pressure: {unit: bar, range: [0, 100]}
  load: {unit: percent, role: setting}
events: [error1, error2]
attributes: {model: kind of pump, age: {unit: years}}
units: {mm: {cm: 10, K: [2, -1]}}
items:
  seal: {kind: hazard, horizons: [PT24H]}
  bearing: {kind: wear, unit: mm}
"""
Rows = Sequence[Mapping[str, Any]]
TELEMETRY: Rows = [
    {"vehicle_id": "p1", "time": "2024-01-01T00:00:00Z", "pressure": 5.0, "load": 50.0},
    {"vehicle_id": "p2", "time": "2024-01-01T00:00:00Z", "pressure": 6.0, "load": None},
    {"vehicle_id": "p1", "time": "2024-01-01T01:00:00Z", "pressure": 5.5, "load": 51.0},
]
SERVICES: Rows = [{"vehicle_id": "p1", "time": "2023-06-01T00:00:00Z", "item": "seal", "outcome": "replaced"}]


def write_case(
    folder: Path,
    *,
    telemetry: Rows = TELEMETRY,
    services: Rows = SERVICES,
    events: Rows | None = None,
    vehicles: Rows | None = None,
    settings: str = SETTINGS,
    catalogue: str = CATALOGUE,
    ending: str = ".csv",
) -> Path:
    """Writes a case that is right but for what a test puts in."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "case.yaml").write_text(settings, encoding="utf-8")
    (folder / "catalogue.yaml").write_text(catalogue, encoding="utf-8")
    for stem, rows in (("telemetry", telemetry), ("services", services), ("events", events), ("vehicles", vehicles)):
        if rows is not None:
            write_table(folder / f"{stem}{ending}", rows)
    return folder


def write_table(path: Path, rows: Rows) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".parquet":
        pa.parquet.write_table(
            pa.table({name: _array(name, [row.get(name) for row in rows]) for name in columns}), path
        )
        return
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def _array(name: str, values: list[Any]) -> pa.Array:
    if name in ("time", "known_time"):
        moments = [None if value is None else datetime.fromisoformat(value) for value in values]
        return pa.array(moments, pa.timestamp("us", "UTC"))
    return pa.array(values)
