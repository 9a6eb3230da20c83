"""The vehicles agent: all that concerns a car, in order, into its state; and what the models say of it.

Order of effects for a block: outputs acknowledged, then the changelog, then memory, then the source. The state holds
the offset of the newest record in it, so a block that comes again repeats outputs, whose ids are deterministic, and
folds nothing twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from domain.catalogue import Catalogue
from domain.errors import PitcallError
from domain.service_record import ServiceRecord
from domain.telemetry import VehicleAttributes
from models.block_fold import Ints
from models.causes import Causes
from models.fold import FoldResult, FoldRound, VehicleFold
from models.predictor import Predictor
from models.record_rows import rows_at
from models.state_migration import FormerLayouts
from models.told import Telling, forget_told
from models.upload_block import UploadBlock
from models.vehicle_state import UNKNOWN, StateLayout, States
from streams.block import Block, Record
from streams.producer import NewRecord, RecordProducer
from streams.set_aside import set_aside
from streams.table import BlockTable
from streams.topics import (
    DOMAIN_EVENTS,
    PREDICTIONS,
    SERVICE_RECORDS,
    TELEMETRY_REJECTS,
    TELEMETRY_UPLOADS,
    TRAINING_EXAMPLES,
)
from streams.upload_headers import attributes, received_ms
from workflow.ingest import CONSENT_ENDED, CONSENT_TRUST_MS
from workflow.messages import decode, decode_event, encode
from workflow.signal_names import SignalNames
from workflow.upload_reading import Arrival, read_uploads

NEED_REOPENED = "pitcall.need-reopened.v1"
WITHDRAWN = b"withdrawn:"  # what stands in place of a state once prediction is no longer allowed


_Records = Sequence[tuple[Block, Record]]
_Car = tuple[int, bytes]  # a partition and a key: a maker's own producer may put a car into two


@dataclass
class _Outcome:
    """What blocks change: states of cars, ready for the changelog, and records to send by the place of their cause."""

    states: dict[_Car, bytes] = field(default_factory=dict)
    dropped: dict[_Car, int] = field(default_factory=dict)
    sends: dict[int, list[NewRecord]] = field(default_factory=dict)

    def send(self, position: int, record: NewRecord) -> None:
        """Send `record` for the record at `position` among all; what is sent stands in their order."""
        self.sends.setdefault(position, []).append(record)

    def sent(self) -> list[NewRecord]:
        """All that is to be sent, in order."""
        return [record for position in sorted(self.sends) for record in self.sends[position]]

    def entries(self) -> dict[int, dict[bytes, bytes | None]]:
        """The new values of each partition."""
        entries: dict[int, dict[bytes, bytes | None]] = {}
        for (partition, key), state in self.states.items():
            entries.setdefault(partition, {})[key] = state
        for (partition, key), at_ms in self.dropped.items():
            entries.setdefault(partition, {})[key] = WITHDRAWN + str(at_ms).encode()
        return entries


@dataclass
class _Arrivals:
    """The uploads of blocks that could be read and are allowed, in order, and the states of their cars.

    `positions` among all records, and `offsets`, of each upload; `cars`: the row of each upload's car in `keys`,
    `kept`, the states' bytes (None: a car that is new), `built_ms` and `withdrawn_ms`.
    """

    uploads: UploadBlock
    positions: list[int]
    offsets: list[int]
    cars: list[int]
    keys: list[_Car]
    kept: list[bytes | None]
    built_ms: list[int]
    withdrawn_ms: list[int]


class VehiclesAgent:
    """Reads telemetry-uploads, service-records and domain-events, which are co-partitioned by vehicle id."""

    def __init__(
        self,
        table: BlockTable,
        producer: RecordProducer,
        catalogue: Catalogue,
        layout: StateLayout,
        fold: VehicleFold,
        predictor: Predictor,
        *,
        former: FormerLayouts | None = None,
        predict_always: bool = False,
    ) -> None:
        """`former`: of which layouts states may be.

        `predict_always`: after every folded upload, due, told or not; for benches, where skipping is not speed.
        """
        self._predict_always = predict_always
        self._table = table
        self._producer = producer
        self._catalogue = catalogue
        self._layout = layout
        self._former = former or FormerLayouts(catalogue, layout)
        self._fold = fold
        self._predictor = predictor
        self._telling = Telling(catalogue, predictor.rows)
        self._names = SignalNames(catalogue)

    async def handle(self, blocks: Sequence[Block]) -> None:
        """Blocks of one topic, each of another partition, as one."""
        outcome = _Outcome()
        terms = {block.partition: self._table.term(block.partition) for block in blocks}
        records = [(block, record) for block in blocks for record in block.records]
        if blocks[0].topic == TELEMETRY_UPLOADS:
            self._uploads(records, outcome)
        else:
            step = {SERVICE_RECORDS: self._service_record, DOMAIN_EVENTS: self._domain_event}[blocks[0].topic]
            for position in range(len(records)):
                step(records, position, outcome)
        if outcome.sends:
            await self._producer.send_many(outcome.sent())
        writes = [
            self._table.write_block(partition, entries, terms[partition])
            for partition, entries in outcome.entries().items()
        ]
        # All of them to their end: what one partition meets must not cut off another's.
        for result in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    def _uploads(self, records: _Records, outcome: _Outcome) -> None:
        """Fold and predict the uploads of all cars together, the n-th of each car in the n-th round."""
        arrivals = self._arrivals(records, outcome)
        states = self._layout.block(self._catalogue, arrivals.kept, arrivals.built_ms)
        states["withdrawn_ms"] = arrivals.withdrawn_ms
        is_changed = np.zeros(len(states), dtype=np.bool_)
        for one in self._fold.fold_block(states, arrivals.cars, arrivals.uploads, arrivals.offsets):
            for row, car, result in zip(one.rows.tolist(), one.cars.tolist(), one.outcomes, strict=True):
                if result.result is FoldResult.REPLAYED:
                    continue
                is_changed[car] = True
                if result.result is FoldResult.REJECTED:
                    position = arrivals.positions[row]
                    outcome.send(position, _reject(records[position], result.reason))
            self._predict_round(records, one, states, arrivals, outcome)
        for row in np.flatnonzero(is_changed).tolist():
            outcome.states[arrivals.keys[row]] = self._layout.to_bytes(states[row])

    def _arrivals(self, records: _Records, outcome: _Outcome) -> _Arrivals:
        """Read the uploads; one that can't be read is rejected by itself, one that came after a withdrawal left out."""
        positions: list[int] = []
        arrived: list[Arrival] = []
        rows: dict[_Car, int] = {}
        cars: list[int] = []
        kept: list[bytes | None] = []
        withdrawn_ms: list[int] = []
        known = self._states_of(records)
        for position, (block, record) in enumerate(records):
            key = record.key or b""
            try:
                received, own = received_ms(record), attributes(record)
                arrival = Arrival(key.decode(), record.value or b"", received, own)
            except (PitcallError, ValueError) as error:
                outcome.send(position, _reject(records[position], str(error)))
                continue
            car = block.partition, key
            row = rows.get(car)
            if row is None:
                row = rows[car] = len(kept)
                withdrawn_ms.append(self._withdrawn_ms(known[car]))
                kept.append(_state(known[car]))
            if received <= withdrawn_ms[row]:
                continue
            positions.append(position)
            arrived.append(arrival)
            cars.append(row)
        reading = read_uploads(arrived, self._names)
        for place, refusal in reading.refused.items():
            position = positions[place]
            outcome.send(position, _reject(records[position], str(refusal)))
        built_ms = [0] * len(kept)
        for place in reading.places:
            built_ms[cars[place]] = built_ms[cars[place]] or arrived[place].attributes.built_ms
        return _Arrivals(
            uploads=reading.block,
            positions=[positions[place] for place in reading.places],
            offsets=[records[positions[place]][1].offset for place in reading.places],
            cars=[cars[place] for place in reading.places],
            keys=list(rows),
            kept=kept,
            built_ms=built_ms,
            withdrawn_ms=withdrawn_ms,
        )

    def _states_of(self, records: _Records) -> dict[_Car, bytes | None]:
        """What is kept of the cars that records are of."""
        keys: dict[int, dict[bytes, None]] = {}
        for block, record in records:
            keys.setdefault(block.partition, {})[record.key or b""] = None
        return {
            (partition, key): self._current(state)
            for partition, own in keys.items()
            for key, state in zip(own, self._table.get_many(partition, list(own)), strict=True)
        }

    def _current(self, kept: bytes | None) -> bytes | None:
        """What is kept of a car, a state in the layout that is in use."""
        return kept if kept is None or kept.startswith(WITHDRAWN) else self._former.current(kept)

    def _withdrawn_ms(self, kept: bytes | None) -> int:
        """Until when nothing that came of a car counts."""
        if kept is None:
            return UNKNOWN
        is_mark = kept.startswith(WITHDRAWN)
        return int(kept.removeprefix(WITHDRAWN)) if is_mark else self._layout.withdrawn_ms(kept)

    def _predict_round(
        self, records: _Records, one: FoldRound, states: States, arrivals: _Arrivals, outcome: _Outcome
    ) -> None:
        """Predict for the cars of a round whose state has moved materially."""
        folded = one.folded
        if not self._predict_always:
            folded = folded[self._fold.are_predictions_due(states, one.cars[folded])]
        if not len(folded):
            return
        self._fold.mark_many_predicted(states, one.cars[folded])
        rows = one.rows[folded]
        causes = Causes.of_uploads(arrivals.uploads, rows)
        positions = [arrivals.positions[row] for row in rows.tolist()]
        self._predict(records, positions, states, one.cars[folded], causes, outcome)

    def _predict(
        self, records: _Records, positions: Sequence[int], states: States, cars: Ints, causes: Causes, outcome: _Outcome
    ) -> None:
        """Predict for `cars`, their rows in `states`, a message each for the records at `positions` that cause them.

        A message holds all items of a car, and is sent when there is something to tell of any.
        """
        rows = self._predictor.predict_many(rows_at(states, cars), causes)
        has_news = self._telling.tell(states, cars, rows).any(axis=1) | self._predict_always
        told = np.flatnonzero(has_news)
        for i, value in zip(told.tolist(), self._predictor.rows.to_bytes(rows_at(rows, told)), strict=True):
            block, cause = records[positions[i]]
            row = NewRecord(PREDICTIONS, cause.key or b"", value, cause.timestamp_ms, partition=block.partition)
            outcome.send(positions[i], row)

    def _service_record(self, records: _Records, position: int, outcome: _Outcome) -> None:
        block, record = records[position]
        service = decode(record.value or b"", ServiceRecord)
        car = block.partition, record.key or b""
        kept = outcome.states.get(car) or self._current(self._table.get(*car))
        withdrawn_ms = self._withdrawn_ms(kept)
        if service.performed_ms <= withdrawn_ms:
            return
        own = _state(kept)
        state = self._layout.from_bytes(own) if own else self._layout.empty(self._catalogue, VehicleAttributes())
        state["withdrawn_ms"] = withdrawn_ms
        if record.offset <= self._layout.offset(state, SERVICE_RECORDS):
            return
        examples = self._fold.serve(state, service, self._predictor)
        self._layout.set_offset(state, SERVICE_RECORDS, record.offset)
        for example in examples:
            taught = NewRecord(TRAINING_EXAMPLES, example.item.encode(), encode(example), record.timestamp_ms)
            outcome.send(position, taught)
        states: States = np.array([state], dtype=self._layout.dtype)
        if int(state["last_ms"]) != UNKNOWN:
            self._predict(records, [position], states, np.array([0]), Causes.newest(states), outcome)
        outcome.states[car] = self._layout.to_bytes(states[0])

    def _domain_event(self, records: _Records, position: int, outcome: _Outcome) -> None:
        block, record = records[position]
        event = decode_event(record.value or b"")
        car = block.partition, record.key or b""
        if event.get("type") == NEED_REOPENED:
            self._tell_anew(car, record.offset, outcome)
        if event.get("type") not in CONSENT_ENDED or event["data"].get("purpose") != "prediction":
            return
        # The edge may have trusted the consent that little longer.
        at_ms = int(event["data"]["time_ms"]) + CONSENT_TRUST_MS
        kept = outcome.states.get(car) or self._current(self._table.get(*car))
        # One that comes again must not drop what came after a new consent.
        if at_ms > max(self._withdrawn_ms(kept), outcome.dropped.get(car, UNKNOWN)):
            outcome.states.pop(car, None)
            outcome.dropped[car] = at_ms

    def _tell_anew(self, car: _Car, offset: int, outcome: _Outcome) -> None:
        """A need whose visit fell through is weighed again: what speaks against it must be told once more."""
        kept = outcome.states.get(car) or self._current(self._table.get(*car))
        if kept is None or kept.startswith(WITHDRAWN) or car in outcome.dropped:
            return
        state = self._layout.from_bytes(kept)
        if offset > self._layout.offset(state, DOMAIN_EVENTS):
            forget_told(state, self._layout)
            self._layout.set_offset(state, DOMAIN_EVENTS, offset)
            outcome.states[car] = self._layout.to_bytes(state)


def _state(kept: bytes | None) -> bytes | None:
    """The state in what is kept of a car; None where there is none, or none any more."""
    return None if kept is None or kept.startswith(WITHDRAWN) else kept


def _reject(rejected: tuple[Block, Record], reason: str) -> NewRecord:
    """The upload as it came, with why it could not be used and where it stood: (topic, partition, offset) is its id."""
    block, record = rejected
    return set_aside(TELEMETRY_REJECTS, block.topic, block.partition, record, {"reason": reason})
