"""What tests of faults begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import without
from tests.faults.small_disk import SmallDisk, mounted
from tests.servers import postgres
from tests.servers.availability import MissingServerError

DISK_BYTES = 48_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of 48 MB for this test alone."""
    try:
        disk = mounted(tmp_path / "disk", DISK_BYTES)
        mount = disk.__enter__()
    except MissingServerError as missing:
        without(missing)
    try:
        yield mount
    finally:
        disk.__exit__(None, None, None)


@pytest.fixture
def own_postgres_cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL for one test alone, which may stop it."""
    try:
        cluster = postgres.start()
    except MissingServerError as missing:
        without(missing)
    with cluster.server:
        yield cluster
