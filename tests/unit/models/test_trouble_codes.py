"""Trouble codes: reports in any order, more than once, as changes or as the whole, come to the same."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import Catalogue
from domain.telemetry import VehicleAttributes
from models.trouble_codes import fold_codes, pack_code, stored_codes, unpack_code
from models.upload_block import CodeReport
from models.vehicle_state import CODES, CODES_LOST, Record, StateLayout

CODE = st.from_regex(r"\A[PCBU][0-3][0-9A-F]{3}(-[0-9A-F]{2})?\Z")


@given(code=CODE)
def test_a_code_comes_back_as_it_was(code: str) -> None:
    assert unpack_code(pack_code(code)) == code
    assert 0 <= pack_code(code) < 2**25


@pytest.fixture
def empty(catalogue: Catalogue, layout: StateLayout) -> Record:
    return layout.empty(catalogue, VehicleAttributes())


def test_codes_come_and_go(empty: Record) -> None:
    fold_codes(empty, CodeReport(0, ("P0420", "P0301-1A"), ()), 1_000_000)
    fold_codes(empty, CodeReport(0, (), ("P0420",)), 2_000_000)
    assert stored_codes(empty) == ("P0301-1A",)


def test_the_whole_list_ends_what_is_not_in_it(empty: Record) -> None:
    fold_codes(empty, CodeReport(0, ("P0420", "P0301"), ()), 1_000_000)
    fold_codes(empty, CodeReport(0, ("P0301", "U0100"), (), is_whole=True), 2_000_000)
    assert stored_codes(empty) == ("P0301", "U0100")


def test_a_report_older_than_what_is_known_is_no_news(empty: Record) -> None:
    fold_codes(empty, CodeReport(0, (), ("P0420",)), 2_000_000)
    fold_codes(empty, CodeReport(0, ("P0420",), ()), 1_000_000)
    assert stored_codes(empty) == ()


@given(seed=st.integers(0, 10_000))
def test_the_order_of_arrival_does_not_matter(catalogue: Catalogue, layout: StateLayout, seed: int) -> None:
    chance = random.Random(seed)
    codes = ["P0420", "P0301", "U0100", "C1234-11", "B2000"]
    reports = [
        (CodeReport(0, tuple(sorted(chance.sample(codes, 2))), ()), 1_000_000 * (k + 1))
        if chance.random() < 0.5
        else (CodeReport(0, (), (chance.choice(codes),)), 1_000_000 * (k + 1))
        for k in range(12)
    ]
    mixed = reports * 2
    chance.shuffle(mixed)
    one, other = (layout.empty(catalogue, VehicleAttributes()) for _ in range(2))
    for report, at_ms in reports:
        fold_codes(one, report, at_ms)
    for report, at_ms in mixed:
        fold_codes(other, report, at_ms)
    assert stored_codes(one) == stored_codes(other)


def test_more_codes_than_places_are_told(empty: Record, layout: StateLayout) -> None:
    for k in range(CODES + 1):
        assert not layout.flags(empty) & CODES_LOST
        fold_codes(empty, CodeReport(0, (f"P010{k}",), ()), 1_000_000 * (k + 1))
    assert layout.flags(empty) & CODES_LOST
    assert stored_codes(empty) == tuple(f"P010{k}" for k in range(1, CODES + 1))
