"""Judge: the figures of one item from the arrays that a replay leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from domain.call import ORDINARY_COST
from domain.errors import InvalidInput
from domain.judgement import HazardFigures, ItemJudgement, WearFigures
from domain.prediction import ItemKind
from models.judging.cost_curve import Costs, cost_curve
from models.judging.early_catches import early_catches
from models.judging.lives import Lives, lives_of
from models.judging.misses import WorstMiss, worst_hazard_misses, worst_wear_misses
from models.judging.outcomes import LifeClock, LifeLeft, failed_within, life_left
from models.judging.ranking import Confusion, average_precision, best_f1, confusion_at, roc_auc
from models.judging.reliability import brier_score, calibration_error, reliability_points, share_of
from models.judging.services import NONE, ItemServices, require_same_length
from models.judging.wear_scores import (
    Windows,
    coverage_over_time,
    distinct_failures,
    error_at_notice,
    errors_of,
    mean_width,
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DAY_MS = 86_400_000
LONG_NOTICE_MS = 14 * DAY_MS
COSTS = Costs(on_the_road=ORDINARY_COST.on_the_road, planned=ORDINARY_COST.planned)
"""Three times the planned work: a rule of thumb for want of the operator's own figures (M)."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """When was decided, for one item: `vehicle` and `time_ms` of shape (n,), in any order.

    `until_ms` is until when each vehicle was followed: one moment for all, or shape (n,). What happened later is not
    known, unless a service tells of it.
    """

    vehicle: Ints
    time_ms: Ints
    until_ms: int | Ints

    def __post_init__(self) -> None:
        columns = {"vehicle": len(self.vehicle), "time_ms": len(self.time_ms)}
        if not isinstance(self.until_ms, int):
            columns["until_ms"] = len(self.until_ms)
        require_same_length("decisions", columns)


@dataclass(frozen=True, slots=True)
class Aims:
    """What is asked of a hazard item's alerts: at most so many a failure, and how far ahead they must come.

    `ahead_ms` None: 14 days where the horizon leaves as much again, else half of the horizon.
    """

    alerts_per_failure: float = 2.0
    ahead_ms: int | None = None

    def ahead(self, horizon_ms: int) -> int:
        """How far ahead for this horizon."""
        if self.ahead_ms is not None:
            return self.ahead_ms
        return LONG_NOTICE_MS if horizon_ms >= 2 * LONG_NOTICE_MS else horizon_ms // 2


@dataclass(frozen=True, slots=True)
class JudgedItem:
    """The figures, the counts at the action level (to be added up over items), and the decisions to show a person."""

    judgement: ItemJudgement
    at_action: Confusion | None
    worst: tuple[WorstMiss, ...]


def judge_hazard(
    item: str,
    name: str,
    decisions: Decisions,
    services: ItemServices,
    p: Floats,
    horizons_ms: Sequence[int],
    *,
    action_probability: float,
    aims: Aims | None = None,
    costs: Costs = COSTS,
) -> JudgedItem:
    """Judge probabilities `p` of shape (n, H), NaN where none was said, for the H horizons.

    The costs, the counts at the action level and the worst misses are those of the first horizon.
    """
    _require_probabilities(decisions, p, horizons_ms)
    aims = aims or Aims()
    lives = lives_of(services, decisions.vehicle, decisions.time_ms, decisions.until_ms)
    figures, at_action = [], None
    worst: list[WorstMiss] = []
    for number, horizon_ms in enumerate(horizons_ms):
        said = p[:, number]
        label = failed_within(services, decisions.vehicle, decisions.time_ms, horizon_ms, decisions.until_ms)
        judged, counts = _hazard_figures(
            decisions, services, lives.order, said, label, horizon_ms, action_probability, aims
        )
        figures.append(judged)
        if number == 0:
            at_action = counts
            worst = worst_hazard_misses(lives, said[lives.order], horizon_ms, label[lives.order])
    first = horizons_ms[0]
    curve = cost_curve(
        lives,
        p[:, 0][lives.order],
        replace(costs, lead_ms=costs.lead_ms or aims.ahead(first)),
        unit="",
        action=action_probability,
    )
    judgement = replace(
        _item(item, name, ItemKind.HAZARD, decisions, services, lives), hazards=tuple(figures), cost=curve
    )
    return JudgedItem(judgement, at_action, tuple(worst))


def _hazard_figures(
    decisions: Decisions,
    services: ItemServices,
    order: Ints,
    said: Floats,
    label: Floats,
    horizon_ms: int,
    action_probability: float,
    aims: Aims,
) -> tuple[HazardFigures, Confusion]:
    # In one order whatever came, so that sums are the same to the last bit.
    rows = order[np.isfinite(label[order]) & np.isfinite(said[order])]
    y, p, vehicle, time_ms = (
        label[rows],
        said[rows],
        decisions.vehicle[rows],
        decisions.time_ms[rows],
    )
    until = decisions.until_ms if isinstance(decisions.until_ms, int) else decisions.until_ms[rows]
    counts = confusion_at(y, p, action_probability)
    best = best_f1(y, p)
    lives = lives_of(services, vehicle, time_ms, until)
    failures = services.only(services.is_failure)
    is_positive = y == 1
    next_ms = failures.times(failures.after(vehicle[is_positive], time_ms[is_positive]))
    figures = HazardFigures(
        horizon_ms=horizon_ms,
        rows=len(y),
        positives=int(is_positive.sum()),
        unknown=int((~np.isfinite(label)).sum()),
        failures=distinct_failures(vehicle[is_positive], next_ms),
        vehicles=len(np.unique(vehicle)),
        base_rate=float(y.mean()) if len(y) else None,
        average_precision=average_precision(y, p),
        roc_auc=roc_auc(y, p),
        action_probability=action_probability,
        precision=counts.precision,
        recall=counts.recall,
        f1_at_action=counts.f1,
        f1_best=best[0] if best else None,
        f1_best_at=best[1] if best else None,
        brier=brier_score(y, p),
        calibration_error=calibration_error(y, p),
        reliability=reliability_points(y, p, vehicle),
        catches=early_catches(
            lives,
            p[lives.order],
            alerts_per_failure=aims.alerts_per_failure,
            ahead_ms=aims.ahead(horizon_ms),
            within_ms=horizon_ms,
        ),
    )
    return figures, counts


def judge_wear(
    item: str,
    name: str,
    decisions: Decisions,
    services: ItemServices,
    remaining: Floats,
    windows: Windows,
    clock: LifeClock,
    *,
    unit: str,
    stated_coverage: float = 0.9,
    action_remaining: float | None = None,
    costs: Costs = COSTS,
) -> JudgedItem:
    """Judge `remaining` (n,) in `unit`, NaN where nothing was said, and the due windows (n,).

    `clock` tells the life that passed (`time_clock(unit)`, or `meter_clock` for km and cycles). `action_remaining` is
    the remaining life at which the product would act, for the cost curve.
    """
    columns = {"decisions": len(decisions.time_ms), "remaining": len(remaining), "windows": len(windows.earliest_ms)}
    require_same_length(item, columns)
    lives = lives_of(services, decisions.vehicle, decisions.time_ms, decisions.until_ms)
    left = life_left(services, decisions.vehicle, decisions.time_ms, clock, decisions.until_ms)
    curve = cost_curve(lives, remaining[lives.order], costs, unit=unit, acts_below=True, action=action_remaining)
    judgement = replace(
        _item(item, name, ItemKind.WEAR, decisions, services, lives),
        wear=_wear_figures(decisions, left, remaining, windows, unit, stated_coverage),
        cost=curve,
    )
    return JudgedItem(judgement, None, tuple(worst_wear_misses(lives, left, remaining, windows)))


def judge_calendar(item: str, name: str, decisions: Decisions, services: ItemServices) -> JudgedItem:
    """Count: the dates of a calendar item follow from its interval, and nothing that happens proves them wrong."""
    lives = lives_of(services, decisions.vehicle, decisions.time_ms, decisions.until_ms)
    return JudgedItem(_item(item, name, ItemKind.CALENDAR, decisions, services, lives), None, ())


def _wear_figures(
    decisions: Decisions, left: LifeLeft, remaining: Floats, windows: Windows, unit: str, stated_coverage: float
) -> WearFigures:
    is_judged = left.is_known & np.isfinite(remaining)
    is_censored = left.failed_ms == NONE
    is_windowed = ~is_censored & windows.is_stated
    said, vehicle = remaining[is_judged], decisions.vehicle[is_judged]
    held, whose = windows.only(is_windowed), decisions.vehicle[is_windowed]
    truth_ms = left.failed_ms[is_windowed]
    errors = errors_of(said, left.remaining[is_judged])
    own_left = LifeLeft(
        left.remaining[is_judged], left.at_least[is_judged], left.failed_ms[is_judged], left.followed_ms[is_judged]
    )
    is_past = is_censored & (windows.latest_ms != NONE) & (left.followed_ms > windows.latest_ms)
    return WearFigures(
        unit=unit,
        rows=int(is_judged.sum()),
        failures=distinct_failures(decisions.vehicle[~is_censored], left.failed_ms[~is_censored]),
        vehicles=len(np.unique(vehicle)),
        censored=int(is_censored.sum()),
        censored_past_latest=int(is_past.sum()),
        without_window=int((~windows.is_stated).sum()),
        rmse=errors.rmse if errors else None,
        mae=errors.mae if errors else None,
        bias=errors.bias if errors else None,
        stated_coverage=stated_coverage,
        coverage=share_of(held.holds(truth_ms), whose),
        mean_width_days=mean_width(held),
        open_windows=int(held.is_open.sum()),
        periods=coverage_over_time(held, truth_ms, decisions.time_ms[is_windowed], whose),
        notice=error_at_notice(said, own_left, windows.only(is_judged), vehicle),
    )


def _item(
    item: str, name: str, kind: ItemKind, decisions: Decisions, services: ItemServices, lives: Lives
) -> ItemJudgement:
    """The counts: failures and replacements that ended a life in which something was decided."""
    return ItemJudgement(
        item=item,
        name=name,
        kind=kind,
        decisions=len(decisions.time_ms),
        vehicles=len(np.unique(decisions.vehicle)),
        failures=int(lives.is_failed.sum()),
        replacements=_replacements(services, lives),
    )


def _replacements(services: ItemServices, lives: Lives) -> int:
    renewals = services.only(services.renews)
    ends = renewals.times(renewals.after(lives.vehicle, lives.entered_ms))
    return int(((ends == lives.ended_ms) & ~lives.is_failed).sum())


def _require_probabilities(decisions: Decisions, p: Floats, horizons_ms: Sequence[int]) -> None:
    if p.ndim != 2 or p.shape != (len(decisions.time_ms), len(horizons_ms)) or not horizons_ms:
        raise InvalidInput(
            f"probabilities of shape {p.shape} for {len(decisions.time_ms)} decisions and {len(horizons_ms)} horizons",
            field="p",
            fix="give one row a decision and one column a horizon",
        )
    said = p[~np.isnan(p)]
    if ((said < 0) | (said > 1)).any():
        raise InvalidInput("a probability lies outside 0 to 1", field="p", fix="give NaN where nothing was said")
