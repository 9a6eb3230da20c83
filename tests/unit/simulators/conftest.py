"""The shipped drives, read once, and a small fleet made anew for each test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simulators.drive import Drive, load_drives
from simulators.fleet import Fleet

START_MS = 1_757_894_400_000  # Monday, 15 September 2025, midnight UTC
DAY_MS = 86_400_000


@pytest.fixture(scope="session")
def drives() -> list[Drive]:
    return load_drives()


@pytest.fixture
def make_fleet(drives: list[Drive]) -> Callable[..., Fleet]:
    def make(size: int = 5, seed: int = 7, **options: object) -> Fleet:
        return Fleet(size, seed, START_MS, drives=drives, **options)  # type: ignore[arg-type]

    return make
