"""What a fleet's wear items cost per car and year in the long run: by our calls, by a schedule, by knowing the truth.

Costs over time served, as in `models.judging.cost_curve`, but with what only a simulated fleet has: when each part
would have reached its limit, had nobody touched it. A policy that replaces earlier is so not compared with one that
is spared its failures by the workshops of the fleet, which renew much by the booklet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.judging.cost_curve import Costs, cost_per_year
from models.vehicle_state import DAY_MS
from pitcall.fleet_judge import NEVER, Calls
from simulators.years.fleet_years import FleetYears

Ints = npt.NDArray[np.int64]

SCHEDULES = 200


@dataclass(frozen=True, slots=True)
class LongRun:
    """Cost per car and year: `ours`, `never` acting, the best fixed age in hindsight, and just in time by the truth.

    `workshops` is what the fleet's own workshops come to with nobody calling. None where no time was served.
    """

    ours: float | None
    workshops: float | None
    never: float | None
    schedule: float | None
    truth: float | None


def long_run(fleet: FleetYears, item: str, calls: Calls, costs: Costs) -> LongRun:
    """The costs of the parts that were followed from their installation on, which a fleet has after its replay.

    Work is done when the lead after a call is over. With our calls, a part that a workshop renews before counts as
    planned work then. Predictions end with the fleet: of a part that lasts beyond, how long we would have let it is
    not known (E. L. Kaplan, P. Meier, *Nonparametric estimation from incomplete observations*, 1958).
    """
    lives, end = fleet.truth.lives[item], fleet.start_day + fleet.days
    own = calls.followed & (lives.installed_day >= fleet.start_day)
    if not own.any():
        return LongRun(None, None, None, None, None)
    installed = lives.installed_day[own]
    limit, removed = (np.where(day < 0, NEVER, day)[own] - installed for day in (lives.limit_day, lives.removed_day))
    called = calls.day[own] + costs.lead_ms // DAY_MS - installed
    seen = end - installed
    known = limit < NEVER // 2
    life = limit[known].astype(np.float64)
    ages = np.unique(np.quantile(life, np.linspace(0.0, 1.0, SCHEDULES))) if len(life) else np.empty(0)
    schedules = [
        _per_year(float((life <= age).sum()), float((life > age).sum()), float(np.minimum(life, age).sum()), costs)
        for age in ages
    ]
    never = _per_year(len(life), 0.0, float(life.sum()), costs)
    return LongRun(
        ours=_renewed(limit, np.minimum(called, removed), seen, costs),
        workshops=_renewed(limit, removed, seen, costs),
        never=never,
        schedule=min((one for one in [*schedules, never] if one is not None), default=None),
        truth=_per_year(0.0, len(life), float(life.sum()), costs),
    )


def _renewed(limit: Ints, renewed: Ints, seen: Ints, costs: Costs) -> float | None:
    """The cost of renewing at the ages `renewed`, of lives seen up to the ages `seen`; what outlasts all is renewed."""
    age = np.minimum(np.minimum(limit, renewed), seen)
    is_road = (limit <= renewed) & (limit <= seen)
    is_planned = ~is_road & (renewed <= seen)
    order = np.argsort(age, kind="stable")
    age, is_road, is_planned = age[order], is_road[order], is_planned[order]
    at_risk = len(age) - np.arange(len(age))
    lasting = np.cumprod(1.0 - (is_road | is_planned) / at_risk)
    before = np.concatenate([[1.0], lasting[:-1]])
    share = before / at_risk
    planned = float((share * is_planned).sum()) + float(lasting[-1])
    return _per_year(float((share * is_road).sum()), planned, float((before * np.diff(age, prepend=0)).sum()), costs)


def _per_year(on_the_road: float, planned: float, served_days: float, costs: Costs) -> float | None:
    return cost_per_year(on_the_road, planned, served_days * DAY_MS, costs)
