"""Boots: the last times a car's unit started, with the uploads of each that are already in the state."""

from __future__ import annotations

from enum import IntEnum

from models.vehicle_state import SEQUENCES, Record


class Phase(IntEnum):
    """How far a boot has come; battery readings at rest are worth something only before the engine first ran."""

    WARM = 0  # it began soon after the last one
    RESTED = 1  # it began after a standstill, and the engine has not run yet
    STARTED = 2


def find_boot(state: Record, boot_id: str) -> int:
    """Index of the boot among those remembered, or −1."""
    wanted = boot_id.encode()
    for index, known in enumerate(state["boots"]["id"].tolist()):
        if known == wanted:
            return index
    return -1


def is_seen(state: Record, index: int, seq: int) -> bool:
    """Whether upload `seq` of the boot at `index` was folded."""
    boot = state["boots"][index]
    behind = int(boot["last"]) - seq
    return 0 <= behind < SEQUENCES and bool(int(boot["seen"]) >> behind & 1)


def is_beyond_memory(state: Record, index: int, seq: int) -> bool:
    """Whether `seq` is so far behind the newest upload of its boot that nobody knows whether it was folded."""
    return int(state["boots"][index]["last"]) - seq >= SEQUENCES


def open_boot(state: Record, boot_id: str, seq: int, end_ms: int, phase: Phase) -> int:
    """Remember a new boot in place of the one that ended first, and return its index."""
    ends = [int(boot["end_ms"]) if boot["id"] else -(2**62) for boot in state["boots"]]
    index = ends.index(min(ends))
    if ends[index] >= 0:
        state["forgotten_ms"] = max(int(state["forgotten_ms"]), ends[index])
    boot = state["boots"][index]
    boot["id"], boot["first"], boot["last"] = boot_id.encode(), seq, seq
    boot["seen"], boot["end_ms"], boot["phase"] = 1, end_ms, phase
    return index


def mark_seen(state: Record, index: int, seq: int, end_ms: int) -> None:
    """Remember that upload `seq` of the boot at `index` is in the state."""
    boot = state["boots"][index]
    last, seen = int(boot["last"]), int(boot["seen"])
    if seq > last:
        shift = seq - last
        seen = (seen << shift if shift < SEQUENCES else 0) & (2**SEQUENCES - 1)
        boot["last"], last = seq, seq
    boot["seen"] = seen | 1 << (last - seq)
    boot["first"] = min(int(boot["first"]), seq)
    boot["end_ms"] = max(int(boot["end_ms"]), end_ms)
