"""A snapshot is what was sealed, or it is refused."""

from __future__ import annotations

import pytest

from domain.errors import DamagedSnapshot
from models.snapshot import FORMAT, LARGEST, MAGIC, pack_snapshot, unpack_snapshot

KEY = b"k" * 32
CONTENT = {"model": {"moment": [0.1, 1e-300], "name": "pads"}, "labels": b"\x00\xff"}


def test_it_comes_back_bit_for_bit() -> None:
    assert unpack_snapshot(pack_snapshot(CONTENT, KEY), KEY) == CONTENT


def test_a_flip_of_any_bit_is_found() -> None:
    data = pack_snapshot(CONTENT, KEY)
    for i in range(len(data)):
        for bit in (1, 128):
            with pytest.raises(DamagedSnapshot):
                unpack_snapshot(data[:i] + bytes([data[i] ^ bit]) + data[i + 1 :], KEY)


def test_any_truncation_and_anything_appended_is_found() -> None:
    data = pack_snapshot(CONTENT, KEY)
    for damaged in [data[:n] for n in range(len(data))] + [data + b"\0"]:
        with pytest.raises(DamagedSnapshot):
            unpack_snapshot(damaged, KEY)


def test_another_key_is_refused() -> None:
    with pytest.raises(DamagedSnapshot, match="another key"):
        unpack_snapshot(pack_snapshot(CONTENT, KEY), b"other key")


def test_too_large_a_model_is_not_sealed() -> None:
    with pytest.raises(ValueError, match="limit"):
        pack_snapshot({"model": b"x" * LARGEST}, KEY)


def test_something_sealed_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(DamagedSnapshot, match="decoded"):
        unpack_snapshot(pack_snapshot([1, 2], KEY), KEY)  # type: ignore[arg-type]
    assert MAGIC == b"PITC" and FORMAT == 1
