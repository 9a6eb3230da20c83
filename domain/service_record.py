"""ServiceRecord: what a workshop found and did, and the label it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ServiceOutcome(StrEnum):
    REPLACED = "replaced"
    MEASURED = "measured"
    OK = "ok"
    FAILED = "failed"

    @property
    def renews(self) -> bool:
        """Whether the item is as new afterwards."""
        return self in (ServiceOutcome.REPLACED, ServiceOutcome.FAILED)


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """One item at one visit. `value` is what was measured *before* the work, in `unit` (mm of pad, % of life, V)."""

    record_id: str
    vehicle_id: str
    item: str
    outcome: ServiceOutcome
    performed_ms: int
    odometer_m: int
    value: float | None = None
    unit: str = ""
    source: str = "dealer"  # dealer | owner | elsewhere
    teaches: bool = True  # False when the owner did not grant model_improvement

    def __post_init__(self) -> None:
        if self.outcome is ServiceOutcome.MEASURED and self.value is None:
            raise ValueError("a measured outcome has a value")


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """A label with the features known when its item was last predicted or serviced; teaches once, by `label_id`.

    What follows `target` judges the model that served then: it learns nothing from it but how wide windows must be.
    """

    label_id: str
    vehicle_id: str
    item: str
    known_ms: int
    features: Mapping[str, float]
    target: float
    predicted: float | None = None  # what the serving model had said, for the calibration of windows
    lower: float | None = None
    upper: float | None = None
    coverage: float = 0.9  # how often lower to upper was said to hold the target
    model_version: str = ""  # which model had said it
    measured: float | None = None  # what the workshop read, in the item's unit
    since_ms: int | None = None  # when the wear that `target` counts began
    made_ms: int | None = None  # of a hazard: when its horizon began, if `features` are what was known then
    counts_for: float = 1.0  # how many such horizons this one stands for
