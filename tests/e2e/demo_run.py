"""Running `pitcall demo --headless` as a person would: as a command, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

PITCALL = Path(sys.executable).with_name("pitcall")


def environment(**settings: str) -> dict[str, str]:
    """The environment of a fresh shell with these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PITCALL_")}
    return kept | settings


async def start_demo(data_dir: Path, *arguments: str, **settings: str) -> asyncio.subprocess.Process:
    """Start a headless demo in its own process group."""
    return await asyncio.create_subprocess_exec(
        PITCALL, "demo", "--headless", "--json", "--data-dir", str(data_dir), *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment(**settings),
    )  # fmt: skip


async def run_demo(data_dir: Path, *arguments: str, **settings: str) -> dict[str, Any]:
    """Run a headless demo to its end; its figures. Fails with what it said when it did not exit with 0."""
    process = await start_demo(data_dir, *arguments, **settings)
    out, err = await process.communicate()
    assert process.returncode == 0, f"exit {process.returncode}: {err.decode()[-2000:]}"
    figures = json.loads(out)
    assert isinstance(figures, dict)
    return figures


def records_url(data_dir: Path) -> str:
    """The embedded records of a run."""
    return f"sqlite+aiosqlite:///{data_dir / 'records.sqlite'}"
