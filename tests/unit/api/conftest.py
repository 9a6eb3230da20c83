"""A town with its people, for the tests of the API and its pages."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.http_town import People, Town, a_town, people_of


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """An office on SQLite with its API."""
    async with a_town(tmp_path) as place:
        yield place


@pytest.fixture
async def people(town: Town) -> AsyncIterator[People]:
    """An operator, a dealer's advisor, an owner and a claimed car."""
    async with people_of(town) as everybody:
        yield everybody
