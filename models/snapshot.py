"""Snapshot: a model as bytes that can't be mistaken: magic, format, length, SHA-256, HMAC, then plain msgpack."""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Mapping
from typing import Any

import msgspec

from domain.errors import DamagedSnapshot

MAGIC = b"PITC"
FORMAT = 1
_HEADER = struct.Struct(">4sHI32s32s")
LARGEST = 512 * 1024


def pack_snapshot(content: Mapping[str, Any], key: bytes) -> bytes:
    """`content` (numbers, texts, bytes, lists, mappings) as a snapshot sealed with `key`, at most 512 KiB.

    Raises ValueError when it is larger.
    """
    payload = msgspec.msgpack.encode(content)
    if len(payload) + _HEADER.size > LARGEST:
        raise ValueError(f"a snapshot of {len(payload)} bytes is over the limit of {LARGEST}")
    digest = hashlib.sha256(payload).digest()
    return _HEADER.pack(MAGIC, FORMAT, len(payload), digest, _seal(payload, digest, key)) + payload


def unpack_snapshot(data: bytes, key: bytes) -> dict[str, Any]:
    """The content of a snapshot; DamagedSnapshot, before anything is decoded, when a single bit is not as sealed."""
    if len(data) < _HEADER.size:
        raise DamagedSnapshot("the snapshot is shorter than its header")
    magic, version, length, digest, seal = _HEADER.unpack_from(data)
    payload = data[_HEADER.size :]
    if magic != MAGIC or version != FORMAT:
        raise DamagedSnapshot(f"this is no snapshot of format {FORMAT}")
    if len(payload) != length:
        raise DamagedSnapshot(f"the snapshot has {len(payload)} bytes of content instead of {length}")
    if not hmac.compare_digest(hashlib.sha256(payload).digest(), digest):
        raise DamagedSnapshot("the snapshot's content is not what its SHA-256 says")
    if not hmac.compare_digest(_seal(payload, digest, key), seal):
        raise DamagedSnapshot("the snapshot was sealed with another key")
    try:
        content: dict[str, Any] = msgspec.msgpack.decode(payload, type=dict)
    except msgspec.MsgspecError as error:  # sealed by us, yet unreadable: written by another version
        raise DamagedSnapshot(f"the snapshot can't be decoded: {error}") from error
    return content


def _seal(payload: bytes, digest: bytes, key: bytes) -> bytes:
    header = struct.pack(">4sHI32s", MAGIC, FORMAT, len(payload), digest)
    return hmac.new(key, header + payload, hashlib.sha256).digest()
