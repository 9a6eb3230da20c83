"""The learner agent: one learner per item learns where labels arrive, and publishes what it has learnt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from domain.service_record import TrainingExample
from models.learner import Learner
from streams.block import Block
from streams.producer import NewRecord, RecordProducer
from streams.topics import MODEL_SNAPSHOTS
from workflow.messages import decode

RecordLabel = Callable[[TrainingExample, str], Awaitable[None]]
NewestSnapshot = Callable[[str], bytes | None]


class LearnerAgent:
    """Order of effects: the snapshot is published, then the label is told, then the source acknowledged.

    A block that comes again finds its label ids inside the snapshot and teaches nothing twice.
    """

    def __init__(
        self, learner: Learner, producer: RecordProducer, newest: NewestSnapshot, record_label: RecordLabel
    ) -> None:
        self._learner = learner
        self._producer = producer
        self._newest = newest
        self._record_label = record_label

    async def handle(self, block: Block) -> None:
        """One block of labels, learnt in their order."""
        examples = [(record, decode(record.value or b"", TrainingExample)) for record in block.records]
        items = dict.fromkeys(example.item for _, example in examples)
        for item in items:
            # Another worker may have taught this item before its partition came here.
            published = self._newest(item)
            if published is not None:
                self._learner.restore(item, published)
        learnt = {example.item for _, example in examples if self._learner.learn(example)}
        timestamp_ms = block.records[-1].timestamp_ms
        snapshots = [
            NewRecord(
                MODEL_SNAPSHOTS, item.encode(), self._learner.snapshot(item, block.records[-1].offset), timestamp_ms
            )
            for item in items
            if item in learnt
        ]
        if snapshots:
            await self._producer.send_many(snapshots)
        for _, example in examples:
            await self._record_label(example, self._learner.version_name(example.item))
