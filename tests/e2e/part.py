"""`pitcall` as a person or a supervisor runs it: commands that end, and parts that run until they are told to stop."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.e2e.demo_run import PITCALL, environment

ROOT = Path(__file__).parents[2]
PATIENCE_S = 180.0


def run(*arguments: str | Path, given: str = "", cwd: Path = ROOT, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; `given` is its standard input."""
    return subprocess.run(
        [PITCALL, *arguments], input=given, cwd=cwd, env=environment(**settings),
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


def refusal(*arguments: str | Path, given: str = "", cwd: Path = ROOT, **settings: str) -> str:
    """What a command says that must fail: one sentence on standard error, nothing on standard output, exit 1."""
    done = run(*arguments, given=given, cwd=cwd, **settings)
    assert done.returncode == 1, done
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("pitcall: ")
    return lines[0].removeprefix("pitcall: ")


class Part:
    """A `pitcall` process that goes on until it is told to stop; what it prints is kept in `log`."""

    def __init__(self, log: Path, *arguments: str | Path, **settings: str) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [PITCALL, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                cwd=ROOT, env=environment(**settings), start_new_session=True,
            )  # fmt: skip

    def said(self) -> str:
        """All that it has printed."""
        return self.log.read_text(encoding="utf-8")

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until it prints what the pattern finds; fails when it ends before."""
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            has_ended = self.process.poll() is not None
            if found := re.search(pattern, self.said(), re.MULTILINE):
                return found
            assert not has_ended, f"it ended with {self.process.returncode}:\n{self.said()[-3000:]}"
            time.sleep(0.05)
        raise AssertionError(f"it never printed {pattern!r}:\n{self.said()[-3000:]}")

    def end(self, number: signal.Signals = signal.SIGTERM, patience_s: float = 60.0) -> int:
        """Send the signal; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(patience_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()


def api_part(log: Path, **settings: str) -> Part:
    """`pitcall api` on a free port."""
    return Part(log, "api", **{"PITCALL_HTTP_PORT": "0", **settings})


def url_of(api: Part) -> str:
    """Where a part that was started by `api_part` listens."""
    return api.wait_for(r"^pitcall api listens on (http://\S+)$")[1]


class Person:
    """Somebody with an account, at the API."""

    def __init__(self, url: str, email: str, password: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=30.0)
        session = self.post("/v1/sessions", {"email": email, "password": password})
        self.client.headers["Authorization"] = f"Bearer {session['token']}"

    def get(self, path: str, **query: Any) -> Any:
        """The answer, which must be a good one."""
        answer = self.client.get(path, params=query)
        assert answer.is_success, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None) -> Any:
        """The answer, which must be a good one."""
        answer = self.client.post(path, json={} if body is None else body)
        assert answer.is_success, answer.text
        return answer.json()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
