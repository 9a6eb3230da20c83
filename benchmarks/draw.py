"""The picture of a stream bench, from its figures: rates side by side, and latency against load. Needs matplotlib."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def draw(figures: Path, picture: Path) -> None:
    """Draw the figures in a file as SVG."""
    rows = json.loads(figures.read_text())["rows"]
    plot, (rates, latency) = plt.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
    names = [f"{row['name']}\n{row['encoding']}" for row in rows]
    bars = rates.barh(names, [row["samples_per_s"] for row in rows], color="#2f6f9f")
    rates.bar_label(bars, [f" {row['samples_per_s']:,.0f}" for row in rows])
    rates.set_xscale("log")
    rates.set_xlabel("samples per second, from a filled topic")
    rates.margins(x=0.25)
    rates.invert_yaxis()
    for row in rows:
        live = sorted(row.get("live", []), key=lambda load: load["offered_per_s"])
        for quantile, style in (("p50_ms", "--"), ("p99_ms", "-")):
            if live:
                label = f"{row['encoding']}, {quantile.removesuffix('_ms')}"
                latency.plot([x["offered_per_s"] for x in live], [x[quantile] for x in live], style, marker="o", label=label)  # fmt: skip # noqa: E501
    latency.set_xlabel("uploads per second from a live sender")
    latency.set_ylabel("ms from receipt to prediction")
    latency.set_ylim(bottom=0)
    if latency.get_lines():
        latency.legend()
    plot.savefig(picture)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
