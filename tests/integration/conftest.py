"""What tests of several use cases together begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.records.records import open_records
from tests.support.town import Town


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def town(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Town]:
    """An office over an empty database of either kind."""
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{tmp_path / 'records.sqlite'}"
    else:
        url = str(request.getfixturevalue("postgres_database"))
    records = open_records(url)
    try:
        await records.migrate()
        yield Town(records)
    finally:
        await records.close()
