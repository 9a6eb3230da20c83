"""Use cases are tested on real records: a SQLite file per test, migrated once and copied."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.records import open_records
from tests.support.town import Garage, Household, Town


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with today's schema and nothing in it, closed."""
    file = tmp_path_factory.mktemp("records") / "migrated.sqlite"

    async def migrate() -> None:
        records = open_records(f"sqlite+aiosqlite:///{file}")
        await records.migrate()
        await records.close()

    asyncio.run(migrate())
    return file


@pytest.fixture
async def town(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Town]:
    """An office with nobody in it yet."""
    file = tmp_path / "records.sqlite"
    shutil.copyfile(migrated_file, file)
    records = open_records(f"sqlite+aiosqlite:///{file}")
    try:
        yield Town(records)
    finally:
        await records.close()


@pytest.fixture
async def home(town: Town) -> Household:
    """An owner with a car, who consented to everything but a dealer."""
    return await town.household()


@pytest.fixture
async def garage(town: Town) -> Garage:
    """A dealer with one bay and a webhook."""
    return await town.garage()
