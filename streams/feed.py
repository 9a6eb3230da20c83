"""Reading all of a small, compacted topic and then everything new: how every predictor holds the newest models."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from domain.errors import NotFound, Unavailable
from streams.block import Record
from streams.local_log import LocalLog
from streams.topics import MODEL_SNAPSHOTS, is_embedded, kafka_servers

OnSnapshot = Callable[[bytes, bytes], None]
OnCrash = Callable[[BaseException], None]

KAFKA_POLL_S = 1.0
AT_START = 2


class SnapshotFeed(ABC):
    """Hands over the newest two records of each key at start, older first, then each newer one, in the event loop.

    The newest may be damaged: then the one before it serves after a restart, too, where compaction has left it.

    It reads every partition, in no consumer group: each process that has a feed sees all records. Tombstones are
    left out. `on_snapshot` must be short, and deal with a damaged snapshot itself; an error it raises stops the feed
    and goes to `on_crash`, as does every other failure, so that no predictor goes stale in silence.
    """

    def __init__(self, topic: str, on_snapshot: OnSnapshot, on_crash: OnCrash) -> None:
        self._topic = topic
        self._on_snapshot = on_snapshot
        self._on_crash = on_crash
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Hand over what is there, then go on in the background."""
        await self._open()
        try:
            newest: dict[bytes, deque[bytes]] = {}
            for record in await self._read_to_end():
                kept = newest.setdefault(record.key or b"", deque(maxlen=AT_START))
                if record.value is None:
                    kept.clear()
                else:
                    kept.append(record.value)
            for key, values in newest.items():
                for value in values:
                    self._on_snapshot(key, value)
        except BaseException:
            await self._close()
            raise
        self._task = asyncio.create_task(self._follow(), name=f"feed of {self._topic}")

    async def stop(self) -> None:
        """Stop reading."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            await self._close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _follow(self) -> None:
        try:
            while True:
                for record in await self._read_new():
                    if record.value is not None:
                        self._on_snapshot(record.key or b"", record.value)
        except Exception as error:
            self._on_crash(error)

    @abstractmethod
    async def _open(self) -> None: ...

    @abstractmethod
    async def _close(self) -> None: ...

    @abstractmethod
    async def _read_to_end(self) -> Iterable[Record]:
        """All records up to the ends the partitions have now."""

    @abstractmethod
    async def _read_new(self) -> Iterable[Record]:
        """Wait for records, at most a while, and return them."""


def snapshot_feed(
    broker_url: str, on_snapshot: OnSnapshot, *, on_crash: OnCrash, topic: str = MODEL_SNAPSHOTS
) -> SnapshotFeed:
    """The feed for a log's URL; not started yet."""
    if is_embedded(broker_url):
        return LogSnapshotFeed(broker_url, topic, on_snapshot, on_crash)
    return KafkaSnapshotFeed(broker_url, topic, on_snapshot, on_crash)


class LogSnapshotFeed(SnapshotFeed):
    """A feed from the embedded log."""

    def __init__(self, broker_url: str, topic: str, on_snapshot: OnSnapshot, on_crash: OnCrash) -> None:
        super().__init__(topic, on_snapshot, on_crash)
        self._broker_url = broker_url
        self._positions: dict[int, int] = {}
        self._is_changed = asyncio.Event()

    async def _open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._log = LocalLog.shared(self._broker_url)
        self._positions = dict.fromkeys(range(self._log.partitions(self._topic)), 0)
        self._log.add_listener(self._on_log_changed)

    async def _close(self) -> None:
        self._log.remove_listener(self._on_log_changed)
        self._log.close()

    def _on_log_changed(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closing; nobody waits any more
            self._loop.call_soon_threadsafe(self._is_changed.set)

    async def _read_to_end(self) -> Iterable[Record]:
        return self._read_ready()

    async def _read_new(self) -> Iterable[Record]:
        self._is_changed.clear()
        records = self._read_ready()
        if not records:
            await self._is_changed.wait()
        return records

    def _read_ready(self) -> list[Record]:
        found: list[Record] = []
        for partition in self._positions:
            while records := self._log.read(self._topic, partition, self._positions[partition]):
                found += records
                self._positions[partition] = records[-1].offset + 1
        return found


class KafkaSnapshotFeed(SnapshotFeed):
    """A feed from Kafka."""

    def __init__(self, broker_url: str, topic: str, on_snapshot: OnSnapshot, on_crash: OnCrash) -> None:
        super().__init__(topic, on_snapshot, on_crash)
        self._servers = kafka_servers(broker_url)

    async def _open(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            client_id="pitcall-feed",
            group_id=None,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_partition_fetch_bytes=2_000_000,
        )
        try:
            await consumer.start()
            await consumer._client._wait_on_metadata(self._topic)
        except KafkaError as error:
            await consumer.stop()
            raise Unavailable(f"Kafka at {', '.join(self._servers)} can't be reached: {error}") from error
        partitions = consumer.partitions_for_topic(self._topic)
        if not partitions:
            await consumer.stop()
            raise NotFound(f"Kafka has no topic {self._topic}; create the topics before starting")
        self._tps = [TopicPartition(self._topic, partition) for partition in sorted(partitions)]
        consumer.assign(self._tps)
        self._consumer = consumer

    async def _close(self) -> None:
        await self._consumer.stop()

    async def _read_to_end(self) -> Iterable[Record]:
        records: list[Record] = []
        try:
            ends = await self._consumer.end_offsets(self._tps)
            await self._consumer.seek_to_beginning(*self._tps)
            # By position, not by the last record's offset: compaction may have taken the last one out.
            while any([await self._consumer.position(tp) < ends[tp] for tp in self._tps]):
                records += await self._read_new()
        except KafkaError as error:
            raise Unavailable(f"Kafka didn't give {self._topic}: {error}") from error
        return records

    async def _read_new(self) -> Iterable[Record]:
        fetched = await self._consumer.getmany(timeout_ms=int(KAFKA_POLL_S * 1000))
        return [
            Record(message.offset, message.key, message.value, message.timestamp)
            for messages in fetched.values()
            for message in messages
        ]
