"""The Faust transport ``pitcall-kafka://``: Faust's own aiokafka driver, handing over blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import aiokafka
from aiokafka.errors import ConsumerStoppedError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.block import MAX_RECORDS, Block
from streams.commits import BlockConsumer
from streams.fetched_blocks import fetched_blocks
from streams.membership import Membership

COMMIT_PAUSE_S = 0.1
"""Time between two commits under load: each is a request to the group's coordinator."""

_GATE_POLL_S = 0.02


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's thread with the aiokafka consumer, which takes blocks from it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        conf = self.app.conf
        # A heartbeat's interval less than the session: joining is noted when it is answered, not when it was asked.
        self.membership = Membership(conf.broker_session_timeout - conf.broker_heartbeat_interval)

    async def on_start(self) -> None:
        """Connect, and hear whether the group still hears of this worker."""
        await super().on_start()
        self.membership.follow(self._ensure_consumer()._coordinator)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Read on from the committed offsets; from the beginning where nothing was committed yet."""
        return cast(Mapping[TP, int], await self.call_thread(self._seek_to_committed))

    async def _seek_to_committed(self) -> Mapping[Any, int | None]:
        consumer = self._ensure_consumer()
        committed: Mapping[Any, int | None] = await consumer.seek_to_committed()
        # aiokafka leaves these where they are. That is behind what was fetched and dropped, and would skip it.
        unread = [tp for tp, offset in committed.items() if not offset and not self.consumer._is_changelog_tp(TP(*tp))]
        if unread:
            await consumer.seek_to_beginning(*unread)
        return committed

    async def _fetch_records(  # the time-out is Faust's
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109
        max_records: int | None = None,
    ) -> Any:
        if not self.consumer.flow_active:
            return {}
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():
            return await fetched_blocks(fetcher, active_partitions, timeout or 0.0, max_records or MAX_RECORDS)


class Consumer(BlockConsumer, driver.Consumer):
    """Reads what is fetched of a partition as blocks."""

    RebalanceListener = driver.ConsumerRebalanceListener
    consumer_stopped_errors = driver.Consumer.consumer_stopped_errors
    commit_pause_s = COMMIT_PAUSE_S

    def is_member(self) -> bool:
        """Whether this worker is certainly in its group."""
        return cast(ConsumerThread, self._thread).membership.is_certain

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(  # the time-out is Faust's
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109
    ) -> Mapping[TP, list[Block]]:
        if not await self._wait_for_room(active_partitions, timeout):
            return {}
        servable = self._servable(active_partitions)
        if not servable:
            await asyncio.sleep(_GATE_POLL_S)
            return {}
        patience_s = self._patience_s(active_partitions, servable, timeout)
        fetched: Mapping[Any, list[Block]] = await super()._getmany(servable, patience_s)
        return {TP(*tp): blocks for tp, blocks in fetched.items()}


class Producer(driver.Producer):
    """Faust's producer, idempotent, that can also write a whole block to one partition at once."""

    def _settings_extra(self) -> Mapping[str, Any]:
        # Idempotent: aiokafka then sends a batch again, the same one, until it is acknowledged, and Kafka keeps it
        # once. Without it a batch that timed out could land behind a newer one.
        return {**super()._settings_extra(), "acks": "all", "enable_idempotence": True}

    async def append_batch(
        self, topic: str, partition: int, entries: Sequence[tuple[bytes, bytes | None]]
    ) -> Sequence[tuple[int, int]]:
        """Append keys and values to one partition; the first offset and the count of each batch it took.

        One batch of up to ``producer_max_batch_size`` bytes; more only when that is full.
        """
        producer = self._ensure_producer()
        written = []
        batch = producer.create_batch()
        for key, value in entries:
            if batch.append(timestamp=None, key=key, value=value) is None:
                written.append(await _send(producer, batch, topic, partition))
                batch = producer.create_batch()
                if batch.append(timestamp=None, key=key, value=value) is None:
                    raise ValueError(f"a value of {len(value or b'')} bytes doesn't fit into a batch for {topic}")
        written.append(await _send(producer, batch, topic, partition))
        return written


class Transport(driver.Transport):
    """Faust finds this by the URL scheme ``pitcall-kafka``."""

    Consumer: ClassVar[type[Consumer]] = Consumer
    Producer: ClassVar[type[Producer]] = Producer


async def _send(producer: aiokafka.AIOKafkaProducer, batch: Any, topic: str, partition: int) -> tuple[int, int]:
    count = batch.record_count()
    batch.close()
    # Shielded: cancelled, it would stay in the producer all the same, and be sent.
    metadata = await asyncio.shield(await producer.send_batch(batch, topic, partition=partition))
    return metadata.offset, count
