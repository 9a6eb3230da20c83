"""Operators go back to a former model by one command, and forward again, on either log; every predictor follows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.catalogue_file import load_catalogue
from domain.errors import Conflict, DamagedSnapshot, NotFound
from domain.model_command import ModelCommand, ModelDeed
from domain.service_record import TrainingExample
from models.learner import Learner
from models.predictor import Predictor
from pitcall.command_line import build_parser
from pitcall.model import run_model
from pitcall.node import Node
from pitcall.settings import Settings, log_url
from pitcall.snapshot_key import snapshot_key
from streams.feed import snapshot_feed
from streams.model_log import ModelLog, is_command
from streams.producer import NewRecord
from streams.topic_scan import scan
from streams.topics import MODEL_SNAPSHOTS, TRAINING_EXAMPLES
from tests.unit.models.label_streams import pads
from tests.unit.models.service_steps import BATTERY
from tests.unit.models.test_wear import PADS
from workflow.messages import decode, encode

KEY = "the key of a test, thirty-two characters long"


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a log of either kind, of this test alone."""
    if request.param == "embedded":
        return Settings(data_dir=tmp_path)
    broker_url = f"pitcall-kafka://{request.getfixturevalue('own_kafka_broker')}"
    return Settings(data_dir=tmp_path, broker_url=broker_url, kafka_partitions=2, snapshot_key=KEY)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Node]:
    """A node; on leaving, everything in the log has been worked on."""
    async with Node(settings) as node:
        yield node
        await worked_off(node)


async def worked_off(node: Node) -> None:
    """Return when no record is unread, and the node's predictor has what its learner has learnt."""
    assert node.worker is not None
    async with asyncio.timeout(60):
        while (await node.waiting())["waiting"] or node.worker.snapshots_behind():  # noqa: ASYNC110  # no event for this
            await asyncio.sleep(0.02)
    node.raise_failure()


async def teach(node: Node, examples: Iterable[TrainingExample]) -> None:
    """As the vehicles agent does."""
    now = node.office.wall.now_ms()
    await node.producer.send_many([NewRecord(TRAINING_EXAMPLES, e.item.encode(), encode(e), now) for e in examples])


async def ask(settings: Settings, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What `pitcall model …` prints."""
    capsys.readouterr()
    assert await run_model(build_parser().parse_args(["model", *arguments, "--json"]), settings) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


async def row(settings: Settings, capsys: pytest.CaptureFixture[str], item: str = PADS) -> dict[str, Any]:
    (found,) = [row for row in (await ask(settings, capsys, "list"))["items"] if row["item"] == item]
    return found


async def rolled_back(settings: Settings, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Ask to go back to a version of a few labels; which."""
    before = await row(settings, capsys)
    assert (before["version"], before["labels"], before["takeover"]) == (12, 12, None)
    assert before["score"]["labels"] == 12 and before["drift"]["state"] == "warming up"
    target: dict[str, Any] = before["kept"][2]
    asked = await ask(settings, capsys, "rollback", PADS, str(target["version"]))
    assert (asked["to_version"], asked["serving_version"]) == (target["version"], 12)
    return target


async def another_predictor(settings: Settings) -> Predictor:
    """What a process that starts now would predict with."""
    predictor = Predictor(load_catalogue(settings.catalogue), snapshot_key(settings))

    def install(key: bytes, value: bytes) -> None:
        if key.decode() in predictor.catalogue.items:
            predictor.install(key.decode(), value)

    async with snapshot_feed(log_url(settings), install, on_crash=lambda error: None):
        return predictor


async def replayed(settings: Settings) -> Learner:
    """A learner that has no snapshot, and reads all labels and commands anew."""
    learner = Learner(load_catalogue(settings.catalogue), snapshot_key(settings))
    async with aclosing(scan(log_url(settings), TRAINING_EXAMPLES)) as records:
        async for _, record in records:
            if is_command(record):
                learner.obey(decode(record.value or b"", ModelCommand), record.timestamp_ms)
            else:
                learner.learn(decode(record.value or b"", TrainingExample), record.timestamp_ms)
    return learner


async def test_a_rollback_reaches_every_predictor_outlives_restarts_and_loses_no_label(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(settings) as node:
        await teach(node, pads(12, 1))
        await worked_off(node)
        if not settings.is_embedded:  # a deployment on Kafka does it while it runs
            target = await rolled_back(settings, capsys)
    if settings.is_embedded:
        target = await rolled_back(settings, capsys)

    async with running(settings) as node:
        await worked_off(node)
        assert node.worker is not None
        assert node.worker.predictor.version(PADS) == 13
        await teach(node, pads(4, 1, first=12))
    after = await row(settings, capsys)
    assert after["labels"] == target["labels"] + 4 and after["version"] == 17
    assert after["takeover"]["how"] == "rolled back" and after["takeover"]["from_version"] == target["version"]
    assert after["shadow"]["is_held"] and after["shadow"]["labels"] == 4
    served = (await another_predictor(settings)).model(PADS)
    assert (served.name, served.digest) == (after["name"], after["digest"])
    assert (await replayed(settings)).version_name(PADS) == after["name"]

    async with running(settings) as node:
        assert node.worker is not None and node.worker.versions()[PADS] == after["name"]
        await teach(node, pads(16, 1))  # all of them again
    assert (await row(settings, capsys))["name"] == after["name"]
    await ask(settings, capsys, "promote", PADS)
    async with running(settings):
        pass
    back = await row(settings, capsys)
    assert back["labels"] == 16 and back["version"] == 18 and back["takeover"]["how"] == "promoted"
    assert (await another_predictor(settings)).version(PADS) == 18


async def test_what_cannot_be_done_is_said_and_asks_nothing_of_the_learner(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(NotFound, match="PITCALL_DATA_DIR"):
        await ask(settings, capsys, "list")
    assert not (tmp_path / "snapshot.key").exists()
    async with running(settings) as node:
        await teach(node, pads(3, 1))
    for error, words in (
        (NotFound, ["rollback", "sunroof"]),
        (NotFound, ["rollback", PADS, "77"]),
        (Conflict, ["rollback", BATTERY]),
        (Conflict, ["promote", PADS]),
    ):
        with pytest.raises(error, match=words[1]):
            await ask(settings, capsys, *words)
    async with running(settings) as node:
        assert sum((await node.lag.ends((TRAINING_EXAMPLES,))).values()) == 3
    with pytest.raises(DamagedSnapshot, match="PITCALL_SNAPSHOT_KEY"):
        await ask(replace(settings, snapshot_key=KEY), capsys, "list")


async def test_what_can_no_longer_be_done_when_it_is_met_is_refused_and_the_labels_behind_it_are_learnt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(data_dir=tmp_path)
    async with running(settings) as node:
        await teach(node, pads(3, 1))
        log = ModelLog(node.broker_url, node.office.wall)
        await log.ask(ModelCommand("c-1", PADS, ModelDeed.ROLLBACK, 77))
        await log.ask(ModelCommand("c-2", "sunroof", ModelDeed.PROMOTE))
        await teach(node, pads(2, 1, first=3))
    found = await row(settings, capsys)
    assert found["labels"] == 5 and "no version 77" in found["events"][-1]["what"]


async def test_a_person_reads_what_serves_and_how_it_came(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(data_dir=tmp_path)
    async with running(settings) as node:
        await teach(node, pads(3, 1))
    for words in (["rollback", PADS, "1"], ["list"]):
        assert await run_model(build_parser().parse_args(["model", *words]), settings) == 0
    async with running(settings):
        pass
    asked, *_ = capsys.readouterr().out.splitlines()
    assert f"rollback of {PADS} to version 1" in asked
    await run_model(build_parser().parse_args(["model", "list"]), settings)
    told = capsys.readouterr().out
    assert f"{PADS}: version 4-" in told and "takeover rolled back from 1" in told
    assert "held for an operator" in told and "kept     0, 1, 2, 3" in told
    assert "brake_fluid: no model that learns" in told


async def test_a_damaged_snapshot_is_told_and_the_one_before_it_serves_after_a_restart_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(data_dir=tmp_path)
    async with running(settings) as node:
        await teach(node, pads(3, 1))
        await worked_off(node)
        await node.producer.send(MODEL_SNAPSHOTS, PADS.encode(), b"broken", timestamp_ms=node.office.wall.now_ms())
    assert await run_model(build_parser().parse_args(["model", "list", "--json"]), settings) == 0
    printed = capsys.readouterr()
    assert f"a snapshot of {PADS} is damaged" in printed.err
    assert [row["labels"] for row in json.loads(printed.out)["items"] if row["item"] == PADS] == [3]
    async with running(settings) as node:
        assert node.worker is not None and node.worker.predictor.version(PADS) == 3
        await teach(node, pads(1, 1, first=3))
    assert (await row(settings, capsys))["labels"] == 4
