"""ModelLog: what the log knows of the models, and asking for a promotion or a rollback, from outside the workers.

A command stands on `training-examples`, under its item's key: the item's one learner meets it in one order with the
labels, so that whoever reads the log again comes to the same models.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Sequence
from contextlib import aclosing

from domain.clock import WallClock
from domain.model_command import ModelCommand
from streams.block import Record
from streams.feed import AT_START
from streams.producer import record_producer
from streams.topic_scan import scan
from streams.topics import MODEL_SNAPSHOTS, TRAINING_EXAMPLES
from workflow.messages import encode

COMMAND_HEADER = "model-command"


def is_command(record: Record) -> bool:
    """Whether a record of `training-examples` is a command, and no label."""
    return any(name == COMMAND_HEADER for name, _ in record.headers)


class ModelLog:
    """The models of one log, read without moving anything in it."""

    def __init__(self, broker_url: str, wall: WallClock) -> None:
        self._broker_url = broker_url
        self._wall = wall

    async def snapshots(self, items: Container[str]) -> dict[str, Sequence[bytes]]:
        """The newest two snapshots of each of `items` that has any, older first; raises as `topic_scan.scan` does."""
        newest: dict[str, deque[bytes]] = {}
        async with aclosing(scan(self._broker_url, MODEL_SNAPSHOTS)) as records:
            async for _, record in records:
                # Beside the models stand descriptions of layouts, under keys that are no items.
                item = (record.key or b"").decode(errors="replace")
                if record.value is not None and item in items:
                    newest.setdefault(item, deque(maxlen=AT_START)).append(record.value)
        return dict(newest)

    async def ask(self, command: ModelCommand) -> None:
        """Ask the learner for what `command` says; durable on return. Unavailable when the log is away."""
        async with record_producer(self._broker_url) as producer:
            await producer.send(
                TRAINING_EXAMPLES,
                command.item.encode(),
                encode(command),
                ((COMMAND_HEADER, b"1"),),
                timestamp_ms=self._wall.now_ms(),
            )
