"""Causes: what made us predict for each car of a block, from which a prediction has its id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from models.upload_block import UploadBlock
from models.vehicle_state import SERVICE_RECORDS, TOPICS, UNKNOWN

Ints = npt.NDArray[np.int64]
_SERVICES = TOPICS.index(SERVICE_RECORDS)


@dataclass(frozen=True, slots=True)
class Causes:
    """Per car the boot (S36) and number of an upload, and the offset of a service record or −1: shape (k,) each.

    A replay of the same upload or record repeats the cause, and so the ids.
    """

    boots: npt.NDArray[np.bytes_]
    seqs: npt.NDArray[Any]
    records: Ints

    @classmethod
    def of_uploads(cls, uploads: UploadBlock, rows: Ints) -> Self:
        """The uploads at `rows` of a block themselves; their vehicles are known by the rows' keys."""
        seqs = uploads.seqs[rows].astype(np.uint32)
        return cls(uploads.boot_ids[rows], seqs, np.full(len(rows), UNKNOWN, dtype=np.int64))

    @classmethod
    def newest(cls, states: npt.NDArray[Any]) -> Self:
        """The newest upload in each state (shape (k,)), and the newest service record if there was one."""
        boots, cars = states["boots"], np.arange(len(states))
        index = newest_boots(boots)[:, -1]
        return cls(boots["id"][cars, index], boots["last"][cars, index], states["offsets"][:, _SERVICES].copy())


def newest_boots(boots: npt.NDArray[Any]) -> Ints:
    """The indices of each car's boots (shape (k, BOOTS)), empty ones first, then by when they ended."""
    ends = np.where(boots["id"] != b"", boots["end_ms"], -(2**62))
    return np.argsort(ends, axis=1, kind="stable")
