"""Reliability: whether what was said with probability p came true in a share p of the cases."""

from __future__ import annotations

from math import sqrt

import numpy as np
import numpy.typing as npt

from domain.judgement import ReliabilityPoint, Share
from models.judging.ranking import require_labels
from models.judging.services import require_same_length

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NORMAL_95 = 1.959963984540054
BINS = 10


def brier_score(label: Floats, p: Floats) -> float | None:
    """Mean of (p − label)², 0 is perfect; None without decisions (G. Brier, *Monthly Weather Review* 78, 1950).

    >>> round(brier_score(np.array([1.0, 0.0]), np.array([0.8, 0.4])), 9)
    0.1
    """
    require_labels(label, p)
    return float(np.mean((p - label) ** 2)) if len(p) else None


def equal_mass_bins(p: Floats, bins: int = BINS) -> Ints:
    """The bin of each p, shape (n,): as many decisions in each as equal values allow, which are never torn apart.

    >>> equal_mass_bins(np.array([0.1, 0.1, 0.1, 0.5, 0.9, 0.7]), 3).tolist()
    [0, 0, 0, 1, 2, 2]
    """
    ordered = np.sort(p)
    if not len(ordered):
        return np.zeros(0, dtype=np.int64)
    highest = ordered[[-(-len(ordered) * (i + 1) // bins) - 1 for i in range(bins - 1)]]
    # The bin ends with the last of the values equal to its highest one.
    edges = np.unique(highest[highest < ordered[-1]])
    return np.searchsorted(edges, p, side="left").astype(np.int64)


def calibration_error(label: Floats, p: Floats, bins: int = BINS) -> float | None:
    """Mean over decisions of |mean p − share that failed| of their bin; None without decisions.

    Bins of equal mass: with bins of equal width nearly all decisions of a rare failure lie in the first (Naeini et
    al., AAAI 2015, for the measure; Nixon et al., CVPR workshops 2019, for bins of equal mass).

    >>> round(calibration_error(np.array([0.0, 1.0, 1.0, 1.0]), np.array([0.5, 0.5, 0.9, 0.9]), 2), 9)
    0.05
    """
    require_labels(label, p)
    if not len(p):
        return None
    at = equal_mass_bins(p, bins)
    gaps = np.bincount(at, weights=p) - np.bincount(at, weights=label)
    return float(np.abs(gaps).sum() / len(p))


def reliability_points(label: Floats, p: Floats, vehicle: Ints, bins: int = BINS) -> tuple[ReliabilityPoint, ...]:
    """The points of a reliability diagram, by rising probability, each with its interval.

    >>> points = reliability_points(np.array([0.0, 1.0]), np.array([0.2, 0.6]), np.array([1, 2]), 2)
    >>> [(point.said, point.came_true.value) for point in points]
    [(0.2, 0.0), (0.6, 1.0)]
    """
    require_labels(label, p)
    at = equal_mass_bins(p, bins)
    points = []
    for number in range(int(at.max()) + 1 if len(at) else 0):
        inside = at == number
        share = share_of(label[inside] == 1, vehicle[inside])
        if share is not None:
            points.append(ReliabilityPoint(float(p[inside].mean()), share))
    return tuple(points)


def share_of(is_so: Bools, vehicle: Ints) -> Share | None:
    """The share of true rows with a 95 % interval that knows that rows of one vehicle tell the same story.

    Wilson's interval over an effective number of rows: n divided by the design effect, which is the variance between
    vehicles over what independent rows would have. Where all rows agree there is no variance to see: then the
    vehicles count, not the rows. None without rows. (E. Wilson, *JASA* 22, 1927; L. Kish, *Survey Sampling*, 1965.)

    >>> share_of(np.array([True] * 50), np.array([1] * 50)).low < 0.25
    True
    """
    require_same_length("shares", {"is_so": len(is_so), "vehicle": len(vehicle)})
    rows = len(is_so)
    if not rows:
        return None
    names, whose = np.unique(vehicle, return_inverse=True)
    vehicles, value = len(names), float(is_so.mean())
    low, high = wilson(value, _effective_rows(is_so, whose, vehicles, value))
    return Share(value, low, high, rows, vehicles)


def _effective_rows(is_so: Bools, whose: Ints, vehicles: int, value: float) -> float:
    rows = len(is_so)
    if vehicles == rows:
        return float(rows)
    if vehicles < 2 or value in (0.0, 1.0):
        return float(vehicles)
    off = np.bincount(whose, weights=is_so - value)
    between = float((off * off).sum()) * vehicles / (vehicles - 1) / rows**2
    if between == 0:
        return float(rows)
    return min(float(rows), max(1.0, value * (1 - value) / between))


def wilson(value: float, rows: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of `rows` independent ones.

    >>> low, high = wilson(0.5, 100)
    >>> round(low, 3), round(high, 3)
    (0.404, 0.596)
    """
    z2 = NORMAL_95 * NORMAL_95
    middle = (value + z2 / (2 * rows)) / (1 + z2 / rows)
    half = NORMAL_95 * sqrt(value * (1 - value) / rows + z2 / (4 * rows * rows)) / (1 + z2 / rows)
    return max(0.0, min(value, middle - half)), min(1.0, max(value, middle + half))
