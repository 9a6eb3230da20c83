"""EventOrder: uploads that come late or out of order give the levels that the sorted ones give.

A car's newest uploads stand in a ring, as small entries sorted by the time they began; what is older has left it for
the levels `base`, for good. An upload in order moves the levels and takes its place; one that comes late is put where
it belongs and the levels are computed anew, from `base` through the ring. So any upload behind which no more than
`RING` newer ones have come gives the sorted outcome; one that is older than what has left the ring comes too late.
"""

from __future__ import annotations

import numpy as np

from models import day_ring
from models.levels import Bools, Ints, LevelFold
from models.vehicle_state import RING, Entries, States


class EventOrder:
    """Puts entries into the order of events; `cars` are rows of `states`, each once."""

    def __init__(self, levels: LevelFold) -> None:
        self._levels = levels

    def are_too_late(self, states: States, cars: Ints, entries: Entries) -> Bools:
        """Whether each entry, shape (m,), is older than what has left its car's ring."""
        return _is_before(entries, states["base"], cars)

    def add(self, states: States, cars: Ints, entries: Entries) -> None:
        """Take entries that are not too late into ring, levels and the distance of the days."""
        is_late = _is_before(entries, states, cars)
        if not is_late.any():
            self._append(states, cars, entries)
            return
        in_order, late = np.flatnonzero(~is_late), np.flatnonzero(is_late)
        self._append(states, cars[in_order], entries[in_order])
        self._insert(states, cars[late], entries[late])

    def _append(self, states: States, cars: Ints, entries: Entries) -> None:
        rise = self._levels.follow(states, cars, entries)
        day_ring.add_distance(states, cars, entries, rise)
        count = states["ring_count"][cars].astype(np.int64)
        full = np.flatnonzero(count == RING)
        if len(full):
            some = cars[full]
            ring = states["ring"][some]
            self._levels.follow(states["base"], some, ring[:, 0])
            ring[:, :-1] = ring[:, 1:]
            states["ring"][some] = ring
        place = np.minimum(count, RING - 1)
        states["ring"][cars, place] = entries
        states["ring_count"][cars] = place + 1

    def _insert(self, states: States, cars: Ints, entries: Entries) -> None:
        count = states["ring_count"][cars].astype(np.int64)
        base, ring = states["base"][cars], states["ring"][cars]
        _, former_rises = self._replay(base, ring, count)
        merged = _merged(ring, count, entries)
        levels, rises = self._replay(base, merged, count + 1)
        for name in base.dtype.names or ():
            states[name][cars] = levels[name]
        for own, own_count, own_rises in ((ring, count, -former_rises), (merged, count + 1, rises)):
            for place in range(own.shape[1]):
                some = np.flatnonzero(own_count > place)
                day_ring.add_distance(states, cars[some], own[some, place], own_rises[some, place])
        full = np.flatnonzero(count == RING)
        self._levels.follow(base, full, merged[full, 0])
        merged[full, :-1] = merged[full, 1:]
        states["base"][cars], states["ring"][cars] = base, merged[:, :RING]
        states["ring_count"][cars] = np.minimum(count + 1, RING)

    def _replay(self, base: States, ring: Entries, count: Ints) -> tuple[States, Ints]:
        """The levels after the first `count` entries of each ring, and what the odometer rose with each entry (m)."""
        levels = base.copy()
        rises = np.zeros(ring.shape, dtype=np.int64)
        for place in range(ring.shape[1]):
            some = np.flatnonzero(count > place)
            if len(some):
                rises[some, place] = self._levels.follow(levels, some, ring[some, place])
        return levels, rises


def _is_before(entries: Entries, levels: States, cars: Ints) -> Bools:
    """Whether each entry comes before the newest that its car's levels have followed."""
    start_ms, tag, seq = levels["start_ms"][cars], levels["boot_tag"][cars], levels["seq"][cars]
    is_same_start, is_same_tag = entries["start_ms"] == start_ms, entries["boot_tag"] == tag
    is_before: Bools = (entries["start_ms"] < start_ms) | (
        is_same_start & ((entries["boot_tag"] < tag) | (is_same_tag & (entries["seq"] < seq)))
    )
    return is_before


def _merged(ring: Entries, count: Ints, entries: Entries) -> Entries:
    """The first `count` entries of each ring and the new one, sorted; shape (m, RING + 1), zeros behind."""
    every = np.arange(len(ring))
    merged = np.concatenate([ring, np.zeros_like(entries)[:, None]], axis=1)
    merged[every, count] = entries
    is_there = np.arange(merged.shape[1]) <= count[:, None]
    order = np.lexsort((merged["seq"], merged["boot_tag"], merged["start_ms"], ~is_there), axis=-1)
    return np.asarray(merged[every[:, None], order])
