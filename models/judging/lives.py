"""Lives: the stretches from one renewal of an item to the next, and the decisions that fall into each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.judging.services import NONE, ItemServices, require_same_length

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Lives:
    """L lives that had at least one decision, and n decisions sorted by life, then time.

    `order` (n,) sorts the decisions as they were given; `life` (n,) and `time_ms` (n,) are sorted so. Per life, shape
    (L,): `vehicle`, `begun_ms` (the renewal it began with, NONE: before anything known), `entered_ms` (its first
    decision), `ended_ms`, `is_failed` (whether a failure ended it: else replaced, or no longer followed).
    """

    order: Ints
    life: Ints
    time_ms: Ints
    vehicle: Ints
    begun_ms: Ints
    entered_ms: Ints
    ended_ms: Ints
    is_failed: Bools

    def __len__(self) -> int:
        return len(self.vehicle)


def lives_of(services: ItemServices, vehicle: Ints, time_ms: Ints, until_ms: int | Ints) -> Lives:
    """The lives that decisions (n,) fall into; a decision at the very moment of a renewal belongs to the new life.

    >>> lives = lives_of(ItemServices.of([1], [50], ["failed"]), np.array([1, 1]), np.array([60, 20]), 100)
    >>> lives.begun_ms.tolist(), lives.ended_ms.tolist(), lives.is_failed.tolist()
    ([-1, 50], [50, 100], [True, False])
    """
    require_same_length("decisions", {"vehicle": len(vehicle), "time_ms": len(time_ms)})
    renewals = services.only(services.renews)
    order = np.lexsort((time_ms, vehicle))
    whose, when = vehicle[order], time_ms[order]
    until = np.broadcast_to(np.asarray(until_ms, dtype=np.int64), vehicle.shape)[order]
    begun, next_at = renewals.before(whose, when), renewals.after(whose, when)
    is_first = np.ones(len(whose), dtype=np.bool_)
    is_first[1:] = (whose[1:] != whose[:-1]) | (begun[1:] != begun[:-1])
    first = np.flatnonzero(is_first)
    last = np.append(first[1:], len(whose))[: len(first)] - 1
    next_ms = renewals.times(next_at)[first]
    # A workshop may enter the failure and the replacement at one moment: a failure it was.
    failures = services.only(services.is_failure)
    failed_ms = failures.times(failures.after(whose[first], when[first]))
    return Lives(
        order=order.astype(np.int64),
        life=np.cumsum(is_first).astype(np.int64) - 1,
        time_ms=when,
        vehicle=whose[first],
        begun_ms=renewals.times(begun)[first],
        entered_ms=when[first],
        ended_ms=np.where(next_ms != NONE, next_ms, np.maximum(until[last], when[last])),
        is_failed=(failed_ms != NONE) & (failed_ms == next_ms),
    )
