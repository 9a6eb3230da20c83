"""Wear scores: how far the remaining life that was said lay from the true one, and whether the window held."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from domain.judgement import CoverageOver, ErrorAtNotice
from models.judging.outcomes import LifeLeft
from models.judging.periods import periods_of
from models.judging.reliability import share_of
from models.judging.services import NONE, require_same_length

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DAY_MS = 86_400_000
NOTICE_BINS = 7


@dataclass(frozen=True, slots=True)
class Windows:
    """Due windows as stated, each of shape (n,); NONE where a moment lies beyond what could be said."""

    earliest_ms: Ints
    expected_ms: Ints
    latest_ms: Ints

    @property
    def is_stated(self) -> Bools:
        """Where anything was said at all, shape (n,)."""
        return np.asarray((self.earliest_ms != NONE) | (self.expected_ms != NONE) | (self.latest_ms != NONE))

    @property
    def is_open(self) -> Bools:
        """Where a window was said that lacks an end: it has no width, and holds all on that side, shape (n,)."""
        return np.asarray(self.is_stated & ((self.earliest_ms == NONE) | (self.latest_ms == NONE)))

    def holds(self, truth_ms: Ints) -> Bools:
        """Whether each window holds the truth, ends included, shape (n,)."""
        is_after = (self.earliest_ms == NONE) | (self.earliest_ms <= truth_ms)
        is_before = (self.latest_ms == NONE) | (truth_ms <= self.latest_ms)
        return np.asarray(self.is_stated & is_after & is_before)

    def width_days(self) -> Floats:
        """From earliest to latest, NaN where open or not stated, shape (n,)."""
        is_closed = self.is_stated & ~self.is_open
        return np.where(is_closed, (self.latest_ms - self.earliest_ms) / DAY_MS, np.nan)

    def only(self, which: Bools) -> Windows:
        """Those of a mask of shape (n,)."""
        return Windows(self.earliest_ms[which], self.expected_ms[which], self.latest_ms[which])


@dataclass(frozen=True, slots=True)
class Errors:
    """Bias (said minus true), mean absolute and root mean square error, in the unit of the numbers given."""

    bias: float
    mae: float
    rmse: float


def errors_of(said: Floats, true: Floats) -> Errors | None:
    """The errors of finite numbers of shape (n,); None without any.

    >>> errors_of(np.array([3.0, 5.0]), np.array([2.0, 8.0]))
    Errors(bias=-1.0, mae=2.0, rmse=2.23606797749979)
    """
    require_same_length("errors", {"said": len(said), "true": len(true)})
    off = said - true
    if not len(off):
        return None
    return Errors(float(off.mean()), float(np.abs(off).mean()), float(np.sqrt(np.mean(off * off))))


def mean_width(windows: Windows) -> float | None:
    """Mean days from earliest to latest of those with both ends; None when there is none."""
    width = windows.width_days()
    is_closed = np.isfinite(width)
    return float(width[is_closed].mean()) if is_closed.any() else None


def coverage_over_time(windows: Windows, truth_ms: Ints, time_ms: Ints, vehicle: Ints) -> tuple[CoverageOver, ...]:
    """How often the windows held, by the time at which they were stated: half-years, quarters or months.

    All of shape (n,), for windows that are stated and truths that are known; periods without any are left out.
    """
    found = []
    for period in periods_of(time_ms):
        inside = (time_ms >= period.from_ms) & (time_ms < period.until_ms)
        own = windows.only(inside)
        share = share_of(own.holds(truth_ms[inside]), vehicle[inside])
        if share is not None:
            found.append(CoverageOver(period.name, period.from_ms, share, mean_width(own), int(own.is_open.sum())))
    return tuple(found)


def notice_edges(true: Floats) -> tuple[float, ...]:
    """Edges 0 … of rising width for bins of true remaining, on the 1-2-5 series, ending above the largest.

    >>> notice_edges(np.array([3.0, 170.0]))
    (0.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
    """
    largest = float(true.max()) if len(true) else 0.0
    if largest <= 0:
        return (0.0, 1.0)
    decade = int(np.floor(np.log10(largest)))
    # Multiplied or divided by whole powers, so that edges are the decimals people write.
    series = [
        step * 10.0**power if power >= 0 else step / 10.0**-power
        for power in range(decade - NOTICE_BINS, decade + 2)
        for step in (1, 2, 5)
    ]
    above = next(i for i, edge in enumerate(series) if edge > largest)
    return (0.0, *series[above - NOTICE_BINS + 1 : above + 1])


def error_at_notice(said: Floats, left: LifeLeft, windows: Windows, vehicle: Ints) -> tuple[ErrorAtNotice, ...]:
    """Errors by how much was truly left, all of shape (n,) and with a known truth; empty bins are left out."""
    true = left.remaining
    found = []
    for low, high in pairwise(notice_edges(true)):
        inside = (true >= low) & (true < high)
        errors = errors_of(said[inside], true[inside])
        if errors is None:
            continue
        own, whose, ends = windows.only(inside), vehicle[inside], left.failed_ms[inside]
        stated = own.is_stated
        found.append(
            ErrorAtNotice(
                low=low,
                high=high,
                rows=int(inside.sum()),
                failures=distinct_failures(whose, ends),
                bias=errors.bias,
                mae=errors.mae,
                rmse=errors.rmse,
                coverage=share_of(own.holds(ends)[stated], whose[stated]),
            )
        )
    return tuple(found)


def distinct_failures(vehicle: Ints, failed_ms: Ints) -> int:
    """How many different failures the decisions (n,) look at."""
    if not len(vehicle):
        return 0
    order = np.lexsort((failed_ms, vehicle))
    whose, when = vehicle[order], failed_ms[order]
    return 1 + int(((whose[1:] != whose[:-1]) | (when[1:] != when[:-1])).sum())
