"""Prediction: what one model says of one item of one car, from one upload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ItemKind(StrEnum):
    WEAR = "wear"
    HAZARD = "hazard"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class DueWindow:
    """Earliest, expected and latest moment (int64 ms, UTC), holding the truth with probability `coverage`.

    A moment that lies beyond what can be said (a car that doesn't wear the item at all) is None.
    """

    earliest_ms: int | None
    expected_ms: int | None
    latest_ms: int | None
    coverage: float

    def __post_init__(self) -> None:
        known = [t for t in (self.earliest_ms, self.expected_ms, self.latest_ms) if t is not None]
        if known != sorted(known):
            raise ValueError("a due window runs from earliest over expected to latest")


@dataclass(frozen=True, slots=True)
class Contribution:
    """One additive part of a prediction, in the item's own unit (mm, % of oil life, log-odds, days).

    `text` is English; `texts` has the catalogue's other languages.
    """

    name: str
    amount: float
    text: str
    texts: Mapping[str, str] = field(default_factory=dict)

    def text_in(self, language: str) -> str:
        """The text in `language`, in English where it has none."""
        return self.texts.get(language, self.text)


@dataclass(frozen=True, slots=True)
class UploadRange:
    """Uploads first_seq…last_seq of one boot that a prediction rests on."""

    boot_id: str
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """What `item` of `vehicle_id` needs, as known at `event_ms` from the upload that caused it.

    `id` is deterministic (vehicle, boot, seq, item), so that a replay repeats it and nothing is doubled.
    `health` is 0 (worn out, or action level reached) to 1 (as new). `remaining_km` is None where distance says nothing.
    `probability` maps horizon in days to probability (hazard items only). `features` are those the model saw.
    `reason` is English; `reasons` has the catalogue's other languages. `is_ready` is False while too little is known to
    speak (the screens say "still learning").
    """

    id: str
    vehicle_id: str
    item: str
    kind: ItemKind
    event_ms: int
    odometer_m: int
    health: float
    window: DueWindow
    remaining_km: float | None
    probability: Mapping[int, float]
    contributions: tuple[Contribution, ...]
    reason: str
    features: Mapping[str, float]
    model_version: str
    uploads: tuple[UploadRange, ...]
    is_ready: bool = True
    served_ms: int = 0  # performed_ms of the item's newest service record, of any outcome, that the state knew; 0: none
    reasons: Mapping[str, str] = field(default_factory=dict)

    def reason_in(self, language: str) -> str:
        """The reason in `language`, in English where it has none."""
        return self.reasons.get(language, self.reason)
