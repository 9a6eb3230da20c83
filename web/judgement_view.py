"""The page of a judgement: what it says first, and per item its figures, plots, worst misses, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from domain.judgement import Catches, HazardFigures, ItemJudgement, Judgement, WearFigures
from domain.ledger import LedgerSummary
from web.formatting import DAY_MS, HOUR_MS, Formatting
from web.judgement_charts import Figure, Plotter, Table
from web.operator_view import Tile
from web.texts import Texts

NOTHING = "–"


@dataclass(frozen=True, slots=True)
class MissRow:
    """One of the worst misses in words."""

    kind: str
    vehicle: str
    when: str
    iso: str
    said: str
    true: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """The figures of one horizon, or of the one wear model; `nothing` is said instead where there is none."""

    title: str
    verdict: str
    tiles: tuple[Tile, ...]
    figures: tuple[Figure, ...]
    nothing: str = ""


@dataclass(frozen=True, slots=True)
class ItemSection:
    """One item."""

    anchor: str
    name: str
    kind: str
    counts: str
    panels: tuple[Panel, ...]
    misses: tuple[MissRow, ...]
    nothing: str = ""


@dataclass(frozen=True, slots=True)
class JudgementView:
    """The whole page."""

    name: str
    span: str
    tiles: tuple[Tile, ...]
    overview: Table
    sections: tuple[ItemSection, ...]
    ledger: Table | None
    notes: tuple[str, ...]
    versions: tuple[str, ...]


def judgement_view(judgement: Judgement, texts: Texts, formatting: Formatting) -> JudgementView:
    """From the figures, in words and plots."""
    return _Page(judgement, texts, formatting).view()


class _Page:
    def __init__(self, judgement: Judgement, texts: Texts, formatting: Formatting) -> None:
        self.judgement = judgement
        self.t = texts
        self.fmt = formatting
        self.plot = Plotter(texts, formatting)

    def view(self) -> JudgementView:
        judged, fmt = self.judgement, self.fmt
        counts = (("vehicles", judged.vehicles), ("decisions", judged.decisions), ("labels", judged.labels))
        tiles = [Tile(self.t(f"judgement.{key}"), fmt.number(value)) for key, value in counts]
        if judged.micro_f1 is not None:
            tiles.append(Tile(self.t("judgement.micro_f1"), self._score(judged.micro_f1)))
        return JudgementView(
            name=judged.name,
            span=self.t("judgement.span", begin=fmt.day(judged.from_ms), end=fmt.day(judged.to_ms)),
            tiles=tuple(tiles),
            overview=self._overview(),
            sections=tuple(self._section(number, item) for number, item in enumerate(judged.items, 1)),
            ledger=self._ledger(judged.ledger) if judged.ledger else None,
            notes=judged.notes,
            versions=judged.model_versions,
        )

    def _overview(self) -> Table:
        head = ("item", "failures", "in_short")
        rows = tuple((i.name, self.fmt.number(i.failures), self._in_short(i)) for i in self.judgement.items)
        return Table(self.t("judgement.overview"), tuple(self.t(f"judgement.{key}") for key in head), rows)

    def _in_short(self, item: ItemJudgement) -> str:
        if not item.hazards and item.wear is None:
            return self.t("judgement.not_judged", name=item.name)
        if not item.failures:
            return self.t("judgement.no_failure_short")
        for hazard in item.hazards:
            return self._hazard_verdict(hazard)
        return self._wear_verdict(item.wear) if item.wear else NOTHING

    def _section(self, number: int, item: ItemJudgement) -> ItemSection:
        cost = self.plot.cost(item.cost) if item.cost else None
        panels = [self._hazard_panel(item, hazard) for hazard in item.hazards]
        panels += [self._wear_panel(item, item.wear, cost)] if item.wear else []
        if cost is not None and item.wear is None:
            panels.append(Panel(self.t("judgement.cost_title"), "", (), (cost,)))
        nothing = ""
        if not item.decisions:
            nothing = self.t("judgement.no_decision", name=item.name)
        elif not item.hazards and item.wear is None:
            nothing = self.t("judgement.not_judged", name=item.name)
        elif not item.failures:
            nothing = self.t("judgement.no_failure", name=item.name)
        return ItemSection(
            anchor=f"item-{number}",
            name=item.name,
            kind=self.t(f"judgement.kind_{item.kind}"),
            counts=self.t(
                "judgement.counts",
                decisions=self.fmt.number(item.decisions),
                vehicles=self.fmt.number(item.vehicles),
                failures=self.fmt.number(item.failures),
                replacements=self.fmt.number(item.replacements),
            ),
            panels=tuple(panels) if item.decisions else (),
            misses=tuple(
                MissRow(
                    kind=self.t(f"judgement.miss_{miss.kind}"),
                    vehicle=miss.vehicle_id,
                    when=f"{self.fmt.day(miss.time_ms)}, {self.fmt.clock(miss.time_ms)}",
                    iso=self.fmt.iso(miss.time_ms),
                    said=miss.said,
                    true=miss.true,
                    reasons=miss.reasons,
                )
                for miss in item.misses
            ),
            nothing=nothing,
        )

    def _hazard_panel(self, item: ItemJudgement, figures: HazardFigures) -> Panel:
        horizon = self.duration(figures.horizon_ms)
        title = self.t("judgement.horizon", horizon=horizon)
        if not figures.rows:
            return Panel(title, "", (), (), self.t("judgement.no_outcome", name=item.name, horizon=horizon))
        tiles = (
            ("average_precision", self._score(figures.average_precision)),
            ("base_rate", NOTHING if figures.base_rate is None else self.plot.chance(figures.base_rate)),
            ("roc_auc", self._score(figures.roc_auc)),
            ("f1_at_action", self._score(figures.f1_at_action)),
            ("f1_best", self._score(figures.f1_best)),
            ("precision", self._percent(figures.precision)),
            ("recall", self._percent(figures.recall)),
            ("calibration_error", self._score(figures.calibration_error, 3)),
            ("brier", self._score(figures.brier, 4)),
        )
        level = self.plot.level_of(figures.action_probability)
        best = NOTHING if figures.f1_best_at is None else self.plot.level_of(figures.f1_best_at)
        named = tuple(
            Tile(self.t(f"judgement.{key}", level=level, best=best), value) for key, value in tiles if value != NOTHING
        )
        plot = self.plot.reliability(figures, horizon)
        nothing = self.t("judgement.no_failure_within", name=item.name, horizon=horizon)
        return Panel(
            title,
            self._hazard_verdict(figures),
            named,
            (plot,) if plot else (),
            nothing if not figures.positives and item.failures else "",
        )

    def _hazard_verdict(self, figures: HazardFigures) -> str:
        catches = figures.catches
        if catches is None:
            return self.t("judgement.nothing_to_catch", horizon=self.duration(figures.horizon_ms))
        return self.t(
            "judgement.caught",
            caught=self.fmt.number(catches.caught),
            failures=self.fmt.number(catches.failures),
            ahead=self.duration(catches.ahead_ms),
            alerts=self.fmt.number(catches.alerts / catches.failures, 1),
            beyond=self._out_of_reach(catches),
        )

    def _out_of_reach(self, catches: Catches) -> str:
        return self.t.plural("judgement.out_of_reach", catches.out_of_reach) if catches.out_of_reach else ""

    def _wear_panel(self, item: ItemJudgement, figures: WearFigures, cost: Figure | None) -> Panel:
        unit = figures.unit
        if not figures.failures:
            nothing = self.t("judgement.only_censored", name=item.name, n=self.fmt.number(figures.censored))
            return Panel(self.t("judgement.remaining"), "", (), (), nothing)
        tiles = (
            ("rmse", self._exactly(figures.rmse)),
            ("mae", self._exactly(figures.mae)),
            ("bias", NOTHING if figures.bias is None else self.fmt.signed(figures.bias)),
            ("held", self.plot.range_of(figures.coverage) if figures.coverage else NOTHING),
            ("mean_width", self._exactly(figures.mean_width_days)),
            ("open_windows", self.fmt.number(figures.open_windows)),
            ("censored", self.fmt.number(figures.censored)),
            ("past_latest", self.fmt.number(figures.censored_past_latest)),
        )
        named = tuple(Tile(self.t(f"judgement.{key}", unit=unit), value) for key, value in tiles)
        plots = (self.plot.coverage(figures), self.plot.width(figures), self.plot.notice(figures), cost)
        return Panel(
            self.t("judgement.remaining"),
            self._wear_verdict(figures),
            named,
            tuple(plot for plot in plots if plot is not None),
        )

    def _wear_verdict(self, figures: WearFigures) -> str:
        if figures.coverage is None:
            return self.t("judgement.no_window")
        return self.t(
            "judgement.window_held",
            stated=self.fmt.percent(figures.stated_coverage),
            held=self.plot.range_of(figures.coverage),
            width=self._exactly(figures.mean_width_days),
            mae=self._exactly(figures.mae),
            unit=figures.unit,
        )

    def _ledger(self, entries: tuple[LedgerSummary, ...]) -> Table:
        keys = ("item", "promises", "inside", "early", "late", "held", "stated_coverage", "mean_width")
        names = {item.item: item.name for item in self.judgement.items}
        rows = tuple(
            (
                names.get(e.item, e.item),
                self.fmt.number(e.entries - e.unstated),
                self.fmt.number(e.inside),
                self.fmt.number(e.early),
                self.fmt.number(e.late),
                self._percent(e.coverage),
                self._percent(e.stated_coverage),
                self._exactly(e.mean_width_days),
            )
            for e in entries
        )
        return Table(self.t("judgement.ledger"), tuple(self.t(f"judgement.{key}") for key in keys), rows)

    def duration(self, ms: int) -> str:
        """36 h, 14 days"""
        if ms % DAY_MS == 0 and ms >= 2 * DAY_MS:
            return f"{self.fmt.number(ms / DAY_MS)} {self.t('judgement.days')}"
        hours = ms / HOUR_MS
        return self.t("when.hours", n=self.fmt.number(hours, 0 if hours == int(hours) else 1))

    def _score(self, value: float | None, digits: int = 2) -> str:
        if value is None:
            return NOTHING
        # What is nearly 0 is not 0.
        return f"<{10**-digits:g}" if 0 < value < 0.5 * 10**-digits else self.fmt.number(value, digits)

    def _percent(self, share: float | None) -> str:
        return NOTHING if share is None else self.fmt.percent(share)

    def _exactly(self, value: float | None) -> str:
        return NOTHING if value is None else self.plot.exactly(value)
