"""The vehicles agent: all that concerns a car, in order, into its state; and what the models say of it.

Order of effects for a block: outputs acknowledged, then the changelog, then memory, then the source. The state holds
the offset of the newest record in it, so a block that comes again repeats outputs, whose ids are deterministic, and
folds nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.catalogue import Catalogue
from domain.errors import PitcallError
from domain.prediction import Prediction
from domain.service_record import ServiceRecord
from domain.telemetry import VehicleAttributes
from models.fold import FoldResult, VehicleFold
from models.predictor import Predictor
from models.vehicle_state import Record as State
from models.vehicle_state import StateLayout
from streams.block import Block, Headers, Record
from streams.producer import NewRecord, RecordProducer
from streams.table import BlockTable
from streams.topics import (
    DOMAIN_EVENTS,
    PREDICTIONS,
    SERVICE_RECORDS,
    TELEMETRY_REJECTS,
    TELEMETRY_UPLOADS,
    TRAINING_EXAMPLES,
)
from workflow.ingest import CONSENT_TRUST_MS
from workflow.messages import decode, decode_attributes, decode_event, encode
from workflow.upload_codec import decode_upload

WITHDRAWN = b"withdrawn:"  # what stands in place of a state once prediction is no longer allowed


@dataclass
class _Outcome:
    """What a block changes: states by key (bytes ready for the changelog) and records to send."""

    states: dict[bytes, State] = field(default_factory=dict)
    dropped: dict[bytes, int] = field(default_factory=dict)
    sends: list[NewRecord] = field(default_factory=list)


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
        predict_always: bool = False,
    ) -> None:
        """`predict_always`: after every folded upload, due or not; for benchmarks, where skipping is not speed."""
        self._predict_always = predict_always
        self._table = table
        self._producer = producer
        self._catalogue = catalogue
        self._layout = layout
        self._fold = fold
        self._predictor = predictor
        self._signals = frozenset(catalogue.signals)

    async def handle(self, block: Block) -> None:
        """One block of one partition of one of the three topics."""
        step = {
            TELEMETRY_UPLOADS: self._upload,
            SERVICE_RECORDS: self._service_record,
            DOMAIN_EVENTS: self._domain_event,
        }[block.topic]
        outcome = _Outcome()
        for record in block.records:
            step(block, record, outcome)
        if outcome.sends:
            await self._producer.send_many(outcome.sends)
        entries: dict[bytes, bytes | None] = {
            key: self._layout.to_bytes(state) for key, state in outcome.states.items()
        }
        entries |= {key: WITHDRAWN + str(at_ms).encode() for key, at_ms in outcome.dropped.items()}
        if entries:
            await self._table.write_block(block.partition, entries)

    def _upload(self, block: Block, record: Record, outcome: _Outcome) -> None:
        headers = dict(record.headers)
        try:
            received_ms = int(headers.get("received-ms", b"0"))
            attributes = decode_attributes(headers.get("attributes", b"{}"))
            upload = decode_upload(
                record.value or b"",
                vehicle_id=(record.key or b"").decode(),
                received_ms=received_ms,
                known_signals=self._signals,
            )
        except (PitcallError, ValueError) as error:
            outcome.sends.append(_reject(block, record, str(error)))
            return
        state = self._state_of(block, record, attributes, outcome, received_ms)
        if state is None:
            return
        (result,) = self._fold.fold(state, [upload], attributes, [record.offset])
        if result.result is FoldResult.REPLAYED:
            return
        outcome.states[record.key or b""] = state
        if result.result is FoldResult.REJECTED:
            outcome.sends.append(_reject(block, record, result.reason))
        elif result.is_folded and (self._predict_always or self._fold.is_prediction_due(state)):
            self._fold.mark_predicted(state)
            self._predict(record, state, str(upload.id), outcome)

    def _service_record(self, block: Block, record: Record, outcome: _Outcome) -> None:
        service = decode(record.value or b"", ServiceRecord)
        state = self._state_of(block, record, VehicleAttributes(), outcome, service.performed_ms)
        if state is None or record.offset <= self._layout.offset(state, SERVICE_RECORDS):
            return
        example = self._fold.apply_service(state, service, self._predictor)
        self._layout.set_offset(state, SERVICE_RECORDS, record.offset)
        outcome.states[record.key or b""] = state
        if example is not None:
            key = example.item.encode()
            outcome.sends.append(NewRecord(TRAINING_EXAMPLES, key, encode(example), record.timestamp_ms))
        self._predict(record, state, f"{service.vehicle_id}/{service.record_id}", outcome)

    def _domain_event(self, block: Block, record: Record, outcome: _Outcome) -> None:
        event = decode_event(record.value or b"")
        if event.get("type") != "pitcall.consent-withdrawn.v1" or event["data"].get("purpose") != "prediction":
            return
        key = record.key or b""
        outcome.states.pop(key, None)
        # The edge may have trusted the consent that little longer.
        outcome.dropped[key] = int(event["data"]["time_ms"]) + CONSENT_TRUST_MS

    def _state_of(
        self, block: Block, record: Record, attributes: VehicleAttributes, outcome: _Outcome, at_ms: int
    ) -> State | None:
        """The car's state to work on, or None when its owner withdrew prediction after `at_ms`."""
        key = record.key or b""
        if key in outcome.states:
            return outcome.states[key]
        kept = self._table.get(block.partition, key)
        if kept is not None and not kept.startswith(WITHDRAWN):
            return self._layout.from_bytes(kept)
        if kept is not None and at_ms <= int(kept.removeprefix(WITHDRAWN)):
            return None
        return self._layout.empty(self._catalogue, attributes)

    def _predict(self, record: Record, state: State, cause: str, outcome: _Outcome) -> None:
        vehicle_id = (record.key or b"").decode()
        predictions: list[Prediction] = self._predictor.predict([state], [vehicle_id], [cause])
        for prediction in predictions:
            outcome.sends.append(NewRecord(PREDICTIONS, record.key or b"", encode(prediction), record.timestamp_ms))


def _reject(block: Block, record: Record, reason: str) -> NewRecord:
    """The upload as it came, with why it could not be used and where it stood: (topic, partition, offset) is its id."""
    headers: Headers = (
        *record.headers,
        ("reason", reason.encode()),
        ("topic", block.topic.encode()),
        ("partition", str(block.partition).encode()),
        ("offset", str(record.offset).encode()),
    )
    return NewRecord(TELEMETRY_REJECTS, record.key or b"", record.value, record.timestamp_ms, headers)
