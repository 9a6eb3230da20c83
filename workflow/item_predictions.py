"""What a back-test says: of each item, of some machines, at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ItemPredictions:
    """What is said of one item of k machines: shape (k,), or (k, horizons) for `probability`; −1 where no moment.

    `remaining`: the mean, in the item's unit; NaN where it can't be said. `at`: where each life stands in that unit.
    `is_ready`: whether enough is known of the machine for the product to speak of the item at all.
    """

    item: str
    model_version: str
    probability: Floats
    remaining: Floats
    at: Floats
    earliest_ms: Ints
    expected_ms: Ints
    latest_ms: Ints
    is_ready: Bools


@dataclass(frozen=True, slots=True)
class StepPredictions:
    """All that is said at one moment; `vehicles`: places among the history's."""

    now_ms: int
    vehicles: Ints
    items: Sequence[ItemPredictions]


class PredictionSink(Protocol):
    """Where predictions go."""

    def write(self, step: StepPredictions) -> None:
        """Keep what was said at a step."""
