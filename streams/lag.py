"""How much of the log a consumer group hasn't handled yet."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from domain.errors import NotFound, Unavailable
from streams.local_log import LocalLog
from streams.topics import APP_ID, is_embedded, kafka_servers

Lag = dict[tuple[str, int], int]


class LagReader(ABC):
    """Asks either log, again and again, how far the group is behind."""

    @abstractmethod
    async def start(self) -> None:
        """Connect."""

    @abstractmethod
    async def stop(self) -> None:
        """Disconnect."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @abstractmethod
    async def lag(self, topics: Sequence[str]) -> Lag:
        """Records of each (topic, partition) the group hasn't handled yet.

        0 everywhere means: everything appended before the call is handled, its effects durable.
        """

    @abstractmethod
    async def ends(self, topics: Sequence[str]) -> dict[str, int]:
        """How many records each topic has ever taken."""


def lag_reader(broker_url: str, group: str = APP_ID) -> LagReader:
    """The reader for a log's URL; not started yet."""
    return LogLagReader(broker_url, group) if is_embedded(broker_url) else KafkaLagReader(broker_url, group)


async def lag(broker_url: str, topics: Sequence[str], group: str = APP_ID) -> Lag:
    """Ask once; to ask often keep a `lag_reader`."""
    async with lag_reader(broker_url, group) as reader:
        return await reader.lag(topics)


class LogLagReader(LagReader):
    """Reads the embedded log's own memory: a few microseconds a call, only in the process that has the log."""

    def __init__(self, broker_url: str, group: str) -> None:
        self._broker_url = broker_url
        self._group = group
        self._log: LocalLog | None = None

    async def start(self) -> None:
        """Join the log's users."""
        self._log = LocalLog.shared(self._broker_url)

    async def stop(self) -> None:
        """Give the log back."""
        if self._log is not None:
            self._log.close()
            self._log = None

    async def lag(self, topics: Sequence[str]) -> Lag:
        """Records of each partition the group hasn't handled yet."""
        if self._log is None:
            raise Unavailable("the lag reader is not started")
        return self._log.lag(self._group, topics)

    async def ends(self, topics: Sequence[str]) -> dict[str, int]:
        """How many records each topic has ever taken."""
        log = self._log
        if log is None:
            raise Unavailable("the lag reader is not started")
        return {topic: sum(log.end(topic, partition) for partition in range(log.partitions(topic))) for topic in topics}


class KafkaLagReader(LagReader):
    """Asks Kafka for ends and committed offsets, over one connection and without joining the group."""

    def __init__(self, broker_url: str, group: str) -> None:
        self._servers = kafka_servers(broker_url)
        self._group = group
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connect; `Unavailable` when no broker answers."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            client_id="pitcall-lag",
            group_id=self._group,
            enable_auto_commit=False,
        )
        try:
            await consumer.start()
        except KafkaError as error:
            await consumer.stop()
            raise Unavailable(f"Kafka at {', '.join(self._servers)} can't be reached: {error}") from error
        self._consumer = consumer

    async def stop(self) -> None:
        """Disconnect."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def lag(self, topics: Sequence[str]) -> Lag:
        """Records of each partition the group hasn't handled yet."""
        consumer = self._consumer
        if consumer is None:
            raise Unavailable("the lag reader is not started")
        try:
            tps = [tp for topic in topics for tp in await self._partitions(consumer, topic)]
            # What is committed first, then the ends: an agent's outputs are in the log before its source is committed,
            # so what comes of all that is committed here is among the ends, and 0 everywhere is never 0 too early.
            committed = await consumer._coordinator.fetch_committed_offsets(tps)
            ends = await consumer.end_offsets(tps)
            # What the retention took unread is nobody's to handle any more: it would be waited for without end.
            behind = [tp for tp in tps if tp not in committed or committed[tp].offset < ends[tp]]
            starts = await consumer.beginning_offsets(behind) if behind else {}
        except KafkaError as error:
            raise Unavailable(f"Kafka didn't tell the lag: {error}") from error
        nexts = {tp: max(starts.get(tp, 0), committed[tp].offset if tp in committed else 0) for tp in tps}
        return {(tp.topic, tp.partition): max(ends[tp] - nexts[tp], 0) for tp in tps}

    async def ends(self, topics: Sequence[str]) -> dict[str, int]:
        """How many records each topic has ever taken."""
        consumer = self._consumer
        if consumer is None:
            raise Unavailable("the lag reader is not started")
        try:
            found = {topic: await consumer.end_offsets(await self._partitions(consumer, topic)) for topic in topics}
        except KafkaError as error:
            raise Unavailable(f"Kafka didn't tell the ends: {error}") from error
        return {topic: sum(ends.values()) for topic, ends in found.items()}

    async def _partitions(self, consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
        await consumer._client._wait_on_metadata(topic)
        partitions = consumer.partitions_for_topic(topic)
        if not partitions:
            raise NotFound(f"Kafka has no topic {topic}; create the topics before starting")
        return [TopicPartition(topic, partition) for partition in sorted(partitions)]
