"""A real InfluxDB 2 on loopback, built once from its Go module."""

import json
import os
import secrets
import shutil
import stat
import subprocess
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.servers.availability import Found, MissingServerError, cache_folder, version_of
from tests.servers.process import ServerProcess, free_port, private_folder

VERSION = "2.7.12"
NAME = "InfluxDB"
OLDEST_GO = (1, 23)
RECIPE = Path(__file__).parent / "influxd"
HOW_TO_GET = (
    "install Go 1.23+ and Rust from their makers, and GCC and pkg-config "
    "(Debian: apt-get install gcc libc6-dev pkg-config); it is then built once from its Go module"
)
ORG = "pitcall"

# What a newer compiler warns of beyond what Flux's own `deny(warnings)` foresaw must not end its build.
RUSTC_WRAPPER = '#!/bin/sh\nexec "$@" --cap-lints warn\n'


@dataclass(frozen=True)
class Influx:
    """A running InfluxDB: where it listens, and a token that may do everything in the organisation."""

    server: ServerProcess
    address: str
    token: str

    def url(self, bucket: str) -> str:
        """The history's URL of a bucket, which need not exist yet."""
        return f"http://{self.address}/{ORG}/{bucket}"


def find() -> Found:
    """The InfluxDB that can be started here.

    Raises
    ------
    MissingServerError
        It is not built yet, and a tool that building it takes is missing.
    """
    if _program().exists():
        return Found(NAME, VERSION)
    _check_tools()
    return Found(NAME, VERSION, "built on first use, which takes some minutes")


def start() -> Influx:
    """Start an InfluxDB in a folder of its own, with an organisation and no bucket of ours."""
    find()
    program = _built_program()
    folder = private_folder("influxdb")
    address = f"127.0.0.1:{free_port()}"
    command = [str(program), "--http-bind-address", address, "--reporting-disabled", "--log-level", "warn"]
    command += ["--bolt-path", str(folder / "bolt"), "--sqlite-path", str(folder / "sqlite")]
    command += ["--engine-path", str(folder / "engine")]
    server = ServerProcess(NAME, folder, command, lambda: _is_healthy(address))
    influx = Influx(server, address, secrets.token_urlsafe(24))
    try:
        server.start()
        _set_up(influx)
    except BaseException:
        server.close()
        raise
    return influx


def _set_up(influx: Influx) -> None:
    wanted = {
        "username": "suite",
        "password": secrets.token_urlsafe(18),
        "org": ORG,
        "bucket": "first",
        "token": influx.token,
    }
    request = urllib.request.Request(
        f"http://{influx.address}/api/v2/setup",
        json.dumps(wanted).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass


def _is_healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _program() -> Path:
    return cache_folder() / f"influxdb-{VERSION}" / "influxd"


def _check_tools() -> None:
    go = version_of(["go", "version"], r"go(\d+\.\d+)")
    is_new_enough = go is not None and tuple(map(int, go.split("."))) >= OLDEST_GO
    tools = ("cargo", "rustc", "gcc", "pkg-config")
    if not is_new_enough or any(shutil.which(tool) is None for tool in tools):
        raise MissingServerError(NAME, HOW_TO_GET)


def _built_program() -> Path:
    """The server's program, built from the modules that ``influxd/go.sum`` records when it isn't there yet."""
    program = _program()
    if program.exists():
        return program
    program.parent.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent.parent, prefix="build-") as folder:
        room = Path(folder)
        for name in ("go.mod", "go.sum", "programs.go"):
            shutil.copy(RECIPE / name, room)
        wrapper = room / "rustc-wrapper"
        wrapper.write_text(RUSTC_WRAPPER)
        wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
        environment = os.environ | {
            "GOFLAGS": "-mod=readonly -buildvcs=false",
            "GOTOOLCHAIN": "local",
            "RUSTC_WRAPPER": str(wrapper),
        }
        if toolchain := _rust_toolchain():
            # Flux names an older one of its own, which rustup would fetch or miss.
            environment["RUSTUP_TOOLCHAIN"] = toolchain
        # Builds Flux's Rust library and tells Go where it is.
        _build(room, environment, "pkg-config", "github.com/influxdata/pkg-config")
        environment["PKG_CONFIG"] = str(room / "pkg-config")
        options = ["-tags", "sqlite_foreign_keys,sqlite_json", "-ldflags", f"-s -w -X main.version=v{VERSION}"]
        _build(room, environment, "influxd", "github.com/influxdata/influxdb/v2/cmd/influxd", *options)
        program.parent.mkdir(exist_ok=True)
        (room / "influxd").rename(program)
    return program


def _build(room: Path, environment: dict[str, str], name: str, package: str, *options: str) -> None:
    # Niced: it takes minutes of every core, and nothing waits for it but this test.
    command = ["nice", "-n", "19", "go", "build", *options, "-o", str(room / name), package]
    done = subprocess.run(command, cwd=room, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("go: downloading")]
        raise MissingServerError(NAME, f"building it failed: {' | '.join(lines[-3:]) or 'it gave no reason'}")


def _rust_toolchain() -> str | None:
    """The toolchain that rustup would use here, by name; None without rustup."""
    return version_of(["rustup", "show", "active-toolchain"], r"^([\w.-]+) \(")
