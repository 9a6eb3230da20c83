"""`docs/dealers.md` is true: its quick start is typed as it stands, on an empty folder, and ends in a booking."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.demo_run import environment
from tests.e2e.part import PATIENCE_S, ROOT
from tests.servers.process import free_port

PAGE = (ROOT / "docs" / "dealers.md").read_text(encoding="utf-8")
# Stop at the first command that fails, and stop Pitcall at the end; what is typed itself is not touched.
BEFORE = "set -euo pipefail\ntrap 'kill %1; wait' EXIT\n"


def quick_start() -> str:
    """All that is to be typed, from the empty folder to the booking."""
    section = PAGE.partition("\n## Quick start\n")[2].partition("\n## ")[0]
    return "".join(re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder the quick start was typed in, and all it printed."""
    folder = tmp_path_factory.mktemp("quick-start")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    shell = subprocess.Popen(
        ["bash", "-c", BEFORE + quick_start()], cwd=folder, env=environment(PITCALL_HTTP_PORT=str(free_port())),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        out, err = shell.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, signal.SIGKILL)
        out, err = shell.communicate()
    assert shell.returncode == 0, f"exit {shell.returncode}\n{out[-2000:]}\n{err[-2000:]}"
    return folder, out


def answer_with(out: str, key: str) -> dict[str, Any]:
    """The one answer among what was printed that has this field."""
    answers = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    (found,) = [answer for answer in answers if key in answer]
    return dict(found)


def test_the_quick_start_ends_in_a_confirmed_booking(typed: tuple[Path, str]) -> None:
    _, out = typed
    assert "confirmed" in out.splitlines()
    assert "STATUS:CONFIRMED" in out.splitlines()


def test_what_the_dealer_read_is_what_the_owner_was_shown(typed: tuple[Path, str]) -> None:
    folder, out = typed
    draft = json.loads((folder / "var" / "quick-start" / "draft.json").read_text(encoding="utf-8"))
    (waiting,) = answer_with(out, "proposals")["proposals"]
    assert waiting["state"] == "sent"
    assert waiting["payload"] == json.loads(draft["preview"])


def test_nothing_but_curl_and_pitcall_is_needed() -> None:
    programs = set(re.findall(r"(?:^|[|(]|\$\()\s*(\.?[\w./-]+)(?= )", quick_start(), re.MULTILINE))
    assert {"curl", ".venv/bin/pitcall"} <= programs
    assert not programs & {"jq", "python", "python3", "node", "perl", "http", "wget"}
