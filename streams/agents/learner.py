"""The learner agent: one learner per item learns where labels arrive, and publishes what it has learnt."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from domain.errors import Conflict, NotFound
from domain.model_command import ModelCommand
from domain.service_record import TrainingExample
from models.learner import Learner
from streams.block import Block, Record
from streams.model_log import is_command
from streams.producer import NewRecord, RecordProducer
from streams.topics import MODEL_SNAPSHOTS
from workflow.messages import decode

logger = logging.getLogger(__name__)

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
        """One block of labels and commands, in their order."""
        lines = [(_line(record), record.timestamp_ms) for record in block.records]
        for item in dict.fromkeys(line.item for line, _ in lines):
            # Another worker may have taught this item before its partition came here.
            newest = self._newest(item)
            if newest is not None and self._learner.restore(item, newest):
                self._published[item] = self._learner.versions()[item]
        # Beside the loop: growing trees takes tenths of a second.
        await asyncio.to_thread(self._take, lines)
        # What a moment long ago came to is no finding of today's: it only teaches.
        examples = [line for line, _ in lines if isinstance(line, TrainingExample) and line.made_ms is None]
        await self._publish(block, {line.item for line, _ in lines if isinstance(line, ModelCommand)})
        for example in examples:
            await self._record_label(example, self._learner.version_name(example.item))

    def _take(self, lines: list[tuple[TrainingExample | ModelCommand, int]]) -> None:
        for line, at_ms in lines:
            if isinstance(line, ModelCommand):
                self._obey(line, at_ms)
            else:
                self._learn(line, at_ms)

    def _learn(self, example: TrainingExample, at_ms: int) -> None:
        """Learn it, and say in the log what it led to: drift, a promotion, a candidate that retires."""
        life = self._learner.life(example.item)
        before = life.events
        self._learner.learn(example, at_ms)
        if life.events is not before:
            logger.warning("%s at version %d: %s", example.item, life.events[-1].version, life.events[-1].what)

    def _obey(self, command: ModelCommand, at_ms: int) -> None:
        """Do it, or remember that it could not be done: things may have changed since it was asked for."""
        try:
            if self._learner.obey(command, at_ms):
                name = self._learner.version_name(command.item)
                logger.info("%s of %s is done: %s serves", command.deed, command.item, name)
        except (Conflict, NotFound) as error:
            logger.warning("%s of %s is refused: %s", command.deed, command.item, error)
            if command.item in self._learner.versions():
                self._learner.refuse(command, str(error), at_ms)

    async def _publish(self, block: Block, commanded: set[str]) -> None:
        """Publish every item that was taught since it was last acknowledged; also after a try that failed.

        And what was `commanded`: a refusal is to be seen, too.
        """
        versions = self._learner.versions()
        due = [
            item
            for item, version in versions.items()
            if version > self._published.get(item, 0) or (item in commanded and version)
        ]
        last = block.records[-1]
        snapshots = [
            NewRecord(MODEL_SNAPSHOTS, item.encode(), self._learner.snapshot(item, last.offset), last.timestamp_ms)
            for item in due
        ]
        if snapshots:
            await self._producer.send_many(snapshots)
        self._published |= {item: versions[item] for item in due}


def _line(record: Record) -> TrainingExample | ModelCommand:
    """The label or command in a record; InvalidInput when it is neither."""
    value = record.value or b""
    return decode(value, ModelCommand) if is_command(record) else decode(value, TrainingExample)
