"""A real Prometheus on loopback, told what to scrape."""

import json
import shutil
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.servers.availability import Found, MissingServerError, version_of
from tests.servers.process import ServerProcess, free_port, private_folder

NAME = "Prometheus"
HOW_TO_GET = "Debian: apt-get install prometheus"


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus and where it listens."""

    server: ServerProcess
    address: str

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The series that a query gives now; an HTTPError for one that is no PromQL."""
        with urllib.request.urlopen(
            f"http://{self.address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        ) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """The rules it has loaded, each with its health."""
        with urllib.request.urlopen(f"http://{self.address}/api/v1/rules") as answer:
            groups = json.load(answer)["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]


def find() -> Found:
    """The Prometheus that can be started here.

    Raises
    ------
    MissingServerError
        There is none.
    """
    version = version_of(["prometheus", "--version"], r"version (\d+\.\d+\.\d+)")
    if version is None:
        raise MissingServerError(NAME, HOW_TO_GET)
    return Found(NAME, version)


def start(targets: dict[str, str], rules: Path) -> Prometheus:
    """Start a Prometheus that scrapes an address for each job every second, and evaluates the rules of a file."""
    find()
    folder = private_folder("prometheus")
    address = f"127.0.0.1:{free_port()}"
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [str(shutil.which("prometheus")), f"--config.file={folder / 'prometheus.yml'}"]
    command += [f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"]
    server = ServerProcess(NAME, folder, command, lambda: _is_ready(address))
    try:
        server.start()
    except BaseException:
        server.close()
        raise
    return Prometheus(server, address)


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/-/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
