"""Agents that take blocks: acknowledge when done, wait while something is away, set poison aside and go on."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from domain.errors import Unavailable
from streams.app import StreamApp
from streams.backoff import pauses_s
from streams.block import Block, Headers, Record
from streams.table import PartitionRevoked
from streams.topics import DEAD_LETTERS

logger = logging.getLogger(__name__)

Handle = Callable[[Block], Awaitable[None]]

RETRIES = 2
"""Times a block that failed is tried again before its records are tried one by one."""
MAX_ERROR_TEXT = 500


def block_agent(app: StreamApp, name: str, topics: Sequence[str], handle: Handle) -> Any:
    """Register an agent that hands each block of the topics, in order per partition, to `handle`.

    Several topics must be co-partitioned; one block is handled at a time. `handle` must be idempotent, for a block
    may come again. The block is acknowledged when `handle` returns. When it raises `Unavailable` it is called again
    with the same block, after a pause, until it succeeds: nothing is skipped or acknowledged meanwhile. Any other
    error: two more tries, then record by record; a record that still fails goes to the dead letters, and the rest
    goes on.
    """
    channel = app.topic(*topics, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    worker = _BlockWorker(app, name, handle)

    async def run(stream: Any) -> None:
        # Faust's own acknowledging is compiled in, and counts single offsets: so noack, and acknowledge ourselves.
        async for event in stream.noack().events():
            if await worker.work_off(event.message.block):
                event.ack()

    return app.agent(channel, name=name, concurrency=1)(run)


def _place(error: BaseException) -> str:
    """File and line where the error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


class _BlockWorker:
    def __init__(self, app: StreamApp, name: str, handle: Handle) -> None:
        self._app = app
        self._name = name
        self._handle = handle

    async def work_off(self, block: Block) -> bool:
        """Handle a block for good; false when its partition was revoked, so that it must not be acknowledged."""
        try:
            if await self._try(block, RETRIES) is not None:
                for record in block.records:
                    await self._work_off_record(block, record)
        except PartitionRevoked:
            return False
        return not block.is_revoked

    async def _work_off_record(self, block: Block, record: Record) -> None:
        if block.is_revoked:
            raise PartitionRevoked(str(block))
        error = await self._try(Block(block.topic, block.partition, [record]), 0, of=block)
        if error is not None:
            await self._set_aside(block, record, error)

    async def _try(self, block: Block, retries: int, of: Block | None = None) -> Exception | None:
        """Handle a block; None when that succeeded, else the error after the last of `retries` more tries."""
        pauses = pauses_s()
        while True:
            if (of or block).is_revoked:
                raise PartitionRevoked(str(block))
            try:
                await self._handle(block)
                return None
            except Unavailable as error:
                self._app.outages += 1
                logger.warning("agent %s waits with %r: %s", self._name, block, error)
            except PartitionRevoked:
                raise
            except Exception as error:
                # No text of the error in the log: it may quote what the record holds.
                name = type(error).__name__
                logger.warning("agent %s failed on %r: %s at %s", self._name, block, name, _place(error))
                if retries == 0:
                    return error
                retries -= 1
            await asyncio.sleep(next(pauses))

    async def _set_aside(self, block: Block, record: Record, error: Exception) -> None:
        headers: Headers = (
            *record.headers,
            ("agent", self._name.encode()),
            ("topic", block.topic.encode()),
            ("partition", str(block.partition).encode()),
            ("offset", str(record.offset).encode()),
            ("error", f"{type(error).__name__}: {error}"[:MAX_ERROR_TEXT].encode()),
        )
        for pause_s in pauses_s():
            if block.is_revoked:
                raise PartitionRevoked(str(block))
            try:
                await self._app.producer.send_and_wait(
                    DEAD_LETTERS, record.key, record.value, None, record.timestamp_ms / 1000, list(headers)
                )
            except (Unavailable, KafkaError, ProducerSendError) as unsent:
                self._app.outages += 1
                logger.warning("agent %s waits for the dead letters: %s", self._name, unsent)
                await asyncio.sleep(pause_s)
            else:
                break
        logger.error("agent %s: %s[%d]@%d is a dead letter", self._name, block.topic, block.partition, record.offset)
