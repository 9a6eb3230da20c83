"""Backtest: how well a past would have been predicted, by the fold, the features and the models of the live stream.

Time goes in steps of the case's grid. At each, what became known since is folded into the states, labels whose time has
come are learnt, and every machine that still reports is predicted. Nothing later than the step is in reach: the history
hands it out afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from domain.service_record import ServiceOutcome, ServiceRecord
from domain.telemetry import VehicleAttributes
from models.fold import VehicleFold
from models.learner import Learner
from models.learnt_features import LearntFeatures
from models.learnt_items import Decision, LearntItems
from models.life_unit import LifeUnit
from models.predictor import Predictor
from models.upload_block import SampleTable, UploadBlock
from models.vehicle_state import UNKNOWN, StateLayout
from workflow.case_history import CaseHistory, CaseService, CaseSpan

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
_KEY = b"a back-test keeps its snapshots to itself"
_BOOT = b"case"


@dataclass(frozen=True, slots=True)
class ItemPredictions:
    """What is said of one item of k machines: shape (k,), or (k, horizons) for `probability`; −1 where no moment.

    `remaining`: the mean, in the item's unit; NaN where it can't be said. `at`: where each life stands in that unit.
    """

    item: str
    model_version: str
    probability: Floats
    remaining: Floats
    at: Floats
    earliest_ms: Ints
    expected_ms: Ints
    latest_ms: Ints


@dataclass(frozen=True, slots=True)
class StepPredictions:
    """All that is said at one moment; `vehicles`: places among the history's."""

    now_ms: int
    vehicles: Ints
    items: Sequence[ItemPredictions]


class PredictionSink(Protocol):
    """Where predictions go."""

    def write(self, step: StepPredictions) -> None:
        """Keep what was said at a step."""


@dataclass(slots=True)
class BacktestResult:
    """What was done: predictions made within the judged time, labels learnt, and the services that came to be known."""

    decisions: int = 0
    labels: int = 0
    services: list[CaseService] = field(default_factory=list)
    last_ms: int = UNKNOWN
    last_seen_ms: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


class Backtest:
    """Replays `history` into `sink`."""

    def __init__(self, history: CaseHistory, sink: PredictionSink) -> None:
        self._history = history
        self._sink = sink
        self._decide = history.settings.decide
        self._catalogue: Catalogue = history.catalogue
        stale = self._decide.stale_after_ms
        self._stale_ms = max(WEEK_MS, 2 * history.usual_gap_ms) if stale is None else stale
        self._layout = StateLayout(self._catalogue)
        self._fold = VehicleFold(self._catalogue, self._layout)
        self._predictor, self._learner = Predictor(self._catalogue, _KEY), Learner(self._catalogue, _KEY)
        names, self._attributes = _numbers(history.attributes, len(history.vehicle_ids))
        self._features = LearntFeatures(self._catalogue, names)
        self._items = LearntItems(self._catalogue, self._features, self._decide.every_ms)
        k = len(history.vehicle_ids)
        self._states = self._layout.block(self._catalogue, [None] * k, [0] * k)
        self._reports = np.zeros(k, dtype=np.int64)
        self._seq = np.zeros(k, dtype=np.int64)
        self._newest_ms = np.full(k, UNKNOWN, dtype=np.int64)
        self._units = {item: LifeUnit.of(spec.life.unit) for item, spec in self._catalogue.items.items() if spec.life}
        self._result = BacktestResult()

    def run(self, reached: Callable[[int], None] = lambda _: None) -> BacktestResult:
        """Replay it all; `reached` hears of each step's time (ms, UTC)."""
        for step in _steps(self._history.spans(), self._decide.every_ms, self._decide.to_ms, self._stale_ms):
            self._take(step)
            self._decide_at(step.now_ms)
            reached(step.now_ms)
        self._result.last_seen_ms = self._newest_ms
        return self._result

    def _take(self, step: _Step) -> None:
        """Fold what became known since the step before."""
        if len(step.vehicle):
            self._fold_rows(step)
        if len(step.event_vehicle):
            self._fold.count_codes(self._states, step.event_vehicle, step.event_code, step.event_ms)
        for service in step.services:
            self._serve(service)
        self._result.last_ms = step.now_ms
        for risks in self._items.risks.values():
            for risk in risks:
                self._result.labels += risk.learn_until(step.now_ms)

    def _fold_rows(self, step: _Step) -> None:
        """Each row is an upload of its own."""
        m = len(step.vehicle)
        np.add.at(self._reports, step.vehicle, 1)
        columns = {path: step.values[:, place, None] for place, path in enumerate(self._history.signals)}
        seqs = self._numbers_of(step.vehicle)
        block = UploadBlock(
            vehicle_ids=[""] * m,
            boot_ids=np.full(m, _BOOT, dtype="S36"),
            seqs=seqs,
            start_ms=step.time_ms,
            received_ms=step.time_ms,
            attributes=[_ATTRIBUTES] * m,
            tables=[SampleTable(np.arange(m), np.zeros((m, 1), dtype=np.uint32), columns)],
        )
        for _ in self._fold.fold_block(self._states, step.vehicle.tolist(), block):
            pass
        np.maximum.at(self._newest_ms, step.vehicle, step.time_ms)

    def _numbers_of(self, vehicles: Ints) -> Ints:
        """A number for each upload that grows with every one of its machine."""
        order = np.argsort(vehicles, kind="stable")
        own = vehicles[order]
        is_first = np.concatenate(([True], own[1:] != own[:-1]))
        starts = np.flatnonzero(is_first)
        rank = np.arange(len(own)) - np.repeat(starts, np.diff([*starts.tolist(), len(own)]))
        seqs = np.empty(len(own), dtype=np.int64)
        seqs[order] = self._seq[own] + rank
        np.add.at(self._seq, vehicles, 1)
        return seqs

    def _serve(self, service: CaseService) -> None:
        """A service came to be known: labels of it, and the state's baseline."""
        self._result.services.append(service)
        is_end = service.outcome.renews
        if service.outcome is ServiceOutcome.FAILED:
            for risk in self._items.risks.get(service.item, ()):
                risk.failed(service.vehicle, service.time_ms)
        if is_end and service.item in self._items.lives:
            at = self._units[service.item].at(
                np.array([service.time_ms]),
                self._states["odometer_m"][[service.vehicle]],
                self._reports[[service.vehicle]],
            )
            is_failure = service.outcome is ServiceOutcome.FAILED
            self._result.labels += self._items.lives[service.item].ended(
                service.vehicle, float(at[0]), is_failure=is_failure
            )
        record = ServiceRecord(
            record_id=f"{service.vehicle}/{service.item}/{service.time_ms}",
            vehicle_id=str(service.vehicle),
            item=service.item,
            outcome=service.outcome,
            performed_ms=service.time_ms,
            odometer_m=0,
            value=service.value,
        )
        example = self._fold.apply_service(self._states[service.vehicle], record, self._predictor)
        if example is not None and self._learner.learn(example):
            self._result.labels += 1
            self._predictor.install(service.item, self._learner.snapshot(service.item, self._result.labels))

    def _decide_at(self, now_ms: int) -> None:
        """Predict every machine that still reports."""
        is_there = (self._newest_ms != UNKNOWN) & (now_ms - self._newest_ms <= self._stale_ms)
        vehicles = np.flatnonzero(is_there)
        if not len(vehicles):
            return
        states = self._states[vehicles]
        said: list[ItemPredictions] = []
        if self._catalogue.followed:
            moments = np.full(len(vehicles), now_ms)
            rows = self._features.rows(states, moments, self._attributes[vehicles])
            said += self._say_learnt(Decision(now_ms, vehicles, rows), states)
        if self._decide.from_ms <= now_ms < self._decide.to_ms:
            self._sink.write(StepPredictions(now_ms, vehicles, said))
            self._result.decisions += len(vehicles)

    def _say_learnt(self, decision: Decision, states: npt.NDArray[Any]) -> Iterator[ItemPredictions]:
        k, now_ms = len(decision.vehicles), decision.now_ms
        nothing, nowhere = np.full(k, UNKNOWN, dtype=np.int64), np.full(k, np.nan)
        for item, risks in self._items.risks.items():
            p = np.stack([risk.predict(decision) for risk in risks], axis=1)
            for risk in risks:
                risk.keep(decision)
            horizons_ms = [risk.horizon_ms for risk in risks]
            dues = _due_of_risk(now_ms, p, horizons_ms, self._items.action_probability[item])
            yield ItemPredictions(item, self._items.version(item), p, nowhere, nowhere, *dues)
        for item, life in self._items.lives.items():
            unit = self._units[item]
            left = life.predict(decision)
            reports = self._reports[decision.vehicles]
            at = unit.at(np.full(k, now_ms), states["odometer_m"], reports)
            life.keep(decision, at)
            seen_ms = np.where(states["first_ms"] == UNKNOWN, 0, states["last_ms"] - states["first_ms"])
            metres = np.where(states["odometer_m"] == UNKNOWN, 0, states["odometer_m"] - states["first_odometer_m"])
            per_ms = unit.per_ms(seen_ms, metres, reports)
            ends = [
                np.where(np.isfinite(per_ms), now_ms + np.nan_to_num(amount / per_ms, posinf=0.0), UNKNOWN)
                for amount in (left.least, left.remaining, left.most)
            ]
            earliest, expected, latest = [end.astype(np.int64) for end in ends] if life.model.version else [nothing] * 3
            remaining = left.remaining if life.model.version else np.full(k, np.nan)
            yield ItemPredictions(
                item, self._items.version(item), np.empty((k, 0)), remaining, at, earliest, expected, latest
            )


_ATTRIBUTES = VehicleAttributes()


def _due_of_risk(now_ms: int, p: Floats, horizons_ms: Sequence[int], action: float) -> tuple[Ints, Ints, Ints]:
    """When the item passes its action level, and between which moments it is to fail, at a constant rate.

    −1 beyond the longest horizon: further ahead nothing was learnt.
    """
    longest = int(np.argmax(horizons_ms))
    horizon = float(horizons_ms[longest])
    rate = -np.log1p(-np.clip(p[:, longest], 1e-12, 1.0 - 1e-12)) / horizon
    moments = []
    for share in (0.05, action, 0.95):
        ahead = -np.log1p(-share) / rate
        moments.append(np.where(ahead <= horizon, now_ms + np.minimum(ahead, horizon), UNKNOWN).astype(np.int64))
    earliest, expected, latest = moments
    return np.where(expected == UNKNOWN, UNKNOWN, np.minimum(earliest, expected)), expected, latest


def _numbers(attributes: Mapping[str, Any], count: int) -> tuple[list[str], Floats]:
    """Attributes as numbers, shape (vehicles, names): of texts the place among the sorted ones, NaN where none."""
    columns = []
    for values in attributes.values():
        if isinstance(values, np.ndarray) and values.dtype.kind == "f":
            columns.append(values.astype(np.float64))
        else:
            texts = [str(value) for value in values]
            places = {text: float(place) for place, text in enumerate(sorted({text for text in texts if text}))}
            columns.append(np.array([places.get(text, np.nan) for text in texts]))
    return list(attributes), np.stack(columns, axis=1) if columns else np.empty((count, 0))


@dataclass(frozen=True, slots=True)
class _Step:
    """What became known after the step before and up to `now_ms`."""

    now_ms: int
    vehicle: Ints
    time_ms: Ints
    values: npt.NDArray[Any]
    event_vehicle: Ints
    event_ms: Ints
    event_code: Ints
    services: Sequence[CaseService]


def _steps(spans: Iterator[CaseSpan], every_ms: int, to_ms: int, stale_ms: int) -> Iterator[_Step]:
    """The steps of the grid, from the first that anything is known at until `to_ms` or until nothing is fresh.

    Over stretches in which nothing comes steps go on as long as machines may still be predicted.
    """
    rest: CaseSpan | None = None
    now_ms: int | None = None
    fresh_until = 0
    for span in spans:
        joined = span if rest is None else _joined(rest, span)
        first = _first_ms(joined)
        if first is None:
            rest = joined
            continue
        now_ms = _on_grid(first, every_ms) if now_ms is None else now_ms
        last = joined.until_ms // every_ms * every_ms
        while now_ms <= min(last, to_ms - 1):
            step, joined = _cut(joined, now_ms)
            if len(step.time_ms):
                fresh_until = max(fresh_until, int(step.time_ms[-1]) + stale_ms)
            yield step
            following = _first_ms(joined)
            now_ms += every_ms
            if now_ms > fresh_until:
                if following is None:
                    now_ms = max(now_ms, last + every_ms)
                    break
                now_ms = max(now_ms, _on_grid(following, every_ms))
        rest = joined
    while (
        rest is not None
        and now_ms is not None
        and now_ms < to_ms
        and (_first_ms(rest) is not None or now_ms <= fresh_until)
    ):
        step, rest = _cut(rest, now_ms)
        if len(step.time_ms):
            fresh_until = max(fresh_until, int(step.time_ms[-1]) + stale_ms)
        yield step
        now_ms += every_ms


def _on_grid(time_ms: int, every_ms: int) -> int:
    """The first whole multiple at or after a time."""
    return -(-time_ms // every_ms) * every_ms


def _first_ms(span: CaseSpan) -> int | None:
    firsts = [int(times[0]) for times in (span.time_ms, span.events.time_ms) if len(times)]
    firsts += [service.known_ms for service in span.services[:1]]
    return min(firsts, default=None)


def _cut(span: CaseSpan, now_ms: int) -> tuple[_Step, CaseSpan]:
    """What is known by `now_ms`, and the rest."""
    n = int(np.searchsorted(span.time_ms, now_ms, side="right"))
    e = int(np.searchsorted(span.events.time_ms, now_ms, side="right"))
    s = next((place for place, service in enumerate(span.services) if service.known_ms > now_ms), len(span.services))
    events = span.events
    step = _Step(
        now_ms, span.vehicle[:n], span.time_ms[:n], span.values[:n],
        events.vehicle[:e], events.time_ms[:e], events.code[:e], span.services[:s],
    )  # fmt: skip
    left = type(events)(events.vehicle[e:], events.time_ms[e:], events.code[e:])
    rest = CaseSpan(span.until_ms, span.vehicle[n:], span.time_ms[n:], span.values[n:], left, span.services[s:])
    return step, rest


def _joined(rest: CaseSpan, span: CaseSpan) -> CaseSpan:
    events = [np.concatenate(pair) for pair in zip(_columns(rest), _columns(span), strict=True)]
    return CaseSpan(
        span.until_ms,
        np.concatenate([rest.vehicle, span.vehicle]),
        np.concatenate([rest.time_ms, span.time_ms]),
        np.concatenate([rest.values, span.values]),
        type(span.events)(*events),
        [*rest.services, *span.services],
    )


def _columns(span: CaseSpan) -> tuple[Ints, Ints, Ints]:
    return span.events.vehicle, span.events.time_ms, span.events.code
