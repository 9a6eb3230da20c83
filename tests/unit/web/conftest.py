"""A reading in English over the shipped catalogue, in a zone that changes its clocks."""

from pathlib import Path

import pytest

from adapters.catalogue_file import load_catalogue
from web.reading import Reading

CATALOGUE = Path(__file__).parents[3] / "pitcall" / "data" / "car.yaml"


@pytest.fixture(scope="session")
def reading() -> Reading:
    """English, Europe/Berlin."""
    return Reading.of(load_catalogue(CATALOGUE), time_zone="Europe/Berlin")
