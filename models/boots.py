"""Boots: the last times a car's unit started, with the uploads of each that are already in the state.

All functions take `boots`, the field of that name of the states of a block (shape (k, BOOTS)), and for each upload the
row of its car among them; within one call each car has one upload at most.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from models.vehicle_state import SEQUENCES

Boots = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
NONE = -1


def find_boots(boots: Boots, cars: Ints, boot_ids: npt.NDArray[np.bytes_]) -> Ints:
    """Index of each upload's boot among those its car remembers, or −1."""
    same = boots["id"][cars] == boot_ids[:, None]
    return np.where(same.any(axis=1), same.argmax(axis=1), NONE)


def seen(boots: Boots, cars: Ints, index: Ints, seqs: Ints) -> tuple[Bools, Bools]:
    """Whether each upload of a boot at `index` was folded, and whether it is so far behind that nobody knows."""
    behind = boots["last"][cars, index].astype(np.int64) - seqs
    is_told = (index != NONE) & (behind >= 0) & (behind < SEQUENCES)
    bit = boots["seen"][cars, index] >> np.clip(behind, 0, SEQUENCES - 1).astype(np.uint64) & np.uint64(1)
    return is_told & (bit == 1), (index != NONE) & (behind >= SEQUENCES)


def open_boots(
    boots: Boots, cars: Ints, boot_ids: npt.NDArray[np.bytes_], seqs: Ints, end_ms: Ints
) -> tuple[Ints, Ints]:
    """Remember new boots in place of those that ended first; their indices, and when what is forgotten ended.

    The latter is `NONE` where nothing was.
    """
    own = boots[cars]
    ends = np.where(own["id"] != b"", own["end_ms"], -(2**62))
    index = ends.argmin(axis=1)
    forgotten = np.maximum(ends[np.arange(len(cars)), index], NONE)
    boots["id"][cars, index] = boot_ids
    boots["first"][cars, index] = seqs
    boots["last"][cars, index] = seqs
    boots["seen"][cars, index] = 1
    boots["end_ms"][cars, index] = end_ms
    return index, forgotten


def mark_seen(boots: Boots, cars: Ints, index: Ints, seqs: Ints, end_ms: Ints) -> None:
    """Remember that uploads, none of them beyond memory, of the boots at `index` are in the state."""
    last = boots["last"][cars, index].astype(np.int64)
    ahead = np.maximum(seqs - last, 0)
    moved = boots["seen"][cars, index] << np.minimum(ahead, SEQUENCES - 1).astype(np.uint64)
    kept = np.where(ahead < SEQUENCES, moved, np.uint64(0))
    last = np.maximum(last, seqs)
    boots["last"][cars, index] = last
    boots["seen"][cars, index] = kept | np.uint64(1) << (last - seqs).astype(np.uint64)
    boots["first"][cars, index] = np.minimum(boots["first"][cars, index], seqs)
    boots["end_ms"][cars, index] = np.maximum(boots["end_ms"][cars, index], end_ms)
