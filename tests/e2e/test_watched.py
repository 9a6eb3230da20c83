"""A running process as those see it who keep it running: metrics, readiness, and an end when it is stuck."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.metrics import GAUGES
from pitcall.loop_guard import STUCK_EXIT
from streams.local_log import Entry, LocalLog
from streams.topics import PREDICTIONS, create_topics
from tests.e2e.demo_run import environment
from tests.e2e.logged import log_url
from tests.e2e.part import Part, api_part, url_of
from tests.servers.process import free_port

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ports(tmp_path: Path) -> dict[str, str]:
    """Settings of an embedded process with a port for metrics."""
    return {"PITCALL_DATA_DIR": str(tmp_path / "data"), "PITCALL_METRICS_PORT": str(free_port())}


def watched_at(ports: dict[str, str], path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{ports['PITCALL_METRICS_PORT']}{path}", timeout=20.0)


def test_the_inner_port_tells_everything_without_a_credential_and_the_outer_only_to_operators(
    tmp_path: Path, ports: dict[str, str]
) -> None:
    with api_part(tmp_path / "log", **ports) as api:
        url = url_of(api)
        assert watched_at(ports, "/healthz").json() == {"alive": True}
        ready = watched_at(ports, "/readyz")
        assert ready.status_code == 200
        assert ready.json()["recovery"] == {"remaining": 0, "progress": 1.0}
        answer = watched_at(ports, "/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        families = {family.name: family for family in text_string_to_metric_families(answer.text)}
        assert set(GAUGES) <= set(families)
        assert families["pitcall_ready"].samples[0].value == 1
        assert {sample.value for sample in families["pitcall_component_up"].samples} == {1.0}
        assert httpx.get(f"{url}/metrics").status_code == 401
        assert api.end() == 0


def test_without_the_setting_no_other_port_is_open(tmp_path: Path, ports: dict[str, str]) -> None:
    with api_part(tmp_path / "log", **ports | {"PITCALL_METRICS_PORT": "0"}) as api:
        url_of(api)
        with pytest.raises(httpx.ConnectError):
            watched_at(ports, "/metrics")


def test_a_port_that_is_taken_is_named_with_its_setting(tmp_path: Path, ports: dict[str, str]) -> None:
    taken = {"PITCALL_HTTP_PORT": ports["PITCALL_METRICS_PORT"]}
    with Part(tmp_path / "log", "api", **ports | taken) as api:
        assert api.process.wait(30) == 1
        assert "choose another by PITCALL_METRICS_PORT" in api.said()


BLOCKING = """
import asyncio, time
from pitcall.loop_guard import LoopGuard

async def main():
    async with LoopGuard({limit_s}, stop_s=1.0) as guard:
        await asyncio.sleep(0.5)
        {then}
    print("came to its end")

asyncio.run(main())
"""


async def run_guarded(then: str, limit_s: float = 1.0) -> tuple[int | None, str, str]:
    """Exit code and output of a process whose loop does this under a guard."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BLOCKING.format(then=then, limit_s=limit_s), cwd=ROOT, env=environment(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), err.decode()


async def test_a_process_whose_loop_stands_still_ends_and_says_where_it_stood() -> None:
    code, out, err = await run_guarded("time.sleep(600)")
    assert (code, out) == (STUCK_EXIT, "")
    assert "pitcall: the process is stuck and ends: its event loop has not turned" in err
    assert "<string>:8" in err


async def test_a_process_that_has_failed_and_does_not_stop_is_ended() -> None:
    code, out, err = await run_guarded("guard.condemn(); await asyncio.Event().wait()")
    assert (code, out) == (STUCK_EXIT, "")
    assert "did not stop within" in err


@pytest.mark.parametrize(("then", "limit_s"), [("await asyncio.sleep(2.5)", 1.0), ("time.sleep(1)", 0)])
async def test_a_process_that_turns_or_is_not_to_be_watched_comes_to_its_end(then: str, limit_s: float) -> None:
    assert await run_guarded(then, limit_s) == (0, "came to its end\n", "")


STUCK = """
import asyncio, sys
from pitcall.command_line import main
from streams.agents.needs import NeedsAgent

async def hang(self, block):
    await asyncio.Event().wait()

NeedsAgent.handle = hang
sys.exit(main(["api"]))
"""


async def test_a_process_with_a_stuck_agent_ends_and_says_which_records_wait(tmp_path: Path) -> None:
    url = log_url(tmp_path)
    await create_topics(url)
    with LocalLog.shared(url) as log:
        await log.append([Entry(PREDICTIONS, 0, b"car", b"{}", 1)])
    settings = {"PITCALL_DATA_DIR": str(tmp_path), "PITCALL_HTTP_PORT": "0", "PITCALL_WATCHDOG_SECONDS": "2"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STUCK, cwd=ROOT, env=environment(**settings), stderr=asyncio.subprocess.PIPE
    )
    _, err = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode in (1, STUCK_EXIT), err.decode()
    assert "the worker is stuck: 1 records of predictions[0] wait" in err.decode()
