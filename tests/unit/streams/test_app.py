"""The app shares a loop with others, and no part of it dies in silence."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from streams.agent import block_agent
from streams.app import StreamApp, create_app
from streams.block import Block
from streams.local_log import Entry, LocalLog
from streams.topics import create_topics


@pytest.fixture
def crashes() -> asyncio.Queue[BaseException]:
    return asyncio.Queue()


@pytest.fixture
async def app(tmp_path: Path, crashes: asyncio.Queue[BaseException]) -> StreamApp:
    url = f"pitcall-log://{tmp_path}/log"
    await create_topics(url)
    return create_app(url, tmp_path / "worker", on_crash=crashes.put_nowait)


async def ignore(block: Block) -> None:
    """Do nothing with a block."""


async def test_a_part_that_dies_is_reported_once(app: StreamApp, crashes: asyncio.Queue[BaseException]) -> None:
    async def die() -> None:
        raise RuntimeError("a part died")

    block_agent(app, "reader", ["telemetry-uploads"], ignore)
    await app.start()
    app.consumer.add_future(die())
    app.topics.add_future(die())
    assert str(await asyncio.wait_for(crashes.get(), 10)) == "a part died"
    await app.stop()
    assert crashes.empty()


async def test_an_agent_that_dies_is_reported(
    app: StreamApp, crashes: asyncio.Queue[BaseException], tmp_path: Path
) -> None:
    async def break_down(stream: Any) -> None:
        async for _ in stream.noack().events():
            raise RuntimeError("the agent broke")

    app.agent(app.topic("telemetry-uploads", key_type=bytes, value_type=bytes), name="broken")(break_down)
    await app.start()
    with LocalLog.shared(f"pitcall-log://{tmp_path}/log") as log:
        await log.append([Entry("telemetry-uploads", 0, b"car", b"upload", 1)])
        assert str(await asyncio.wait_for(crashes.get(), 10)) == "the agent broke"
    await app.stop()


async def test_an_orderly_stop_is_no_crash(app: StreamApp, crashes: asyncio.Queue[BaseException]) -> None:
    block_agent(app, "reader", ["telemetry-uploads"], ignore)
    await app.start()
    await app.stop()
    assert crashes.empty()


async def test_it_opens_no_port_and_leaves_logging_alone(app: StreamApp) -> None:
    handlers = list(logging.getLogger().handlers)
    level = logging.getLogger().level
    block_agent(app, "reader", ["telemetry-uploads"], ignore)
    await app.start()
    assert logging.getLogger().handlers == handlers
    assert logging.getLogger().level == level
    assert not app.conf.web_enabled
    await app.stop()


async def test_an_app_without_its_topics_says_which_is_missing(
    tmp_path: Path, crashes: asyncio.Queue[BaseException]
) -> None:
    app = create_app(f"pitcall-log://{tmp_path}/empty", tmp_path / "worker", on_crash=crashes.put_nowait)
    block_agent(app, "reader", ["telemetry-uploads"], ignore)
    starting = asyncio.create_task(app.start())
    assert "there is no topic telemetry-uploads" in str(await asyncio.wait_for(crashes.get(), 10))
    await app.stop()
    await asyncio.wait_for(starting, 10)
