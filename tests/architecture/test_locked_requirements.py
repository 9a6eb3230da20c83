"""What is installed is what was locked, by hash and from anywhere."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = [ROOT / "requirements" / "runtime.lock", ROOT / "requirements" / "dev.lock"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)")


def requirements(lock: Path) -> list[str]:
    """The lock's requirements, each as one line with its markers and hashes."""
    joined = lock.read_text().replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def locked_names(lock: Path) -> set[str]:
    return {canonical(hit.group(1)) for line in requirements(lock) if (hit := PIN.match(line))}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted_name(requirement: str) -> str:
    hit = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert hit is not None
    return canonical(hit.group())


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_each_requirement_is_pinned_and_hashed(lock: Path) -> None:
    lines = requirements(lock)
    assert len(lines) > 40
    assert [line for line in lines if not (PIN.match(line) and HASH.search(line))] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_lock_names_where_packages_come_from(lock: Path) -> None:
    assert (
        re.findall(r"^\s*(?:-i|--(?:extra-)?index-url|--find-links|--trusted-host)\b.*", lock.read_text(), re.M) == []
    )
    assert "://" not in lock.read_text()


def test_each_dependency_is_locked() -> None:
    runtime, dev = (locked_names(lock) for lock in LOCKS)
    extras = PROJECT["optional-dependencies"]
    assert {wanted_name(line) for line in PROJECT["dependencies"] + extras["build"]} <= runtime
    assert {wanted_name(line) for line in extras["dev"]} | runtime <= dev


def test_both_locks_agree() -> None:
    runtime = {tuple(line.split("--hash")[0].split()) for line in requirements(LOCKS[0])}
    dev = {tuple(line.split("--hash")[0].split()) for line in requirements(LOCKS[1])}
    assert runtime - dev == set()


@pytest.mark.parametrize("name", ["faust-streaming", "aiokafka"])
def test_what_we_override_in_private_is_pinned_exactly(name: str) -> None:
    pinned = [line for line in PROJECT["dependencies"] if wanted_name(line) == name]
    assert len(pinned) == 1
    version = pinned[0].split("==")[1]
    for lock in LOCKS:
        assert f"{name}=={version} " in lock.read_text().replace("\\\n", " ")
