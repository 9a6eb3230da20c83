"""VehicleFold: uploads and service records into the state of their car.

Many cars at a time, the n-th upload of each in the n-th round, so that the state does not depend on where a block
begins. What is a sum (exposures, distance, days, baselines) comes out the same in any order up to rounding; what is not
(odometer while readings are held back, trends, whether a boot began after a standstill) follows the order of arrival,
and uploads older than the newest event leave it alone. The reorder ring that takes this away is the next issue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from domain.service_record import ServiceRecord, TrainingExample
from domain.telemetry import TelemetryUpload, VehicleAttributes
from models import block_fold
from models.block_fold import Bools, Ints, RoundFold, States
from models.predictor import Predictor
from models.service_fold import ServiceFold
from models.upload_summary import Summariser, SummaryBlock
from models.vehicle_state import DAY_MS, TELEMETRY_UPLOADS, TOPICS, UNKNOWN, Record, StateLayout

MATERIAL_M = 10_000.0  # after so much driving a prediction may say something else
_OFFSET = TOPICS.index(TELEMETRY_UPLOADS)


class FoldResult(StrEnum):
    FOLDED = "folded"
    DUPLICATE = "duplicate"
    REPLAYED = "replayed"  # its offset is in the state already
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class FoldOutcome:
    """What became of one upload; `reason` says why it was rejected."""

    result: FoldResult
    reason: str = ""

    @property
    def is_folded(self) -> bool:
        return self.result is FoldResult.FOLDED


_REPLAYED = FoldOutcome(FoldResult.REPLAYED)
_OUTCOMES = {
    block_fold.FOLD: FoldOutcome(FoldResult.FOLDED),
    block_fold.DUPLICATE: FoldOutcome(FoldResult.DUPLICATE),
    block_fold.BEYOND_MEMORY: FoldOutcome(
        FoldResult.REJECTED, "it is too far behind its boot to know whether it came before"
    ),
    block_fold.FORGOTTEN_BOOT: FoldOutcome(
        FoldResult.REJECTED, "it is of a boot too old to know whether it came before"
    ),
}


@dataclass(frozen=True, slots=True)
class FoldRound:
    """One upload each of some cars, just folded: `rows` among the uploads, `cars` among the states, and outcomes."""

    rows: Ints
    cars: Ints
    outcomes: list[FoldOutcome]

    @property
    def folded(self) -> Ints:
        """Positions in `rows`, `cars` and `outcomes` of what changed a state."""
        return np.array([i for i, outcome in enumerate(self.outcomes) if outcome.is_folded], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Arrivals:
    """The uploads of a block in columns."""

    boot_ids: npt.NDArray[np.bytes_]
    seqs: Ints
    built_ms: Ints
    offsets: Ints | None
    sums: SummaryBlock


class VehicleFold:
    """Folds the uploads of cars with this catalogue; holds no state of its own."""

    def __init__(self, catalogue: Catalogue, layout: StateLayout) -> None:
        self._layout = layout
        self._summariser = Summariser(catalogue)
        self._round = RoundFold(catalogue, layout)
        self._is_reading = np.array([spec.function != "mean" for spec in catalogue.trends.values()], dtype=np.bool_)

    def fold(
        self,
        state: Record,
        uploads: Sequence[TelemetryUpload],
        attributes: VehicleAttributes | Sequence[VehicleAttributes],
        offsets: Sequence[int] | None = None,
    ) -> list[FoldOutcome]:
        """Fold one car's uploads into `state`, in place, and tell what became of each; see `fold_block`."""
        own = [attributes] * len(uploads) if isinstance(attributes, VehicleAttributes) else attributes
        states: States = np.empty(1, self._layout.dtype)
        states[0] = state
        outcomes = [
            outcome
            for one in self.fold_block(states, [0] * len(uploads), uploads, own, offsets)
            for outcome in one.outcomes
        ]
        for name in self._layout.dtype.names or ():
            state[name] = states[name][0]
        return outcomes

    def fold_block(
        self,
        states: States,
        cars: Sequence[int],
        uploads: Sequence[TelemetryUpload],
        attributes: Sequence[VehicleAttributes],
        offsets: Sequence[int] | None = None,
    ) -> Iterator[FoldRound]:
        """Fold uploads into `states` (an array of the layout's dtype, shape (k,)), in place, round by round.

        `cars`: the row of each upload's car. The n-th upload of each car comes in the n-th round; between two rounds
        the states are those of after the first. `offsets`: where each upload stands in its topic (rising); one at or
        below its car's own is skipped, the others' is remembered whatever becomes of the upload.
        """
        if not uploads:
            return
        arrivals = _Arrivals(
            boot_ids=np.array([upload.id.boot_id.encode() for upload in uploads], dtype="S36"),
            seqs=np.array([upload.id.seq for upload in uploads], dtype=np.int64),
            built_ms=np.array([own.built_ms for own in attributes], dtype=np.int64),
            offsets=None if offsets is None else np.array(offsets, dtype=np.int64),
            sums=self._summariser.summarise_block(uploads, attributes),
        )
        every = np.array(cars, dtype=np.int64)
        for rows in _rounds(cars):
            yield self._fold_round(states, every[rows], arrivals, rows)

    def apply_service(self, state: Record, record: ServiceRecord, predictor: Predictor) -> TrainingExample | None:
        """Fold a service record into `state`, in place, and return the label it teaches, if any (see ServiceFold)."""
        return ServiceFold(predictor, self._layout).apply(state, record)

    def is_prediction_due(self, state: Record) -> bool:
        """Whether the state has moved materially since it was last predicted from.

        It has on a new day, after 10 km of driving, and when the battery was read again.
        """
        return bool(self._due(state))

    def mark_predicted(self, state: Record) -> None:
        """Remember that the state as it is now was predicted from."""
        state["predicted_ms"], state["predicted_m"] = state["last_ms"], state["observed_m"]
        state["predicted_readings"] = self._readings(state)

    def are_predictions_due(self, states: States, cars: Ints) -> Bools:
        """`is_prediction_due` of the cars at these rows of `states`."""
        return np.asarray(self._due(states[cars]), dtype=np.bool_)

    def mark_many_predicted(self, states: States, cars: Ints) -> None:
        """`mark_predicted` of the cars at these rows of `states`."""
        states["predicted_ms"][cars] = states["last_ms"][cars]
        states["predicted_m"][cars] = states["observed_m"][cars]
        states["predicted_readings"][cars] = self._readings(states)[cars]

    def _due(self, states: States | Record) -> npt.NDArray[np.bool_]:
        last_ms, predicted_ms = states["last_ms"], states["predicted_ms"]
        is_due: npt.NDArray[np.bool_] = (last_ms != UNKNOWN) & (
            (predicted_ms == UNKNOWN)
            | (last_ms // DAY_MS > predicted_ms // DAY_MS)
            | (states["observed_m"] - states["predicted_m"] >= MATERIAL_M)
            | (self._readings(states) != states["predicted_readings"])
        )
        return is_due

    def _readings(self, states: States | Record) -> Ints:
        """How many readings that are not of the weather the state, or each state, has seen."""
        counts: Ints = states["trends"]["count"][..., self._is_reading].sum(axis=-1)
        return counts

    def _fold_round(self, states: States, cars: Ints, arrivals: _Arrivals, rows: Ints) -> FoldRound:
        outcomes = [_REPLAYED] * len(rows)
        # Positions within the round: of what is no replay, and then of what is folded.
        todo = np.arange(len(rows))
        if arrivals.offsets is not None:
            todo = np.flatnonzero(arrivals.offsets[rows] > states["offsets"][cars, _OFFSET])
            states["offsets"][cars[todo], _OFFSET] = arrivals.offsets[rows[todo]]
        sums, some, own = arrivals.sums, cars[todo], rows[todo]
        verdicts, index = self._round.judge(states, some, arrivals.boot_ids[own], arrivals.seqs[own], sums, own)
        for i, row, verdict in zip(todo.tolist(), own.tolist(), verdicts.tolist(), strict=True):
            known = _OUTCOMES.get(verdict)
            outcomes[i] = known or FoldOutcome(FoldResult.REJECTED, sums.reasons[row])
        fit = np.flatnonzero(verdicts == block_fold.FOLD)
        if len(fit):
            some, own = some[fit], own[fit]
            built_ms = arrivals.built_ms[own]
            states["built_ms"][some] = np.where(built_ms != 0, built_ms, states["built_ms"][some])
            self._round.fold(states, some, index[fit], arrivals.boot_ids[own], arrivals.seqs[own], sums, own)
        return FoldRound(rows, cars, outcomes)


def _rounds(cars: Sequence[int]) -> Iterator[Ints]:
    """Positions in `cars` of the first of each car, then of the second of each, and so on."""
    seen: dict[int, int] = {}
    rounds: list[list[int]] = []
    for position, car in enumerate(cars):
        n = seen[car] = seen.get(car, -1) + 1
        if n == len(rounds):
            rounds.append([])
        rounds[n].append(position)
    for positions in rounds:
        yield np.array(positions, dtype=np.int64)
