"""The charts of model quality: how often the stated range held over time, and whether probabilities came true."""

from __future__ import annotations

from domain.model_quality import ItemQuality
from web.chart import Chart, across, dot, level, line, ticks_across, ticks_upward, upward
from web.judgement_charts import Figure, Plotter, Table

LOWEST_SHOWN = 0.5  # a share that never falls so low is drawn on the upper half, where differences can be seen


def coverage_figure(plot: Plotter, item: ItemQuality) -> Figure | None:
    """How often the range that was stated for a measurement held it, period by period; None without any."""
    periods, windows = item.periods, item.overall.windows
    if not periods or windows is None:
        return None
    stated = plot.fmt.percent(windows.stated_coverage)
    lowest = min(period.coverage.low for period in periods)
    x, y = across(-0.5, len(periods) - 0.5), upward(LOWEST_SHOWN if lowest >= LOWEST_SHOWN else 0.0, 1.0)
    names = [period.name for period in periods]
    shares = [period.coverage for period in periods]
    return Figure(
        key="coverage",
        chart=Chart(
            title=plot.t("models.coverage_title"),
            description=plot.t("models.coverage_about", percent=stated),
            x_name=plot.t("models.known_in"),
            y_name=plot.t("models.held"),
            x_ticks=ticks_across(x, range(len(names)), lambda at: names[int(at)]),
            y_ticks=ticks_upward(y, plot.fmt.percent, 6),
            lines=(
                level(x, y, windows.stated_coverage, "ideal"),
                line(x, y, [(float(i), share.value) for i, share in enumerate(shares)], "main"),
            ),
            dots=tuple(
                dot(x, y, (i, share.value), (share.low, share.high), f"{names[i]}: {plot.range_of(share)}")
                for i, share in enumerate(shares)
            ),
        ),
        table=Table(
            plot.t("models.coverage_title"),
            tuple(plot.t(f"models.{key}", unit=item.unit) for key in ("known_in", "held", "width", "labels", "cars")),
            tuple(
                (
                    period.name,
                    plot.range_of(period.coverage),
                    plot.exactly(period.mean_width),
                    plot.fmt.number(period.coverage.rows),
                    plot.fmt.number(period.coverage.vehicles),
                )
                for period in periods
            ),
        ),
        reading=plot.t("models.coverage_reading", stated=stated),
    )


def reliability_figure(plot: Plotter, item: ItemQuality, horizon: str) -> Figure | None:
    """Whether probabilities came true, over all labels that are judged; None without any."""
    return None if item.overall.chances is None else plot.reliability(item.overall.chances, horizon)
