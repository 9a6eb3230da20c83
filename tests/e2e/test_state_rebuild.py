"""`pitcall state rebuild`, as an operator runs it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from pitcall.bench.recovering import RecoveringWorker
from pitcall.command_line import main
from streams.topics import EMBEDDED_PARTITIONS, create_topics


async def keep_states(folder: Path, cars: int) -> None:
    url = f"pitcall-log://{folder}/log.sqlite"
    await create_topics(url)
    async with RecoveringWorker(url, folder, EMBEDDED_PARTITIONS, is_on_disk=True) as worker:
        for partition in range(EMBEDDED_PARTITIONS):
            states = {b"car-%d-%d" % (partition, n): b"state %d" % n for n in range(cars)}
            await worker.table.write_block(partition, dict(states))


def test_it_tells_what_it_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(keep_states(tmp_path, cars=100))
    monkeypatch.setenv("PITCALL_DATA_DIR", str(tmp_path))
    assert main(["state", "rebuild", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told.pop("wall_s") > 0
    assert told == {
        "partitions": EMBEDDED_PARTITIONS,
        "states": 100 * EMBEDDED_PARTITIONS,
        "records_read": 100 * EMBEDDED_PARTITIONS,
    }


def test_a_folder_without_states_is_refused_by_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PITCALL_DATA_DIR", str(tmp_path))
    assert main(["state", "rebuild"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("pitcall: no states are kept in ")
    assert said.endswith("name the folder of a worker that keeps them by PITCALL_DATA_DIR\n")
