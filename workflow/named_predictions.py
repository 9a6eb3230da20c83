"""NamedPredictions: items with rates, features or an interval of their own, by the predictor of the live stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue, ItemSpec
from domain.service_record import ServiceOutcome, ServiceRecord, TrainingExample
from models.causes import Causes
from models.hazard_words import horizons
from models.horizon_labels import HorizonLabels
from models.learner import Learner
from models.prediction_row import IS_READY
from models.predictor import Predictor
from models.vehicle_state import UNKNOWN, items_by_kind
from workflow.case_fold import CaseFold
from workflow.case_history import CaseService
from workflow.item_predictions import ItemPredictions

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[Any]

AT_ONCE = 1_024  # machines predicted in one block
_KEY = b"a back-test keeps its snapshots to itself"
_DUES = ("earliest_ms", "expected_ms", "latest_ms")


class NamedPredictions:
    """Predicts and teaches these items; of a hazard what became of each horizon, of wear what workshops measured.

    What was learnt serves from the next step on. `heard` is told each label that teaches wear; `rows` are the
    predictor's of the last step, shape (k,), and `places` where each item stands in them.
    """

    def __init__(self, catalogue: Catalogue, machines: CaseFold, *, tells_all_failures: bool = True) -> None:
        """`tells_all_failures`: as `CaseSettings` has it; hazards learn when their services come, where it is False."""
        self._tells_all_failures = tells_all_failures
        self._catalogue = catalogue
        self._machines = machines
        self._predictor, self._learner = Predictor(catalogue, _KEY), Learner(catalogue, _KEY)
        by_kind = items_by_kind(catalogue)
        self.items = tuple(item for ids in by_kind.values() for item in ids)
        own = by_kind["hazard"] if tells_all_failures else ()
        self._horizons = {item: HorizonLabels(catalogue, item) for item in own}
        self.heard: Callable[[TrainingExample], None] = lambda _: None
        self.rows: Rows = self._predictor.rows.empty(0)
        self.places = self._predictor.rows.places
        self._labels = 0
        self._taught: set[str] = set()

    def learn_until(self, now_ms: int) -> int:
        """Learn the labels that time has made known, and serve what was learnt; how many."""
        learnt = sum(self._learn(example) for own in self._horizons.values() for example in own.due(now_ms))
        for item in sorted(self._taught):
            self._predictor.install(item, self._learner.snapshot(item, self._labels))
        self._taught.clear()
        return learnt

    def serve(self, service: CaseService) -> int:
        """A service came to be known; how many labels that taught."""
        record = ServiceRecord(
            record_id=f"{service.vehicle}/{service.item}/{service.time_ms}",
            vehicle_id=str(service.vehicle),
            item=service.item,
            outcome=service.outcome,
            performed_ms=service.time_ms,
            odometer_m=service.odometer_m,
            value=service.value,
        )
        state = self._machines.states[service.vehicle]
        examples = self._machines.fold.serve(state, record, self._predictor)
        example = next((one for one in examples if one.label_id == record.record_id), None)
        of_wear = [one for one in examples if self._catalogue.items[one.item].wear is not None]
        for one in of_wear:
            self.heard(one)
        if not self._tells_all_failures:
            return sum(self._learn(one) for one in examples)
        own = self._horizons.get(service.item)
        learnt = sum(self._learn(one) for one in of_wear)
        if own is None:
            return learnt
        # A failure is held to its horizon, as its negatives are: learnt sooner, it would push probabilities up.
        if service.outcome is ServiceOutcome.FAILED or (example is not None and example.target >= 1.0):
            own.failed(service.vehicle, service.time_ms, service.known_ms)
        return learnt

    def say(self, now_ms: int, vehicles: Ints) -> Iterator[ItemPredictions]:
        """What is said of each item of these machines."""
        states = self._machines.states[vehicles]
        for own in self._horizons.values():
            own.keep(now_ms, vehicles, states)
        blocks = [states[start : start + AT_ONCE] for start in range(0, len(states), AT_ONCE)]
        rows = np.concatenate([self._predictor.predict_many(block, Causes.newest(block)) for block in blocks])
        self.rows = rows
        versions, nowhere = self._predictor.versions(), np.full(len(rows), np.nan)
        for item in self.items:
            kind, place = self._predictor.rows.places[item]
            own_rows, spec = rows[kind][:, place], self._catalogue.items[item]
            # Of a machine whose reports held no plausible value nothing is known, not even when it was seen.
            is_seen = rows["event_ms"] != UNKNOWN
            remaining = np.where(is_seen, _remaining(spec, own_rows), np.nan) if spec.wear else nowhere
            dues = [np.where(is_seen, own_rows[name], UNKNOWN) for name in _DUES]
            if spec.calendar is None:
                dues = [_not_past(moment_ms, now_ms) for moment_ms in dues]
            is_ready = (own_rows["flags"] & IS_READY) != 0
            earliest_ms, expected_ms, latest_ms = dues
            yield ItemPredictions(
                item, versions[item], _probability(spec, own_rows), remaining, nowhere,
                earliest_ms, expected_ms, latest_ms, is_ready,
            )  # fmt: skip

    def _learn(self, example: TrainingExample) -> int:
        if not self._learner.learn(example):
            return 0
        self._labels += 1
        self._taught.add(example.item)
        return 1


def _remaining(spec: ItemSpec, own: Rows) -> Floats:
    """What is left until the limit, in the item's unit."""
    if spec.wear is None:
        return np.full(len(own), np.nan)
    worn = own["part"].astype(np.float64).sum(axis=1)
    left: Floats = np.maximum(0.0, own["raised_anchor"] - worn - spec.wear.limit)
    return left


def _probability(spec: ItemSpec, own: Rows) -> Floats:
    """The probability of failing within each horizon, shape (k, horizons)."""
    if spec.hazard is None:
        return np.empty((len(own), 0))
    share = own["probability"].astype(np.float64)
    return np.stack(list(horizons(spec.hazard, share).values()), axis=1)


def _not_past(moment_ms: Ints, now_ms: int) -> Ints:
    """The moment, or now where it has passed: a state is as of its machine's newest report."""
    return np.where(moment_ms == UNKNOWN, UNKNOWN, np.maximum(moment_ms, now_ms))
