"""What the vehicles agent sends is counted when it is durable, and not before."""

from collections import Counter
from collections.abc import Sequence

import pytest

from adapters.clocks import SettableClock
from domain.errors import Unavailable
from streams.block import Block, Record
from streams.measured import MeasuredProducer, measured
from streams.producer import NewRecord, RecordProducer
from streams.topics import PREDICTIONS, TELEMETRY_REJECTS
from workflow.metrics import NoMetrics

NOW = 1_760_000_000_000


class Tally(NoMetrics):
    """Behind the port: what was told."""

    def __init__(self) -> None:
        self.rejects: Counter[str] = Counter()
        self.records: Counter[tuple[str, str]] = Counter()
        self.delays: list[float] = []

    def rejected(self, reason: str) -> None:
        self.rejects[reason] += 1

    def handled(self, agent: str, topic: str, records: int) -> None:
        self.records[agent, topic] += records

    def predicted(self, delays_s: Sequence[float]) -> None:
        self.delays += delays_s


class MemoryProducer(RecordProducer):
    """Behind the port: takes everything, or nothing while it is away."""

    def __init__(self) -> None:
        self.is_away = False

    async def start(self) -> None: ...
    async def stop(self) -> None: ...

    async def send_many(self, records: Sequence[NewRecord]) -> list[tuple[int, int]]:
        if self.is_away:
            raise Unavailable("away")
        return [(0, offset) for offset, _ in enumerate(records)]


SENT = [
    NewRecord(PREDICTIONS, b"car", b"pads", NOW - 250),
    NewRecord(PREDICTIONS, b"car", b"oil", NOW - 250),
    NewRecord(PREDICTIONS, b"other", b"pads", NOW - 1_500),
    NewRecord(TELEMETRY_REJECTS, b"car", b"{}", NOW, (("reason", b"there are no samples"),)),
    NewRecord(TELEMETRY_REJECTS, b"car", b"{}", NOW, (("reason", b"\xff"),)),
    NewRecord(TELEMETRY_REJECTS, b"car", b"{}", NOW),
]


async def test_the_predictions_of_one_upload_count_once_and_rejects_by_the_kind_of_reason() -> None:
    tally = Tally()
    producer = MeasuredProducer(MemoryProducer(), tally, SettableClock(NOW))
    assert len(await producer.send_many(SENT)) == len(SENT)
    assert sorted(tally.delays) == [0.25, 1.5]
    assert tally.rejects == {"nothing_usable": 1, "other": 2}


async def test_what_was_not_sent_is_not_counted() -> None:
    tally, behind = Tally(), MemoryProducer()
    behind.is_away = True
    with pytest.raises(Unavailable):
        await MeasuredProducer(behind, tally, SettableClock(NOW)).send_many(SENT)
    assert (tally.delays, tally.rejects) == ([], {})


async def test_a_block_counts_when_it_is_handled_and_not_when_it_failed() -> None:
    tally = Tally()
    block = Block("topic", 0, [Record(n, b"car", b"x", NOW) for n in range(3)])
    has_failed = False

    async def fails_once(_block: Block) -> None:
        nonlocal has_failed
        if not has_failed:
            has_failed = True
            raise RuntimeError("not yet")

    handle = measured("agent", fails_once, tally)
    with pytest.raises(RuntimeError):
        await handle(block)
    assert not tally.records
    await handle(block)
    assert tally.records == {("agent", "topic"): 3}
