"""Backtest: how well a past would have been predicted, by the fold, the features and the models of the live stream.

Time goes in steps of the case's grid. At each, what became known since is folded into the states, labels whose time has
come are learnt, and every machine that still reports is predicted. Nothing later than the step is in reach: the history
hands it out afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models.vehicle_state import UNKNOWN
from workflow.case_fold import CaseFold
from workflow.case_history import CaseHistory, CaseService
from workflow.case_steps import CaseStep, case_steps
from workflow.item_predictions import ItemPredictions, PredictionSink, StepPredictions
from workflow.learnt_predictions import LearntPredictions
from workflow.named_predictions import NamedPredictions

Ints = npt.NDArray[np.int64]

WEEK_MS = 7 * 86_400_000


@dataclass(slots=True)
class BacktestResult:
    """What was done: predictions made within the judged time, labels learnt, and the services that came to be known."""

    decisions: int = 0
    labels: int = 0
    services: list[CaseService] = field(default_factory=list)
    last_ms: int = UNKNOWN
    last_seen_ms: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


class Backtest:
    """Replays `history` into `sink`; `machines` are as they stand at the step that was reached,
    and `named` predicts the items with rates, features or an interval of their own."""

    def __init__(self, history: CaseHistory, sink: PredictionSink) -> None:
        self._history = history
        self._sink = sink
        self._decide = history.settings.decide
        stale = self._decide.stale_after_ms
        self._stale_ms = max(WEEK_MS, 2 * history.usual_gap_ms) if stale is None else stale
        self.machines = CaseFold(history)
        self._learnt = LearntPredictions(history, self.machines) if history.catalogue.followed else None
        self.named = NamedPredictions(
            history.catalogue, self.machines, tells_all_failures=history.settings.tells_all_failures
        )
        self._order = {item: place for place, item in enumerate(history.catalogue.items)}
        self._result = BacktestResult()

    @property
    def services(self) -> Sequence[CaseService]:
        """Those that have come to be known so far."""
        return self._result.services

    def run(self, reached: Callable[[int], None] = lambda _: None) -> BacktestResult:
        """Replay it all; `reached` hears of each step's time (ms, UTC)."""
        for step in case_steps(self._history.spans(), self._decide.every_ms, self._decide.to_ms, self._stale_ms):
            self._take(step)
            self._decide_at(step.now_ms)
            reached(step.now_ms)
        self._result.last_seen_ms = self.machines.newest_ms
        return self._result

    def _take(self, step: CaseStep) -> None:
        """Fold what became known since the step before, of each machine that was served in the order of its news."""
        served = sorted({service.vehicle for service in step.services})
        self.machines.take(step.without(served))
        for vehicle in served:
            rest = step.only(vehicle)
            for service in rest.services:
                until, rest = rest.cut(service.known_ms)
                self.machines.take(until)
                self._serve(service)
            self.machines.take(rest)
        self._result.services += step.services
        self._result.last_ms = step.now_ms
        if self._learnt is not None:
            self._result.labels += self._learnt.learn_until(step.now_ms)
        self._result.labels += self.named.learn_until(step.now_ms)

    def _serve(self, service: CaseService) -> None:
        """A service came to be known: labels of it, and the state's baseline."""
        if self._learnt is not None:
            self._result.labels += self._learnt.serve(service)
        self._result.labels += self.named.serve(service)

    def _decide_at(self, now_ms: int) -> None:
        """Predict every machine that still reports."""
        newest_ms = self.machines.newest_ms
        vehicles = np.flatnonzero((newest_ms != UNKNOWN) & (now_ms - newest_ms <= self._stale_ms))
        if not len(vehicles):
            return
        said = self._say(now_ms, vehicles)
        if self._decide.from_ms <= now_ms < self._decide.to_ms:
            self._sink.write(StepPredictions(now_ms, vehicles, said))
            self._result.decisions += len(vehicles)

    def _say(self, now_ms: int, vehicles: Ints) -> Sequence[ItemPredictions]:
        """Every item, in the catalogue's order."""
        said = list(self._learnt.say(now_ms, vehicles)) if self._learnt is not None else []
        if self.named.items:
            said += self.named.say(now_ms, vehicles)
        return sorted(said, key=lambda one: self._order[one.item])
