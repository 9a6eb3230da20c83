"""What a process takes of memory over time, and whether that has a slope."""

from __future__ import annotations

import statistics
from itertools import combinations
from pathlib import Path

Samples = list[tuple[float, float]]


def resident_mb(pid: int) -> float:
    """Resident memory of a process, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def slope_per_hour(samples: Samples) -> float:
    """Theil-Sen: the median of the slopes between all pairs of (seconds, MB), in MB an hour; steps don't sway it."""
    return statistics.median((b - a) / (u - t) for (t, a), (u, b) in combinations(samples, 2) if u > t) * 3600


def second_half(samples: Samples) -> Samples:
    """What comes after warming up."""
    middle_s = (samples[0][0] + samples[-1][0]) / 2
    return [sample for sample in samples if sample[0] >= middle_s]
