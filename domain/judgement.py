"""Judgement: how predictions of a past came true, item by item; what a back-test's report says.

Plain, frozen values; `models.judging` makes them from arrays, `web.judgement_view` draws them. A figure that the past
says nothing about is None, never 0. Times are int64 ms UTC, shares lie between 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.ledger import LedgerSummary
from domain.prediction import ItemKind


@dataclass(frozen=True, slots=True)
class Share:
    """How many of `rows` it was, as a share, with a 95 % interval that knows that rows of one vehicle are alike."""

    value: float
    low: float
    high: float
    rows: int
    vehicles: int


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """One bin of a reliability diagram: the mean probability said in it, and the share that came true."""

    said: float
    came_true: Share


@dataclass(frozen=True, slots=True)
class Catches:
    """Failures announced in time, at the lowest threshold that costs at most so many alerts a failure.

    An alert stands for `within_ms`: raised again only after that. A failure is caught when an alert was raised at
    least `ahead_ms` and at most `within_ms` before it, in the same life of the item. `failures` are those that could
    be caught (a decision fell into that stretch), `out_of_reach` the others. `threshold` is None when even one alert
    was too many.
    """

    alerts_per_failure: float
    ahead_ms: int
    within_ms: int
    threshold: float | None
    alerts: int
    true_alerts: int
    failures: int
    caught: int
    out_of_reach: int


@dataclass(frozen=True, slots=True)
class HazardFigures:
    """How the probability of a failure within `horizon_ms` came true, over `rows` decisions whose outcome is known.

    `unknown` decisions are those whose horizon had not passed when the history ended. `failures` are distinct ones,
    `positives` the decisions that had one ahead. Precision and recall are at `action_probability`.
    """

    horizon_ms: int
    rows: int
    positives: int
    unknown: int
    failures: int
    vehicles: int
    base_rate: float | None
    average_precision: float | None
    roc_auc: float | None
    action_probability: float
    precision: float | None
    recall: float | None
    f1_at_action: float | None
    f1_best: float | None
    f1_best_at: float | None
    brier: float | None
    calibration_error: float | None
    reliability: tuple[ReliabilityPoint, ...] = ()
    catches: Catches | None = None


@dataclass(frozen=True, slots=True)
class CoverageOver:
    """How often the stated window held what came, for decisions of one stretch of time. Widths are in days."""

    name: str
    from_ms: int
    coverage: Share
    mean_width_days: float | None
    open_windows: int


@dataclass(frozen=True, slots=True)
class ErrorAtNotice:
    """Errors of `remaining` where the true remaining lay in [`low`, `high`), in the item's unit; `high` None: above."""

    low: float
    high: float | None
    rows: int
    failures: int
    bias: float
    mae: float
    rmse: float
    coverage: Share | None


@dataclass(frozen=True, slots=True)
class WearFigures:
    """How `remaining` (in `unit`) and the due windows came true, over `rows` decisions before a known failure.

    `censored` decisions are those whose item was replaced, or not seen to the end, without a failure: they say
    nothing of the error; `censored_past_latest` of them lived on past the window's end, which is a miss for sure.
    `bias` is said minus true: above 0, more was promised than was left. Widths are in days.
    """

    unit: str
    rows: int
    failures: int
    vehicles: int
    censored: int
    censored_past_latest: int
    without_window: int
    rmse: float | None
    mae: float | None
    bias: float | None
    stated_coverage: float
    coverage: Share | None
    mean_width_days: float | None
    open_windows: int
    periods: tuple[CoverageOver, ...] = ()
    notice: tuple[ErrorAtNotice, ...] = ()


@dataclass(frozen=True, slots=True)
class CostPoint:
    """What acting at `threshold` would have cost per vehicle and year, and what would have happened."""

    threshold: float
    per_year: float | None
    on_the_road: int
    planned: int


@dataclass(frozen=True, slots=True)
class CostCurve:
    """Cost per vehicle and year of acting on the prediction, beside never acting, a fixed schedule and the truth.

    `acts_below` says on which side of the threshold it acts: a remaining life below it, or a probability above it.
    `schedule_days` is the best fixed interval in hindsight, which favours the schedule; None: never is best.
    `lives` are installed items that were followed, `failures` of them ended by one.
    """

    unit: str
    acts_below: bool
    cost_on_the_road: float
    cost_planned: float
    lead_ms: int
    lives: int
    failures: int
    years: float
    points: tuple[CostPoint, ...]
    at_action: CostPoint | None
    never: float
    schedule: float
    schedule_days: float | None
    truth: float


@dataclass(frozen=True, slots=True)
class Miss:
    """A prediction that came out badly. `kind` is `unannounced`, `false_alarm`, `too_early` or `too_late`.

    `said` and `true` are words with numbers ("11 % within 24 h", "failed after 3 h"); `reasons` say why it was said.
    """

    vehicle_id: str
    time_ms: int
    kind: str
    said: str
    true: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemJudgement:
    """All figures of one item. `name` is what a person calls it; `failures` is what the judged span has of it."""

    item: str
    name: str
    kind: ItemKind
    decisions: int
    vehicles: int
    failures: int
    replacements: int
    hazards: tuple[HazardFigures, ...] = ()
    wear: WearFigures | None = None
    cost: CostCurve | None = None
    misses: tuple[Miss, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a whole back-test came out. `micro_f1` is over all hazard items at their action levels, shortest horizon."""

    name: str
    from_ms: int
    to_ms: int
    vehicles: int
    decisions: int
    labels: int
    model_versions: tuple[str, ...]
    items: tuple[ItemJudgement, ...]
    micro_f1: float | None = None
    ledger: tuple[LedgerSummary, ...] = ()
    notes: tuple[str, ...] = field(default=())
