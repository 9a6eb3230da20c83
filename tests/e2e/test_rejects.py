"""Rejects: an upload that could not be used is kept as it came, and used once its cause is mended."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from domain.errors import NotFound
from pitcall.command_line import build_parser
from pitcall.node import Node
from pitcall.rejects import run_rejects
from pitcall.settings import Settings
from streams.producer import NewRecord
from streams.topics import PREDICTIONS, TELEMETRY_REJECTS, TELEMETRY_UPLOADS
from tests.support.moments import NOW
from workflow.enrol import enrol_vehicle, issue_enrolment_token
from workflow.messages import encode

SPEED, LATER = "Vehicle.Speed", "Vehicle.Cabin.HVAC.AmbientAirTemperature"
"""A signal of today's catalogue, and one that it will only know later."""


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a log of either kind, of this test alone."""
    if request.param == "embedded":
        return Settings(data_dir=tmp_path)
    broker_url = f"pitcall-kafka://{request.getfixturevalue('own_kafka_broker')}"
    return Settings(data_dir=tmp_path, broker_url=broker_url, kafka_partitions=4)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Node]:
    """A node; on leaving, everything in the log has been worked on."""
    async with Node(settings) as node:
        yield node
        async with asyncio.timeout(60):
            while (await node.waiting())["waiting"]:  # noqa: ASYNC110  # Kafka has no event for this
                await asyncio.sleep(0.05)
        node.raise_failure()


async def a_car(node: Node) -> str:
    token = await issue_enrolment_token(node.office)
    car, _ = await enrol_vehicle(
        node.office,
        token=token,
        make="Testmobil",
        model="Eins",
        model_year=2021,
        powertrain="petrol",
        mass_kg=1400.0,
        built_ms=NOW - 10**10,
    )
    return car.vehicle_id


async def produce(node: Node, vehicle_id: str, *bodies: bytes) -> None:
    """As a maker who writes to the topic does."""
    headers = (("received-ms", str(NOW).encode()), ("attributes", encode({"powertrain": "petrol"})))
    stamp_ms = node.office.wall.now_ms()  # an older record would be past its retention, and go
    records = [NewRecord(TELEMETRY_UPLOADS, vehicle_id.encode(), body, stamp_ms, headers) for body in bodies]
    await node.producer.send_many(records)


def upload(seq: int, *paths: str) -> bytes:
    whole = {
        "schema": 1,
        "boot_id": "boot",
        "seq": seq,
        "start_ms": NOW + seq * 60_000,
        "offsets_ms": [0, 1000],
        "signals": {path: [20.0, 21.0] for path in (SPEED, *paths)},
    }
    return json.dumps(whole).encode()


def with_later_signal(settings: Settings) -> Settings:
    """The same with tomorrow's catalogue."""
    catalogue = settings.data_dir / "later.yaml"
    today = settings.catalogue.read_text()
    catalogue.write_text(today.replace("signals:\n", f"signals:\n  {LATER}: {{unit: Celsius, min: -60, max: 70}}\n", 1))
    return replace(settings, catalogue=catalogue)


async def ask(settings: Settings, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What `pitcall rejects …` prints."""
    capsys.readouterr()
    assert await run_rejects(build_parser().parse_args(["rejects", *arguments, "--json"]), settings) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


async def count(node: Node, topic: str) -> int:
    return (await node.lag.ends((topic,)))[topic]


async def test_a_reject_is_counted_shown_mended_and_sent_again_once(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(settings) as node:
        car = await a_car(node)
        await produce(node, car, b"{broken", upload(1, LATER), upload(2, LATER), b"\x81broken")
    listed = await ask(settings, capsys, "list")
    assert (listed["rejects"], listed["replayed"]) == (4, 0)
    assert listed["reasons"]["unknown signal"] == 2
    assert sum(listed["reasons"].values()) == 4
    unknown = [row["id"] for row in listed["newest"] if row["reason"] == "unknown signal"]
    shown = await ask(settings, capsys, "show", unknown[0])
    assert shown["body"].encode() in (upload(1, LATER), upload(2, LATER))
    assert shown["vehicle_id"] == car
    assert shown["headers"]["received-ms"] == str(NOW)

    first = await ask(settings, capsys, "replay", unknown[0])
    assert first == {"sent": 1, "sent_before": 0, "rejected_again": 0}
    later = with_later_signal(settings)
    async with running(later) as node:
        pass
    rest = await ask(later, capsys, "replay", "--all")
    assert rest == {"sent": 3, "sent_before": 1, "rejected_again": 0}
    async with running(later) as node:
        pass
    async with running(later) as node:
        predicted = await count(node, PREDICTIONS)
        assert predicted > 0
        rejected = await count(node, TELEMETRY_REJECTS)
        assert rejected == 6, "what is broken stays broken"
    repeated = await ask(later, capsys, "replay", "--all")
    assert repeated == {"sent": 0, "sent_before": 4, "rejected_again": 2}
    forced = await ask(later, capsys, "replay", *unknown, "--again")
    assert forced["sent"] == 2
    async with running(later) as node:
        pass
    async with running(later) as node:
        assert await count(node, PREDICTIONS) == predicted, "the fold has these uploads already"
        assert await count(node, TELEMETRY_REJECTS) == rejected


async def test_a_record_too_large_to_be_kept_whole_is_kept_cut_and_holds_up_nothing(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = b"{" + b" " * 1_040_000
    async with running(settings) as node:
        car = await a_car(node)
        if settings.is_embedded:
            await produce(node, car, huge, b"")
        else:
            servers = settings.broker_url.removeprefix("pitcall-kafka://")
            async with AIOKafkaProducer(bootstrap_servers=servers, max_request_size=1_048_576) as maker:
                await maker.send_and_wait(TELEMETRY_UPLOADS, huge, key=car.encode())
                many = [("odd", b"x" * 500_000), ("received-ms", b"y" * 500_000)]
                await maker.send_and_wait(TELEMETRY_UPLOADS, b"", key=car.encode(), headers=many)
        await produce(node, car, upload(1))
    async with running(settings) as node:
        assert await count(node, PREDICTIONS) > 0, "the upload behind it was used"
    rows = (await ask(settings, capsys, "list"))["newest"]
    assert len(rows) == 2
    (row,) = [row for row in rows if "at most 983,040 bytes" in row["reason"]]
    shown = await ask(settings, capsys, "show", row["id"])
    assert shown["bytes"] == 65_536
    assert shown["headers"]["cut-from-bytes"] == str(len(huge))


async def test_what_is_not_there_is_said(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    async with running(settings) as node:
        await produce(node, await a_car(node), b"{broken")
    with pytest.raises(NotFound, match="no reject nowhere/0/0"):
        await ask(settings, capsys, "show", "nowhere/0/0")
    with pytest.raises(NotFound, match="no reject nowhere/0/0; 0 others"):
        await ask(settings, capsys, "replay", "nowhere/0/0")
    assert (await ask(settings, capsys, "replay", "--reason", "no such reason"))["sent"] == 0
    assert (await ask(settings, capsys, "list"))["replayed"] == 0


async def test_while_something_runs_on_the_embedded_log_the_command_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(data_dir=tmp_path)
    async with running(settings):
        command = [str(Path(sys.executable).with_name("pitcall")), "rejects", "list"]
        process = await asyncio.create_subprocess_exec(
            *command, env={"PITCALL_DATA_DIR": str(tmp_path)}, stderr=asyncio.subprocess.PIPE
        )
        _, told = await process.communicate()
    assert process.returncode == 1
    assert b"a running Pitcall has this embedded log" in told


async def test_without_a_log_the_command_makes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NotFound, match="PITCALL_DATA_DIR"):
        await ask(Settings(data_dir=tmp_path), capsys, "list")
    assert not (tmp_path / "log.sqlite").exists()
