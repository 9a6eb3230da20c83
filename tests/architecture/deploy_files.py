"""Reads the container files and says what in them the product doesn't know."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

VARIABLE = re.compile(r"\$\{([A-Z_]+)")
SUBSTITUTION = re.compile(r"\$\{([A-Z_]+)(?::-([^}]*)|:\?[^}]*)?\}")
LOCAL_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)(/[\w/-]*)")


@dataclass(frozen=True)
class Known:
    """What the product knows: commands, environment variables, HTTP paths, and the files of the repository."""

    commands: frozenset[str]
    variables: frozenset[str]
    http_paths: frozenset[str]
    secrets: frozenset[str]
    files: frozenset[str]


def filled_in(value: str, environment: dict[str, str]) -> str:
    """A value with compose's ``${NAME:?…}`` and ``${NAME:-default}`` replaced; a KeyError names what nothing sets."""

    def replacement(hit: re.Match[str]) -> str:
        name, default = hit.groups()
        return environment[name] if default is None else environment.get(name, default)

    return SUBSTITUTION.sub(replacement, value)


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """The Dockerfile's instructions as (NAME, rest), continued lines joined."""
    lines = (line for line in dockerfile.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in joined.splitlines() if line.strip()]


def image_environment(dockerfile: str) -> dict[str, str]:
    """The variables that the last stage of the image sets."""
    found: dict[str, str] = {}
    for name, rest in instructions(dockerfile):
        if name == "FROM":
            found = {}
        elif name == "ENV":
            found |= dict(pair.split("=", 1) for pair in rest.split())
    return found


def dockerfile_complaints(dockerfile: str, known: Known) -> Iterator[str]:
    """What in the Dockerfile is unknown, unpinned or runs with rights."""
    lines = instructions(dockerfile)
    environment = image_environment(dockerfile)
    for name, rest in lines:
        if name == "FROM" and not is_pinned(rest.split()[0]):
            yield f"image {rest} is not pinned to a version"
        if name == "CMD" and (command := rest.strip('[]" ')) not in known.commands:
            yield f"CMD {command} is no command"
        if name == "EXPOSE" and rest != environment.get("PITCALL_HTTP_PORT"):
            yield f"EXPOSE {rest} is not PITCALL_HTTP_PORT"
        if name == "VOLUME" and rest != environment.get("PITCALL_DATA_DIR"):
            yield f"VOLUME {rest} is not PITCALL_DATA_DIR"
        if name == "COPY" and not rest.startswith("--from"):
            missing = [source for source in rest.split()[:-1] if source != "." and source not in known.files]
            yield from (f"COPY {source}: there is no such file" for source in missing)
        if name == "HEALTHCHECK":
            yield from address_complaints(rest, environment, known)
    yield from variable_complaints("Dockerfile", environment, known)
    users = [rest for name, rest in lines if name == "USER"]
    if not users or users[-1].split(":")[0] in {"root", "0"}:
        yield "the image runs as root"


def compose_complaints(compose: dict[str, Any], dockerfile: str, known: Known) -> Iterator[str]:
    """What in the compose file is unknown, unpinned or published beyond loopback."""
    image = image_environment(dockerfile)
    services = compose["services"]
    for name, service in services.items():
        environment = service.get("environment", {})
        if "healthcheck" not in service:
            yield f"{name} has no health check"
        yield from (
            f"{name} depends on {other}, no service" for other in service.get("depends_on", {}) if other not in services
        )
        yield from variable_complaints(name, environment, known)
        for port in service.get("ports", ()):
            if not port.startswith("127.0.0.1:"):
                yield f"{name} publishes {port} beyond loopback"
        for used in VARIABLE.findall(repr(service)):
            if used not in known.secrets | known.variables:
                yield f"{name} takes {used}, which nothing sets"
        if "build" not in service:
            if not is_pinned(service["image"]):
                yield f"{name}: image {service['image']} is not pinned to a version"
            yield from mount_complaints(name, service, known)
            continue
        yield from own_service_complaints(name, service, image | environment, known)


def own_service_complaints(
    name: str, service: dict[str, Any], environment: dict[str, str], known: Known
) -> Iterator[str]:
    """What in a service of ours is unknown."""
    if service["command"][0] not in known.commands:
        yield f"{name} runs {service['command'][0]}, which is no command"
    for port in service.get("ports", ()):
        if port.split(":")[-1] != environment["PITCALL_HTTP_PORT"]:
            yield f"{name} publishes {port}, which is not PITCALL_HTTP_PORT"
    kept = [mount.split(":")[:2][-1] for mount in service.get("volumes", ())] + [
        m.split(":")[0] for m in service["tmpfs"]
    ]
    if environment["PITCALL_DATA_DIR"] not in kept:
        yield f"{name} can't write to PITCALL_DATA_DIR {environment['PITCALL_DATA_DIR']}"
    check = service.get("healthcheck", {}).get("test", [])
    if check[1:2] == ["pitcall"] and check[2] not in known.commands:
        yield f"{name} is checked by {check[2]}, which is no command"
    yield from address_complaints(" ".join(check), environment, known)


def mount_complaints(name: str, service: dict[str, Any], known: Known) -> Iterator[str]:
    """Files of the repository that a service mounts and that don't exist."""
    for mount in service.get("volumes", ()):
        source = mount.split(":")[0]
        if source.startswith("./") and source.removeprefix("./") not in known.files:
            yield f"{name} mounts {source}: there is no such file"


def address_complaints(text: str, environment: dict[str, str], known: Known) -> Iterator[str]:
    """Health checks that ask another port or path than the product serves."""
    for port, path in LOCAL_ADDRESS.findall(text):
        if port != environment.get("PITCALL_HTTP_PORT"):
            yield f"port {port} is not PITCALL_HTTP_PORT"
        if path not in known.http_paths:
            yield f"path {path} is not served"


def variable_complaints(where: str, environment: dict[str, str], known: Known) -> Iterator[str]:
    """Variables with our prefix that no setting reads."""
    for name in environment:
        if name.startswith("PITCALL_") and name not in known.variables:
            yield f"{where} sets {name}, which no setting reads"


def is_pinned(image: str) -> bool:
    """Whether an image's tag is a full version: ``name:1.2`` at least, never ``latest``."""
    return bool(re.search(r":\d+\.\d+", image))
