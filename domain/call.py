"""Call: the day on which it costs least to have an item's work done, and by when to say so.

Costs are reckoned on top of the work itself, which is paid once a life whatever is done. For a visit on day d:

    cost(d) = P(fails before d) · on_road + work · E[share of the life that is given away at d] + visit

**Wear and calendar.** The due window is taken for two halves of a logistic distribution that meet at `expected`, the
median: the lower has its 5 % at `earliest`, the upper its 95 % at `latest` (of a window that holds 90 %). A day given
away costs work / life. The cost falls as long as the hazard of the distribution is below (work / life) / on_road and
rises from there on (R. Barlow, L. Hunter, *Operations Research* 8, 1960, for a hazard that grows). On the lower half
the hazard is F / scale, so that the cheapest day stands at the quantile

    u = min(scale · (work / life) / on_road, MOST_CHANCE):    best day = expected + scale · ln(u / (1 − u))

**Hazards** have a constant rate within their longest horizon H, and what lasts until then counts as sound: coming for
nothing gives all its work away. So there is no day between now and H that is cheaper than both; it is done now when

    P(fails within H) · on_road ≥ P(lasts) · work + visit,    that is  P ≥ (work + visit) / (work + on_road)

A visit that is made anyway costs nothing more, so what joins one has `visit` taken off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from domain.prediction import DueWindow

DAY_MS = 86_400_000
MOST_CHANCE = 0.2
"""Nobody is called for a day by which the item fails with more than this, however dear the work is.

Up to u = 0.2178, where ln(u / (1 − u)) + 1 / (1 − u) = 0, a wider window always gives an earlier day.
"""
LEAST_CHANCE = 1e-300  # of a window without width, whose best day is the expected one
LATER_DAYS = 30  # what putting it off means, once the best day has come
END_LOG_ODDS = math.log(19.0)  # of 95 %: how many scales of a logistic lie between the median and an end of the window
LOGISTIC_SD = math.pi / math.sqrt(3.0)  # standard deviation of a logistic distribution, in its scale
HIGHEST_RISK = 0.99


@dataclass(frozen=True, slots=True)
class ItemCost:
    """What an item costs, in one currency: `work` (parts and labour), `on_road` on top when it fails, `visit`.

    `on_road` also is what passing the limit unseen costs. `life_days` is a usual life, over which the work is paid,
    infinite where days use nothing up (a hazard); `source` says where the figures are from.
    """

    work: float
    on_road: float
    visit: float
    life_days: float = math.inf
    source: str = ""

    @property
    def planned(self) -> float:
        """Work that was arranged in time, with the way there."""
        return self.work + self.visit

    @property
    def on_the_road(self) -> float:
        """The same after a failure on the road, as `models.judging.cost_curve` counts it."""
        return self.planned + self.on_road

    @property
    def patience(self) -> float:
        """What a day of the item's life is worth, in failures on the road: (work / life) / on_road, per day."""
        return self.work / self.life_days / self.on_road

    @property
    def risk(self) -> float:
        """The probability of failing within the longest horizon from which on a hazard is worth a visit."""
        return min(HIGHEST_RISK, (self.work + self.visit) / (self.work + self.on_road))

    @property
    def shared_risk(self) -> float:
        """The same where a visit is made anyway."""
        return min(HIGHEST_RISK, self.work / (self.work + self.on_road))


ORDINARY_COST = ItemCost(0.8, 2.0, 0.2, 365.0, "a failure costs three times planned work, and the work is yearly (M)")
"""Of an item that says nothing of costs; a ratio, in no currency."""


@dataclass(frozen=True, slots=True)
class Call:
    """What the rule says of one prediction, so that "why, or why not, on that day?" has an answer.

    `call_by_ms`: when to say it; `best_day_ms`: the cheapest day that can still be had. Both are None where no day is
    in sight. `cost_now` is that of the first day a dealer can have, `cost_later` that of the best day, or of
    `LATER_DAYS` later once that has come; None where nothing can be said.
    """

    call_by_ms: int | None
    best_day_ms: int | None
    cost_now: float | None
    cost_later: float | None


def carried(probability: float, from_horizon: float, to_horizon: float) -> float:
    """A probability within one horizon as one within another, at a constant rate; horizons in any one unit."""
    return 1.0 - float((1.0 - probability) ** (to_horizon / from_horizon))


def best_day_ms(window: DueWindow, cost: ItemCost) -> int | None:
    """The cheapest day by the window, which may be past; None where no date can be said."""
    expected, earliest = window.expected_ms, window.earliest_ms
    if expected is None or earliest is None:
        return None
    return expected - round(_days_before(expected - earliest, cost) * DAY_MS)


def _days_before(lower_ms: int, cost: ItemCost) -> float:
    """How many days before the expected one the best day is, of a window whose lower half has that width."""
    scale = lower_ms / DAY_MS / END_LOG_ODDS
    chance = min(max(scale * cost.patience, LEAST_CHANCE), MOST_CHANCE)
    return -scale * math.log(chance / (1.0 - chance))


def spread_days(window: DueWindow) -> float:
    """Standard deviation of the lower half of a window whose dates are in sight."""
    return ((window.expected_ms or 0) - (window.earliest_ms or 0)) / DAY_MS / END_LOG_ODDS * LOGISTIC_SD


def dated_call(window: DueWindow, cost: ItemCost, lead_days: float, now_ms: int) -> Call:
    """The call of a wear or calendar item, as seen at `now_ms`; a dealer needs `lead_days`."""
    best = best_day_ms(window, cost)
    if best is None:
        return Call(None, None, None, None)
    lead_ms = round(lead_days * DAY_MS)
    soonest = now_ms + lead_ms
    later = best if best > soonest else soonest + LATER_DAYS * DAY_MS
    return Call(
        call_by_ms=best - lead_ms,
        best_day_ms=max(best, soonest),
        cost_now=expected_cost(window, cost, soonest, now_ms),
        cost_later=expected_cost(window, cost, later, now_ms),
    )


def expected_cost(window: DueWindow, cost: ItemCost, day_ms: int, now_ms: int) -> float:
    """What a visit on `day_ms` costs on top of the work, given that nothing has failed until `now_ms`.

    Takes a window whose dates are in sight; one without a latest is as wide above as below.
    """
    half = _Halves.of(window)
    alive, lasting = half.survival(now_ms), half.survival(day_ms)
    if alive <= 0.0:
        return cost.on_road + cost.visit
    given_away = half.days_left(day_ms) / alive
    return (1.0 - lasting / alive) * cost.on_road + cost.work / cost.life_days * given_away + cost.visit


def risk_call(probability: Mapping[int, float], cost: ItemCost, lead_days: float, now_ms: int, *, is_due: bool) -> Call:
    """The call of a hazard, by the probability within its longest horizon (days to probability)."""
    share = probability.get(max(probability, default=0), 0.0)
    return Call(
        call_by_ms=now_ms if is_due else None,
        best_day_ms=now_ms + round(lead_days * DAY_MS) if is_due else None,
        cost_now=(1.0 - share) * cost.work + cost.visit,
        cost_later=share * cost.on_road,
    )


@dataclass(frozen=True, slots=True)
class _Halves:
    """A window as two halves of a logistic distribution that meet at the median; scales in days."""

    median_ms: int
    lower: float
    upper: float

    @classmethod
    def of(cls, window: DueWindow) -> _Halves:
        expected = window.expected_ms or 0
        lower = (expected - (window.earliest_ms or 0)) / DAY_MS / END_LOG_ODDS
        upper = lower if window.latest_ms is None else (window.latest_ms - expected) / DAY_MS / END_LOG_ODDS
        return cls(expected, lower, upper)

    def survival(self, day_ms: int) -> float:
        """P(lasts beyond the day)."""
        days = (day_ms - self.median_ms) / DAY_MS
        scale = self.lower if days <= 0 else self.upper
        if scale <= 0.0:
            return 1.0 if days <= 0 else 0.0  # on the day itself it is in time
        return math.exp(-_softplus(days / scale))

    def days_left(self, day_ms: int) -> float:
        """E[days that it would have lasted beyond the day]: the integral of `survival` from there on."""
        days = (day_ms - self.median_ms) / DAY_MS
        if days >= 0:
            return self.upper * _softplus(-days / self.upper) if self.upper > 0.0 else 0.0
        above = self.upper * math.log(2.0)
        if self.lower <= 0.0:
            return above - days
        return above + self.lower * (_softplus(-days / self.lower) - math.log(2.0))


def _softplus(x: float) -> float:
    """ln(1 + e^x) without overflow."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
