"""Each test here runs on the embedded log and on a real Kafka."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from streams.lag import lag_reader
from streams.producer import NewRecord, record_producer
from tests.integration.streams.counting import Place

STAMP_MS = int(time.time() * 1000)
"""Of records in a real Kafka: older ones are past their retention, and go whenever it looks."""

_numbers = itertools.count()


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The log's URL."""
    if request.param == "embedded":
        return f"pitcall-log://{tmp_path}/log"
    return f"pitcall-kafka://{request.getfixturevalue('kafka_broker')}"


@pytest.fixture
async def place(broker_url: str, tmp_path: Path) -> Place:
    """A log with topics of this test's own."""
    number = next(_numbers)
    place = Place(broker_url, tmp_path, f"walk-{number}", [f"odd-{number}", f"even-{number}"])
    await place.prepare()
    return place


def records(place: Place, count: int, keys: int = 20, source: int = 0) -> list[NewRecord]:
    """So many records, spread over so many keys."""
    return [
        NewRecord(place.sources[source], f"car-{n % keys}".encode(), f"upload {n}".encode(), STAMP_MS + n)
        for n in range(count)
    ]


async def append(place: Place, new: Sequence[NewRecord]) -> None:
    """Append records, durably."""
    async with record_producer(place.broker_url) as producer:
        await producer.send_many(new)


async def all_handled(place: Place, within_s: float = 40) -> None:
    """Return when the group's lag is 0 everywhere."""
    async with asyncio.timeout(within_s), lag_reader(place.broker_url, place.app_id) as reader:
        while any((await reader.lag(place.sources)).values()):  # noqa: ASYNC110  # Kafka has no event for this
            await asyncio.sleep(0.01)


def expected(*batches: Sequence[NewRecord]) -> dict[str, int]:
    """The counts that the records must give."""
    return dict(Counter(record.key.decode() for batch in batches for record in batch))
