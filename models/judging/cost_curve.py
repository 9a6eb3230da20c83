"""The cost curve: what acting on a prediction costs at every threshold, given what a failure on the road costs.

Costs are per vehicle and year in the long run: costs over time served, added up over lives. That is the renewal-reward
argument of age replacement (R. Barlow, L. Hunter, *Operations Research* 8, 1960; Barlow & Proschan, *Mathematical
Theory of Reliability*, ch. 4): life given away needs no price of its own, since planned work that comes early is paid
over fewer days. Lives that were not seen to their end count with the time they had, which keeps the rate unbiased as
long as the end of observation has nothing to do with the item.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.errors import InvalidInput
from domain.judgement import CostCurve, CostPoint
from models.judging.lives import Lives
from models.judging.services import NONE, require_same_length

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

YEAR_MS = 365.25 * 86_400_000
DAY_MS = 86_400_000
THRESHOLDS = 60
SCHEDULES = 200


@dataclass(frozen=True, slots=True)
class Costs:
    """What a failure on the road costs, and a planned replacement, in one currency or as a ratio.

    `lead_ms` passes between the alert and the work; a failure meanwhile happens on the road all the same.
    """

    on_the_road: float
    planned: float
    lead_ms: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.planned < self.on_the_road:
            raise InvalidInput(
                f"planned work for {self.planned} and a failure for {self.on_the_road} leave nothing to win",
                field="planned",
                fix="give a cost above 0 and below that of a failure on the road",
            )
        if self.lead_ms < 0:
            raise InvalidInput("the lead is negative", field="lead_ms", fix="give 0 or more")


def cost_curve(
    lives: Lives, score: Floats, costs: Costs, *, unit: str, acts_below: bool = False, action: float | None = None
) -> CostCurve | None:
    """The curve over thresholds of `score` (n,), which is in the order of `lives`; None without any time served.

    It acts once in a life, at the first decision with score ≥ threshold (≤ with `acts_below`: a remaining life).
    A life counts from its first decision on, so what a policy would have done before is not known and not claimed.
    NaN scores never act. `action` is the level at which the product acts by itself.
    """
    require_same_length("decisions", {"lives": len(lives.time_ms), "score": len(score)})
    served = lives.ended_ms - lives.entered_ms
    if not len(lives) or served.sum() <= 0:
        return None
    thresholds = _thresholds(score, action)

    def point(threshold: float) -> CostPoint:
        is_high = score <= threshold if acts_below else score >= threshold
        return _point(lives, _first_of_life(lives, is_high) + costs.lead_ms, costs, threshold)

    never = cost_per_year(int(lives.is_failed.sum()), 0, float(served.sum()), costs)
    schedule, schedule_ms = _best_schedule(lives, costs)
    return CostCurve(
        unit=unit,
        acts_below=acts_below,
        cost_on_the_road=costs.on_the_road,
        cost_planned=costs.planned,
        lead_ms=costs.lead_ms,
        lives=len(lives),
        failures=int(lives.is_failed.sum()),
        years=float(served.sum() / YEAR_MS),
        points=tuple(point(float(threshold)) for threshold in thresholds),
        at_action=None if action is None else point(action),
        never=never if never is not None else 0.0,
        schedule=schedule,
        schedule_days=None if schedule_ms is None else schedule_ms / DAY_MS,
        truth=_knowing_the_truth(lives, costs),
    )


def _thresholds(score: Floats, action: float | None) -> Floats:
    """Some of the scores, by rank and by value, and the action level: enough for a curve without corners."""
    finite = np.sort(score[np.isfinite(score)])
    if not len(finite):
        return np.zeros(0)
    even = np.linspace(finite[0], finite[-1], THRESHOLDS // 2)
    levels = even if action is None else np.append(even, action)
    # Half evenly by rank, half ever denser towards either end: rare failures live in the tails.
    tail = np.geomspace(1 / len(finite), 0.5, THRESHOLDS // 4)
    ranks = np.unique(np.concatenate([np.linspace(0, 1, THRESHOLDS // 2), tail, 1 - tail]))
    of_rank = finite[np.minimum((ranks * len(finite)).astype(np.int64), len(finite) - 1)]
    return np.unique(np.concatenate([of_rank, levels]))


def _first_of_life(lives: Lives, is_high: Bools) -> Ints:
    """The moment of the first high decision of each life, shape (L,); far in the future without one."""
    first = np.full(len(lives), np.iinfo(np.int64).max // 2, dtype=np.int64)
    at = np.flatnonzero(is_high)
    life = lives.life[at]
    if len(life):
        begins = np.append(np.True_, life[1:] != life[:-1])
        first[life[begins]] = lives.time_ms[at[begins]]
    return first


def _point(lives: Lives, acted_ms: Ints, costs: Costs, threshold: float) -> CostPoint:
    """What happens when each life (L,) is ended by planned work at `acted_ms`, unless it ends before."""
    is_planned = acted_ms < lives.ended_ms
    on_the_road, planned = int((lives.is_failed & ~is_planned).sum()), int(is_planned.sum())
    served = float((np.minimum(acted_ms, lives.ended_ms) - lives.entered_ms).sum())
    return CostPoint(threshold, cost_per_year(on_the_road, planned, served, costs), on_the_road, planned)


def cost_per_year(on_the_road: float, planned: float, served_ms: float, costs: Costs) -> float | None:
    """Cost per year; None when work is done at once for ever and no time passes."""
    spent = on_the_road * costs.on_the_road + planned * costs.planned
    return spent / (served_ms / YEAR_MS) if served_ms > 0 else None


def _best_schedule(lives: Lives, costs: Costs) -> tuple[float, int | None]:
    """The cheapest fixed age for planned work in hindsight, and that age; None: never is cheapest.

    Ages count from the renewal, or from the first decision where no renewal is known. A life that entered at some
    age tells only of ages from there on (left truncation).
    """
    start = np.where(lives.begun_ms == NONE, lives.entered_ms, lives.begun_ms)
    entry, end = lives.entered_ms - start, lives.ended_ms - start
    best = cost_per_year(int(lives.is_failed.sum()), 0, float((end - entry).sum()), costs)
    cheapest, at_age = best if best is not None else np.inf, None
    ages = np.unique(np.quantile(end, np.linspace(0, 1, SCHEDULES)).astype(np.int64))
    for age in ages:
        served = float(np.maximum(0, np.minimum(end, age) - entry).sum())
        on_the_road = int((lives.is_failed & (end <= age)).sum())
        planned = int(((end > age) & (entry < age)).sum())
        cost = cost_per_year(on_the_road, planned, served, costs)
        if cost is not None and cost < cheapest:
            cheapest, at_age = cost, int(age)
    return float(cheapest), at_age


def _knowing_the_truth(lives: Lives, costs: Costs) -> float:
    """Planned work at the last moment before each failure; where the lead doesn't fit in, it fails on the road."""
    is_averted = lives.is_failed & (lives.ended_ms - lives.entered_ms >= costs.lead_ms)
    served = float((lives.ended_ms - lives.entered_ms).sum())
    cost = cost_per_year(int((lives.is_failed & ~is_averted).sum()), int(is_averted.sum()), served, costs)
    return cost if cost is not None else 0.0
