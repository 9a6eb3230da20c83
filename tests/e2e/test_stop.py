"""Told to stop in the middle of its work, a process stops in order, and nothing is lost or done twice."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path

from tests.e2e.demo_run import start_demo
from tests.e2e.test_kill import ARGUMENTS, check_after_kills


async def test_sigterm_while_uploads_flow_loses_nothing_and_ends_in_order(tmp_path: Path) -> None:
    dice = random.Random(7)
    for number in range(1, 5):
        process = await start_demo(tmp_path, *ARGUMENTS, "--until-bookings", "1000")
        while not _has_begun(tmp_path, number) and process.returncode is None:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
        await asyncio.sleep(dice.uniform(2.0, 5.0))
        process.send_signal(signal.SIGTERM)
        _, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, err.decode()[-1500:]
        assert "Traceback" not in err.decode()
    await check_after_kills(tmp_path)


def _has_begun(data_dir: Path, number: int) -> bool:
    return (data_dir / "demo.json").exists() and f'"starts": {number}' in (data_dir / "demo.json").read_text()
