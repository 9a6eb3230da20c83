"""Stands between the suite and one server: when the suite ends, however it ends, the server ends too.

The suite holds the other end of this program's standard input. Lines on it are commands: ``start``, ``poll``,
``stop``. Its end, which also comes when the suite was killed with -9, stops the server and removes its folder.
Nothing of the project is imported, so that it runs with ``python -I``.
"""

import argparse
import json
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path

PATIENCE_S = 15.0


class Warden:
    """Starts, stops and finally clears away one server process."""

    def __init__(self, folder: Path, command: list[str], user: str | None, stop_signal: int) -> None:
        self.folder = folder
        self.command = command
        self.user = user
        self.stop_signal = stop_signal
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> int:
        """Start the server with a fresh log and return its process id."""
        identity = {}
        if self.user is not None:
            entry = pwd.getpwnam(self.user)
            identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        with (self.folder / "server.log").open("wb") as log:
            self.child = subprocess.Popen(  # type: ignore[call-overload]
                self.command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **identity,
            )
        return self.child.pid

    def is_alive(self) -> bool:
        """Whether the server runs."""
        return self.child is not None and self.child.poll() is None

    def stop(self) -> None:
        """Ask the server to end, insist after a while, and wait until it has."""
        child, self.child = self.child, None
        if child is None or child.poll() is not None:
            return
        child.send_signal(signal.SIGCONT)  # a test may have stopped it
        child.send_signal(self.stop_signal)
        try:
            child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def main() -> None:
    """Obey the suite's commands until its end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--user")
    parser.add_argument("--stop-signal", default="SIGTERM")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warden = Warden(given.folder, given.command, given.user, signal.Signals[given.stop_signal])
    try:
        for line in sys.stdin:
            answer: dict[str, object] = {}
            try:
                if line.strip() == "start":
                    answer["pid"] = warden.start()
                elif line.strip() == "poll":
                    answer["alive"] = warden.is_alive()
                else:
                    warden.stop()
            except (OSError, KeyError) as error:
                answer["error"] = str(error)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    finally:
        warden.stop()
        shutil.rmtree(given.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
