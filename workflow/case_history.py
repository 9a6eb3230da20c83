"""The port to the history of a back-test case: read in consecutive stretches of time, however long it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from domain.backtest_case import CaseSettings
from domain.catalogue import Catalogue
from domain.service_record import ServiceOutcome

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CaseService:
    """One item of one vehicle (its place among `vehicle_ids`) serviced at `time_ms`; heard of at `known_ms`.

    `value` is in the item's unit, None where nothing was measured; `odometer_m` as noted, 0 where it was not: where the
    machine stood then follows from its own telemetry.
    """

    vehicle: int
    time_ms: int
    known_ms: int
    item: str
    outcome: ServiceOutcome
    value: float | None
    odometer_m: int = 0


@dataclass(frozen=True, slots=True)
class CaseEvents:
    """Reported codes, sorted by time, vehicle and code: `vehicle`, `time_ms` and `code`, its place among the codes.

    The codes are those of the catalogue's `events`, in its order. Shapes (m,).
    """

    vehicle: Integers
    time_ms: Integers
    code: Integers


@dataclass(frozen=True, slots=True)
class CaseSpan:
    """Everything of a case with a time in (`until_ms` of the span before, `until_ms`].

    Telemetry: `vehicle` (n,) by place among `vehicle_ids`, `time_ms` (n,) and `values` (n, signals) in the signals'
    units with NaN for gaps, sorted by time, then vehicle; or `values` (n,) of whole days (`models.day_sums`). Services
    stand where they become known, sorted by that.
    What is older than all telemetry and events is in the first span.
    """

    until_ms: int
    vehicle: Integers
    time_ms: Integers
    values: npt.NDArray[Any]
    events: CaseEvents
    services: Sequence[CaseService]


class CaseHistory(Protocol):
    """A case whose files were found right.

    `signals` name the columns of `values`. `vehicle_ids` are sorted and are those of all files; `attributes` have for
    each of them a number (float64, NaN where unknown) or a text ("" where unknown). `usual_gap_ms` is the median time
    from one row of a vehicle to its next, 0 where no vehicle has two.
    """

    @property
    def settings(self) -> CaseSettings: ...

    @property
    def catalogue(self) -> Catalogue: ...

    @property
    def signals(self) -> tuple[str, ...]: ...

    @property
    def vehicle_ids(self) -> tuple[str, ...]: ...

    @property
    def attributes(self) -> Mapping[str, Floats | tuple[str, ...]]: ...

    @property
    def usual_gap_ms(self) -> int: ...

    def spans(self) -> Iterator[CaseSpan]:
        """The history from its beginning, span by span; may be asked for again."""
