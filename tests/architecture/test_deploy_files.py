"""A container engine may be missing where the tests run: so the files for it are held to what the product knows."""

import argparse
import ast
import copy
import dataclasses
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pitcall.command_line import build_parser
from pitcall.settings import Settings, read_settings
from tests.architecture.deploy_files import (
    Known,
    compose_complaints,
    dockerfile_complaints,
    filled_in,
    image_environment,
)

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.fixture
def compose() -> dict[str, Any]:
    return copy.deepcopy(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, str]:
    """What deploy/make-secrets.sh writes."""
    target = tmp_path / ".env"
    subprocess.run([ROOT / "deploy" / "make-secrets.sh", target], check=True, capture_output=True)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    return dict(line.split("=", 1) for line in target.read_text().splitlines())


@pytest.fixture
def known(secrets: dict[str, str]) -> Known:
    files = [*ROOT.glob("*"), *(ROOT / "requirements").glob("*"), *(ROOT / "deploy").rglob("*")]
    return Known(
        commands=frozenset(commands(build_parser())),
        variables=frozenset(variable(field) for field in dataclasses.fields(Settings)),
        http_paths=frozenset(served_paths()),
        secrets=frozenset(secrets),
        files=frozenset(path.relative_to(ROOT).as_posix() for path in files),
    )


def commands(parser: argparse.ArgumentParser) -> list[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return list(action.choices)
    return []


def variable(field: dataclasses.Field[Any]) -> str:
    return str(field.metadata.get("env", f"PITCALL_{field.name.upper()}"))


def served_paths() -> set[str]:
    """Paths in the decorators of the API's routes."""
    paths = set()
    for source in (ROOT / "api").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                constants = [part for mark in node.decorator_list for part in ast.walk(mark)]
                paths |= {part.value for part in constants if isinstance(part, ast.Constant)}
    return {path for path in paths if isinstance(path, str) and path.startswith("/")}


def test_what_the_image_says_is_known_to_the_product(known: Known) -> None:
    assert list(dockerfile_complaints(DOCKERFILE, known)) == []


def test_what_the_compose_file_says_is_known_to_the_product(compose: dict[str, Any], known: Known) -> None:
    assert list(compose_complaints(compose, DOCKERFILE, known)) == []


@pytest.mark.parametrize("name", ["api", "worker", "outbox"])
def test_each_of_our_services_starts_with_settings_that_are_right(
    compose: dict[str, Any], secrets: dict[str, str], name: str
) -> None:
    environment = image_environment(DOCKERFILE) | compose["services"][name]["environment"]
    settings = read_settings({key: filled_in(value, secrets) for key, value in environment.items()})
    assert settings.broker_url == "pitcall-kafka://kafka:9092"
    assert settings.database_url == f"postgresql+psycopg://pitcall:{secrets['DATABASE_PASSWORD']}@postgres:5432/pitcall"
    assert settings.public_url == "http://127.0.0.1:8080"
    assert (settings.http_host, settings.http_port) == ("0.0.0.0", 8080)  # noqa: S104 - inside the container


def test_the_compose_file_runs_the_whole_cluster(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"kafka", "postgres", "influxdb", "api", "worker", "outbox"}


def test_what_is_served_to_the_whole_machine_is_only_the_api(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"api": ["127.0.0.1:8080:8080"]}


def test_our_services_have_no_rights_they_do_not_need(compose: dict[str, Any]) -> None:
    for name in ("api", "worker", "outbox"):
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("worker", "command"), ["wroker"], "worker runs wroker, which is no command"),
        (("api", "environment", "PITCALL_BROKER_ULR"), "x", "api sets PITCALL_BROKER_ULR, which no setting reads"),
        (
            ("api", "ports"),
            ["127.0.0.1:8080:8081"],
            "api publishes 127.0.0.1:8080:8081, which is not PITCALL_HTTP_PORT",
        ),
        (("api", "ports"), ["8080:8080"], "api publishes 8080:8080 beyond loopback"),
        (("api", "volumes"), ["api:/elsewhere"], "api can't write to PITCALL_DATA_DIR /var/lib/pitcall"),
        (
            ("api", "healthcheck", "test"),
            ["CMD", "curl", "http://127.0.0.1:8080/alive"],
            "path /alive is not served",
        ),
        (
            ("outbox", "healthcheck", "test"),
            ["CMD", "pitcall", "docter"],
            "outbox is checked by docter, which is no command",
        ),
        (("postgres", "environment", "POSTGRES_PASSWORD"), "${DB_PASS}", "postgres takes DB_PASS, which nothing sets"),
        (("postgres", "volumes"), ["./deploy/gone.sh:/x"], "postgres mounts ./deploy/gone.sh: there is no such file"),
        (("kafka", "image"), "apache/kafka:latest", "kafka: image apache/kafka:latest is not pinned to a version"),
    ],
)
def test_a_slip_in_the_compose_file_is_found(
    compose: dict[str, Any], known: Known, path: tuple[str, ...], value: object, complaint: str
) -> None:
    before = set(compose_complaints(compose, DOCKERFILE, known))
    place = compose["services"]
    for step in path[:-1]:
        place[step] = copy.copy(place[step])  # YAML's anchors share one mapping between services
        place = place[step]
    place[path[-1]] = value
    assert set(compose_complaints(compose, DOCKERFILE, known)) - before == {complaint}


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ('CMD ["api"]', 'CMD ["serve"]', "CMD serve is no command"),
        ("EXPOSE 8080", "EXPOSE 80", "EXPOSE 80 is not PITCALL_HTTP_PORT"),
        ("PITCALL_LOG_FORMAT", "PITCALL_LOG_STYLE", "Dockerfile sets PITCALL_LOG_STYLE, which no setting reads"),
        ("8080/healthz", "8080/health", "path /health is not served"),
        ("COPY web web", "COPY wbe web", "COPY wbe: there is no such file"),
        ("VOLUME /var/lib/pitcall", "VOLUME /data", "VOLUME /data is not PITCALL_DATA_DIR"),
        ("USER 10001:10001", "USER root", "the image runs as root"),
    ],
)
def test_a_slip_in_the_dockerfile_is_found(known: Known, right: str, wrong: str, complaint: str) -> None:
    assert right in DOCKERFILE
    before = set(dockerfile_complaints(DOCKERFILE, known))
    assert set(dockerfile_complaints(DOCKERFILE.replace(right, wrong), known)) - before == {complaint}


def test_the_image_leaves_nothing_of_the_checkout_out_that_it_copies() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert copied == allowed


def test_the_image_is_told_where_its_data_goes() -> None:
    assert image_environment(DOCKERFILE)["PITCALL_DATA_DIR"].startswith("/var/lib/")


def test_secrets_are_made_anew_and_never_overwritten(secrets: dict[str, str], tmp_path: Path) -> None:
    assert all(len(value) >= 43 for value in secrets.values())
    assert len(set(secrets.values())) == len(secrets)
    again = subprocess.run(
        [ROOT / "deploy" / "make-secrets.sh", tmp_path / ".env"], capture_output=True, text=True, check=False
    )
    assert again.returncode == 1
    assert "is there already" in again.stderr


def test_secrets_stay_out_of_version_control() -> None:
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
