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
        self._published: dict[str, int] = {}

    async def handle(self, block: Block) -> None:
        """One block of labels, learnt in their order."""
        examples = [(record, decode(record.value or b"", TrainingExample)) for record in block.records]
        for item in dict.fromkeys(example.item for _, example in examples):
            # Another worker may have taught this item before its partition came here.
            newest = self._newest(item)
            if newest is not None and self._learner.restore(item, newest):
                self._published[item] = self._learner.versions()[item]
        for _, example in examples:
            self._learner.learn(example)
        await self._publish(block)
        for _, example in examples:
            await self._record_label(example, self._learner.version_name(example.item))

    async def _publish(self, block: Block) -> None:
        """Publish every item that was taught since it was last acknowledged; also after a try that failed."""
        versions = self._learner.versions()
        due = [item for item, version in versions.items() if version > self._published.get(item, 0)]
        last = block.records[-1]
        snapshots = [
            NewRecord(MODEL_SNAPSHOTS, item.encode(), self._learner.snapshot(item, last.offset), last.timestamp_ms)
            for item in due
        ]
        if snapshots:
            await self._producer.send_many(snapshots)
        self._published |= {item: versions[item] for item in due}
