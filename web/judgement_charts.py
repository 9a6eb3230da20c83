"""The plots of a judgement, each with the table of its numbers: reliability, coverage, width, error, cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from domain.judgement import CostCurve, ReliabilityPoint, Share, WearFigures
from web.chart import (
    AxisTick,
    Bar,
    Chart,
    Dot,
    Line,
    Scale,
    across,
    ceiling,
    dot,
    level,
    line,
    log_ticks,
    round_ticks,
    ticks_across,
    ticks_upward,
    upward,
)
from web.formatting import NARROW, Formatting
from web.texts import Texts

LOWEST_LOG = 1e-4  # what was said below is drawn at this end of a logarithm's scale
LOG_BELOW = 0.1  # with so few positives a linear scale would squeeze all points into a corner
COST_ROOM = 1.6  # of never acting: what costs more than that is cut off, so that the valley can be seen


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers behind a plot."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot, its table, and a sentence on how to read it."""

    key: str
    chart: Chart
    table: Table
    reading: str


class ReliabilityFigures(Protocol):
    """What a reliability diagram is drawn from."""

    @property
    def reliability(self) -> tuple[ReliabilityPoint, ...]: ...
    @property
    def base_rate(self) -> float | None: ...
    @property
    def calibration_error(self) -> float | None: ...


class Plotter:
    """Draws figures in one reader's words and number formats."""

    def __init__(self, texts: Texts, formatting: Formatting) -> None:
        self.t = texts
        self.fmt = formatting

    def range_of(self, share: Share) -> str:
        """90 % (86–93 %)"""
        low, high = self.fmt.number(100 * share.low), self.fmt.percent(share.high)
        return f"{self.fmt.percent(share.value)} ({low}–{high})"

    def chances_of(self, share: Share) -> str:
        """0.8 % (0.5–1.3 %), with digits for small ones"""
        return f"{self.chance(share.value)} ({self.chance(share.low)}–{self.chance(share.high)})"

    def exactly(self, value: float) -> str:
        """A number with as many digits as its size wants: 0.034, 3.4, 34."""
        size = abs(value)
        return self.fmt.number(
            value, 0 if size >= 100 or size == round(size) else 1 if size >= 10 else 2 if size >= 0.1 else 4
        )

    def chance(self, value: float) -> str:
        """A probability in percent, with digits for small ones."""
        return self.fmt.percent(value, 0 if value >= 0.1 or value == 0 else 1 if value >= 0.01 else 2)

    def level_of(self, value: float) -> str:
        """A probability in percent with no more digits than it has: 0.1 %, 30 %."""
        return f"{100 * value:.3g}{NARROW}%"

    def reliability(self, figures: ReliabilityFigures, horizon: str) -> Figure | None:
        """What was said against what came true; None without decisions."""
        points = figures.reliability
        if not points:
            return None
        top = max(max(p.said, p.came_true.value) for p in points)
        is_log = 0 < top < LOG_BELOW or (figures.base_rate or 0) < LOG_BELOW / 2
        least = LOWEST_LOG if is_log else 0.0
        high = 1.0 if top > 0.5 or not is_log else ceiling([p.came_true.high for p in points] + [top])
        x = across(least, min(1.0, high), is_log=is_log)
        y = upward(least, min(1.0, high), is_log=is_log)
        values = log_ticks(x.low, x.high) if is_log else round_ticks(0.0, 1.0)
        ticks = ticks_across(x, values, self.level_of)
        upward_ticks = tuple(AxisTick(y.at(value), self.level_of(value)) for value in values)
        dots = tuple(self._dot_of(x, y, p.said, p.came_true) for p in points)
        return Figure(
            key="reliability",
            chart=Chart(
                title=self.t("judgement.reliability_title", horizon=horizon),
                description=self.t(
                    "judgement.reliability_about",
                    n=len(points),
                    error=self.fmt.number(figures.calibration_error or 0.0, 3),
                ),
                x_name=self.t("judgement.said"),
                y_name=self.t("judgement.came_true"),
                x_ticks=ticks,
                y_ticks=upward_ticks,
                lines=(line(x, y, _diagonal(x), "ideal"),),
                dots=dots,
            ),
            table=Table(
                self.t("judgement.reliability_title", horizon=horizon),
                tuple(self.t(f"judgement.{key}") for key in ("said", "came_true", "rows", "vehicles")),
                tuple(
                    (
                        self.chance(p.said),
                        self.chances_of(p.came_true),
                        self.fmt.number(p.came_true.rows),
                        self.fmt.number(p.came_true.vehicles),
                    )
                    for p in points
                ),
            ),
            reading=self.t("judgement.reliability_reading_log" if is_log else "judgement.reliability_reading"),
        )

    def _dot_of(self, x: Scale, y: Scale, said: float, share: Share) -> Dot:
        title = self.t(
            "judgement.reliability_dot",
            said=self.chance(said),
            true=self.chance(share.value),
            low=self.chance(share.low),
            high=self.chance(share.high),
            n=self.fmt.number(share.rows),
        )
        return dot(x, y, (said, share.value), (share.low, share.high), title)

    def coverage(self, figures: WearFigures) -> Figure | None:
        """How often the window held, period by period; None without windows that could be judged."""
        periods = figures.periods
        if not periods:
            return None
        lowest = min(p.coverage.low for p in periods)
        y = upward(0.5 if lowest >= 0.5 else 0.0, 1.0)
        x = across(-0.5, len(periods) - 0.5)
        dots = tuple(
            dot(
                x, y, (i, p.coverage.value), (p.coverage.low, p.coverage.high), f"{p.name}: {self.range_of(p.coverage)}"
            )
            for i, p in enumerate(periods)
        )
        joined = [(float(i), p.coverage.value) for i, p in enumerate(periods)]
        stated = self.t("judgement.stated", percent=self.fmt.percent(figures.stated_coverage))
        return Figure(
            key="coverage",
            chart=Chart(
                title=self.t("judgement.coverage_title"),
                description=self.t("judgement.coverage_about", percent=self.fmt.percent(figures.stated_coverage)),
                x_name=self.t("judgement.stated_in"),
                y_name=self.t("judgement.held"),
                x_ticks=self._period_ticks(x, figures),
                y_ticks=ticks_upward(y, self.fmt.percent, 6),
                lines=(level(x, y, figures.stated_coverage, "ideal"), line(x, y, joined, "main")),
                dots=dots,
            ),
            table=self._period_table(figures),
            reading=self.t("judgement.coverage_reading", stated=stated),
        )

    def width(self, figures: WearFigures) -> Figure | None:
        """How wide the window was, period by period; None when none had both ends."""
        wide = [(i, p.mean_width_days) for i, p in enumerate(figures.periods) if p.mean_width_days is not None]
        if not wide:
            return None
        x = across(-0.5, len(figures.periods) - 0.5)
        y = upward(0.0, ceiling([width for _, width in wide]))
        bars = tuple(
            self._bar(x, y, i, width, f"{figures.periods[i].name}: {self.exactly(width)} {self.t('judgement.days')}")
            for i, width in wide
        )
        return Figure(
            key="width",
            chart=Chart(
                title=self.t("judgement.width_title"),
                description=self.t("judgement.width_about", days=self.exactly(figures.mean_width_days or 0.0)),
                x_name=self.t("judgement.stated_in"),
                y_name=self.t("judgement.days"),
                x_ticks=self._period_ticks(x, figures),
                y_ticks=ticks_upward(y, self.exactly),
                bars=bars,
            ),
            table=self._period_table(figures),
            reading=self.t("judgement.width_reading"),
        )

    def _bar(self, x: Scale, y: Scale, at: float, value: float, title: str, share: float = 0.62) -> Bar:
        left, right, top = x.at(at - share / 2), x.at(at + share / 2), y.at(value)
        return Bar(left, top, round(right - left, 2), round(y.start - top, 2), title)

    def _period_ticks(self, x: Scale, figures: WearFigures) -> tuple[AxisTick, ...]:
        names = [p.name for p in figures.periods]
        return ticks_across(x, range(len(names)), lambda at: names[int(at)])

    def _period_table(self, figures: WearFigures) -> Table:
        keys = ("stated_in", "held", "mean_width", "rows", "vehicles")
        return Table(
            self.t("judgement.coverage_title"),
            tuple(self.t(f"judgement.{key}") for key in keys),
            tuple(
                (
                    p.name,
                    self.range_of(p.coverage),
                    "–" if p.mean_width_days is None else self.exactly(p.mean_width_days),
                    self.fmt.number(p.coverage.rows),
                    self.fmt.number(p.coverage.vehicles),
                )
                for p in figures.periods
            ),
        )

    def notice(self, figures: WearFigures) -> Figure | None:
        """Error against how much was truly left; None without a failure."""
        bins = figures.notice
        if not bins:
            return None
        high = ceiling([b.mae for b in bins] + [abs(b.bias) for b in bins])
        lowest = min(b.bias for b in bins)
        y = upward(-ceiling([-lowest]) if lowest < 0 else 0.0, high)
        x = across(-0.5, len(bins) - 0.5)
        names = [
            f"{self.exactly(b.low)}–{self.exactly(b.high)}" if b.high is not None else f"{self.exactly(b.low)}+"
            for b in bins
        ]
        places = range(len(bins))
        lines = (
            level(x, y, 0.0, "zero"),
            line(x, y, [(float(i), bins[i].mae) for i in places], "main"),
            line(x, y, [(float(i), bins[i].bias) for i in places], "second"),
        )
        dots = tuple(
            dot(x, y, (i, b.mae), (b.mae, b.mae), f"{name} {figures.unit}: {self.exactly(b.mae)} {figures.unit}")
            for i, (b, name) in enumerate(zip(bins, names, strict=True))
        )
        return Figure(
            key="notice",
            chart=Chart(
                title=self.t("judgement.notice_title"),
                description=self.t(
                    "judgement.notice_about",
                    low=self.exactly(bins[0].mae),
                    high=self.exactly(bins[-1].mae),
                    unit=figures.unit,
                ),
                x_name=self.t("judgement.truly_left", unit=figures.unit),
                y_name=self.t("judgement.error", unit=figures.unit),
                x_ticks=ticks_across(x, places, lambda at: names[int(at)]),
                y_ticks=ticks_upward(y, self.exactly),
                lines=lines,
                dots=dots,
            ),
            table=Table(
                self.t("judgement.notice_title"),
                tuple(
                    self.t(f"judgement.{key}", unit=figures.unit)
                    for key in ("truly_left", "mae", "bias", "rmse", "held", "rows", "failures")
                ),
                tuple(
                    (
                        name,
                        self.exactly(b.mae),
                        self.fmt.signed(b.bias, 1),
                        self.exactly(b.rmse),
                        "–" if b.coverage is None else self.fmt.percent(b.coverage.value),
                        self.fmt.number(b.rows),
                        self.fmt.number(b.failures),
                    )
                    for b, name in zip(bins, names, strict=True)
                ),
            ),
            reading=self.t("judgement.notice_reading"),
        )

    def cost(self, curve: CostCurve) -> Figure | None:
        """Cost over thresholds beside never acting, the best fixed schedule and the truth; None without a failure."""
        points = [(p.threshold, p.per_year) for p in curve.points if p.per_year is not None]
        if not points or not curve.failures:
            return None
        high = ceiling([COST_ROOM * curve.never, min(cost for _, cost in points)])
        y = upward(0.0, high)
        x, values = self._cost_across(curve, [threshold for threshold, cost in points if cost <= high])
        points = [point for point in points if x.low <= point[0] <= x.high]
        is_left = not curve.acts_below  # where acting costs too much to be drawn there is room for words
        label = self.level_of if not curve.unit else self.exactly
        levels: tuple[Line, ...] = (
            level(x, y, curve.never, "never", self.t("judgement.never"), is_left=is_left),
            level(x, y, curve.schedule, "schedule", self.t("judgement.schedule"), is_left=is_left),
            level(x, y, curve.truth, "truth", self.t("judgement.truth"), is_left=is_left),
        )
        at = curve.at_action
        dots: tuple[Dot, ...] = ()
        if at is not None and at.per_year is not None:
            title = self.t("judgement.cost_dot", level=label(at.threshold), cost=self.exactly(at.per_year))
            dots = (dot(x, y, (at.threshold, at.per_year), (at.per_year, at.per_year), title),)
        name = self.t("judgement.acts_below", unit=curve.unit) if curve.acts_below else self.t("judgement.acts_above")
        return Figure(
            key="cost",
            chart=Chart(
                title=self.t("judgement.cost_title"),
                description=self.t(
                    "judgement.cost_about",
                    best=self.exactly(min(cost for _, cost in points)),
                    never=self.exactly(curve.never),
                    schedule=self.exactly(curve.schedule),
                    truth=self.exactly(curve.truth),
                ),
                x_name=name,
                y_name=self.t("judgement.cost"),
                x_ticks=ticks_across(x, values, label),
                y_ticks=ticks_upward(y, self.exactly),
                lines=(*apart(levels), line(x, y, points, "main")),
                dots=dots,
            ),
            table=self._cost_table(curve, label, name),
            reading=self._cost_reading(curve),
        )

    def _cost_across(self, curve: CostCurve, thresholds: Sequence[float]) -> tuple[Scale, list[float]]:
        asked = [*thresholds] + ([curve.at_action.threshold] if curve.at_action else [])
        if not curve.unit and min(asked) < LOG_BELOW:
            scale = across(max(LOWEST_LOG, min(asked)), 1.0, is_log=True)
            return scale, log_ticks(scale.low, scale.high)
        scale = across(0.0 if min(asked) >= 0 else min(asked), ceiling(asked) if curve.unit else 1.0)
        return scale, round_ticks(scale.low, scale.high)

    def _cost_reading(self, curve: CostCurve) -> str:
        schedule = (
            self.t("judgement.schedule_never")
            if curve.schedule_days is None
            else self.t("judgement.schedule_every", days=self.exactly(curve.schedule_days))
        )
        return self.t(
            "judgement.cost_reading",
            road=self.exactly(curve.cost_on_the_road),
            planned=self.exactly(curve.cost_planned),
            schedule=schedule,
        )

    def _cost_table(self, curve: CostCurve, label: Callable[[float], str], name: str) -> Table:
        step = max(1, len(curve.points) // 12)
        shown = [(p, label(p.threshold)) for p in curve.points[::step]]
        if curve.at_action is not None:
            shown.append((curve.at_action, f"{label(curve.at_action.threshold)} {self.t('judgement.action_level')}"))
        rows = [
            (
                text,
                "–" if p.per_year is None else self.exactly(p.per_year),
                self.fmt.number(p.on_the_road),
                self.fmt.number(p.planned),
            )
            for p, text in shown
        ]
        for key, cost in (("never", curve.never), ("schedule", curve.schedule), ("truth", curve.truth)):
            rows.append((self.t(f"judgement.{key}"), self.exactly(cost), "", ""))
        head = (name, *(self.t(f"judgement.{key}") for key in ("cost", "on_the_road", "planned")))
        return Table(self.t("judgement.cost_title"), head, tuple(rows))


def apart(lines: Sequence[Line], least: float = 12.0) -> tuple[Line, ...]:
    """The lines with labels at their right end moved up until none lies on another."""
    placed: list[Line] = []
    taken: list[float] = []
    for one in sorted(lines, key=lambda each: -each.label_y):
        y = one.label_y
        while any(abs(y - other) < least for other in taken):
            y -= 1.0
        taken.append(y)
        placed.append(replace(one, label_y=y))
    return tuple(placed)


def _diagonal(x: Scale) -> list[tuple[float, float]]:
    return [(x.low, x.low), (x.high, x.high)]
