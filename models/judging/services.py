"""ItemServices: all services of one item in a fleet, sorted, and which of them comes next for a moment of a vehicle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.errors import InvalidInput
from domain.service_record import ServiceOutcome

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NONE = -1
OUTCOMES = tuple(ServiceOutcome)
FAILED = OUTCOMES.index(ServiceOutcome.FAILED)


@dataclass(frozen=True, slots=True)
class ItemServices:
    """Services of one item, sorted by vehicle, then time; each array has shape (m,).

    `outcome` is the place in `OUTCOMES`, `value` what was measured (NaN: nothing was).
    """

    vehicle: Ints
    time_ms: Ints
    outcome: npt.NDArray[np.int8]
    value: Floats

    @classmethod
    def of(
        cls,
        vehicle: Sequence[int] | Ints,
        time_ms: Sequence[int] | Ints,
        outcome: Sequence[ServiceOutcome | str],
        value: Sequence[float | None] | None = None,
    ) -> ItemServices:
        """From columns in any order; InvalidInput when they differ in length or an outcome is unknown.

        >>> ItemServices.of([7, 3], [50, 20], ["failed", "replaced"]).vehicle.tolist()
        [3, 7]
        """
        columns = {"vehicle": len(vehicle), "time_ms": len(time_ms), "outcome": len(outcome)}
        if value is not None:
            columns["value"] = len(value)
        require_same_length("services", columns)
        try:
            codes = np.array([OUTCOMES.index(ServiceOutcome(each)) for each in outcome], dtype=np.int8)
        except ValueError as error:
            known = ", ".join(OUTCOMES)
            raise InvalidInput(str(error), field="outcome", fix=f"use one of {known}") from error
        values = [np.nan] * len(vehicle) if value is None else [np.nan if v is None else float(v) for v in value]
        at, by = np.asarray(time_ms, dtype=np.int64), np.asarray(vehicle, dtype=np.int64)
        order = np.lexsort((codes, at, by))
        return cls(by[order], at[order], codes[order], np.array(values, dtype=np.float64)[order])

    @property
    def is_failure(self) -> Bools:
        """Which of them are failures, shape (m,)."""
        return np.asarray(self.outcome == FAILED)

    @property
    def renews(self) -> Bools:
        """Which of them leave the item as new, shape (m,)."""
        renewing = [code for code, outcome in enumerate(OUTCOMES) if outcome.renews]
        return np.isin(self.outcome, renewing)

    def only(self, which: Bools) -> ItemServices:
        """Those of a mask of shape (m,)."""
        return ItemServices(self.vehicle[which], self.time_ms[which], self.outcome[which], self.value[which])

    def after(self, vehicle: Ints, time_ms: Ints) -> Ints:
        """Where the first service of each vehicle strictly after each moment stands, shape (n,); NONE without one."""
        found = self._place(vehicle, time_ms)
        is_there = found < len(self.vehicle)
        at = np.where(is_there, found, 0)
        if len(self.vehicle):
            is_there &= self.vehicle[at] == vehicle
        return np.where(is_there, at, NONE)

    def before(self, vehicle: Ints, time_ms: Ints) -> Ints:
        """Where the last service of each vehicle at or before each moment stands, shape (n,); NONE without one."""
        found = self._place(vehicle, time_ms) - 1
        is_there = found >= 0
        at = np.where(is_there, found, 0)
        if len(self.vehicle):
            is_there &= self.vehicle[at] == vehicle
        return np.where(is_there, at, NONE)

    def times(self, at: Ints) -> Ints:
        """The moments of services by their places, NONE for NONE; shape as `at`."""
        if not len(self.time_ms):
            return np.full(at.shape, NONE, dtype=np.int64)
        return np.where(at == NONE, NONE, self.time_ms[np.where(at == NONE, 0, at)])

    def _place(self, vehicle: Ints, time_ms: Ints) -> Ints:
        """How many services sort before or at (vehicle, time_ms).

        Vehicle and moment are replaced by their ranks, so that both fit one integer that sorts as the pair does.
        """
        vehicles, moments = np.unique(self.vehicle), np.unique(self.time_ms)
        size = len(moments) + 1
        own = np.searchsorted(vehicles, self.vehicle) * size + np.searchsorted(moments, self.time_ms, side="right")
        rank = np.searchsorted(moments, time_ms, side="right")
        place = np.searchsorted(vehicles, vehicle)
        # A vehicle without services sorts before the next one that has some, whatever the moment.
        is_known = np.zeros(place.shape, dtype=np.bool_)
        if len(vehicles):
            is_known = vehicles[np.minimum(place, len(vehicles) - 1)] == vehicle
        asked = place * size + np.where(is_known, rank, 0)
        return np.searchsorted(own, asked, side="right").astype(np.int64)


def require_same_length(what: str, columns: dict[str, int]) -> None:
    """InvalidInput naming the columns when their lengths differ."""
    if len(set(columns.values())) > 1:
        named = ", ".join(f"{name} {length}" for name, length in columns.items())
        raise InvalidInput(
            f"the columns of {what} differ in length: {named}", field=what, fix="give one value a row in every column"
        )
