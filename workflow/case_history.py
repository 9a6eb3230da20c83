"""CaseHistory: a past, handed out in the order in which it became known; the port of the back-test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from domain.backtest_case import CaseSettings
from domain.catalogue import Catalogue
from domain.service_record import ServiceOutcome

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CaseService:
    """What a workshop did to one item; `vehicle`: its place among the history's; `value` in the item's unit."""

    vehicle: int
    time_ms: int
    known_ms: int
    item: str
    outcome: ServiceOutcome
    value: float | None = None


@dataclass(frozen=True, slots=True)
class CaseEvents:
    """Codes that came up: whose, when, and which of the catalogue's events; shape (m,), by time."""

    vehicle: Ints
    time_ms: Ints
    code: Ints


@dataclass(frozen=True, slots=True)
class CaseSpan:
    """All that came to be known after the span before and up to `until_ms`.

    Telemetry: `vehicle` and `time_ms` (n,), `values` (n, signals) with NaN for gaps, sorted by time, then vehicle.
    Services are sorted by when they became known.
    """

    until_ms: int
    vehicle: Ints
    time_ms: Ints
    values: npt.NDArray[Any]
    events: CaseEvents
    services: Sequence[CaseService]


class CaseHistory(Protocol):
    """A case that was read and found without mistakes.

    `signals`: the columns of the values; `vehicle_ids`: sorted; `attributes`: per name a column in their order, float64
    with NaN or texts with ""; `usual_gap_ms`: the median gap between a machine's reports.
    """

    settings: CaseSettings
    catalogue: Catalogue
    signals: tuple[str, ...]
    vehicle_ids: tuple[str, ...]
    attributes: Mapping[str, Sequence[Any] | npt.NDArray[Any]]
    usual_gap_ms: int

    def spans(self) -> Iterator[CaseSpan]:
        """The spans, in order; nothing in one was known before its start."""
