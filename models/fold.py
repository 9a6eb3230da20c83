"""VehicleFold: uploads and service records into the state of their car.

Many cars at a time, the n-th upload of each in the n-th round, so that the state does not depend on where a block
begins. What is a sum (exposures, distance, days, baselines) is counted in steps and comes out the same in any order, to
the bit; what is not (odometer, trends, whether a boot began after a standstill) follows the order of events
(`models.event_order`): an upload with more than `RING` newer ones before it comes too late, and is rejected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zlib import crc32

import numpy as np
import numpy.typing as npt

from domain.catalogue import Catalogue
from domain.service_record import ServiceRecord, TrainingExample
from domain.telemetry import TelemetryUpload, VehicleAttributes
from models import block_fold
from models.block_fold import Arrivals, Bools, Ints, RoundFold
from models.block_trends import LONGEST_STRETCH_S
from models.code_fold import CodeFold
from models.day_sums import Rows as Days
from models.day_sums import summary_of
from models.horizon_examples import HorizonExamples
from models.predictor import Predictor
from models.regimes import Regimes
from models.service_fold import ServiceFold
from models.trouble_codes import fold_codes
from models.upload_block import CodeReport, UploadBlock, built_moments, powertrain_codes
from models.upload_summary import Summariser, SummaryBlock
from models.vehicle_state import (
    DAY_MS,
    NO_READING,
    RING,
    TELEMETRY_UPLOADS,
    TOPICS,
    UNKNOWN,
    Record,
    StateLayout,
    States,
)

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
    block_fold.TOO_LATE: FoldOutcome(FoldResult.REJECTED, f"it came after more than {RING} newer uploads of its car"),
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


class VehicleFold:
    """Folds the uploads of cars with this catalogue; holds no state of its own.

    Of a stretch between samples that is longer than `longest_stretch_s` nothing is known. With `regimes`, signals that
    are followed are compared with what is usual in the regime of their upload.
    """

    regimes: Regimes | None = None

    def __init__(self, catalogue: Catalogue, layout: StateLayout, longest_stretch_s: float = LONGEST_STRETCH_S) -> None:
        self._layout = layout
        self._summariser = Summariser(catalogue, longest_stretch_s)
        self._codes = CodeFold(catalogue, layout)
        self._horizons = HorizonExamples(catalogue, layout)
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
        block = UploadBlock.of(uploads, own)
        outcomes = [
            outcome for one in self.fold_block(states, [0] * len(block), block, offsets) for outcome in one.outcomes
        ]
        for name in self._layout.dtype.names or ():
            state[name] = states[name][0]
        return outcomes

    def fold_block(
        self, states: States, cars: Sequence[int], uploads: UploadBlock, offsets: Sequence[int] | None = None
    ) -> Iterator[FoldRound]:
        """Fold uploads into `states` (an array of the layout's dtype, shape (k,)), in place, round by round.

        `cars`: the row of each upload's car. The n-th upload of each car comes in the n-th round; between two rounds
        the states are those of after the first. `offsets`: where each upload stands in its topic (rising); one at or
        below its car's own is skipped, the others' is remembered whatever becomes of the upload.
        """
        if not len(uploads):
            return
        sums = self._summariser.summarise_block(uploads)
        arrivals = self._arrivals(uploads.boot_ids, uploads.seqs, uploads.attributes, sums)
        places = None if offsets is None else np.array(offsets, dtype=np.int64)
        codes = {report.row: report for report in uploads.codes}
        yield from self._fold_arrivals(states, cars, arrivals, places, codes)

    def fold_days(
        self,
        states: States,
        cars: Sequence[int],
        days: Days,
        seqs: Ints,
        end_ms: Ints,
        attributes: Sequence[VehicleAttributes],
    ) -> list[FoldOutcome]:
        """Fold whole days (of `models.day_sums.day_dtype`, shape (m,), that end then) into `states`, in place.

        Each is an upload of a boot of its own, `seqs` its number; a car's days are in the order of time.
        `attributes`: of the car of each.
        """
        boot_ids = np.array([f"day {number}" for number in seqs.tolist()], dtype="S36")
        arrivals = self._arrivals(boot_ids, seqs, attributes, summary_of(days, end_ms))
        outcomes: list[FoldOutcome | None] = [None] * len(days)
        for one in self._fold_arrivals(states, cars, arrivals, None, {}):
            for row, outcome in zip(one.rows.tolist(), one.outcomes, strict=True):
                outcomes[row] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def _fold_arrivals(
        self,
        states: States,
        cars: Sequence[int],
        arrivals: Arrivals,
        places: Ints | None,
        codes: Mapping[int, CodeReport],
    ) -> Iterator[FoldRound]:
        every = np.array(cars, dtype=np.int64)
        for rows in _rounds(cars):
            yield self._fold_round(states, every[rows], arrivals, rows, places, codes)

    def serve(self, state: Record, record: ServiceRecord, predictor: Predictor) -> list[TrainingExample]:
        """Fold a service record into `state`, in place, and return all that it teaches.

        That is what became of the moments the state has kept, what the car's own sensors read, and what was found.
        """
        examples = self.horizons_passed(state, record)
        service = ServiceFold(predictor, self._layout)
        examples += service.read_sensors(state, record)
        found = service.apply(state, record)
        return examples if found is None else [*examples, found]

    def apply_service(self, state: Record, record: ServiceRecord, predictor: Predictor) -> TrainingExample | None:
        """Fold a service record into `state`, in place, and return the label it teaches, if any (see ServiceFold)."""
        return ServiceFold(predictor, self._layout).apply(state, record)

    def horizons_passed(self, state: Record, record: ServiceRecord) -> list[TrainingExample]:
        """What `record` tells of the moments that the state has kept, to be asked before it is applied."""
        return self._horizons.of(state, record)

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

    def _arrivals(
        self,
        boot_ids: npt.NDArray[np.bytes_],
        seqs: Ints,
        attributes: Sequence[VehicleAttributes],
        sums: SummaryBlock,
    ) -> Arrivals:
        """The uploads, with what the order of events must know of each, shape (k,)."""
        entries = np.zeros(len(seqs), dtype=self._layout.entry_dtype)
        entries["start_ms"], entries["span_ms"] = sums.start_ms, sums.end_ms - sums.start_ms
        entries["boot_tag"] = [crc32(boot_id) for boot_id in boot_ids.tolist()]
        entries["seq"] = seqs
        for name, readings in (("first_odometer_m", sums.first_odometer_m), ("odometer_m", sums.odometer_m)):
            entries[name] = np.where(readings == UNKNOWN, NO_READING, readings)
        entries["observed_m"] = np.rint(sums.observed_m)
        entries["trends"], entries["is_running"] = sums.trends, sums.is_running
        if self._layout.followed:
            entries["followed"] = sums.followed if self.regimes is None else self.regimes.compared(sums.followed)
        return Arrivals(
            boot_ids=boot_ids,
            seqs=seqs,
            built_ms=built_moments(attributes),
            powertrains=powertrain_codes(attributes),
            sums=sums,
            entries=entries,
        )

    def count_codes(self, states: States, cars: Ints, codes: Ints, at_ms: Ints) -> None:
        """Count that these codes (places in the catalogue's events) came up in these cars, in the order given."""
        for car, code, moment in zip(cars.tolist(), codes.tolist(), at_ms.tolist(), strict=True):
            self._codes.count(states, car, self._codes.names[code], moment)

    def _fold_round(
        self,
        states: States,
        cars: Ints,
        arrivals: Arrivals,
        rows: Ints,
        places: Ints | None,
        codes: Mapping[int, CodeReport],
    ) -> FoldRound:
        outcomes = [_REPLAYED] * len(rows)
        # Positions within the round: of what is no replay, and then of what is folded.
        todo = np.arange(len(rows))
        if places is not None:
            todo = np.flatnonzero(places[rows] > states["offsets"][cars, _OFFSET])
            states["offsets"][cars[todo], _OFFSET] = places[rows[todo]]
        some, own = cars[todo], rows[todo]
        verdicts, index = self._round.judge(states, some, arrivals, own)
        for i, row, verdict in zip(todo.tolist(), own.tolist(), verdicts.tolist(), strict=True):
            known = _OUTCOMES.get(verdict)
            outcomes[i] = known or FoldOutcome(FoldResult.REJECTED, arrivals.sums.reasons[row])
        fit = np.flatnonzero(verdicts == block_fold.FOLD)
        if len(fit):
            self._round.fold(states, some[fit], index[fit], arrivals, own[fit])
        if codes:
            for car, row in zip(some[fit].tolist(), own[fit].tolist(), strict=True):
                if row in codes:
                    fold_codes(states[car], codes[row], int(arrivals.sums.end_ms[row]))
                    for code in codes[row].added:
                        self._codes.count(states, car, code, int(arrivals.sums.end_ms[row]))
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
