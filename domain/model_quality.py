"""ModelQuality: how the models that serve come out against the labels as they arrive, item by item.

Plain, frozen values; `models.judging.label_quality` makes them from judged labels. A figure that the labels say
nothing about is None, never 0. Times are int64 ms UTC, shares lie between 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.judgement import ReliabilityPoint, Share
from domain.ledger import LedgerSummary
from domain.prediction import ItemKind

DAY_MS = 86_400_000
RECENT_MS = 90 * DAY_MS
"""How far back the recent figures look."""
MOST_JUDGED = 2_000
"""Figures of an item rest on its newest labels, at most so many: of that many a share is known to about one percent."""


@dataclass(frozen=True, slots=True)
class WindowFigures:
    """How the range that was stated for a measurement came out, in the item's unit; `bias` is said minus true."""

    coverage: Share
    stated_coverage: float
    mean_width: float
    mean_error: float
    bias: float


@dataclass(frozen=True, slots=True)
class ChanceFigures:
    """How probabilities of a failure came true, over `rows` labels of which `positives` were failures.

    `brier` is the mean squared error, `log_loss` the mean logarithmic loss in nats, `calibration_error` the mean gap
    between what was said and what came true in bins of equal mass.
    """

    rows: int
    positives: int
    brier: float
    log_loss: float
    calibration_error: float
    reliability: tuple[ReliabilityPoint, ...]

    @property
    def base_rate(self) -> float:
        """The share that failed."""
        return self.positives / self.rows


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many labels of an item are kept, how many of them are recent, and when its first was known."""

    labels: int
    recent: int
    first_ms: int


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One item over one stretch of time: `labels` arrived, and the newest `judged` of them make the figures.

    `per_week` counts from the stretch's begin or the item's first label, whichever is later, and at least one week.
    `promises` are the due windows that had been promised, beside the days the item was found due.
    """

    labels: int
    judged: int
    vehicles: int
    per_week: float
    windows: WindowFigures | None
    chances: ChanceFigures | None
    promises: LedgerSummary | None


@dataclass(frozen=True, slots=True)
class WindowPeriod:
    """How often the stated range held in one stretch of the calendar, and how wide it was in the item's unit."""

    name: str
    from_ms: int
    coverage: Share
    mean_width: float


@dataclass(frozen=True, slots=True)
class ItemQuality:
    """All figures of one item: over the last 90 days, and over all labels that are kept.

    `model_version` serves now, empty when not known; `label_versions` are those that were judged in the last 90 days,
    the newest first. `is_drifting` is what the learner said at the newest label, None while nobody watches.
    """

    item: str
    kind: ItemKind
    unit: str
    model_version: str
    label_versions: tuple[str, ...]
    is_drifting: bool | None
    newest_ms: int | None
    recent: LabelFigures
    overall: LabelFigures
    periods: tuple[WindowPeriod, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelQuality:
    """All items that labels can judge, in the catalogue's order, as of `now_ms`."""

    now_ms: int
    items: tuple[ItemQuality, ...]

    @property
    def labels(self) -> int:
        """Labels of all items, in all."""
        return sum(item.overall.labels for item in self.items)
