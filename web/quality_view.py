"""The operator's page of the models: how good each is by the labels that have come in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from domain.model_quality import ItemQuality, LabelFigures, ModelQuality
from domain.prediction import ItemKind
from web.judgement_charts import Figure, Plotter, Table
from web.operator_view import Tile
from web.quality_charts import coverage_figure, reliability_figure
from web.reading import Reading

NOTHING = "–"
Cells = Callable[[ItemQuality, LabelFigures], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ItemPanel:
    """One item's verdict in a sentence, and its chart."""

    anchor: str
    name: str
    verdict: str
    version: str
    drift: str
    drift_tone: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class QualityView:
    """The page; without a label it says so, and shows which models wait for one."""

    now: str
    zone: str
    tiles: tuple[Tile, ...]
    wear: Table | None
    hazards: Table | None
    panels: tuple[ItemPanel, ...]
    waiting: tuple[str, ...]
    is_empty: bool


def quality_view(quality: ModelQuality, reading: Reading) -> QualityView:
    """From the figures, in words, tables and charts. Items without a label are named, not tabled."""
    return _Page(quality, reading).view()


class _Page:
    def __init__(self, quality: ModelQuality, reading: Reading) -> None:
        self.quality = quality
        self.reading = reading
        self.t, self.fmt = reading.texts, reading.formatting
        self.plot = Plotter(reading.texts, reading.formatting)

    def view(self) -> QualityView:
        judged = [item for item in self.quality.items if item.overall.labels]
        return QualityView(
            now=self.fmt.moment(self.quality.now_ms),
            zone=self.fmt.zone_name,
            tiles=self._tiles(judged),
            wear=self._table([item for item in judged if item.kind is ItemKind.WEAR], "wear", self._wear_cells),
            hazards=self._table([i for i in judged if i.kind is ItemKind.HAZARD], "hazard", self._hazard_cells),
            panels=tuple(self._panel(number, item) for number, item in enumerate(judged, 1)),
            waiting=tuple(self.reading.item_name(i.item) for i in self.quality.items if not i.overall.labels),
            is_empty=not judged,
        )

    def _tiles(self, judged: list[ItemQuality]) -> tuple[Tile, ...]:
        if not judged:
            return ()
        watched = [item for item in judged if item.is_drifting is not None]
        drifting = NOTHING if not watched else self.fmt.number(sum(bool(item.is_drifting) for item in watched))
        per_week = sum(item.recent.per_week for item in judged)
        return (
            Tile(self.t("models.tile_labels"), self.fmt.number(self.quality.labels)),
            Tile(self.t("models.tile_recent"), self.fmt.number(sum(item.recent.labels for item in judged))),
            Tile(self.t("models.tile_per_week"), self.fmt.number(per_week, 0 if per_week >= 10 else 1)),
            Tile(self.t("models.tile_drifting"), drifting),
        )

    def _table(self, items: list[ItemQuality], kind: str, cells: Cells) -> Table | None:
        if not items:
            return None
        figures = {"wear": ("held", "width_short", "error", "bias"),
                   "hazard": ("failures", "brier", "log_loss", "calibration_error")}[kind]  # fmt: skip
        # What matters most comes first: a phone shows the first columns and scrolls for the others.
        keys = ("item", *figures, "labels", "per_week", "drift", "version")
        head = tuple(self.t(f"models.{key}") for key in keys)
        rows = []
        for item in items:
            name = self.reading.item_name(item.item)
            rows.append(self._row(name, item, item.recent, cells))
            rows.append(self._row(self.t("models.in_all", name=name), item, item.overall, cells))
        return Table(self.t(f"models.table_{kind}"), head, tuple(rows))

    def _row(self, name: str, item: ItemQuality, figures: LabelFigures, cells: Cells) -> tuple[str, ...]:
        is_recent = figures is item.recent
        labels = self.fmt.number(figures.labels)
        if figures.judged < figures.labels:
            labels = self.t("models.labels_judged", labels=labels, judged=self.fmt.number(figures.judged))
        return (
            name,
            *cells(item, figures),
            labels,
            self.fmt.number(figures.per_week, 1),
            self._drift(item)[0] if is_recent else "",
            self._version(item) if is_recent else "",
        )

    def _wear_cells(self, item: ItemQuality, figures: LabelFigures) -> tuple[str, ...]:
        windows = figures.windows
        if windows is None:
            return (NOTHING,) * 4
        return (
            self.plot.range_of(windows.coverage),
            self.fmt.amount(windows.mean_width, item.unit, 2),
            self.fmt.amount(windows.mean_error, item.unit, 2),
            self.fmt.signed(windows.bias, 2),
        )

    def _hazard_cells(self, _item: ItemQuality, figures: LabelFigures) -> tuple[str, ...]:
        chances = figures.chances
        if chances is None:
            return (NOTHING,) * 4
        return (
            self.fmt.number(chances.positives),
            self.fmt.number(chances.brier, 3),
            self.fmt.number(chances.log_loss, 3),
            self.fmt.number(chances.calibration_error, 3),
        )

    def _panel(self, number: int, item: ItemQuality) -> ItemPanel:
        spec = self.reading.item(item.item)
        days = spec.hazard.decide_on_days if spec is not None and spec.hazard is not None else 0
        horizon = f"{days} {self.t('judgement.days')}"
        figures = (coverage_figure(self.plot, item), reliability_figure(self.plot, item, horizon))
        drift, tone = self._drift(item)
        return ItemPanel(
            anchor=f"item-{number}",
            name=self.reading.item_name(item.item),
            verdict=self._verdict(item),
            version=self._version(item),
            drift="" if drift == NOTHING else drift,
            drift_tone=tone,
            figures=tuple(figure for figure in figures if figure is not None),
        )

    def _verdict(self, item: ItemQuality) -> str:
        windows, chances = item.overall.windows, item.overall.chances
        if windows is not None:
            return self.t(
                "models.verdict_wear",
                stated=self.fmt.percent(windows.stated_coverage),
                held=self.plot.range_of(windows.coverage),
                width=self.fmt.amount(windows.mean_width, item.unit, 1),
                error=self.fmt.amount(windows.mean_error, item.unit, 2),
            )
        if chances is not None:
            return self.t(
                "models.verdict_hazard",
                failures=self.fmt.number(chances.positives),
                labels=self.fmt.number(chances.rows),
                error=self.fmt.number(100 * chances.calibration_error, 1),
            )
        return self.t("models.verdict_none")

    def _version(self, item: ItemQuality) -> str:
        return item.model_version or next(iter(item.label_versions), NOTHING)

    def _drift(self, item: ItemQuality) -> tuple[str, str]:
        if item.is_drifting is None:
            return NOTHING, "calm"
        return (self.t("models.drifting"), "urgent") if item.is_drifting else (self.t("models.steady"), "fine")
