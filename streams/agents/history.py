"""The history agent: blocks of uploads into aggregates per upload and signal, in one batch per block.

Order of effects: aggregates are stored, then the source is acknowledged. What a withdrawal takes back is deleted, then
noted in the table, then the source is acknowledged: an event that comes again finds the note, and deletes nothing that
was uploaded after a new consent.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence

from domain.catalogue import Catalogue
from domain.errors import InvalidInput
from domain.signal_history import SignalAggregate
from models.upload_aggregate import UploadAggregator
from streams.block import Block, Record
from streams.table import BlockTable
from streams.topics import DOMAIN_EVENTS, TELEMETRY_UPLOADS
from streams.upload_headers import attributes, received_ms
from workflow.ingest import CONSENT_ENDED, CONSENT_TRUST_MS
from workflow.messages import decode_event
from workflow.signal_history import SignalHistory
from workflow.signal_names import SignalNames
from workflow.upload_reading import Arrival, read_uploads

SLICE_BYTES = 100_000
"""So much of a block is worked on between two looks at the event loop: some milliseconds of JSON."""


class HistoryAgent:
    """Reads telemetry-uploads and domain-events, which are co-partitioned by vehicle id.

    `share` (above 0, at most 1) bounds the part of a core that it takes: it lags by design, and where it shares a
    process with the stream, a backlog of its own must not slow that.

    `withdrawals` holds until when uploads may have come in although a car's owner had withdrawn prediction: this agent
    may lag, and one from before then that it reads afterwards must not bring back what was deleted.
    """

    def __init__(
        self, withdrawals: BlockTable, history: SignalHistory, catalogue: Catalogue, *, share: float = 1.0
    ) -> None:
        self._withdrawals = withdrawals
        self._history = history
        self._aggregator = UploadAggregator(catalogue)
        self._names = SignalNames(catalogue)
        self._rest = 1.0 / share - 1.0

    async def handle(self, block: Block) -> None:
        """One block of one partition of one of the two topics; Unavailable while the history is away."""
        step = {TELEMETRY_UPLOADS: self._uploads, DOMAIN_EVENTS: self._domain_events}[block.topic]
        await step(block)

    async def _uploads(self, block: Block) -> None:
        wanted = [record for record in block.records if not self._is_withdrawn(block, record)]
        points: list[SignalAggregate] = []
        # Not in a thread: one that computes holds the interpreter for 5 ms whenever the event loop wants it back.
        for some in _slices(wanted):
            began_s = time.perf_counter()
            points += self._aggregates(some)
            await asyncio.sleep((time.perf_counter() - began_s) * self._rest)
        if points:
            began_s = time.perf_counter()
            await self._history.append(points)
            await asyncio.sleep((time.perf_counter() - began_s) * self._rest)

    def _is_withdrawn(self, block: Block, record: Record) -> bool:
        withdrawn = self._withdrawals.get(block.partition, record.key or b"")
        return withdrawn is not None and _received_ms(record) <= int(withdrawn)

    def _aggregates(self, records: Sequence[Record]) -> list[SignalAggregate]:
        """Of what can be read; the rest the vehicles agent puts among the rejects, with the reason."""
        arrivals = []
        for record in records:
            with contextlib.suppress(UnicodeDecodeError, InvalidInput):
                key, received, own = (record.key or b"").decode(), received_ms(record), attributes(record)
                arrivals.append(Arrival(key, record.value or b"", received, own))
        return self._aggregator.aggregate(read_uploads(arrivals, self._names).block)

    async def _domain_events(self, block: Block) -> None:
        withdrawn: dict[bytes, bytes | None] = {}
        term = self._withdrawals.term(block.partition)
        for record in block.records:
            event = decode_event(record.value or b"")
            if event.get("type") not in CONSENT_ENDED or event["data"].get("purpose") != "prediction":
                continue
            key, at_ms = record.key or b"", int(event["data"]["time_ms"]) + CONSENT_TRUST_MS
            if at_ms > int(withdrawn.get(key) or self._withdrawals.get(block.partition, key) or -1):
                withdrawn[key] = str(at_ms).encode()
        for key in withdrawn:
            await self._history.forget(key.decode())
        if withdrawn:
            await self._withdrawals.write_block(block.partition, withdrawn, term)


def _received_ms(record: Record) -> int:
    """When the edge received it; a record whose header is no time is one for the rejects, and of no time."""
    try:
        return received_ms(record)
    except InvalidInput:
        return 0


def _slices(records: Iterable[Record]) -> Iterator[list[Record]]:
    """The records in lists of about `SLICE_BYTES`, each with one record at least."""
    some: list[Record] = []
    size = 0
    for record in records:
        some.append(record)
        size += len(record.value or b"")
        if size >= SLICE_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some
