"""Answers about model quality and the calibration ledger: documented shapes, made from domain values."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from domain.judged_label import JudgedLabel
from domain.judgement import Share
from domain.ledger import LedgerSummary
from domain.model_quality import ChanceFigures, ItemQuality, LabelFigures, ModelQuality, WindowFigures
from domain.prediction import DueWindow


class ShareAnswer(BaseModel):
    """A share with its 95 % interval, which knows that labels of one car are alike."""

    value: float
    low: float
    high: float
    labels: Annotated[int, Field(description="how many labels it is a share of")]
    vehicles: int

    @classmethod
    def of(cls, share: Share) -> ShareAnswer:
        return cls(value=share.value, low=share.low, high=share.high, labels=share.rows, vehicles=share.vehicles)


class WindowsAnswer(BaseModel):
    """How the range that was stated for a measurement came out, in the item's unit."""

    coverage: Annotated[ShareAnswer, Field(description="how often the range held what was measured")]
    stated_coverage: Annotated[float, Field(description="how often it was said to")]
    mean_width: float
    mean_absolute_error: float
    bias: Annotated[float, Field(description="said minus true, on average")]

    @classmethod
    def of(cls, figures: WindowFigures) -> WindowsAnswer:
        return cls(
            coverage=ShareAnswer.of(figures.coverage),
            stated_coverage=figures.stated_coverage,
            mean_width=figures.mean_width,
            mean_absolute_error=figures.mean_error,
            bias=figures.bias,
        )


class ReliabilityAnswer(BaseModel):
    """One bin of a reliability diagram: the mean probability said in it, and the share that came true."""

    said: float
    came_true: ShareAnswer


class ChancesAnswer(BaseModel):
    """How probabilities of a failure came true."""

    labels: int
    failures: int
    brier: Annotated[float, Field(description="mean squared error; 0 is perfect")]
    log_loss: Annotated[float, Field(description="mean logarithmic loss in nats; 0 is perfect")]
    calibration_error: Annotated[float, Field(description="mean gap between said and true, in bins of equal mass")]
    reliability: list[ReliabilityAnswer]

    @classmethod
    def of(cls, figures: ChanceFigures) -> ChancesAnswer:
        points = [ReliabilityAnswer(said=p.said, came_true=ShareAnswer.of(p.came_true)) for p in figures.reliability]
        return cls(
            labels=figures.rows,
            failures=figures.positives,
            brier=figures.brier,
            log_loss=figures.log_loss,
            calibration_error=figures.calibration_error,
            reliability=points,
        )


class PromisesAnswer(BaseModel):
    """The due windows that had been promised, beside the days on which the item was found due."""

    promised: Annotated[int, Field(description="labels with a window and a day")]
    inside: int
    early: Annotated[int, Field(description="found due before the window")]
    late: int
    mean_width_days: float | None

    @classmethod
    def of(cls, summary: LedgerSummary) -> PromisesAnswer:
        return cls(
            promised=summary.entries - summary.unstated,
            inside=summary.inside,
            early=summary.early,
            late=summary.late,
            mean_width_days=summary.mean_width_days,
        )


class LabelFiguresAnswer(BaseModel):
    """One item over one stretch of time; what the labels say nothing about is null."""

    labels: int
    judged: Annotated[int, Field(description="the newest of them, which the figures rest on; 2000 at most")]
    vehicles: int
    per_week: float
    windows: WindowsAnswer | None
    chances: ChancesAnswer | None
    promises: PromisesAnswer | None

    @classmethod
    def of(cls, figures: LabelFigures) -> LabelFiguresAnswer:
        return cls(
            labels=figures.labels,
            judged=figures.judged,
            vehicles=figures.vehicles,
            per_week=figures.per_week,
            windows=None if figures.windows is None else WindowsAnswer.of(figures.windows),
            chances=None if figures.chances is None else ChancesAnswer.of(figures.chances),
            promises=None if figures.promises is None else PromisesAnswer.of(figures.promises),
        )


class ItemQualityAnswer(BaseModel):
    """One item's figures over the last 90 days, and over all labels that are kept."""

    item: str
    kind: str
    unit: str
    model_version: Annotated[str, Field(description="which serves now; empty where this process has no worker")]
    label_versions: Annotated[list[str], Field(description="which were judged in the last 90 days, the newest first")]
    is_drifting: Annotated[bool | None, Field(description="null while nobody watches")]
    newest_label_ms: int | None
    recent: LabelFiguresAnswer
    overall: LabelFiguresAnswer

    @classmethod
    def of(cls, item: ItemQuality) -> ItemQualityAnswer:
        return cls(
            item=item.item,
            kind=str(item.kind),
            unit=item.unit,
            model_version=item.model_version,
            label_versions=list(item.label_versions),
            is_drifting=item.is_drifting,
            newest_label_ms=item.newest_ms,
            recent=LabelFiguresAnswer.of(item.recent),
            overall=LabelFiguresAnswer.of(item.overall),
        )


class ModelQualityAnswer(BaseModel):
    """How good the models are by the labels that have come in, item by item. No personal data."""

    now_ms: int
    items: list[ItemQualityAnswer]

    @classmethod
    def of(cls, quality: ModelQuality) -> ModelQualityAnswer:
        return cls(now_ms=quality.now_ms, items=[ItemQualityAnswer.of(item) for item in quality.items])


class WindowAnswer(BaseModel):
    """A due window; a moment that lies beyond what could be said is null."""

    earliest_ms: int | None
    expected_ms: int | None
    latest_ms: int | None
    coverage: float

    @classmethod
    def of(cls, window: DueWindow) -> WindowAnswer:
        return cls(
            earliest_ms=window.earliest_ms,
            expected_ms=window.expected_ms,
            latest_ms=window.latest_ms,
            coverage=window.coverage,
        )


class PromiseAnswer(BaseModel):
    """What was told before the visit."""

    promised_ms: int
    window: WindowAnswer
    probability: Annotated[dict[str, float], Field(description="by horizon in days; hazard items only")]
    model_version: str


class LedgerRowAnswer(BaseModel):
    """One promise beside what the workshop found."""

    label_id: str
    item: str
    known_ms: Annotated[int, Field(description="when the workshop found it")]
    measured: float | None
    unit: str
    is_failure: Annotated[bool | None, Field(description="whether it had failed; hazard items only")]
    expected_low: Annotated[float | None, Field(description="the lowest reading that was expected")]
    expected_high: float | None
    is_as_expected: Annotated[bool | None, Field(description="whether the reading lay between the two")]
    found_due_ms: Annotated[int | None, Field(description="the failure, or the day it reaches its limit at its pace")]
    promise: PromiseAnswer | None
    is_kept: Annotated[bool | None, Field(description="whether that day lies in the promised window")]

    @classmethod
    def of(cls, label: JudgedLabel) -> LedgerRowAnswer:
        expected, promise = label.expected or (None, None), label.promise
        return cls(
            label_id=label.label_id,
            item=label.item,
            known_ms=label.known_ms,
            measured=label.measured,
            unit=label.unit,
            is_failure=label.is_failure,
            expected_low=expected[0],
            expected_high=expected[1],
            is_as_expected=label.is_inside,
            found_due_ms=label.found_ms,
            promise=None
            if promise is None
            else PromiseAnswer(
                promised_ms=promise.promised_ms,
                window=WindowAnswer.of(promise.window),
                probability={str(days): p for days, p in promise.probability.items()},
                model_version=promise.model_version,
            ),
            is_kept=label.is_kept,
        )


class LedgerAnswer(BaseModel):
    """The calibration ledger of one car, the newest first."""

    rows: list[LedgerRowAnswer]
