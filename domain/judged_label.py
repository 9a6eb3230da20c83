"""JudgedLabel: what a workshop found, beside what had been predicted of it and the window that had been promised."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from domain.errors import InvalidInput
from domain.ledger import LedgerEntry
from domain.prediction import DueWindow, ItemKind
from domain.service_record import ServiceOutcome

LEAST_CHANCE = 1e-6
"""A probability is held this far from 0 and 1 in the logarithmic loss, so that one surprise does not outweigh all."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What owner and dealer were told of an item at `promised_ms`: the due window, and the model that stated it.

    `probability` maps a horizon in days to the probability of a failure within it; hazard items only.
    """

    promised_ms: int
    window: DueWindow
    model_version: str
    probability: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgedLabel:
    """One label and how it came out against the prediction made just before it was known, at `known_ms`.

    Wear: `target`, `predicted`, `lower` and `upper` are wear since the part was new or last measured, in `unit`;
    `measured` is what the workshop read. Hazard: `target` is 1 for a failure and 0 for sound, `predicted` its
    probability. `coverage` is how often lower to upper was said to hold the truth. `found_ms` is when the item was
    found due: the failure, or the day on which it reaches its limit as reckoned from the measurement; None unknown.
    `model_version` predicted, empty when not known. `is_drifting` is what the learner says of the item once it has
    learnt the label, None while nobody watches. Times are int64 ms UTC. No person stands in it.
    """

    label_id: str
    vehicle_id: str
    item: str
    kind: ItemKind
    known_ms: int
    model_version: str
    target: float
    predicted: float | None = None
    lower: float | None = None
    upper: float | None = None
    coverage: float = 0.9
    measured: float | None = None
    unit: str = ""
    found_ms: int | None = None
    promise: Promise | None = None
    is_drifting: bool | None = None

    def __post_init__(self) -> None:
        if self.promise is not None and self.promise.promised_ms > self.known_ms:
            raise InvalidInput(
                f"{self.item} was promised after it was known",
                field="promise.promised_ms",
                fix="give what was told before the label was known, or no promise",
            )

    @property
    def is_inside(self) -> bool | None:
        """Whether lower to upper held the target; None where no such window was stated."""
        if self.lower is None or self.upper is None:
            return None
        return self.lower <= self.target <= self.upper

    @property
    def width(self) -> float | None:
        """From lower to upper, in the item's unit."""
        return None if self.lower is None or self.upper is None else self.upper - self.lower

    @property
    def score(self) -> float | None:
        """What the prediction is judged by, 0 is perfect: the size of its error (wear), or its logarithmic loss."""
        if self.predicted is None:
            return None
        if self.kind is not ItemKind.HAZARD:
            return abs(self.target - self.predicted)
        return log_loss(self.target, self.predicted)

    @property
    def expected(self) -> tuple[float, float] | None:
        """Between which readings the workshop's was expected, lowest first; None without a window or a reading."""
        if self.measured is None or self.lower is None or self.upper is None:
            return None
        before = self.measured + self.target
        return before - self.upper, before - self.lower

    @property
    def is_failure(self) -> bool | None:
        """Whether the item had failed; None for what wears."""
        return self.target >= 0.5 if self.kind is ItemKind.HAZARD else None

    @property
    def is_kept(self) -> bool | None:
        """Whether the day it was found due lay in the promised window; None where either is not known."""
        entry = self.entry()
        return entry.is_inside if entry is not None and entry.is_stated else None

    def without_evidence(self) -> JudgedLabel:
        """The label without the numbers that the prediction rests on: what was promised and what was found is left."""
        return replace(self, predicted=None, lower=None, upper=None)

    def as_known_since(self, from_ms: int) -> JudgedLabel:
        """The label without a promise that was made to somebody before `from_ms`."""
        if self.promise is None or self.promise.promised_ms >= from_ms:
            return self
        return replace(self, promise=None)

    def entry(self) -> LedgerEntry | None:
        """The promised due window beside the day the item was found due; None when either is not known."""
        promise = self.promise
        if promise is None or self.found_ms is None:
            return None
        return LedgerEntry(
            vehicle_id=self.vehicle_id,
            item=self.item,
            promised_ms=promise.promised_ms,
            window=promise.window,
            serviced_ms=self.known_ms,
            outcome=ServiceOutcome.FAILED if self.is_failure else ServiceOutcome.MEASURED,
            found_ms=self.found_ms,
            measured=self.measured,
            unit=self.unit,
        )


def log_loss(target: float, probability: float) -> float:
    """−ln of the probability that was given to what came true (I. Good, *J. Royal Statistical Society B* 14, 1952).

    >>> round(log_loss(1.0, 0.5), 4), round(log_loss(0.0, 0.0), 6)
    (0.6931, 1e-06)
    """
    given = probability if target >= 0.5 else 1.0 - probability
    return -math.log(min(max(given, LEAST_CHANCE), 1.0 - LEAST_CHANCE))


def limit_reached_ms(measured: float, limit: float, worn: float, since_ms: int, known_ms: int) -> int | None:
    """When a part that wore by `worn` from `since_ms` until `known_ms` comes, or came, down to `limit` at that pace.

    `measured`, `limit` and `worn` are in the item's unit. None when it did not wear: then no day can be reckoned.

    >>> limit_reached_ms(measured=4.0, limit=3.0, worn=2.0, since_ms=0, known_ms=100)
    150
    """
    if worn <= 0 or known_ms <= since_ms:
        return None
    ahead = (measured - limit) / worn * (known_ms - since_ms)
    return max(since_ms, round(known_ms + ahead)) if abs(ahead) < FARTHEST_MS else None


FARTHEST_MS = 100 * 365 * 86_400_000
"""A day further off than a century is none that anybody would be told."""
