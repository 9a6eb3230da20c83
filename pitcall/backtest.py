"""`pitcall backtest CASE`: how well a past would have been predicted; predictions and a report into a folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.case_folder import CaseFolder
from adapters.prediction_file import PredictionFile, ReadPredictions, read_predictions
from domain.catalogue import Catalogue, ItemSpec
from domain.errors import Unavailable
from domain.judgement import ItemJudgement, Judgement, Miss
from domain.ledger import LedgerEntry
from models.judging.calibration_ledger import ledger_of, summarise
from models.judging.cost_curve import Costs
from models.judging.judge import Decisions, JudgedItem, judge_calendar, judge_hazard, judge_wear
from models.judging.outcomes import LifeClock, meter_clock
from models.judging.ranking import micro_f1
from models.judging.services import ItemServices
from models.judging.wear_scores import Windows
from models.life_unit import Counted, LifeUnit
from pitcall.backtest_report import write_report
from pitcall.progress import Progress
from workflow.backtest import Backtest, BacktestResult
from workflow.case_history import CaseService
from workflow.item_predictions import StepPredictions

PREDICTIONS_NAME = "predictions.parquet"
COVERAGE = 0.9
LEDGER_AHEAD_MS = 14 * 86_400_000


class _Readings:
    """Passes predictions on, and remembers where lives stood that are counted by a meter."""

    def __init__(self, file: PredictionFile, metered: frozenset[str]) -> None:
        self._file = file
        self._metered = metered
        self.steps: dict[str, list[tuple[npt.NDArray[Any], int, npt.NDArray[Any]]]] = {item: [] for item in metered}

    def write(self, step: StepPredictions) -> None:
        self._file.write(step)
        for said in step.items:
            if said.item in self._metered:
                self.steps[said.item].append((step.vehicles, step.now_ms, said.at))

    def clock(self, item: str) -> LifeClock:
        """The clock of the item's lives."""
        steps = self.steps[item]
        if not steps:
            nothing = np.zeros(0, dtype=np.int64)
            return meter_clock(nothing, nothing, np.zeros(0))
        vehicle = np.concatenate([vehicles for vehicles, _, _ in steps])
        time_ms = np.concatenate([np.full(len(vehicles), now_ms) for vehicles, now_ms, _ in steps])
        return meter_clock(vehicle, time_ms, np.concatenate([at for _, _, at in steps]))


@dataclass(frozen=True, slots=True)
class _Replayed:
    """What a replay left behind."""

    case: CaseFolder
    result: BacktestResult
    readings: _Readings
    predictions: Path

    def read(self, item: str, spec: ItemSpec) -> ReadPredictions:
        return read_predictions(self.predictions, item, tuple(spec.horizons), self.case.vehicle_ids)


def run_backtest(folder: Path, out: Path) -> dict[str, Any]:
    """Replay the case in `folder`, write all files into `out`; the figures.

    Raises InvalidCase with every mistake, Unavailable when `out` can't be written.
    """
    begun = time.perf_counter()
    with CaseFolder(folder) as case:
        try:
            out.mkdir(parents=True, exist_ok=True)
            replayed = _replay(case, out)
        except OSError as error:
            raise Unavailable(f"{out} can't be written: {error.strerror or error}") from error
        judgement = _judge(replayed)
    write_report(judgement, out)
    figures = {item.item: _figures(item) for item in judgement.items}
    return {
        "name": judgement.name,
        "items": figures,
        "decisions": judgement.decisions,
        "labels": judgement.labels,
        "micro_f1": judgement.micro_f1,
        "wall_s": round(time.perf_counter() - begun, 1),
        "report": str(out / "report.html"),
    }


def _replay(case: CaseFolder, out: Path) -> _Replayed:
    decide = case.settings.decide
    lives = {item: spec.life for item, spec in case.catalogue.items.items() if spec.life is not None}
    metered = frozenset(i for i, life in lives.items() if LifeUnit.of(life.unit).counted is not Counted.TIME)
    path = out / PREDICTIONS_NAME
    with PredictionFile(path, case.catalogue, case.vehicle_ids) as file:
        readings = _Readings(file, metered)
        with Progress(f"back-test of {case.settings.name}", float(decide.to_ms)) as progress:
            begun: list[int] = []

            def reached(now_ms: int) -> None:
                begun[:] = begun or [now_ms]
                progress.total = float(decide.to_ms - begun[0])
                progress.reached(float(now_ms - begun[0]))

            result = Backtest(case, readings).run(reached)
    return _Replayed(case, result, readings, path)


def _judge(replayed: _Replayed) -> Judgement:
    case, result = replayed.case, replayed.result
    catalogue: Catalogue = case.catalogue
    judged: list[JudgedItem] = []
    ledger: list[LedgerEntry] = []
    for item, spec in catalogue.items.items():
        services = _services(result.services, item)
        if spec.horizons:
            judged.append(_judge_risk(replayed, item, spec, services))
        elif spec.calendar is not None:
            said = replayed.read(item, spec)
            decisions = Decisions(said.vehicle, said.time_ms, result.last_ms)
            judged.append(judge_calendar(item, spec.text().name, decisions, services))
        else:
            one, entries = _judge_life(replayed, item, spec, services)
            judged.append(one)
            ledger += entries
    counts = [own.at_action for own in judged if own.at_action is not None]
    return Judgement(
        name=case.settings.name,
        from_ms=case.settings.decide.from_ms,
        to_ms=case.settings.decide.to_ms,
        vehicles=len(case.vehicle_ids),
        decisions=result.decisions,
        labels=result.labels,
        model_versions=(),
        items=tuple(own.judgement for own in judged),
        micro_f1=micro_f1(counts) if counts else None,
        ledger=summarise(ledger),
    )


def _costs(spec: ItemSpec) -> Costs:
    """What the catalogue says the item costs, or an ordinary ratio where it says nothing."""
    cost = spec.need_rule.cost
    return Costs(on_the_road=cost.on_the_road, planned=cost.planned)


def _judge_risk(replayed: _Replayed, item: str, spec: ItemSpec, services: ItemServices) -> JudgedItem:
    said = replayed.read(item, spec)
    decisions = Decisions(said.vehicle, said.time_ms, replayed.result.last_ms)
    judged = judge_hazard(
        item, spec.text().name, decisions, services, said.probability, tuple(spec.horizons.values()),
        action_probability=spec.action_probability, costs=_costs(spec),
    )  # fmt: skip
    ids = replayed.case.vehicle_ids
    misses = tuple(
        Miss(
            vehicle_id=ids[int(said.vehicle[worst.row])],
            time_ms=int(said.time_ms[worst.row]),
            kind=worst.kind,
            said=f"{100 * said.probability[worst.row, 0]:.1f} % within {next(iter(spec.horizons))}",
            true=_came_true(worst.truth_ms, int(said.time_ms[worst.row])),
        )
        for worst in judged.worst
    )
    return replace(judged, judgement=replace(judged.judgement, misses=misses))


def _judge_life(
    replayed: _Replayed, item: str, spec: ItemSpec, services: ItemServices
) -> tuple[JudgedItem, Sequence[LedgerEntry]]:
    said = replayed.read(item, spec)
    remaining, unit = said.remaining, spec.life.unit if spec.life is not None else "day"
    if spec.life is None:
        # What is left in mm or % can't be held to a failure, but the days until it was due can.
        expected_ms = said.dues_ms[1]
        remaining = np.where(expected_ms < 0, np.nan, (expected_ms - said.time_ms) / LifeUnit.of(unit).size)
    life_unit = LifeUnit.of(unit)
    is_metered = life_unit.counted is not Counted.TIME
    clock = replayed.readings.clock(item) if is_metered else _time_clock(life_unit)
    windows = Windows(*said.dues_ms)
    decisions = Decisions(said.vehicle, said.time_ms, replayed.result.last_ms)
    judged = judge_wear(
        item, spec.text().name, decisions, services, remaining, windows, clock,
        unit=unit, stated_coverage=COVERAGE, costs=_costs(spec),
    )  # fmt: skip
    ids = replayed.case.vehicle_ids
    misses = tuple(
        Miss(
            vehicle_id=ids[int(said.vehicle[worst.row])],
            time_ms=int(said.time_ms[worst.row]),
            kind=worst.kind,
            said=f"{remaining[worst.row]:.1f} {unit} left",
            true=_came_true(worst.truth_ms, int(said.time_ms[worst.row])),
        )
        for worst in judged.worst
    )
    entries = ledger_of(
        item, services, said.vehicle, said.time_ms, windows,
        coverage=COVERAGE, ahead_ms=LEDGER_AHEAD_MS, vehicle_ids=ids,
    )  # fmt: skip
    return replace(judged, judgement=replace(judged.judgement, misses=misses)), entries


def _time_clock(unit: LifeUnit) -> LifeClock:
    return lambda _vehicle, time_ms: time_ms / unit.size


def _came_true(truth_ms: int, time_ms: int) -> str:
    if truth_ms < 0:
        return "no failure"
    hours = (truth_ms - time_ms) / 3_600_000
    return f"failed after {hours:.1f} h" if hours < 72 else f"failed after {hours / 24:.0f} days"


def _services(services: Sequence[CaseService], item: str) -> ItemServices:
    own = [service for service in services if service.item == item]
    return ItemServices.of(
        [service.vehicle for service in own],
        [service.time_ms for service in own],
        [service.outcome for service in own],
        [service.value for service in own],
    )


def _figures(item: ItemJudgement) -> dict[str, Any]:
    """What of an item's judgement belongs on one line."""
    figures: dict[str, Any] = {"kind": item.kind.value, "failures": item.failures}
    if item.hazards:
        first = item.hazards[0]
        for name in ("average_precision", "roc_auc", "f1_at_action", "f1_best", "calibration_error"):
            figures[name] = _rounded(getattr(first, name))
    if item.wear is not None:
        for name in ("rmse", "mae", "bias", "mean_width_days"):
            figures[name] = _rounded(getattr(item.wear, name))
        figures["coverage"] = _rounded(item.wear.coverage.value if item.wear.coverage else None)
    return figures


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
