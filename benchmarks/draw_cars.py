"""The picture of a cars bench, from its figures: CPU per upload against distinct cars. Needs matplotlib."""

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
    plot, cost = plt.subplots(figsize=(6.5, 4), layout="constrained")
    cars = [row["vehicles"] for row in rows]
    workers = [row["worker_cpu_us_per_upload"] for row in rows]
    broker = [row["broker_cpu_us_per_upload"] for row in rows]
    cost.stackplot(cars, workers, broker, labels=["workers", "Kafka"], colors=["#2f6f9f", "#c9b458"])
    cost.axhline(1.5 * (workers[0] + broker[0]), color="#999", linestyle="--", label="1.5 x the least cars")
    cost.set_xscale("log")
    cost.set_xlabel("distinct cars")
    cost.set_ylabel("CPU per upload, us")
    cost.set_ylim(bottom=0)
    cost.legend(loc="lower right")
    plot.savefig(picture)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
