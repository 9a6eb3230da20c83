"""Malformed, huge and deeply nested records in every topic: each is set aside with its reason, and holds up nothing."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from models.vehicle_state import StateLayout
from pitcall.node import Node
from pitcall.settings import Settings
from streams.producer import NewRecord
from streams.rejects import Rejects
from streams.topic_scan import scan
from streams.topics import (
    DEAD_LETTERS,
    DOMAIN_EVENTS,
    PREDICTIONS,
    SERVICE_RECORDS,
    TELEMETRY_UPLOADS,
    TRAINING_EXAMPLES,
    VEHICLE_STATES,
    changelog_name,
)
from tests.faults.in_process import a_fleet, all_handled
from tests.support.http_town import PlainPasswords
from tests.support.moments import NOW

UPLOAD: dict[str, Any] = {
    "schema": 1, "boot_id": "boot", "seq": 0, "start_ms": NOW, "offsets_ms": [0, 1000],
    "signals": {"Vehicle.Speed": [10.0, 11.0]},
}  # fmt: skip
NO_RECORD = (
    None,
    b"",
    b"{",
    b"\xff\xfe",
    b"[" * 400_000,
    b'{"a":' * 100_000,
    b"\x81\xa1a" * 100_000 + b"\x01",
    b"\x91" * 400_000,
    b'"' + b"x" * 900_000 + b'"',
    b'{"id": ' + b"9" * 200_000 + b"}",
)
"""What no topic's reader can read."""
NO_UPLOAD = (
    *NO_RECORD,
    *(
        json.dumps(UPLOAD | changes).encode()
        for changes in (
            {"schema": 2},
            {"seq": -1},
            {"seq": 2**32},
            {"boot_id": "x" * 10_000},
            {"signals": {"Vehicle.Speed": [10.0]}},
            {"signals": {"Vehicle.NoSuchThing": [1.0, 2.0]}},
            {"signals": {"Vehicle.Speed": ["fast", "faster"]}},
            {"signals": {f"Vehicle.S{n}": [1.0, 2.0] for n in range(5_000)}},
            {"offsets_ms": [0, 0]},
            {"offsets_ms": list(range(20_000))},
            {"vehicle_id": "another-car"},
            {"vss": "0"},
        )
    ),
    msgspec.msgpack.encode(UPLOAD),
)


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a log of either kind, of this test alone."""
    if request.param == "embedded":
        return Settings(data_dir=tmp_path)
    broker_url = f"pitcall-kafka://{request.getfixturevalue('own_kafka_broker')}"
    return Settings(
        data_dir=tmp_path, broker_url=broker_url, kafka_partitions=4,
        history_url="", snapshot_key="a-key-of-this-test-that-is-long-enough",
    )  # fmt: skip


async def produce(node: Node, topic: str, car: str, bodies: list[bytes | None]) -> None:
    headers = (("received-ms", str(NOW + 60_000).encode()), ("attributes", b"{}"))
    await node.producer.send_many(
        [NewRecord(topic, car.encode(), body, node.office.wall.now_ms(), headers) for body in bodies]
    )


async def test_every_upload_is_folded_or_rejected_and_every_reject_can_be_sent_again(settings: Settings) -> None:
    async with Node(settings, passwords=PlainPasswords()) as node:
        fleet = await a_fleet(node)
        car = fleet.cars[0]
        sound = [json.dumps(UPLOAD | {"seq": n, "start_ms": NOW + n * 60_000}).encode() for n in range(40)]
        mixed: list[bytes | None] = list(sound)
        for n, bad in enumerate(NO_UPLOAD):
            mixed.insert(2 * n, bad)
        await produce(node, TELEMETRY_UPLOADS, car, mixed)
        await all_handled(node)
        rejects = Rejects(node.broker_url, node.office.wall, partitions=settings.kafka_partitions)
        if settings.is_embedded:
            rejects = Rejects(node.broker_url, node.office.wall)
        counts = await rejects.count()
        async with aclosing(rejects.read()) as found:
            kept = Counter([reject.value async for reject in found])
        assert kept == Counter(bad or b"" for bad in NO_UPLOAD), "as they came, each once"
        assert all(counts.by_reason)
        assert await folded(node, car) + counts.total == len(mixed)
        assert (await node.lag.ends((DEAD_LETTERS,)))[DEAD_LETTERS] == 0
        replay = await rejects.replay(lambda _: True)
        assert replay.sent == len(NO_UPLOAD)
        await all_handled(node)
        again = await rejects.count()
        assert (again.total, again.replayed) == (2 * len(NO_UPLOAD), len(NO_UPLOAD)), "rejected again, not lost"
        assert await folded(node, car) == len(sound)


async def folded(node: Node, car: str) -> int:
    """How many uploads of one boot the car's state holds: they came without a gap."""
    layout = StateLayout(node.catalogue)
    async with aclosing(scan(node.broker_url, changelog_name(VEHICLE_STATES))) as changes:
        states = [change.value async for _, change in changes if change.key == car.encode()]
    return sum(boot.last_seq - boot.first_seq + 1 for boot in layout.uploads(layout.from_bytes(states[-1] or b"")))


async def test_what_no_agent_can_read_is_a_dead_letter_once_and_the_rest_goes_on(settings: Settings) -> None:
    readers = {
        SERVICE_RECORDS: "vehicles",
        DOMAIN_EVENTS: "vehicles",
        PREDICTIONS: "needs",
        TRAINING_EXAMPLES: "learner",
    }
    async with Node(settings, passwords=PlainPasswords()) as node:
        car = (await a_fleet(node)).cars[0]
        for topic in readers:
            await produce(node, topic, car, list(NO_RECORD))
        await produce(node, TELEMETRY_UPLOADS, car, [json.dumps(UPLOAD).encode()])
        await all_handled(node)
        assert await folded(node, car) == 1, "the same car's upload was used"
        async with aclosing(scan(node.broker_url, DEAD_LETTERS)) as found:
            letters = [(dict(record.headers), record.value) async for _, record in found]
        for topic, agent in readers.items():
            own = [value for headers, value in letters if (headers["topic"], headers["agent"]) == _bytes(topic, agent)]
            assert Counter(own) == Counter(NO_RECORD), topic
        assert all(headers["error"] for headers, _ in letters)


def _bytes(*texts: str) -> tuple[bytes, ...]:
    return tuple(text.encode() for text in texts)
