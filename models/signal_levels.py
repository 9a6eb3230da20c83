"""SignalLevels: levels, spread and slopes of signals over several spans, from one value per upload.

What a machine with no named exposures is judged by. Spans are counted in uploads that had a value. Everything is kept
relative to the first value seen, so that float32 holds the small movements of a large number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Levels = npt.NDArray[Any]  # of LEVEL_FIELDS, shape (k, S)

MEAN_SPANS = (3, 10, 30)
SPREAD_SPAN = 30
SLOPE_SPANS = (20, 60)
FIRST = 10  # values whose mean is what the machine was like at first
LEAST_FOR_SLOPE = 5  # values; a line through fewer says more of the noise

LEVEL_FIELDS: list[Any] = [
    ("count", "u4"),
    ("origin", "f4"),
    ("first", "f4"),
    ("last", "f4"),
    ("mean", "f4", (len(MEAN_SPANS),)),
    ("variance", "f4"),
    ("sum", "f4", (len(SLOPE_SPANS),)),
    ("aged_sum", "f4", (len(SLOPE_SPANS),)),
]
# Of each signal, in this order: see `level_features`.
FEATURES = (
    "last",
    *(f"mean_{span}" for span in MEAN_SPANS),
    "spread",
    *(f"slope_{span}" for span in SLOPE_SPANS),
    "change",
)


def follow_levels(levels: Levels, values: Floats) -> None:
    """Take `levels` forward in place by one value each, shape (k, S); NaN where an upload has none.

    Means are exponentially weighted with the weight 2/(n + 1) of a span n, but never less than that of a plain mean of
    what there was. Slopes are those of least squares with the weights (1 − 2/(n + 1))^age: with S_x = Σ w·x and
    S_a = Σ w·age·x both sums grow by a step (R. G. Brown, *Smoothing, Forecasting and Prediction*, 1963, ch. 12).
    """
    is_there = np.isfinite(values)
    before = levels["count"]
    is_first = before == 0
    origin = np.where(is_first & is_there, values, levels["origin"]).astype(np.float32)
    levels["origin"] = origin
    x = np.where(is_there, values - origin, 0.0)
    count = before + is_there
    levels["count"] = count
    share = 1.0 / np.maximum(1, count)
    begins = is_there & (count <= FIRST)
    levels["first"] += np.where(begins, (x - levels["first"]) * share, 0.0).astype(np.float32)
    levels["last"] = np.where(is_there, x, levels["last"])
    slow = levels["mean"][..., MEAN_SPANS.index(SPREAD_SPAN)].astype(np.float64)
    for i, span in enumerate(MEAN_SPANS):
        mean = levels["mean"][..., i].astype(np.float64)
        weight = np.maximum(2.0 / (span + 1), share)
        levels["mean"][..., i] = np.where(is_there, mean + weight * (x - mean), mean)
    weight = np.maximum(2.0 / (SPREAD_SPAN + 1), share)
    variance = levels["variance"].astype(np.float64)
    levels["variance"] = np.where(is_there, (1.0 - weight) * (variance + weight * (x - slow) ** 2), variance)
    for i, span in enumerate(SLOPE_SPANS):
        kept = 1.0 - 2.0 / (span + 1)
        total, aged = levels["sum"][..., i].astype(np.float64), levels["aged_sum"][..., i].astype(np.float64)
        levels["aged_sum"][..., i] = np.where(is_there, kept * (aged + total), aged)
        levels["sum"][..., i] = np.where(is_there, kept * total + x, total)


def level_features(levels: Levels) -> Floats:
    """The features of each signal, shape (k, S, len(FEATURES)); NaN where nothing was seen yet.

    `last` and means in the signal's own unit; `spread`: standard deviation over the longest span; slopes: change per
    upload; `change`: the mean over 10 uploads less that of the machine's first 10.
    """
    count = levels["count"].astype(np.float64)
    origin = levels["origin"].astype(np.float64)
    features = np.empty((*levels.shape, len(FEATURES)))
    features[..., 0] = origin + levels["last"]
    for i in range(len(MEAN_SPANS)):
        features[..., 1 + i] = origin + levels["mean"][..., i]
    place = 1 + len(MEAN_SPANS)
    features[..., place] = np.sqrt(np.maximum(0.0, levels["variance"]))
    for i, span in enumerate(SLOPE_SPANS):
        features[..., place + 1 + i] = _slope(count, levels["sum"][..., i], levels["aged_sum"][..., i], span)
    features[..., -1] = levels["mean"][..., MEAN_SPANS.index(10)] - levels["first"]
    features[count == 0] = np.nan
    return features


def _slope(count: Floats, total: Floats, aged: Floats, span: int) -> Floats:
    """Slope of the weighted line through `count` values, 0 while there are too few.

    The sums of the weights themselves follow from the count n: with q the weight's ratio, Σ qᵃ, Σ a·qᵃ and Σ a²·qᵃ
    over a = 0 … n − 1.
    """
    q = 1.0 - 2.0 / (span + 1)
    n = np.maximum(2.0, count)
    power = q**n
    r = 1.0 - q
    s0 = (1.0 - power) / r
    s1 = (q - power * (n - (n - 1.0) * q)) / r**2
    s2 = (q + q * q - power * (n**2 - (2 * n**2 - 2 * n - 1) * q + (n - 1) ** 2 * q * q)) / r**3
    spread = s0 * s2 - s1 * s1
    slope: Floats = np.where(count >= LEAST_FOR_SLOPE, (s1 * total - s0 * aged) / np.maximum(spread, 1e-12), 0.0)
    return slope
