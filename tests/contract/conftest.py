"""The databases that the contract of the records is held to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.records import Records, open_records


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def records_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'records.db'}"
    return str(request.getfixturevalue("postgres_database"))


@pytest.fixture
async def empty_records(records_url: str) -> AsyncIterator[Records]:
    """Records without a schema."""
    records = open_records(records_url)
    try:
        yield records
    finally:
        await records.close()


@pytest.fixture
async def records(empty_records: Records) -> Records:
    """Records with today's schema and nothing in it."""
    await empty_records.migrate()
    return empty_records
