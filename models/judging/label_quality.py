"""The figures of model quality, from judged labels: each was predicted before it was learnt (prequential)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from domain.catalogue import ItemSpec
from domain.judged_label import JudgedLabel, log_loss
from domain.model_quality import (
    DAY_MS,
    RECENT_MS,
    ChanceFigures,
    ItemQuality,
    LabelCount,
    LabelFigures,
    WindowFigures,
    WindowPeriod,
)
from domain.prediction import ItemKind
from models.judging.calibration_ledger import summarise
from models.judging.periods import periods_of
from models.judging.reliability import brier_score, calibration_error, reliability_points, share_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WEEK_MS = 7 * DAY_MS


def item_quality(
    item: ItemSpec, labels: Sequence[JudgedLabel], count: LabelCount | None, *, now_ms: int, model_version: str = ""
) -> ItemQuality:
    """The figures of one item from its newest `labels`, the newest first; `count` None: it has none."""
    since_ms = now_ms - RECENT_MS
    recent = [label for label in labels if label.known_ms > since_ms]
    first_ms = now_ms if count is None else count.first_ms
    return ItemQuality(
        item=item.id,
        kind=item.kind,
        unit=item.wear.unit if item.wear else "",
        model_version=model_version,
        label_versions=tuple(dict.fromkeys(label.model_version for label in recent if label.model_version)),
        is_drifting=next((label.is_drifting for label in labels), None),
        newest_ms=labels[0].known_ms if labels else None,
        recent=_figures(recent, 0 if count is None else count.recent, now_ms - max(since_ms, first_ms)),
        overall=_figures(labels, 0 if count is None else count.labels, now_ms - first_ms),
        periods=_periods(labels),
    )


def _figures(labels: Sequence[JudgedLabel], count: int, span_ms: int) -> LabelFigures:
    summaries = summarise([entry for label in labels if (entry := label.entry()) is not None])
    return LabelFigures(
        labels=count,
        judged=len(labels),
        vehicles=len({label.vehicle_id for label in labels}),
        per_week=count * WEEK_MS / max(span_ms, WEEK_MS),
        windows=_windows(labels),
        chances=_chances(labels),
        promises=summaries[0] if summaries else None,
    )


def _windows(labels: Sequence[JudgedLabel]) -> WindowFigures | None:
    held = [label for label in labels if label.is_inside is not None and label.predicted is not None]
    coverage = share_of(np.array([label.is_inside for label in held], dtype=np.bool_), _vehicles(held))
    if coverage is None:
        return None
    error = np.array([(label.predicted or 0.0) - label.target for label in held], dtype=np.float64)
    return WindowFigures(
        coverage=coverage,
        stated_coverage=float(np.mean([label.coverage for label in held])),
        mean_width=float(np.mean([label.width for label in held])),
        mean_error=float(np.abs(error).mean()),
        bias=float(error.mean()),
    )


def _chances(labels: Sequence[JudgedLabel]) -> ChanceFigures | None:
    said = [label for label in labels if label.kind is ItemKind.HAZARD and label.predicted is not None]
    if not said:
        return None
    target = np.array([label.target for label in said], dtype=np.float64)
    p: Floats = np.array([label.predicted for label in said], dtype=np.float64)
    return ChanceFigures(
        rows=len(said),
        positives=int(target.sum()),
        brier=brier_score(target, p) or 0.0,
        log_loss=float(np.mean([log_loss(t, q) for t, q in zip(target.tolist(), p.tolist(), strict=True)])),
        calibration_error=calibration_error(target, p) or 0.0,
        reliability=reliability_points(target, p, _vehicles(said)),
    )


def _periods(labels: Sequence[JudgedLabel]) -> tuple[WindowPeriod, ...]:
    held = [label for label in labels if label.is_inside is not None]
    known: Ints = np.array([label.known_ms for label in held], dtype=np.int64)
    is_inside = np.array([label.is_inside for label in held], dtype=np.bool_)
    width = np.array([label.width for label in held], dtype=np.float64)
    vehicle, found = _vehicles(held), []
    for period in periods_of(known):
        own = (known >= period.from_ms) & (known < period.until_ms)
        coverage = share_of(is_inside[own], vehicle[own])
        if coverage is not None:
            found.append(WindowPeriod(period.name, period.from_ms, coverage, float(width[own].mean())))
    return tuple(found)


def _vehicles(labels: Sequence[JudgedLabel]) -> Ints:
    """A number for each label's car, shape (n,)."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(label.vehicle_id, len(numbers)) for label in labels], dtype=np.int64)
