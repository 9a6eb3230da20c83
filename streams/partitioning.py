"""The partition of a key: murmur2 as Kafka's Java client has it, the same on both logs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_M = np.uint32(0x5BD1E995)
_SEED = 0x9747B28C


def partition_for(key: bytes, partitions: int) -> int:
    """The partition of one key."""
    return partitions_for([key], partitions)[0]


def partitions_for(keys: Sequence[bytes], partitions: int) -> list[int]:
    """The partitions of keys, in their order; keys of one length are hashed together."""
    by_length: dict[int, list[int]] = {}
    for place, key in enumerate(keys):
        by_length.setdefault(len(key), []).append(place)
    found = [0] * len(keys)
    for length, places in by_length.items():
        text = np.frombuffer(b"".join([keys[place] for place in places]), np.uint8).reshape(len(places), length)
        hashes = _murmur2(text) & np.uint32(0x7FFFFFFF)
        for place, partition in zip(places, (hashes % np.uint32(partitions)).tolist(), strict=True):
            found[place] = partition
    return found


def _murmur2(keys: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """MurmurHash2 (A. Appleby, public domain) with Kafka's seed, of keys of one length, shape (m, length)."""
    length = keys.shape[1]
    whole = length // 4 * 4
    words = np.ascontiguousarray(keys[:, :whole]).view("<u4")
    with np.errstate(over="ignore"):
        hashes = np.full(len(keys), _SEED ^ length, dtype=np.uint32)
        for place in range(whole // 4):
            word = words[:, place] * _M
            word ^= word >> np.uint32(24)
            hashes = hashes * _M ^ word * _M
        for place in range(length - whole - 1, -1, -1):
            hashes ^= keys[:, whole + place].astype(np.uint32) << np.uint32(8 * place)
            if place == 0:
                hashes *= _M
        hashes ^= hashes >> np.uint32(13)
        hashes *= _M
        hashes ^= hashes >> np.uint32(15)
    return hashes
