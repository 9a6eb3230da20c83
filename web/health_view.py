"""HealthRow: what one item of a car is expected to need, as its owner reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.catalogue import AGE_YEARS
from domain.need import MaintenanceNeed, NeedState
from domain.prediction import DueWindow, ItemKind, Prediction
from web.due_axis import DueAxis, WindowBar, due_axis
from web.reading import Reading


@dataclass(frozen=True, slots=True)
class Chance:
    """A hazard's probability within a horizon; `share` in percent, for a bar."""

    horizon: str
    text: str
    share: float


@dataclass(frozen=True, slots=True)
class HealthRow:
    """One item: ring, sentence, bar. `tone` is the severity of its live need, else `fine` or `learning`."""

    item: str
    name: str
    tone: str
    is_ready: bool
    percent: int
    percent_text: str
    label: str
    headline: str
    detail: tuple[str, ...]
    chances: tuple[Chance, ...]
    bar: WindowBar | None
    window_label: str
    reason: str
    learning: str
    model_version: str
    sort_ms: int


@dataclass(frozen=True, slots=True)
class HealthChart:
    """All items over one axis, the most pressing first."""

    axis: DueAxis
    rows: tuple[HealthRow, ...]
    coverage_text: str


def health_chart(
    assessments: Sequence[Prediction], needs: Sequence[MaintenanceNeed], now_ms: int, reading: Reading
) -> HealthChart:
    """The newest prediction per item, drawn over one axis."""
    ready = [a for a in assessments if a.is_ready]
    axis = due_axis([a.window for a in ready], now_ms, reading.formatting)
    of_item = {need.item: need for need in needs}
    rows = [_row(a, of_item, axis, reading) for a in assessments]
    rows.sort(key=lambda row: (not row.is_ready, row.sort_ms, row.name))
    coverage = min((a.window.coverage for a in ready), default=None)
    told = "" if coverage is None else reading.texts("item.coverage", percent=reading.formatting.percent(coverage))
    return HealthChart(axis, tuple(rows), told)


def _row(a: Prediction, needs: Mapping[str, MaintenanceNeed], axis: DueAxis, reading: Reading) -> HealthRow:
    texts, fmt = reading.texts, reading.formatting
    name = reading.item_name(a.item)
    need = needs.get(a.item)
    tone = "learning" if not a.is_ready else str(need.severity) if need else "fine"
    percent = round(100 * min(1.0, max(0.0, a.health)))
    percent_text = f"{percent}"
    if not a.is_ready:
        label = texts("item.learning_label", name=name)
    else:
        label = texts("item.health_label", name=name, percent=fmt.percent(percent / 100))
    expected = a.window.expected_ms
    return HealthRow(
        item=a.item,
        name=name,
        tone=tone,
        is_ready=a.is_ready,
        percent=percent,
        percent_text=percent_text,
        label=label,
        headline=_headline(a, need, reading),
        detail=_detail(a, reading),
        chances=chances(a.probability, reading) if a.is_ready else (),
        bar=axis.bar(a.window) if a.is_ready else None,
        window_label=window_label(name, a.window, reading),
        reason=a.reason_in(reading.language),
        learning="" if a.is_ready else _learning(a, reading),
        model_version=a.model_version,
        sort_ms=expected if expected is not None else 2**62,
    )


def _headline(a: Prediction, need: MaintenanceNeed | None, reading: Reading) -> str:
    texts = reading.texts
    if not a.is_ready:
        return texts("item.learning")
    if need is not None and need.state is NeedState.BOOKED:
        return texts("item.booked")
    if need is not None:
        return texts(f"severity.{need.severity}")
    return texts("item.no_need")


def _learning(a: Prediction, reading: Reading) -> str:
    """What an item waits for that nothing can be said of yet: a date, readings, or a few drives."""
    if a.kind is ItemKind.CALENDAR:
        return a.reason_in(reading.language)
    spec = reading.item(a.item)
    read = {f.name for f in spec.hazard.features if f.source != AGE_YEARS} if spec and spec.hazard else set()
    if read and not read & a.features.keys():
        return reading.texts("item.not_sent")
    return reading.texts("owner.still_learning_lead")


def _detail(a: Prediction, reading: Reading) -> tuple[str, ...]:
    if not a.is_ready:
        return ()
    texts, fmt = reading.texts, reading.formatting
    if a.window.expected_ms is None:
        told = (
            texts("item.beyond")
            if a.window.earliest_ms is None
            else texts("item.from", earliest=fmt.day(a.window.earliest_ms))
        )
    else:
        told = texts("item.most_likely", date=fmt.day(a.window.expected_ms))
    if a.kind is ItemKind.WEAR and a.remaining_km is not None:
        return told, texts("item.remaining_km", km=fmt.number(round_km(a.remaining_km)))
    return (told,)


def round_km(km: float) -> float:
    """To the hundred above a thousand, to the ten below: more digits would claim more than is known."""
    step = 100 if km >= 1000 else 10
    return step * round(max(0.0, km) / step)


def chances(probability: Mapping[int, float], reading: Reading) -> tuple[Chance, ...]:
    """A hazard's probability per horizon, the nearest first."""
    return tuple(
        Chance(
            reading.texts("item.within_days", n=days),
            reading.formatting.percent(p),
            round(100 * min(1.0, max(0.0, p)), 2),
        )
        for days, p in sorted(probability.items())
    )


def window_label(name: str, window: DueWindow, reading: Reading) -> str:
    """The bar in words, for those who don't see it."""
    texts, day = reading.texts, reading.formatting.day
    if window.expected_ms is None or window.earliest_ms is None:
        if window.earliest_ms is None:
            return texts("item.window_none_label", name=name)
        return texts("item.window_open_label", name=name, earliest=day(window.earliest_ms))
    if window.latest_ms is None:
        return texts("item.window_open_label", name=name, earliest=day(window.earliest_ms))
    return texts(
        "item.window_label",
        name=name,
        earliest=day(window.earliest_ms),
        latest=day(window.latest_ms),
        expected=day(window.expected_ms),
    )
