"""A real server process as the tests see it."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

WARDEN = Path(__file__).with_name("warden.py")
# Below the range that Linux and macOS hand to outgoing connections, so that none takes the port in between.
PORTS = (20_000, 32_000)


class ServerStartError(Exception):
    """A server that is on the machine did not come up; carries the end of its log."""


def free_port() -> int:
    """A TCP port on loopback that nothing listens on just now."""
    for _ in range(200):
        port = random.randrange(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerStartError(f"no free port between {PORTS[0]} and {PORTS[1]} on 127.0.0.1")


def private_folder(name: str) -> Path:
    """A new folder for one server's data, which its warden removes."""
    return Path(tempfile.mkdtemp(prefix=f"pitcall-{name}-"))


class ServerProcess:
    """One server under a warden: start, stop, kill, freeze, start again on the same data.

    ``is_ready`` is asked until it says yes; it must not raise for "not yet".
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        command: Sequence[str],
        is_ready: Callable[[], bool],
        *,
        user: str | None = None,
        stop_signal: str = "SIGTERM",
    ) -> None:
        self.name = name
        self.folder = folder
        self.pid = 0
        self._is_ready = is_ready
        as_user = ["--user", user] if user else []
        self._warden = subprocess.Popen(
            [
                *(sys.executable, "-I", str(WARDEN), "--folder", str(folder)),
                *(*as_user, "--stop-signal", stop_signal, "--", *command),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def log(self) -> str:
        """What the server has written since its last start."""
        path = self.folder / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self, patience_s: float = 90.0) -> None:
        """Start the server and return when it is ready.

        Raises
        ------
        ServerStartError
            It ended or wasn't ready in time; the message ends with its log's last lines.
        """
        self.pid = self._tell("start")["pid"]
        deadline = time.monotonic() + patience_s
        while not self._is_ready():
            if not self.is_alive():
                raise ServerStartError(f"{self.name} ended while starting:\n{self._last_lines()}")
            if time.monotonic() > deadline:
                raise ServerStartError(f"{self.name} wasn't ready after {patience_s:.0f} s:\n{self._last_lines()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server in an orderly way and keep its data."""
        self._tell("stop")

    def kill(self) -> None:
        """End the server as a power cut would, and keep its data."""
        os.kill(self.pid, signal.SIGKILL)
        self._tell("stop")

    def freeze(self) -> None:
        """Stop the server's process without ending it: connections stay, nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        os.kill(self.pid, signal.SIGCONT)

    def is_alive(self) -> bool:
        """Whether the server's process runs."""
        return bool(self._tell("poll")["alive"])

    def close(self) -> None:
        """End the server and remove its data."""
        if self._warden.stdin is not None:
            self._warden.stdin.close()
        self._warden.wait()
        if self._warden.stdout is not None:
            self._warden.stdout.close()

    def __enter__(self) -> "ServerProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tell(self, command: str) -> dict[str, int]:
        assert self._warden.stdin is not None
        assert self._warden.stdout is not None
        self._warden.stdin.write(command + "\n")
        self._warden.stdin.flush()
        line = self._warden.stdout.readline()
        answer: dict[str, int] = json.loads(line) if line else {"error": "its warden is gone"}
        if "error" in answer:
            raise ServerStartError(f"{self.name}: {answer['error']}")
        return answer

    def _last_lines(self, count: int = 30) -> str:
        return "\n".join(self.log.splitlines()[-count:])
