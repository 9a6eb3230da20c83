"""Survival: mean and quantiles of durations of which some are only known to be longer than something.

Kaplan and Meier's product-limit estimate; beyond the last end that was seen, durations go on at the constant rate of
ends per time that was observed, but no further than is said to be possible.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

AT_MOST = 2.0


def survival_summary(
    durations: Floats, is_ended: Bools, tails: Sequence[float], rate: float, longest: float, most: float = np.inf
) -> list[float]:
    """The mean of durations held to `most`, and the durations below which the shares `tails` lie.

    `durations` (n,): until the end, or, where not `is_ended`, how long it has lasted so far. `rate`: of ends per time,
    for durations of which too few have ended; above 0.
    `longest`: that the mean may reckon with; quantiles go to twice that.

    >>> survival_summary(np.array([1.0, 2.0, 3.0]), np.array([True, True, True]), [0.5], 1.0, 9.0)
    [2.0, 2.0]
    >>> survival_summary(np.array([1.0, 1.0]), np.array([True, False]), [0.25], 0.5, 9.0)[1]
    1.0

    References
    ----------
    E. Kaplan, P. Meier, *Nonparametric estimation from incomplete observations*, JASA 53, 1958; the exponential tail:
    B. Brown, M. Hollander, R. Korwar, *Nonparametric tests of independence for censored data*, 1974.
    """
    order = np.lexsort((~is_ended, durations))
    durations, is_ended = durations[order], is_ended[order]
    at_risk = np.arange(len(durations), 0, -1)
    lasting: Floats = np.cumprod(np.where(is_ended, 1.0 - 1.0 / at_risk, 1.0)).astype(np.float64)
    ends: npt.NDArray[np.int64] = np.flatnonzero(is_ended)
    times = np.asarray(durations[ends], dtype=np.float64)
    after = lasting[ends]
    last = float(durations[-1]) if len(durations) else 0.0
    left = float(after[-1]) if len(ends) else 1.0
    own = is_ended.sum() / durations.sum() if is_ended.sum() >= 1 and durations.sum() > 0 else rate
    before = np.concatenate([[1.0], after[:-1]]) if len(ends) else np.empty(0)
    mean = float((np.minimum(times, most) * (before - after)).sum())
    if left > 0:
        mean += left * min(last + 1.0 / own, max(longest, last), most)
    beyond = [_quantile(times, after, last, left, float(own), tail) for tail in tails]
    return [mean, *(min(end, AT_MOST * max(longest, last)) for end in beyond)]


def _quantile(times: Floats, after: Floats, last: float, left: float, rate: float, share: float) -> float:
    """The least duration by which `share` have ended."""
    reached = np.flatnonzero(1.0 - after >= share - 1e-12)
    if len(reached):
        return float(times[reached[0]])
    if left <= 0:
        return last
    return last + float(np.log(left / max(1.0 - share, 1e-12))) / rate if left > 1.0 - share else last
