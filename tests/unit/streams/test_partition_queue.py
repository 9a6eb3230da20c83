"""What many callers send to one partition goes together, in order, and every caller learns what became of its own."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from streams.partition_queue import PartitionQueue
from streams.producer import NewRecord

BATCH_BYTES = 100


class _Batch:
    def __init__(self) -> None:
        self.values: list[bytes] = []

    def append(self, *, timestamp: int, key: bytes, value: bytes, headers: list[Any]) -> object | None:
        if sum(map(len, [*self.values, value])) > BATCH_BYTES:
            return None
        self.values.append(value)
        return object()

    def close(self) -> None:
        pass


class _Kafka:
    """Takes batches one after the other, each only when `let` says so."""

    def __init__(self) -> None:
        self.taken: list[list[bytes]] = []
        self.let = asyncio.Semaphore(0)
        self.failures: list[Exception] = []
        self.offset = 0

    create_batch = staticmethod(_Batch)

    async def send_batch(self, batch: _Batch, topic: str, *, partition: int) -> asyncio.Future[Any]:
        await self.let.acquire()
        if self.failures:
            raise self.failures.pop()
        self.taken.append(batch.values)
        done = asyncio.get_running_loop().create_future()
        done.set_result(SimpleNamespace(offset=self.offset))
        self.offset += len(batch.values)
        return done


def _records(*values: bytes) -> list[NewRecord]:
    return [NewRecord("telemetry-uploads", b"car", value, 1_700_000_000_000) for value in values]


def _queue(kafka: _Kafka) -> PartitionQueue:
    return PartitionQueue(cast(AIOKafkaProducer, kafka), "telemetry-uploads", 0)


async def test_what_waits_for_an_acknowledgement_goes_as_one_batch_in_order() -> None:
    kafka = _Kafka()
    queue = _queue(kafka)
    first = queue.add(_records(b"1"))
    await asyncio.sleep(0)
    others = [queue.add(_records(b"2", b"3")), queue.add(_records(b"4"))]
    for _ in range(2):
        kafka.let.release()
    assert await first == [0]
    assert await asyncio.gather(*others) == [[1, 2], [3]]
    assert kafka.taken == [[b"1"], [b"2", b"3", b"4"]]


async def test_what_one_batch_does_not_hold_goes_in_the_next_and_the_caller_gets_all_offsets() -> None:
    kafka = _Kafka()
    queue = _queue(kafka)
    for _ in range(3):
        kafka.let.release()
    big, small = queue.add(_records(*[bytes([65 + n]) * 60 for n in range(3)])), queue.add(_records(b"z" * 40))
    assert await big == [0, 1, 2]
    assert await small == [3]
    assert [list(map(len, batch)) for batch in kafka.taken] == [[60], [60], [60, 40]]


async def test_a_batch_that_fails_fails_its_callers_and_no_other() -> None:
    kafka = _Kafka()
    queue = _queue(kafka)
    kafka.failures = [KafkaTimeoutError()]
    lost, halves = queue.add(_records(b"1")), queue.add(_records(b"x" * 90, b"y" * 90))
    await asyncio.sleep(0)
    later = queue.add(_records(b"2"))
    for _ in range(3):
        kafka.let.release()
    # All that fits went into the first batch: the caller's other records are not sent without those before them.
    for failed in (lost, halves):
        with pytest.raises(KafkaTimeoutError):
            await failed
    assert await later == [0]
    assert kafka.taken == [[b"2"]]


async def test_a_record_that_fits_no_batch_is_refused_and_those_behind_it_go_on() -> None:
    kafka = _Kafka()
    queue = _queue(kafka)
    kafka.let.release()
    refused, next_one = queue.add(_records(b"x" * 101)), queue.add(_records(b"1"))
    with pytest.raises(MessageSizeTooLargeError):
        await refused
    assert await next_one == [0]


async def test_a_caller_that_goes_away_does_not_stop_its_records() -> None:
    kafka = _Kafka()
    queue = _queue(kafka)
    waiting = asyncio.create_task(asyncio.wait_for(asyncio.shield(queue.add(_records(b"1"))), 0.01))
    with pytest.raises(TimeoutError):
        await waiting
    kafka.let.release()
    await queue.drained()
    assert kafka.taken == [[b"1"]]
